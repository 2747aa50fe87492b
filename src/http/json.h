#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/*
 * The one door to cJSON. All nodes live in the arena that json_use names;
 * cJSON's allocator is pointed there, so nothing is freed by hand.
 */

/* From here on cJSON allocates in a. Called by the dispatcher per request. */
void json_use(struct arena *a);

/*
 * Strict parsing (RFC 8259; rows HB7, HB8): valid UTF-8, no NUL and no
 * escaped NUL, no control characters or lone surrogates in strings, no
 * duplicate keys, depth <= max_depth, RFC numbers that a double holds
 * exactly when integral, nothing behind the value. E_BAD_JSON otherwise;
 * *why (may be NULL) is a short English reason.
 */
enum err json_parse(struct arena *a, struct str text, int max_depth,
    cJSON **out, const char **why);

/* Compact text of v, byte for byte what JSON.stringify gives. */
struct str json_print(struct arena *a, const cJSON *v);

/* Builders; a STR_NONE value becomes null. */
cJSON *json_object(void);
cJSON *json_array(void);
void json_add_str(cJSON *o, const char *key, struct str s);
void json_add_int(cJSON *o, const char *key, int64_t n);
void json_add_bool(cJSON *o, const char *key, bool b);
/* RFC 3339 with milliseconds, or null for 0. */
void json_add_time(cJSON *o, const char *key, int64_t wall_us);
void json_add(cJSON *o, const char *key, cJSON *v);
void json_push(cJSON *array, cJSON *v);

/* Member by exact key (case-sensitive), or NULL. */
const cJSON *json_get(const cJSON *o, const char *key);
/* String value of v; STR_NONE when v is not a string. */
struct str json_text(const cJSON *v);

#endif
