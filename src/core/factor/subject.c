#include "core/factor/subject.h"

#include "base/encoding.h"
#include "core/problem.h"

bool
subject_is_admin(struct str roles)
{
	return str_holds(roles, ',', STR("admin")) ||
	    str_holds(roles, ',', STR("super_admin"));
}

struct subject
subject_of_account(const struct account *a)
{
	return (struct subject){
		.id = a->id, .user_id = a->id, .label = a->email,
		.greeting = account_greeting(a), .proved = a->is_verified,
		.is_admin = subject_is_admin(a->roles),
	};
}

/* The row of a name, made when it is not there. */
static enum err
make_named(struct ctx *x, struct str owner, struct str name, struct str *id)
{
	struct subject_make_row found;
	long most = x->config->subjects_max;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(subject_make,
	    .id = uuid_text(x->arena, uuid_v7()), .user_id = STR_NONE,
	    .owner_id = owner, .name = name, .subjects_max = most), &r);

	if (e != E_OK)
		return e;
	found = subject_make_row(r, 0);
	*id = found.id;
	if (found.is_full)
		return problem_field(x, "user_id", arena_fmt(x->arena,
		    "This API key's owner already has second factors for %ld "
		    "users, the most there can be", most).p);
	/* Made by two at once: the other one's row is not in our snapshot. */
	return id->n ? E_OK : E_UNAVAILABLE;
}

static enum err
find_named(struct ctx *x, struct str owner, struct str name, struct str *id)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(subject_of_key,
	    .owner_id = owner, .name = name), &r);

	if (e == E_OK && r->n == 0)
		e = E_NOT_FOUND;
	if (e == E_OK)
		*id = subject_of_key_row(r, 0).id;
	return e;
}

enum err
subject_of_key(struct ctx *x, const struct api_key *k, struct str name,
    bool make, struct subject *out)
{
	struct str id;
	enum err e;

	if (!api_key_has(k, STR("2fa:read")) &&
	    !api_key_has(k, STR("2fa:write")))
		return E_SCOPE;
	if (name.n == 0)
		return problem_field(x, "user_id",
		    "User id is required with an API key");
	e = make ? make_named(x, k->user_id, name, &id) :
	    find_named(x, k->user_id, name, &id);
	if (e == E_OK)
		*out = (struct subject){ .id = id, .owner_id = k->user_id,
			.label = name };
	return e;
}

enum err
subject_ensure(struct ctx *x, const struct subject *s)
{
	if (s->user_id.p == NULL)
		return E_OK;
	return db_run(x->db, x->arena, SQL(subject_make, .id = s->id,
	    .user_id = s->user_id, .owner_id = STR_NONE, .name = STR_NONE,
	    .subjects_max = 1), NULL);
}
