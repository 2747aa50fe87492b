#include "core/subject.h"

#include "base/encoding.h"

bool
subject_is_admin(struct str roles)
{
	struct str one;

	while (str_split(&roles, ',', &one))
		if (str_eq(one, STR("admin")) || str_eq(one,
		    STR("super_admin")))
			return true;
	return false;
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

enum err
subject_of_key(struct ctx *x, const struct api_key *k, struct str name,
    bool make, struct subject *out)
{
	struct rows *r;
	enum err e;

	if (name.n == 0) {
		x->field = "user_id";
		x->sentence = "User id is required with an API key";
		return E_VALIDATION;
	}
	if (make)
		e = db_exec(x->db, x->arena, Q_SUBJECT_MAKE, &r,
		    A_STR(uuid_text(x->arena, uuid_v7())), A_NULL,
		    A_STR(k->user_id), A_STR(name));
	else
		e = db_exec(x->db, x->arena, Q_SUBJECT_OF_KEY, &r,
		    A_STR(k->user_id), A_STR(name));
	if (e != E_OK)
		return e;
	/* Made by two at once: the other one's row is not in our snapshot. */
	if (r->n == 0)
		return make ? E_UNAVAILABLE : E_NOT_FOUND;
	*out = (struct subject){ .id = row_str(r, 0, 0),
		.owner_id = k->user_id, .label = name };
	return E_OK;
}

enum err
subject_ensure(struct ctx *x, const struct subject *s)
{
	if (s->user_id.p == NULL)
		return E_OK;
	return db_exec(x->db, x->arena, Q_SUBJECT_MAKE, NULL, A_STR(s->id),
	    A_STR(s->user_id), A_NULL, A_NULL);
}
