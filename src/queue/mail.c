#include "queue/mail.h"

#include <time.h>

#include "base/clock.h"
#include "queue/mail_address.h"

#define PAYLOAD_DEPTH 8
#define GREETING_MAX 40 /* code points */

/* Host of a URL, without user, port and path. */
static struct str
url_host(struct str url)
{
	const char *scheme = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
	struct str s = scheme ? str_slice(url, (size_t)(scheme - url.p) + 3,
	    url.n) : url;

	s = str_slice(s, 0, str_find(s, '/'));
	return str_slice(s, 0, str_find(s, ':'));
}

/* A domain that is no number: an address has no mailboxes by name. */
static struct str
mail_host(struct str host)
{
	bool number = true;

	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			number = false;
	return number || host.p[0] == '[' ? STR("localhost") : host;
}

bool
mail_sender(struct arena *a, const struct config *c, struct mail_sender *out,
    const char **why)
{
	struct str host = mail_host(url_host(str_of(c->public_url)));
	struct str from = str_of(c->mail_from);

	*out = (struct mail_sender){
		.templates = { c->template_dir, PKGDATADIR "/templates",
		    NULL },
		.brand = c->name,
		.public_url = c->public_url,
	};
	if (from.n == 0)
		from = arena_fmt(a, "no-reply@%.*s", STR_FMT(host));
	if (!mail_address_parse(from, &out->name, &out->address)) {
		*why = "smtp.from is not an e-mail address";
		return false;
	}
	if (out->name.n == 0)
		out->name = str_of(c->name);
	out->host = mail_address_domain(out->address);
	return true;
}

static bool
is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

struct str
mail_greeting(struct str name)
{
	size_t points;

	if (!str_utf8(name, &points) || points == 0 || points > GREETING_MAX)
		return STR_NONE;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if ((unsigned char)c < 0x20 || c == 0x7f ||
		    strchr("/:@<>\"\\{}[]()!?$%&=", c) != NULL)
			return STR_NONE;
		/* "evil.example" is a link to many readers; "J. R." is not */
		if (c == '.' && i + 1 < name.n && is_word_byte(name.p[i + 1]))
			return STR_NONE;
	}
	return name;
}

/* "when" is RFC 3339 to the millisecond; people want a minute. */
static struct str
time_for_people(struct arena *a, struct str iso)
{
	int64_t wall_us;
	char text[48];
	struct tm tm;
	time_t t;

	if (!clock_parse_iso(iso, &wall_us))
		return iso;
	t = (time_t)(wall_us / CLOCK_SECOND);
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	return arena_str(a, str_of(text));
}

/* What templates see. The first of two equal names counts: ours. */
static cJSON *
values_of(struct arena *a, const struct mail_sender *s, struct str name,
    const cJSON *vars)
{
	cJSON *values = json_object();
	const cJSON *v;

	json_add_str(values, "brand", str_of(s->brand));
	json_add_str(values, "public_url", str_of(s->public_url));
	json_add_str(values, "name", mail_greeting(name));
	if (json_text(json_get(vars, "when")).n)
		json_add_str(values, "when",
		    time_for_people(a, json_text(json_get(vars, "when"))));
	if (cJSON_IsObject(vars))
		cJSON_ArrayForEach(v, vars)
			if (json_get(values, v->string) == NULL)
				json_add(values, v->string,
				    cJSON_Duplicate(v, true));
	return values;
}

static bool
parse(struct arena *a, struct str payload, const cJSON **out,
    const char **why)
{
	cJSON *v = NULL;

	*why = "the payload is not what a mail needs";
	if (json_parse(a, payload, PAYLOAD_DEPTH, &v, NULL) != E_OK)
		return false;
	*out = v;
	return cJSON_IsObject(v) && json_text(json_get(v, "template")).n &&
	    json_text(json_get(v, "to")).n;
}

bool
mail_compose(struct arena *a, const struct mail_sender *s, struct str id,
    int64_t created_at, struct str payload, struct mail *out,
    const char **why)
{
	const cJSON *p = NULL;
	struct mail_text text;
	struct mime_mail m;

	if (!parse(a, payload, &p, why))
		return false;
	out->template = json_text(json_get(p, "template"));
	out->to = json_text(json_get(p, "to"));
	if (!mail_template_render(a, &s->templates, out->template,
	    json_text(json_get(p, "language")),
	    values_of(a, s, json_text(json_get(p, "name")),
		json_get(p, "vars")), &text, why))
		return false;
	m = (struct mime_mail){ .id = id, .host = s->host,
		.date = created_at, .from_name = s->name,
		.from = s->address, .to = out->to, .subject = text.subject,
		.text = text.text, .html = text.html };
	return mime_build(a, &m, &out->message, why);
}
