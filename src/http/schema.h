#ifndef HTTP_SCHEMA_H
#define HTTP_SCHEMA_H

#include "http/field.h"
#include "http/request.h"
#include "http/response.h"

/*
 * A handler opens with its fields as a table, closed by { 0 }, and sees only
 * validated values, by the row's index. The table also makes the OpenAPI
 * document and the 422 field errors.
 */

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
