#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json/json.h"

/* What a row of a handler's table (http/schema.h) may ask for. */
enum field_type {
	FIELD_END = 0,
	FIELD_TEXT,	/* taken as it is */
	FIELD_NAME,	/* no control characters; LIMIT_NAME */
	FIELD_CLEARED,	/* a NAME that "" and null clear: given, as "" */
	FIELD_LOGIN,	/* an address or a user name; LIMIT_EMAIL */
	FIELD_EMAIL,	/* LG6; lower case (LG5), A-form domain; LIMIT_EMAIL */
	FIELD_USERNAME,	/* letters, digits, _ . - ; 2 to LIMIT_USERNAME */
	FIELD_USERNAME_GIVEN, /* chosen by the operator: any word */
	FIELD_PASSWORD,	/* 1 to LIMIT_PASSWORD_BYTES; its policy is core's */
	FIELD_DIGITS,	/* a code of min..max ASCII digits (row TO6) */
	FIELD_CODE,	/* letters and digits; 64 */
	FIELD_TOKEN,	/* printable ASCII without spaces; LIMIT_JWT */
	FIELD_URL,	/* http or https with a host, ASCII; 2048 */
	FIELD_UUID,	/* lower-cased */
	FIELD_INT,	/* a whole number, min..max */
	FIELD_BOOL,	/* true or false */
	FIELD_TIME,	/* RFC 3339 */
	FIELD_DURATION,	/* a number of seconds, or "15m"; min..max seconds */
	FIELD_CHOICE,	/* one of the words of .choices, space separated */
	FIELD_TEXTS,	/* array of strings, min..max of them; 64 of 512 */
	FIELD_CODES	/* array of codes, likewise */
};

/*
 * White space around a value is dropped, except of TEXT and PASSWORD; a code
 * also loses the white space and the hyphens inside it.
 *
 * For texts min and max count code points; max 0 means the limit named above.
 * Numbers with min and max 0 have no limit.
 */
struct field {
	const char *name;    /* canonical snake_case */
	const char *aliases; /* further snake_case names, space separated */
	enum field_type type;
	long long min, max;
	bool required;
	const char *choices;
	const char *doc;     /* one line */
};

/* The validated value of one row. */
struct value {
	bool given;
	struct str text;
	int64_t number; /* INT, BOOL (0/1), TIME and DURATION in µs */
	struct str *texts;
	size_t ntexts;
};

typedef const char *field_reader(struct arena *a, const struct field *row,
    const cJSON *v, struct value *out);

/*
 * Read v, which is not null, as the type of row into *out. NULL when v is
 * right, else what is wrong with it: the end of a sentence that begins with
 * the field's name, "must be a string".
 */
field_reader field_read;

/* A string as the row's type takes it: see above on white space. */
struct str field_text(struct arena *a, const struct field *row,
    const cJSON *v);

/* The readers of the types that are not strings. */
field_reader field_read_int, field_read_bool, field_read_duration;

#endif
