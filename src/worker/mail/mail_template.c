#include "worker/mail/mail_template.h"

/* The first line without "Subject:"; *text moves behind it. */
static bool
take_subject(struct str *text, struct str *subject)
{
	const struct str mark = STR("Subject:");
	size_t end = str_find(*text, '\n');

	if (!str_starts(*text, mark) || end == text->n)
		return false;
	*subject = str_trim(str_slice(*text, mark.n, end));
	if (str_ends(*subject, STR("\r")))
		*subject = str_slice(*subject, 0, subject->n - 1);
	*text = str_slice(*text, end + 1, text->n);
	while (text->n && (text->p[0] == '\n' || text->p[0] == '\r'))
		*text = str_slice(*text, 1, text->n);
	return true;
}

bool
mail_template_render(struct arena *a, const struct template_dir *dir,
    struct str name, struct str accept, cJSON *values, struct mail_text *out,
    const char **why)
{
	struct template_source s = { a, dir, "mail", "txt", STR_NONE };
	struct str text, subject;

	*out = (struct mail_text){ STR_NONE, STR_NONE, STR_NONE };
	if (!template_dir_open(&s, name, accept, &text)) {
		*why = "no such template";
		return false;
	}
	if (!take_subject(&text, &subject)) {
		*why = "the template's first line is no Subject";
		return false;
	}
	if (!template_dir_times(&s, values, why) ||
	    !template_dir_render(&s, TEMPLATE_HEADER, subject, values,
		&out->subject, why) ||
	    !template_dir_render(&s, TEMPLATE_TEXT, text, values, &out->text,
		why))
		return false;
	s.suffix = "html";
	return !template_dir_find(&s, name, &text) ||
	    template_dir_render(&s, TEMPLATE_HTML, text, values, &out->html,
	    why);
}
