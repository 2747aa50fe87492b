#include "worker/sms/sms_request.h"

#include "base/encoding.h"
#include "base/json/json.h"
#include "worker/message/message.h"
#include "worker/sms/sms_template.h"

static bool
has_twilio(const struct config *c)
{
	return c->twilio_sid[0] && c->twilio_token[0] && c->twilio_from[0];
}

bool
sms_request_possible(const struct config *c)
{
	return has_twilio(c) || c->sms_http_url[0];
}

static struct str
form(struct arena *a, const char *name, struct str value)
{
	return arena_fmt(a, "%s=%.*s", name, STR_FMT(percent_encode(a,
	    value)));
}

/* POST …/2010-04-01/Accounts/{sid}/Messages.json with Basic and a form. */
static void
twilio(struct arena *a, const struct config *c, struct str to,
    struct str text, struct sms_request *out)
{
	struct str from = str_of(c->twilio_from);
	struct str pair = arena_fmt(a, "%s:%s", c->twilio_sid,
	    c->twilio_token);

	out->url = arena_fmt(a, "%s/2010-04-01/Accounts/%.*s/Messages.json",
	    c->twilio_url, STR_FMT(percent_encode(a,
	    str_of(c->twilio_sid)))).p;
	out->headers[0] = arena_fmt(a, "Authorization: Basic %s",
	    b64_encode(a, pair).p).p;
	out->headers[1] = "Content-Type: application/x-www-form-urlencoded";
	out->body = arena_fmt(a, "%s&%s&%s", form(a, "To", to).p,
	    form(a, str_starts(from, STR("MG")) ? "MessagingServiceSid" :
	    "From", from).p, form(a, "Body", text).p);
}

static void
generic(struct arena *a, const struct config *c, struct str id,
    struct str to, struct str text, struct sms_request *out)
{
	cJSON *o = json_object();
	int n = 0;

	json_add_str(o, "to", to);
	json_add_str(o, "text", text);
	out->url = c->sms_http_url;
	out->headers[n++] = "Content-Type: application/json";
	out->headers[n++] = arena_fmt(a, "Idempotency-Key: %.*s",
	    STR_FMT(id)).p;
	if (c->sms_http_token[0])
		out->headers[n++] = arena_fmt(a, "Authorization: Bearer %s",
		    c->sms_http_token).p;
	out->body = json_print(a, o);
}

enum err
sms_request_make(struct arena *a, const struct config *c, struct str id,
    struct str payload, struct sms_request *out, const char **why)
{
	const struct message_source source = message_source(c);
	struct message m;
	struct str text;

	*out = (struct sms_request){ 0 };
	json_use(a);
	if (!message_read(a, &source, payload, &m, why))
		return E_VALIDATION;
	if (!sms_template_render(a, &source.templates, m.template, m.language,
	    m.values, &text, why))
		return E_UNAVAILABLE;
	if (has_twilio(c))
		twilio(a, c, m.to, text, out);
	else
		generic(a, c, id, m.to, text, out);
	return E_OK;
}
