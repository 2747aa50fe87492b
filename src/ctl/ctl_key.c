#include <stdio.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "crypto/jwt/jwt.h"
#include "crypto/seal.h"
#include "ctl/ctl.h"

/*
 * Signing keys (table signing_keys) and sealing keys (keys.sealing). A new
 * signing key is published before it signs, so that whoever keeps our JWKS
 * has it by then; what it replaces verifies until its last token is over
 * (security row JW5).
 */
#define PUBLISHED_FIRST (15 * 60) /* seconds; JWKS may be kept ten minutes */
#define SKEW 60
#define BATCH 100

static struct {
	bool sealing;
	long delay;
} key = { .delay = PUBLISHED_FIRST };

static const struct ctl_option generate_options[] = {
	{ "sealing", CTL_FLAG, &key.sealing,
	    "print the next entry for keys.sealing instead" },
	{ 0 },
};

static const struct ctl_option rotate_options[] = {
	{ "sealing", CTL_FLAG, &key.sealing,
	    "seal everything at rest anew under the highest sealing key" },
	{ "delay", CTL_NUMBER, &key.delay,
	    "seconds the new key is published before it signs (900)" },
	{ 0 },
};

/* "version:base64" with the version above the one that seals today. */
static int
generate_sealing(struct ctl *c)
{
	uint8_t bytes[32];
	int version = keyring_current(c->keys) + 1;
	cJSON *answer = json_object();
	struct str text;

	if (version > 255)
		return ctl_fail(E_CONFLICT, "keys.sealing has version 255; "
		    "rotate to a new database");
	randombytes_buf(bytes, sizeof(bytes));
	text = b64_encode(c->arena, (struct str){ (char *)bytes,
	    sizeof(bytes) });
	sodium_memzero(bytes, sizeof(bytes));
	text = arena_fmt(c->arena, "%d:%.*s", version, STR_FMT(text));
	if (!c->json) {
		printf("%.*s\n", STR_FMT(text));
		fputs("Add this to keys.sealing behind what is there, restart "
		    "all programs,\nthen: posternctl key rotate --sealing\n",
		    stderr);
		return CTL_OK;
	}
	json_add_int(answer, "version", version);
	json_add_str(answer, "entry", text);
	return ctl_print(c, answer);
}

static struct str
bound_key(struct ctl *c, struct str kid)
{
	return arena_fmt(c->arena, "signing_keys/secret/%.*s", STR_FMT(kid));
}

/* life: µs the keys before it verify on; NULL: for good. */
static int
add_key(struct ctl *c, int64_t delay, const int64_t *life)
{
	struct jwt_key k;
	struct str kid, secret, public_key;
	cJSON *answer = json_object();
	struct rows *r;
	enum err e;

	jwt_key_generate(&k);
	kid = arena_str(c->arena, str_of(k.kid));
	secret = seal(c->arena, c->keys, bound_key(c, kid), (struct str){
	    (char *)k.secret, sizeof(k.secret) });
	public_key = arena_str(c->arena, (struct str){ (char *)k.public_key,
	    sizeof(k.public_key) });
	sodium_memzero(&k, sizeof(k));
	e = db_run(c->db, c->arena, SQL(ctl_signing_key_add, .kid = kid,
	    .algorithm = STR("EdDSA"), .secret = secret,
	    .public_key = public_key, .delay = delay, .overlap = life), &r);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	json_add_str(answer, "kid", kid);
	json_add_str(answer, "algorithm", STR("EdDSA"));
	json_add_time(answer, "signs_from",
	    ctl_signing_key_add_row(r, 0).signs_from);
	return ctl_print(c, answer);
}

static int
run_generate(struct ctl *c)
{
	if (key.sealing)
		return generate_sealing(c);
	return add_key(c, 0, NULL);
}

/* Every place where sealed data rests; a new sealed table needs a new row. */
enum place { SIGNING_KEYS, JOBS, FACTORS, WEBHOOKS, PLACES };

static enum err
sealed_rows(struct ctl *c, enum place place,
    const struct ctl_sealed_params *p, struct rows **out)
{
	const struct statement lists[PLACES] = {
		[SIGNING_KEYS] = SQL_OF(ctl_signing_keys_sealed, p),
		[JOBS] = SQL_OF(ctl_jobs_sealed, p),
		[FACTORS] = SQL_OF(ctl_factors_sealed, p),
		[WEBHOOKS] = SQL_OF(ctl_webhooks_sealed, p),
	};

	return db_run(c->db, c->arena, lists[place], out);
}

static enum err
reseal_row(struct ctl *c, enum place place, const struct ctl_reseal_params *p)
{
	const struct statement updates[PLACES] = {
		[SIGNING_KEYS] = SQL_OF(ctl_signing_key_reseal, p),
		[JOBS] = SQL_OF(ctl_job_reseal, p),
		[FACTORS] = SQL_OF(ctl_factor_reseal, p),
		[WEBHOOKS] = SQL_OF(ctl_webhook_reseal, p),
	};

	return db_run(c->db, c->arena, updates[place], NULL);
}

/* How far it came. */
struct resealing {
	long total;
	long done;
	long failed; /* no key in keys.sealing opens it */
};

/*
 * One batch of a place, behind *last. A row that changed since it was read
 * stays as it is; after an interruption the next run goes on.
 */
static enum err
reseal_batch(struct ctl *c, enum place place, struct str *last,
    struct resealing *n)
{
	struct rows *r;
	enum err e = sealed_rows(c, place, &(struct ctl_sealed_params){
	    .version = keyring_current(c->keys), .behind = *last,
	    .limit = BATCH }, &r);

	if (e == E_OK && r->n == 0)
		*last = STR_NONE;
	for (size_t i = 0; e == E_OK && i < r->n; i++) {
		struct ctl_sealed_row row = ctl_sealed_row(r, i);
		struct str plain;

		*last = row.id;
		if (unseal(c->arena, c->keys, row.bound, row.sealed, &plain) !=
		    E_OK) {
			n->failed++;
			continue;
		}
		e = reseal_row(c, place, &(struct ctl_reseal_params){
		    .id = row.id, .was = row.sealed,
		    .sealed = seal(c->arena, c->keys, row.bound, plain) });
		n->done++;
	}
	return e;
}

static enum err
reseal(struct ctl *c, enum place place, struct resealing *n)
{
	struct str last = STR_NONE;
	enum err e;

	do {
		e = reseal_batch(c, place, &last, n);
		ctl_progress("sealing", n->done, n->total, false);
	} while (e == E_OK && last.n);
	return e;
}

static int
rotate_sealing(struct ctl *c)
{
	struct resealing n = { 0 };
	cJSON *answer = json_object();
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(ctl_sealed_count,
	    .version = keyring_current(c->keys)), &r);

	if (e == E_OK)
		n.total = (long)ctl_sealed_count_row(r, 0).sealed;
	for (int i = 0; e == E_OK && i < PLACES; i++)
		e = reseal(c, (enum place)i, &n);
	ctl_progress("sealing", n.done, n.total, true);
	if (e != E_OK)
		return ctl_fail_db(c, e);
	json_add_int(answer, "version", keyring_current(c->keys));
	json_add_int(answer, "sealed", n.done);
	json_add_int(answer, "unreadable", n.failed);
	ctl_print(c, answer);
	return n.failed ? CTL_FAILED : CTL_OK;
}

static int
run_rotate(struct ctl *c)
{
	int64_t life = c->config->access_ttl + SKEW * CLOCK_SECOND;

	if (key.sealing)
		return rotate_sealing(c);
	return add_key(c, key.delay * CLOCK_SECOND, &life);
}

static int
run_key_list(struct ctl *c)
{
	cJSON *rows = json_array();
	struct rows *r;
	enum err e = db_run(c->db, c->arena, SQL(ctl_signing_key_list), &r);

	if (e != E_OK)
		return ctl_fail_db(c, e);
	for (size_t i = 0; i < r->n; i++) {
		struct ctl_signing_key_list_row found =
		    ctl_signing_key_list_row(r, i);
		cJSON *row = json_object();
		const char *state = found.signs ? "signs" :
		    !found.verifies ? "retired" :
		    found.signs_from > clock_wall() ? "published" : "verifies";

		json_add_str(row, "kid", found.kid);
		json_add_str(row, "algorithm", found.algorithm);
		json_add_str(row, "state", str_of(state));
		json_add_int(row, "sealing_version", found.version);
		json_add_time(row, "created_at", found.created_at);
		json_add_time(row, "signs_from", found.signs_from);
		json_add_time(row, "verifies_until", found.verifies_until);
		json_push(rows, row);
	}
	ctl_say(c, "algorithm in force: %s; sealing key in force: %d\n",
	    c->config->jwt_algorithm, keyring_current(c->keys));
	return ctl_print(c, rows);
}

const struct ctl_command ctl_keys[] = {
	{ "key generate", "", 0, 0, CTL_NEEDS_DB, generate_options,
	    run_generate, "Make a signing key (EdDSA) that signs at once" },
	{ "key rotate", "", 0, 0, CTL_NEEDS_DB, rotate_options, run_rotate,
	    "Make the next signing key and retire the ones before it" },
	{ "key list", "", 0, 0, CTL_NEEDS_DB, NULL, run_key_list,
	    "Signing keys and what they do" },
	{ 0 },
};
