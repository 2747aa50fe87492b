#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "core/ctx.h"
#include "http/request.h"
#include "http/response.h"
#include "http/schema.h"

/*
 * A row of handlers/routes.def. Zero means nothing in any cell: a forgotten
 * cell does not compile, or the program does not start.
 */

/* Who may ask. */
enum who {
	WHO_ANYONE = 1, /* – */
	WHO_USER,	/* U: Bearer access token */
	WHO_KEY,	/* K: API key with the row's scope */
	WHO_USER_OR_KEY, /* U; K with the row's scope */
	WHO_PERMISSION,	/* A: a user who holds the permission named */
	WHO_FACTOR,	/* C, K or U; C may be in the body instead */
	WHO_ANYONE_OR_USER /* –; U where an access token was sent */
};

/* Limit bucket (row RL13); the number is in the configuration. */
enum bucket {
	BUCKET_NONE = 1, BUCKET_LOGIN, BUCKET_REGISTER, BUCKET_SIGNUP, BUCKET_RESET,
	BUCKET_ANONYMOUS, BUCKET_USER, BUCKET_ADMIN
};

/* May a handler of this row hash a password? Then it takes the heavy lane. */
enum row_lane { LANE_LIGHT = 1, LANE_HEAVY };

/* Who asks, as the gate found. */
struct actor {
	struct session *session; /* core/session/session.h; NULL: not a user */
	struct api_key *key;	 /* core/access/api_key.h; NULL: not a key */
	struct str challenge;	 /* sent as Bearer, not checked yet */
	enum err refusal;	 /* WHO_FACTOR: why session, key are NULL */
};

/* What a handler gets. */
struct call {
	struct ctx *ctx;
	const struct request *rq;
	struct response *re;
	const struct route *route;
	struct actor actor;
	const struct value *in;	  /* validated fields, by row index */
	struct str arg[2];	  /* {id} … of the path */
};

struct handler {
	const struct field *fields; /* NULL: takes no body */
	enum err (*run)(struct call *c);
};

/* Flags of a row. */
enum {
	ROUTE_PLAIN = 1,
	ROUTE_IDEMPOTENT = 2, /* keeps the answer of an Idempotency-Key */
	ROUTE_RECENT = 4,     /* proof within 10 min, else REAUTH_REQUIRED */
	ROUTE_ROOT = 8,	      /* served at the root too */
	ROUTE_ENROL = 16,     /* open before a due second factor is set up */
	ROUTE_STAFF = 32,     /* RECENT for administrators */
	ROUTE_LOGIN = 64,     /* its answers are counted as logins' */
	ROUTE_UPLOAD = 128,   /* its body may have LIMIT_UPLOAD bytes */
	ROUTE_ENROL_RECENT = ROUTE_ENROL | ROUTE_RECENT,
	ROUTE_IDEMPOTENT_RECENT = ROUTE_IDEMPOTENT | ROUTE_RECENT,
	ROUTE_IDEMPOTENT_STAFF = ROUTE_IDEMPOTENT | ROUTE_STAFF
};

struct route {
	enum method method;
	const char *path;    /* canonical, "/auth/sessions/{id}" */
	const char *aliases; /* further paths, space separated, or "" */
	const struct handler *handler;
	enum who who;
	const char *need;    /* scope or permission, "" none */
	enum bucket bucket;
	enum row_lane lane;
	unsigned flags;
	const char *doc;     /* one line */
};

extern const struct route routes[];
extern const size_t routes_count;

/* Is every cell of every row filled? Called at start. */
bool routes_complete(void);

/*
 * The row for a path and method; HEAD finds GET. E_NOT_FOUND, or E_METHOD
 * with *allow the list for the Allow header. args receives the {…} parts.
 * root: only rows that are served at the root.
 */
enum err route_find(struct arena *a, enum method m, struct str path,
    bool root, const struct route **out, struct str args[2],
    struct str *allow);

/*
 * The lane of a request whose target is known: that of the row that will serve
 * it, however the path was spelt and the method given.
 */
enum row_lane route_lane(const struct request *r);

/* How large its body may be, likewise. */
size_t route_body(const struct request *r);

/* Is there a row of the heavy lane for a method of that name? */
bool route_may_hash(struct str method);

/* The name of a method, "GET" …. */
const char *route_method(enum method m);

#endif
