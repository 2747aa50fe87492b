/* GetUser and GetUsersByIDs */
#include "base/clock_text.h"
#include "base/limits.h"
#include "core/access/api_key.h"
#include "core/access/role.h"
#include "core/problem.h"
#include "core/session/session.h"
#include "grpc/proto/user.pb-c.h"
#include "grpc/service/service.h"
#include "web/gate.h"

typedef Entativa__User__UserResponse user_message;

static struct str
own_id(const struct grpc_call *g)
{
	const struct actor *who = &g->call.actor;

	return who->session ? who->session->account.id : who->key->user_id;
}

/*
 * May the caller see others than the own user? A session may as an
 * administrator; a key needs the scope users:read of an owner who holds
 * users.read.
 */
static enum err
sees_others(struct grpc_call *g)
{
	const struct actor *who = &g->call.actor;

	if (who->session)
		return gate_administers(&g->call, "users.read");
	if (!api_key_has(who->key, STR("users:read")))
		return E_FORBIDDEN;
	return role_holds(g->call.ctx, who->key->roles,
	    who->key->role_version, "users.read");
}

static void
fill(struct arena *a, const struct account *from, user_message *m)
{
	entativa__user__user_response__init(m);
	m->id = grpc_wire_text(from->id);
	m->numeric_id = from->numeric_id;
	m->created_at = grpc_wire_text(clock_iso(a, from->created_at));
	m->email = grpc_wire_text(from->email);
	m->username = grpc_wire_text(from->username);
	m->first_name = grpc_wire_text(from->first_name);
	m->last_name = grpc_wire_text(from->last_name);
	m->full_name = grpc_wire_text(from->full_name);
	m->is_active = from->is_active;
	m->is_verified = from->is_verified;
	m->two_factor_enabled = from->two_factor_enabled;
	m->roles = grpc_wire_list(a, from->roles, ',', &m->n_roles);
	m->profile_picture_url = grpc_wire_text(from->picture_url);
}

/* Is the account the one that the text names, by either id? */
static bool
is_named(struct arena *a, const struct account *who, struct str ref)
{
	return str_eq_nocase(who->id, ref) ||
	    str_eq(arena_int(a, who->numeric_id), ref);
}

static const struct account *
named(struct arena *a, const struct account *all, size_t n, struct str ref)
{
	for (size_t i = 0; i < n; i++)
		if (is_named(a, &all[i], ref))
			return &all[i];
	return NULL;
}

/* Of those that are named, the ones the caller may see, in any order. */
static enum err
find_visible(struct grpc_call *g, const struct str *refs, size_t n,
    struct account **out, size_t *count)
{
	struct arena *a = g->call.ctx->arena;
	struct str own = own_id(g);
	enum err e = account_find_all(g->call.ctx, refs, n, out, count), may;
	size_t kept = 0;

	if (e != E_OK || (*count == 1 && is_named(a, *out, own)))
		return e;
	may = sees_others(g);
	if (may == E_OK)
		return E_OK;
	for (size_t i = 0; i < *count; i++)
		if (is_named(a, &(*out)[i], own))
			(*out)[kept++] = (*out)[i];
	*count = kept;
	/* Whoever holds the permission learns why it does not help here. */
	return may == E_FORBIDDEN ? E_OK : may;
}

enum err
service_user_get(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const Entativa__User__GetUserRequest *rq = (const void *)in;
	struct arena *a = g->call.ctx->arena;
	struct str ref = str_trim(grpc_wire_str(rq->user_id));
	struct account *found;
	user_message *m = ARENA_NEW(a, user_message);
	size_t n;
	enum err e;

	if (ref.n == 0)
		ref = own_id(g);
	e = find_visible(g, &ref, 1, &found, &n);
	if (e != E_OK)
		return e;
	if (n == 0)
		return problem_say(g->call.ctx, E_NOT_FOUND,
		    "There is no such user");
	fill(a, found, m);
	*out = &m->base;
	return E_OK;
}

static void
fill_list(struct arena *a, Entativa__User__GetUsersByIDsResponse *re,
    const struct str *refs, size_t nrefs, const struct account *all, size_t n)
{
	re->users = arena_array(a, nrefs + 1, sizeof(*re->users));
	for (size_t i = 0; i < nrefs; i++) {
		const struct account *who = named(a, all, n, refs[i]);

		if (who == NULL)
			continue;
		re->users[re->n_users] = ARENA_NEW(a, user_message);
		fill(a, who, re->users[re->n_users++]);
	}
}

enum err
service_user_list(struct grpc_call *g, const ProtobufCMessage *in,
    const ProtobufCMessage **out)
{
	const Entativa__User__GetUsersByIDsRequest *rq = (const void *)in;
	struct arena *a = g->call.ctx->arena;
	Entativa__User__GetUsersByIDsResponse *re = ARENA_NEW(a,
	    Entativa__User__GetUsersByIDsResponse);
	struct str refs[LIMIT_GRPC_IDS];
	struct account *found;
	size_t n;
	enum err e;

	if (rq->n_user_ids > LIMIT_GRPC_IDS)
		return problem_field(g->call.ctx, "user_ids",
		    "Please ask for at most 100 users at once");
	for (size_t i = 0; i < rq->n_user_ids; i++)
		refs[i] = str_trim(grpc_wire_str(rq->user_ids[i]));
	e = find_visible(g, refs, rq->n_user_ids, &found, &n);
	if (e != E_OK)
		return e;
	entativa__user__get_users_by_ids_response__init(re);
	fill_list(a, re, refs, rq->n_user_ids, found, n);
	*out = &re->base;
	return E_OK;
}
