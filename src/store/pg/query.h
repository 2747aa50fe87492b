#ifndef STORE_PG_QUERY_H
#define STORE_PG_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* What sql/gen-queries.awk says of the statements in sql/queries. */

/* A parameter, or a cell: where it stands in its struct, and what it is. */
struct query_field {
	const char *name;
	enum {
		QUERY_TEXT,  /* struct str; null is STR_NONE */
		QUERY_BYTES, /* struct str; null is STR_NONE */
		QUERY_INT,   /* int64_t */
		QUERY_BOOL,  /* bool */
		QUERY_MAYBE_INT, /* const int64_t *; null is NULL */
		QUERY_MAYBE_BOOL /* const bool *; null is NULL */
	} kind;
	size_t offset;
};

/* A row that one or several statements answer. */
struct query_row {
	const char *name;
	const struct query_field *cells;
	int ncells;
};

/* A statement: safe ones may be sent a second time. */
struct query_text {
	const char *name;
	const char *sql;
	int parameters;
	bool safe;
	const struct query_field *params; /* NULL: none */
	const struct query_row *row;	  /* NULL: no cell has a name */
};

/*
 * Fill *out, a struct of the kind that shape tells. A row that is not there,
 * or is not of that shape, is a fault in the program: it aborts. Null is 0 for
 * an integer and false for a bool.
 */
struct rows;
void row_read(const struct rows *r, size_t row,
    const struct query_row *shape, void *out);

/* gcc warns where such a struct is not initialised by the names in it. */
#if defined(__GNUC__) && !defined(__clang__)
#define QUERY_BY_NAME __attribute__((designated_init))
#else
#define QUERY_BY_NAME
#endif

#endif
