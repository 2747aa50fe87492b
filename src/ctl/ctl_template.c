#include <stdio.h>

#include "ctl/ctl.h"
#include "worker/mail/mail_template.h"
#include "worker/message/message.h"
#include "worker/sms/sms_template.h"

static struct {
	const char *language;
	struct ctl_texts vars;
	bool html;
	bool sms;
} preview;

static const struct ctl_option preview_options[] = {
	{ "language", CTL_TEXT, &preview.language,
	    "a tag such as de, or an Accept-Language" },
	{ "var", CTL_TEXTS, &preview.vars,
	    "NAME=VALUE instead of the sample; an empty value is false" },
	{ "html", CTL_FLAG, &preview.html, "the HTML part, not the text" },
	{ "sms", CTL_FLAG, &preview.sms, "an SMS, and what it costs" },
	{ 0 },
};

/* Something for every variable of templates/README.md. */
static cJSON *
samples(struct ctl *c, const struct message_source *source)
{
	static const char *const text[][2] = {
		{ "code", "123456" }, { "minutes", "10" },
		{ "hours", "24" }, { "token", "SAMPLE-TOKEN" },
		{ "when", "2026-01-02T03:04:05.678Z" },
		{ "until", "2026-01-09T03:04:05.678Z" },
		{ "ip", "192.0.2.7" }, { "user_agent", "Firefox on Linux" },
		{ "new_email", "a…@example.com" },
		{ "url", "https://app.example.com/hook" },
		{ "reason", "the endpoint failed for five days" },
	};
	cJSON *o = message_values(source, STR("Ada"), NULL);

	json_add_str(o, "link", arena_fmt(c->arena,
	    "%s/sample?token=SAMPLE-TOKEN", c->config->public_url));
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		json_add_str(o, text[i][0], str_of(text[i][1]));
	return o;
}

/* --var NAME=VALUE; false without '='. */
static bool
set_vars(struct ctl *c, cJSON *o)
{
	for (size_t i = 0; i < preview.vars.n; i++) {
		struct str s = str_of(preview.vars.text[i]);
		size_t eq = str_find(s, '=');
		const char *name = arena_cstr(c->arena, str_slice(s, 0, eq));

		if (eq == 0 || eq == s.n)
			return false;
		cJSON_DeleteItemFromObjectCaseSensitive(o, name);
		if (eq + 1 == s.n)
			json_add_bool(o, name, false);
		else
			json_add_str(o, name, str_slice(s, eq + 1, s.n));
	}
	return true;
}

static int
show_mail(struct ctl *c, const struct mail_text *mail)
{
	cJSON *answer = json_object();

	if (!c->json && preview.html)
		return printf("%.*s", STR_FMT(mail->html)) < 0 ? CTL_FAILED :
		    CTL_OK;
	if (!c->json)
		return printf("Subject: %.*s\n\n%.*s", STR_FMT(mail->subject),
		    STR_FMT(mail->text)) < 0 ? CTL_FAILED : CTL_OK;
	json_add_str(answer, "subject", mail->subject);
	json_add_str(answer, "text", mail->text);
	json_add_str(answer, "html", mail->html);
	return ctl_print(c, answer);
}

static int
show_sms(struct ctl *c, struct str text)
{
	struct sms_size size = sms_template_size(text);
	cJSON *answer = json_object();

	if (!c->json)
		return printf("Parts: %zu (%zu characters)\n\n%.*s\n",
		    size.parts, size.characters, STR_FMT(text)) < 0 ?
		    CTL_FAILED : CTL_OK;
	json_add_str(answer, "text", text);
	json_add_int(answer, "characters", (int64_t)size.characters);
	json_add_int(answer, "parts", (int64_t)size.parts);
	return ctl_print(c, answer);
}

static int
run_preview(struct ctl *c)
{
	const struct message_source source = message_source(c->config);
	struct str name = str_of(c->args[0]), sms;
	struct str language = str_of(preview.language);
	cJSON *values = samples(c, &source);
	struct mail_text mail;
	const char *why = "";

	if (!set_vars(c, values))
		return ctl_fail(E_VALIDATION, "--var wants NAME=VALUE");
	if (preview.sms && preview.html)
		return ctl_fail(E_VALIDATION, "an SMS has no HTML part");
	if (preview.sms ? sms_template_render(c->arena, &source.templates,
	    name, language, values, &sms, &why) :
	    mail_template_render(c->arena, &source.templates, name, language,
	    values, &mail, &why))
		return preview.sms ? show_sms(c, sms) : show_mail(c, &mail);
	return ctl_fail(E_NOT_FOUND, "%s: %s", c->args[0], why);
}

const struct ctl_command ctl_templates[] = {
	{ "template preview", "NAME", 1, 1, CTL_NEEDS_CONFIG,
	    preview_options, run_preview,
	    "A mail or SMS as it would be sent, with sample values" },
	{ 0 },
};
