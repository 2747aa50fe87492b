#ifndef CTL_IMPORT_IMPORT_H
#define CTL_IMPORT_IMPORT_H

#include <stdio.h>

#include "ctl/ctl.h"

#define IMPORT_RECORD_MAX (64u << 10) /* bytes of one person */
#define IMPORT_CELLS 64

/* A file of people, and where we are in it. */
struct import_file {
	FILE *in;
	unsigned char ahead[4]; /* read to know the encoding, last first */
	int nahead;
	char separator; /* of CSV, once the first record showed it */
	long line; /* of the record read last, from 1 */
	long next; /* the line behind it */
	struct str header[IMPORT_CELLS];
	size_t nheader;
};

/* One person: what the file calls things and what it says. */
struct import_record {
	struct str name[IMPORT_CELLS];
	struct str value[IMPORT_CELLS];
	size_t n;
	const char *wrong; /* NULL, or why the line cannot be read */
};

/*
 * Pass over a mark of UTF-8 at the beginning. NULL, or what is wrong: another
 * encoding.
 */
const char *import_begin(struct import_file *f);

/* The next byte, or EOF. */
int import_byte(struct import_file *f);

/*
 * Read the names of a CSV file, into a; what first separates two of them (a
 * comma, a semicolon, a tab) does so in the whole file. "sep=;", which Excel
 * writes, and empty lines may stand before. False: there are none.
 */
bool import_csv_begin(struct import_file *f, struct arena *a);

/*
 * The next record, in a; false at the end of the file. A record that cannot be
 * read has .wrong and is passed over. CSV is that of RFC 4180, its first
 * record the names; JSON is one object a line, of texts, numbers, booleans and
 * arrays of texts (which become comma separated).
 */
bool import_csv(struct import_file *f, struct arena *a,
    struct import_record *out);
bool import_json(struct import_file *f, struct arena *a,
    struct import_record *out);

/*
 * Read one line without its end into a. False at the end of the file; past
 * IMPORT_RECORD_MAX the rest is passed over and *wrong set.
 */
bool import_line(struct import_file *f, struct arena *a, struct str *line,
    const char **wrong);

/* The defaults where a file says nothing, and the roles it has named so far. */
#define IMPORT_ROLES 16
struct import_defaults {
	struct arena *arena; /* of the whole run */
	struct str roles;
	bool verified;
	struct str known[IMPORT_ROLES];
	size_t nknown;
};

/*
 * The parameters of ctl_user_import for a record, in c->arena. NULL, or what is
 * wrong with the line. *bare: NULL, or why the person has no password though
 * the file has something in its place.
 */
const char *import_person(struct ctl *c, const struct import_record *r,
    struct import_defaults *d, struct ctl_user_import_params *v,
    const char **bare);

/*
 * A time as other programs write it, in µs: Unix seconds; RFC 3339 with a
 * blank for the T, fractions, an offset of hours, "UTC" or none (UTC); a date.
 */
bool import_time(struct arena *a, struct str s, int64_t *us);

#endif
