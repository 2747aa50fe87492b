#include "core/factor_send.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "core/mail.h"
#include "crypto/token.h"

#define LIFE (600 * CLOCK_SECOND)
#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define PER_HOUR 5  /* row RL12 */
#define PER_DAY 20
#define COUNTRY 5   /* characters of a number that share a budget */

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
	x->field = "phone";
	x->sentence = "Phone must be an international number such as "
	    "+49 30 123456";
	return E_VALIDATION;
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
		if (n == 16 || !((c >= '0' && c <= '9') || (c == '+' &&
		    n == 0)))
			return bad_phone(x);
		p[n++] = c;
	}
	/* E.164: at most 15 digits, the first is no zero. */
	if (n < 8 || p[0] != '+' || p[1] == '0')
		return bad_phone(x);
	*out = (struct str){ p, n };
	if (country_allowed(x, *out))
		return E_OK;
	x->sentence = "Messages to this country are not sent";
	return E_FORBIDDEN;
}

static enum err
charge(struct ctx *x, struct str bucket, long max, int64_t window)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_ATTEMPT_CHARGE, &r,
	    A_STR(bucket), A_INT(max), A_INT(window), A_INT(0));

	if (e != E_OK || row_bool(r, 0, 0))
		return e;
	x->retry_after = (long)(row_int(r, 0, 2) / CLOCK_SECOND) + 1;
	x->sentence = "Too many codes were sent; please try again later";
	return E_LIMITED;
}

/* Row RL12: per subject and destination; for SMS what it may cost a day. */
enum err
factor_send_budget(struct ctx *x, struct str who, struct str kind,
    struct str to)
{
	struct arena *a = x->arena;
	enum err e = charge(x, arena_fmt(a, "code.by:%.*s", STR_FMT(who)),
	    2L * PER_HOUR, HOUR);

	if (e == E_OK)
		e = charge(x, arena_fmt(a, "code.hour:%.*s", STR_FMT(to)),
		    PER_HOUR, HOUR);
	if (e == E_OK)
		e = charge(x, arena_fmt(a, "code.day:%.*s", STR_FMT(to)),
		    PER_DAY, DAY);
	if (e != E_OK || !str_eq(kind, STR("sms")))
		return e;
	e = charge(x, arena_fmt(a, "sms.prefix:%.*s", COUNTRY, to.p),
	    x->config->sms_per_prefix, DAY);
	return e != E_OK ? e : charge(x, STR("sms.day"),
	    x->config->sms_per_day, DAY);
}

static struct job_draft
draft(struct ctx *x, const struct subject *s, struct str kind,
    struct str to, struct str code)
{
	cJSON *vars = json_object();

	json_add_str(vars, "code", code);
	json_add_int(vars, "minutes", LIFE / CLOCK_SECOND / 60);
	return mail_draft(x, &(struct mail){ .template = "factor-code",
	    .sms = str_eq(kind, STR("sms")), .to = to, .name = s->greeting,
	    .vars = vars, .ttl = LIFE });
}

enum err
factor_send(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, struct str to)
{
	struct str id = uuid_text(x->arena, uuid_v7());
	struct str code = token_digits(x->arena, 6), mac;
	struct job_draft job;
	struct rows *r;
	enum err e;

	if (!factor_send_offers(x, kind)) {
		x->sentence = "Codes are not sent this way here";
		return E_CONFLICT;
	}
	e = factor_send_budget(x, s->id, kind, to);
	if (e != E_OK)
		return e;
	mac = token_code_mac(x->arena, x->keys, id, "factor", code);
	job = draft(x, s, kind, to, code);
	e = db_exec(x->db, x->arena, Q_FACTOR_SEND, &r, A_STR(id),
	    A_STR(s->id), A_STR(kind), A_STR(bound), A_STR(to), A_BYTES(mac),
	    A_INT(LIFE), A_STR(job.id), A_STR(job.kind),
	    A_BYTES(job.sealed));
	if (e == E_OK && r->n == 0) {
		x->sentence = "Too many wrong codes; please begin again";
		return E_LIMITED;
	}
	if (e == E_OK)
		mail_sent(x);
	return e;
}

/* Row RL12: at most one code a minute is sent because somebody asks. */
static enum err
paused(struct ctx *x, struct str to)
{
	int64_t pause = x->config->mail_interval;

	if (!x->config->rate_limiting || pause == 0)
		return E_OK;
	return charge(x, arena_fmt(x->arena, "code.pause:%.*s", STR_FMT(to)),
	    1, pause);
}

enum err
factor_send_again(struct ctx *x, const struct subject *s, struct str kind,
    struct str bound, bool asked)
{
	struct rows *r;
	enum err e = db_exec(x->db, x->arena, Q_FACTOR_DESTINATION, &r,
	    A_STR(s->id), A_STR(kind));

	if (e == E_OK && r->n == 0) {
		x->sentence = "This method is not enabled";
		return E_CONFLICT;
	}
	if (e == E_OK && asked)
		e = paused(x, row_str(r, 0, 0));
	return e != E_OK ? e : factor_send(x, s, kind, bound,
	    row_str(r, 0, 0));
}

bool
factor_send_matches(struct ctx *x, struct str code_id, struct str mac,
    struct str code)
{
	struct str want = token_code_mac(x->arena, x->keys, code_id,
	    "factor", code);

	return mac.n == want.n && sodium_memcmp(mac.p, want.p, want.n) == 0;
}
