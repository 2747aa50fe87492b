#include "core/account/account.h"

#include "base/buf.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "core/problem.h"
#include "crypto/password/password.h"

enum err
account_check_password(struct ctx *x, const char *field, struct str password,
    struct str username, struct str email)
{
	struct str context[] = { username, email, str_of(x->config->name) };
	const char *fault = password_policy(x->config, password, context, 3);

	return fault ? problem_field(x, field, fault) : E_OK;
}

struct account
account_of(struct account_cells c)
{
	return (struct account){
		.id = c.id, .numeric_id = c.numeric_id, .email = c.email,
		.username = c.username, .first_name = c.first_name,
		.last_name = c.last_name, .full_name = c.full_name,
		.is_active = c.is_active, .is_verified = c.is_verified,
		.two_factor_enabled = c.two_factor_enabled, .roles = c.roles,
		.picture_url = c.profile_picture_url,
		.cover_url = c.cover_photo_url,
		.last_login_at = c.last_login_at, .created_at = c.created_at,
		.updated_at = c.updated_at,
	};
}

struct str
account_greeting(const struct account *a)
{
	if (!a->is_verified)
		return STR_NONE;
	if (a->full_name.n)
		return a->full_name;
	return a->first_name.n ? a->first_name : a->username;
}

bool
account_verification_is(const struct ctx *x, const char *word)
{
	return strcmp(x->config->email_verification, word) == 0;
}

bool
account_unverified(const struct ctx *x, const struct account *a)
{
	return !a->is_verified && account_verification_is(x, "required");
}

bool
account_unenrolled(const struct ctx *x, const struct account *a)
{
	const char *rest = x->config->factor_roles;
	struct str role;

	if (a->two_factor_enabled)
		return false;
	while (config_list_next(&rest, &role))
		if (str_holds(a->roles, ',', role))
			return true;
	return false;
}

enum err
account_find(struct ctx *x, struct str user_id, struct account *out,
    struct str *hash)
{
	struct account_profile_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(account_profile,
	    .user_id = user_id), &r);

	if (e != E_OK)
		return e;
	if (r->n == 0)
		return E_NOT_FOUND;
	row = account_profile_row(r, 0);
	*out = account_of(row.account);
	if (hash)
		*hash = row.password_hash;
	return E_OK;
}

/* Add the ids to one list and the numeric ids to another. */
static void
sort_refs(const struct str *refs, size_t n, struct buf *ids,
    struct buf *numbers)
{
	struct uuid id;
	long long number;

	for (size_t i = 0; i < n; i++) {
		bool is_number = str_to_int(refs[i], 1, INT64_MAX, &number);
		struct buf *to = is_number ? numbers : ids;

		if (!is_number && !uuid_parse(refs[i], &id))
			continue;
		if (to->n)
			buf_byte(to, ',');
		buf_add(to, refs[i]);
	}
}

enum err
account_find_all(struct ctx *x, const struct str *refs, size_t n,
    struct account **out, size_t *count)
{
	struct buf ids = buf_new(x->arena, LIMIT_BODY_JSON);
	struct buf numbers = buf_new(x->arena, LIMIT_BODY_JSON);
	struct rows *r;
	enum err e;

	*out = NULL;
	*count = 0;
	sort_refs(refs, n, &ids, &numbers);
	if (ids.n == 0 && numbers.n == 0)
		return E_OK;
	e = db_run(x->db, x->arena, SQL(account_profiles,
	    .ids = buf_str(&ids), .numbers = buf_str(&numbers)), &r);
	if (e != E_OK)
		return e;
	*out = arena_array(x->arena, r->n, sizeof(**out));
	for (; *count < r->n; (*count)++)
		(*out)[*count] = account_of(
		    account_profiles_row(r, *count).account);
	return E_OK;
}
