#ifndef HANDLERS_SHARED_ANSWER_H
#define HANDLERS_SHARED_ANSWER_H

#include "core/account/account.h"
#include "core/session/login.h"
#include "core/session/session.h"
#include "web/route.h"

/*
 * Parts that several answers share, with canonical names; http/dialect.c
 * applies the dialect later.
 */

/* {"id", "numeric_id", "email", …}: an account as its owner sees it. */
cJSON *answer_user(const struct account *a);

/* access_token, refresh_token, token_type, expires_in, session_id. */
void answer_tokens(cJSON *data, const struct tokens *t);

/* One session of a list: row is a struct session_entry. */
cJSON *answer_session(const void *row);

/*
 * What a login gives: the session and its user; or the challenge, under every
 * name that a documented client reads (row LG13).
 */
enum err answer_login(struct call *c, const struct login *l, cJSON *data,
    const char *message);

/* An array of strings from a comma-separated list. */
cJSON *answer_list(struct str list);

/* status, message and data of the answer; data may be NULL. */
enum err answer(struct call *c, int status, const char *message, cJSON *data);

/* E_BAD_REQUEST: name of the query must be something, "a whole number". */
enum err answer_bad_query(struct call *c, const char *name, const char *must);

/*
 * Read page, limit (also per_page, skip and offset) of the query, capped at
 * LIMIT_PAGE. E_BAD_REQUEST with a sentence. Sets the answer's pagination but
 * for the total, which the handler sets.
 */
enum err answer_page(struct call *c, long *limit, long *offset);

/* A list: which part of it the query asks for, and what core found. */
struct listing {
	long limit, offset;
	size_t n;      /* rows of this page */
	int64_t total; /* of all pages; not said where there is one page */
};

/*
 * The answer of a list: e where core failed, else each of l->n rows of size
 * bytes as record makes it, and the total where the answer has pages.
 */
enum err answer_rows(struct call *c, enum err e, const char *message,
    const struct listing *l, const void *rows, size_t size,
    cJSON *(*record)(const void *row));

#endif
