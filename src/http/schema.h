#ifndef HTTP_SCHEMA_H
#define HTTP_SCHEMA_H

#include "http/request.h"
#include "http/response.h"

/*
 * A handler opens with its fields as a table, closed by { 0 }, and sees only
 * validated values, by the row's index. The table also makes the OpenAPI
 * document and the 422 field errors.
 */
enum field_type {
	FIELD_END = 0,
	FIELD_TEXT,	/* min, max in code points; trimmed never */
	FIELD_NAME,	/* text without control characters, trimmed */
	FIELD_EMAIL,	/* row LG6; lower-cased (row LG5) */
	FIELD_USERNAME,	/* ASCII letters, digits, _ . - ; no '@' */
	FIELD_PASSWORD,	/* 1 to LIMIT_PASSWORD_BYTES, valid UTF-8, no NUL */
	FIELD_DIGITS,	/* ASCII digits, min..max of them, a string */
	FIELD_CODE,	/* printable ASCII; spaces and '-' removed; max */
	FIELD_TOKEN,	/* printable ASCII without spaces */
	FIELD_URL,
	FIELD_UUID,
	FIELD_INT,	/* min..max */
	FIELD_BOOL,
	FIELD_TIME,	/* RFC 3339 */
	FIELD_DURATION,	/* number of seconds, or "15m" */
	FIELD_CHOICE,	/* one of the words of .choices, space separated */
	FIELD_TEXTS	/* array of strings, min..max of them */
};

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

/*
 * Check r->json against the rows: camelCase keys count as their snake_case
 * form, then each row's name, then its aliases; an empty optional string
 * counts as not given; unknown members are ignored (row RB5: nothing but the
 * rows reaches a handler). E_VALIDATION with every fault in re->errors.
 * values has one entry per row, in the arena.
 */
enum err schema_check(const struct field *rows, const struct request *r,
    struct response *re, const struct value **values);

#endif
