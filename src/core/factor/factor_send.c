#include "core/factor/factor_send.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/limit.h"
#include "core/outgoing/mail.h"
#include "core/problem.h"
#include "crypto/token.h"

#define LIFE (600 * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define PER_HOUR 5  /* row RL12 */
#define PER_DAY 20
#define COUNTRY 5   /* characters of a number that share a budget */

/* What a code is bound to begins so. */
#define FOR_CHALLENGE "challenge:"
#define FOR_SETUP "setup:" /* as in factor_pending_charge of sql/queries */

bool
factor_send_offers(const struct ctx *x, struct str kind)
{
	const struct config *c = x->config;

	if (str_eq(kind, STR("email")))
		return true;
	return str_eq(kind, STR("sms")) && ((c->twilio_sid[0] &&
	    c->twilio_token[0] && c->twilio_from[0]) || c->sms_http_url[0]);
}

static enum err
bad_phone(struct ctx *x)
{
	return problem_field(x, "phone", "Phone must be an international number "
	    "such as +49 30 123456");
}

static bool
country_allowed(const struct ctx *x, struct str phone)
{
	const char *rest = x->config->sms_countries;
	struct str code;
	bool any = true;

	for (; config_list_next(&rest, &code); any = false)
		if (str_starts(phone, code))
			return true;
	return any;
}

enum err
factor_send_phone(struct ctx *x, struct str typed, struct str *out)
{
	char *p = arena_alloc(x->arena, 17);
	size_t n = 0;

	for (size_t i = 0; i < typed.n; i++) {
		char c = typed.p[i];

		if (c == '\0' || (n && strchr(" -()./", c)))
			continue;
		if (n == 16 || !(text_is_digit(c) || (c == '+' && n == 0)))
			return bad_phone(x);
		p[n++] = c;
	}
	/* E.164: at most 15 digits, the first is no zero. */
	if (n < 8 || p[0] != '+' || p[1] == '0')
		return bad_phone(x);
	*out = (struct str){ p, n };
	if (country_allowed(x, *out))
		return E_OK;
	return problem_say(x, E_FORBIDDEN, "This service does not send messages "
	    "to this country; please use another number");
}

/* Buckets to be charged together, a line each. */
struct charges {
	struct str buckets, limits, windows;
};

static void
add_charge(struct ctx *x, struct charges *c, struct str bucket, long max,
    int64_t window)
{
	const char *sep = c->buckets.n ? "\n" : "";

	c->buckets = arena_fmt(x->arena, "%.*s%s%.*s", STR_FMT(c->buckets),
	    sep, STR_FMT(bucket));
	c->limits = arena_fmt(x->arena, "%.*s%s%ld", STR_FMT(c->limits), sep,
	    max);
	c->windows = arena_fmt(x->arena, "%.*s%s%lld", STR_FMT(c->windows),
	    sep, (long long)window);
}

/* Charge all of them or none; *nth is the bucket that refused. */
static enum err
charge_all(struct ctx *x, const struct charges *c, int64_t *nth)
{
	struct attempt_charge_all_row row;
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(attempt_charge_all,
	    .buckets = c->buckets, .limits = c->limits, .windows = c->windows),
	    &r);

	*nth = 0;
	if (e != E_OK)
		return e;
	row = attempt_charge_all_row(r, 0);
	*nth = row.refused;
	if (*nth == 0)
		return E_OK;
	return problem_later(x, E_LIMITED, row.retry_us,
	    "Too many codes were sent; please try again later");
}

/* A caller who proved a password comes before one who only has an account. */
static bool
awaited(enum code_purpose purpose)
{
	return purpose == CODE_LOGIN || purpose == CODE_STEP_UP;
}

/*
 * Shares of all SMS of a day. Codes that anybody can ask for get half of them,
 * codes that anybody with an account can ask for a quarter more, logins the
 * rest.
 */
static void
add_sms(struct ctx *x, struct charges *c, enum code_purpose purpose,
    struct str to)
{
	static const char *const names[] = { ".open", ".setup", "" };
	static const long quarters[] = { 2, 3, 4 };
	const struct config *config = x->config;
	struct arena *a = x->arena;
	size_t i = awaited(purpose) ? 2 : purpose == CODE_RECOVERY ? 0 : 1;

	for (; i < 3; i++) {
		add_charge(x, c, arena_fmt(a, "sms.prefix%s:%.*s", names[i],
		    COUNTRY, to.p),
		    (config->sms_per_prefix * quarters[i] + 3) / 4, DAY);
		add_charge(x, c, arena_fmt(a, "sms.day%s", names[i]),
		    (config->sms_per_day * quarters[i] + 3) / 4, DAY);
	}
}

/* Codes that a user waits for at a login are counted by the day (row RL12). */
static void
add_budget(struct ctx *x, struct charges *c, enum code_purpose purpose,
    struct str who, struct str kind, struct str to)
{
	static const char *const names[] = { [CODE_LOGIN] = "login",
		[CODE_STEP_UP] = "step_up", [CODE_SETUP] = "setup",
		[CODE_RECOVERY] = "recovery", [CODE_METHOD] = "method",
		[CODE_NOTICE] = "notice" };
	struct arena *a = x->arena;
	const char *name = names[purpose];
	bool hourly = !awaited(purpose);

	add_charge(x, c, arena_fmt(a, "code.%s.by:%.*s", name, STR_FMT(who)),
	    hourly ? 2 * PER_HOUR : PER_DAY, hourly ? HOUR : DAY);
	if (hourly)
		add_charge(x, c, arena_fmt(a, "code.%s.hour:%.*s", name,
		    STR_FMT(to)), PER_HOUR, HOUR);
	add_charge(x, c, arena_fmt(a, "code.%s.day:%.*s", name, STR_FMT(to)),
	    PER_DAY, DAY);
	if (str_eq(kind, STR("sms")))
		add_sms(x, c, purpose, to);
}

enum err
factor_send_budget(struct ctx *x, enum code_purpose purpose, struct str who,
    struct str kind, struct str to)
{
	struct charges c = { STR(""), STR(""), STR("") };
	int64_t nth;

	add_budget(x, &c, purpose, who, kind, to);
	return charge_all(x, &c, &nth);
}

/* A code to an address that is not proved yet contains no name. */
static struct job_draft
draft(struct ctx *x, const struct subject *s, struct str kind,
    struct str to, struct str code, bool setup)
{
	cJSON *vars = json_object();

	json_add_str(vars, "code", code);
	json_add_int(vars, "minutes", LIFE / CLOCK_SECOND / 60);
	return mail_draft(x, &(struct mail){ .template = "factor-code",
	    .sms = str_eq(kind, STR("sms")), .to = to, .name = s->greeting,
	    .vars = vars, .ttl = LIFE, .unproved = setup && !s->proved,
	    .counted = true });
}

enum err
factor_send_offered(struct ctx *x, struct str kind)
{
	return factor_send_offers(x, kind) ? E_OK : problem_say(x, E_CONFLICT,
	    "This service does not send codes this way; please choose another "
	    "second factor");
}

/* Make the code and its message; all is charged. */
static enum err
make_code(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct str to)
{
	struct str id = uuid_text(x->arena, uuid_v7());
	struct str code = token_digits(x->arena, 6);
	struct str mac = token_code_mac(x->arena, x->keys, id, "factor",
	    code);
	struct job_draft job = draft(x, s, kind, to, code,
	    str_starts(bound, STR(FOR_SETUP)));
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(factor_send, .code_id = id,
	    .subject_id = s->id, .kind = kind, .bound = bound,
	    .destination = to, .mac = mac, .life = LIFE, .job_id = job.id,
	    .job_kind = job.kind, .job_payload = job.sealed), &r);

	if (e == E_OK && r->n == 0)
		return problem_say(x, E_LIMITED,
		    "Too many wrong codes; please start again");
	if (e == E_OK)
		mail_sent(x);
	return e;
}

/* Where addresses need no proof, an account's address may be anybody's. */
static bool
owns(const struct ctx *x, const struct subject *s, struct str address)
{
	return s->proved && str_eq(s->label, address) &&
	    strcmp(x->config->email_verification, "off") != 0;
}

/* Codes that others send to an address use up nothing of its owner's budget. */
enum err
factor_send_setup(struct ctx *x, const struct subject *s, struct str kind,
    struct str pending_id, struct str to)
{
	bool owned = owns(x, s, to);
	enum err e = factor_send_offered(x, kind);

	if (e == E_OK)
		e = factor_send_budget(x, CODE_SETUP, s->id, kind,
		    owned ? s->id : to);
	if (e == E_OK && !owned && str_eq(kind, STR("email")))
		e = limit_mail_address(x, to);
	return e != E_OK ? e : make_code(x, s, kind, arena_fmt(x->arena,
	    FOR_SETUP "%.*s", STR_FMT(pending_id)), to);
}

struct str
factor_send_bound(struct arena *a, struct str challenge, struct str session)
{
	if (challenge.n)
		return arena_fmt(a, FOR_CHALLENGE "%.*s", STR_FMT(challenge));
	return session.n ? arena_fmt(a, "session:%.*s", STR_FMT(session)) :
	    STR("key");
}

/* *paused: the last code is so young that it is none's turn yet. */
static enum err
charge_send(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct str to, bool *paused)
{
	struct charges c = { STR(""), STR(""), STR("") };
	int64_t nth;
	enum err e;

	add_charge(x, &c, arena_fmt(x->arena, "code.pause:%.*s:%.*s:%.*s",
	    STR_FMT(s->id), STR_FMT(kind), STR_FMT(bound)), 1,
	    FACTOR_SEND_PAUSE);
	add_budget(x, &c, str_starts(bound, STR(FOR_CHALLENGE)) ? CODE_LOGIN :
	    CODE_STEP_UP, s->id, kind, to);
	e = charge_all(x, &c, &nth);
	*paused = nth == 1;
	return e;
}

enum err
factor_send(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct factor_sent *out)
{
	struct rows *r;
	bool paused = false;
	struct str to = STR_NONE;
	enum err e = db_run(x->db, x->arena, SQL(factor_destination,
	    .subject_id = s->id, .kind = kind,
	    .failures_max = LIMIT_FAILURES), &r);

	*out = (struct factor_sent){ false, 0 };
	if (e == E_OK && r->n == 0)
		e = problem_say(x, E_CONFLICT,
		    "This second factor is not enabled for the account");
	if (e == E_OK)
		e = factor_send_offered(x, kind);
	if (e == E_OK)
		to = factor_destination_row(r, 0).destination;
	if (e == E_OK)
		e = charge_send(x, s, kind, bound, to, &paused);
	if (e == E_OK)
		e = make_code(x, s, kind, bound, to);
	out->sent = e == E_OK;
	out->again_in = out->sent ? FACTOR_SEND_PAUSE / CLOCK_SECOND :
	    problem_of(x, e).retry_after;
	return paused ? E_OK : e;
}

bool
factor_send_matches(struct ctx *x, struct str code_id, struct str mac,
    struct str code)
{
	struct str want = token_code_mac(x->arena, x->keys, code_id,
	    "factor", code);

	return mac.n == want.n && sodium_memcmp(mac.p, want.p, want.n) == 0;
}
