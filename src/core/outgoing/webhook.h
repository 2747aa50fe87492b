#ifndef CORE_OUTGOING_WEBHOOK_H
#define CORE_OUTGOING_WEBHOOK_H

#include "core/ctx.h"

/*
 * Webhooks of a user. The database itself queues the deliveries of an event
 * (sql/schema/0030_webhook.sql); these are the rules for who receives which. An
 * owner receives the events about himself; an owner with users.read those about
 * everybody.
 */
struct webhook {
	struct str id;
	struct str url;
	struct str events; /* comma separated */
	bool is_active;
	struct str disabled_reason;
	bool everyone;
	int64_t failures; /* in a row */
	int64_t failing_since;
	int64_t previous_until; /* the secret before signs too, 0: none */
	int64_t answered_at; /* its first 2xx, 0: none yet */
	int64_t confirmed_at; /* gave the challenge back, 0: not yet */
	bool full; /* no room for more: what comes is dropped */
	int64_t waiting; /* exact to a thousand */
	int64_t dropped; /* ever */
	int64_t dropped_at; /* the last of them */
	int64_t created_at;
	int64_t updated_at;
};

/*
 * STR_NONE, NULL and false of given_* keep what is there; a new one is active
 * unless it says otherwise.
 */
struct webhook_wish {
	struct str url;
	const struct str *events;
	size_t nevents;
	bool given_active;
	bool is_active;
	bool own_only; /* asked for by a key: never of others' events */
};

/* *secret: whsec_ and 32 random bytes in base64, shown this once (row WH7).
 * E_VALIDATION with the field, E_CONFLICT: too many. */
enum err webhook_create(struct ctx *x, struct str user_id,
    const struct webhook_wish *w, struct webhook *out, struct str *secret);

/*
 * A user's own; id STR_NONE for all; own_only: without those that hear of
 * everybody, which are not there for a key. Foreign and missing: E_NOT_FOUND.
 */
enum err webhook_list(struct ctx *x, struct str user_id, struct str id,
    bool own_only, long limit, long offset, struct webhook **out, size_t *n,
    int64_t *total);

enum err webhook_update(struct ctx *x, struct str user_id, struct str id,
    const struct webhook_wish *w, struct webhook *out);
enum err webhook_delete(struct ctx *x, struct str user_id, struct str id);

/* A new secret; the old one signs too for overlap µs (*until). */
enum err webhook_rotate(struct ctx *x, struct str user_id, struct str id,
    int64_t overlap, struct str *secret, int64_t *until);

/* One try of a delivery. Status 0: no answer, and error says why. */
struct webhook_try {
	int64_t number;
	int64_t started_at;
	int64_t finished_at;
	int64_t status;
	struct str error;
	struct str response; /* its beginning */
};

struct webhook_delivery {
	struct str id;
	struct str event_id; /* webhook-id */
	struct str event;
	struct str state; /* ready, done, dead */
	struct str body;
	int64_t attempts;
	int64_t status;
	struct str error;
	int64_t next_at;
	int64_t created_at;
	int64_t finished_at;
	struct webhook_try *tries; /* the last ten, and one under way */
	size_t ntries;
};

/*
 * Queue a webhook.test message; E_LIMITED past ten a minute (row WH12),
 * E_CONFLICT with a sentence when too many wait.
 */
enum err webhook_test(struct ctx *x, struct str user_id, struct str id,
    struct webhook_delivery *out);

/* What was sent and answered, newest first. E_NOT_FOUND. */
enum err webhook_deliveries(struct ctx *x, struct str user_id, struct str id,
    struct str delivery_id, long limit, long offset,
    struct webhook_delivery **out, size_t *n, int64_t *total);

/*
 * Send a delivery again, with its id and all its tries. E_NOT_FOUND,
 * E_CONFLICT.
 */
enum err webhook_redeliver(struct ctx *x, struct str user_id, struct str id,
    struct str delivery_id);

/* What a sealed secret is bound to: "webhooks/secret/<id>". */
struct str webhook_bound(struct arena *a, struct str id);

/* The names of all events; NULL ends. */
extern const char *const webhook_events[];

#endif
