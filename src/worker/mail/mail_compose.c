#include "worker/mail/mail_compose.h"

#include "base/email.h"
#include "base/text.h"

/* A domain that is not an IP address: those have no mailboxes by name. */
static struct str
mail_host(struct str host)
{
	bool number = true;

	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && !text_is_digit(host.p[i]))
			number = false;
	return number || host.p[0] == '[' ? STR("localhost") : host;
}

bool
mail_sender(struct arena *a, const struct config *c, struct mail_sender *out,
    const char **why)
{
	struct str host = mail_host(message_host(str_of(c->public_url)));
	struct str from = str_of(c->mail_from);

	*out = (struct mail_sender){ .source = message_source(c) };
	if (from.n == 0)
		from = arena_fmt(a, "no-reply@%.*s", STR_FMT(host));
	if (!email_parse(from, &out->name, &out->address)) {
		*why = "smtp.from is not an e-mail address";
		return false;
	}
	if (out->name.n == 0)
		out->name = str_of(c->name);
	out->host = email_domain(out->address);
	return true;
}

enum err
mail_compose(struct arena *a, const struct mail_sender *s, struct str id,
    int64_t created_at, struct str payload, struct mail *out,
    const char **why)
{
	struct message msg;
	struct mail_text text;
	struct mime_mail m;

	if (!message_read(a, &s->source, payload, &msg, why))
		return E_VALIDATION;
	out->template = msg.template;
	out->to = msg.to;
	if (!mail_template_render(a, &s->source.templates, msg.template,
	    msg.language, msg.values, &text, why))
		return E_UNAVAILABLE;
	m = (struct mime_mail){ .id = id, .host = s->host,
		.date = created_at, .from_name = s->name,
		.from = s->address, .to = out->to, .subject = text.subject,
		.text = text.text, .html = text.html };
	return mime_build(a, &m, &out->message, why) ? E_OK : E_VALIDATION;
}
