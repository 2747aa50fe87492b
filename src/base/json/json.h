#ifndef BASE_JSON_JSON_H
#define BASE_JSON_JSON_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The one door to cJSON. All nodes live in the arena that json_use names;
 * cJSON's allocator is pointed there, so nothing is freed by hand.
 */

/*
 * From here on cJSON allocates in a. Called by the dispatcher per request.
 * Returns the arena used before, NULL when there was none.
 */
struct arena *json_use(struct arena *a);

/*
 * Strict parsing (RFC 8259; rows HB7, HB8): valid UTF-8, no NUL and no
 * escaped NUL, no control characters or lone surrogates in strings, no
 * duplicate keys (compared unescaped), depth <= max_depth, at most
 * LIMIT_JSON_NODES values, RFC numbers, integers only such as a double holds
 * exactly, nothing after the value. E_BAD_JSON otherwise; *why (may be
 * NULL) is a short English reason. The tree lives in a, even if json_use
 * named another arena.
 */
enum err json_parse(struct arena *a, struct str text, int max_depth,
    cJSON **out, const char **why);

/*
 * The text of a JSON string, given the bytes between its quotes (RFC 8259, 7),
 * for a reader that builds no tree. False on an unknown escape, half of a
 * surrogate pair, or a NUL.
 */
bool json_unescape(struct arena *a, struct str raw, struct str *out);

/*
 * Compact text of v, byte for byte what JSON.stringify gives. STR_NONE when it
 * is longer than LIMIT_ANSWER, since a text cut there would not parse.
 */
struct str json_print(struct arena *a, const cJSON *v);

/*
 * The same, but every object's members are sorted by name: all spellings of a
 * value give one text.
 */
struct str json_canonical(struct arena *a, const cJSON *v);

/* Print v, or text as a JSON string (valid UTF-8 without NUL), into b. */
void json_write(struct buf *b, const cJSON *v);
void json_write_str(struct buf *b, struct str text);

/*
 * Builders; a STR_NONE value becomes null. Keys are not copied: they must be
 * constants or lie in the arena. Text is copied; a NUL and bytes that are not
 * UTF-8 become U+FFFD. A number beyond 2^53 becomes a string, since readers
 * would round it.
 */
cJSON *json_object(void);
cJSON *json_array(void);
cJSON *json_str(struct str s);
cJSON *json_int(int64_t n);
cJSON *json_bool(bool b);
void json_add_str(cJSON *o, const char *key, struct str s);
void json_add_int(cJSON *o, const char *key, int64_t n);
void json_add_bool(cJSON *o, const char *key, bool b);
/* RFC 3339 with milliseconds, or null for 0. */
void json_add_time(cJSON *o, const char *key, int64_t wall_us);
/* v becomes part of o; NULL becomes null. v must have no other parent. */
void json_add(cJSON *o, const char *key, cJSON *v);
void json_push(cJSON *array, cJSON *v);
void json_push_str(cJSON *array, struct str s);

/* Member by exact key (case-sensitive), or NULL. */
const cJSON *json_get(const cJSON *o, const char *key);
/* String value of v; STR_NONE when v is not a string. */
struct str json_text(const cJSON *v);

#endif
