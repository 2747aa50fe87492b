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

/*
 * Check r->json against the rows, by each row's name and aliases; camelCase
 * keys count as their snake_case form. null and an empty string count as not
 * given, and always do beside a filled name of the same row. The same scalar
 * under two names is fine; anything else under two names is a fault: nested
 * values are never compared, so the time is linear in the body's size. No body
 * counts as an empty object; unknown members are ignored (row RB5: nothing but
 * the rows reaches a handler). E_VALIDATION with every fault in re->errors.
 * values has one entry per row, in the arena.
 */
enum err schema_check(const struct field *rows, const struct request *r,
    struct response *re, const struct value **values);

#endif
