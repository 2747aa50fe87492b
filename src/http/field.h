#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "http/schema.h"

typedef const char *field_reader(struct arena *a, const struct field *row,
    const cJSON *v, struct value *out);

/*
 * Read v, which is not null, as the type of row into *out. NULL when v is
 * right, else what is wrong with it: the end of a sentence that begins with
 * the field's name, "must be a string".
 */
field_reader field_read;

/* A string as the row's type takes it: see http/schema.h on white space. */
struct str field_text(struct arena *a, const struct field *row,
    const cJSON *v);

/* The readers of the types that are not strings. */
field_reader field_read_int, field_read_bool, field_read_duration;

/* Is s an e-mail address (row LG6)? In any letter case. */
bool field_is_email(struct str s);

#endif
