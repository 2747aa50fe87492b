#include "worker/sms/sms_template.h"

/* The alphabet, and what is reached by its escape. */
#define GSM "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" \
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
#define GSM_ESCAPED "\f^{}\\[~]|€"

bool
sms_template_render(struct arena *a, const struct template_dir *dir,
    struct str name, struct str accept, cJSON *values, struct str *out,
    const char **why)
{
	struct template_source s = { a, dir, "sms", "txt", STR_NONE };
	struct str text;

	if (!template_dir_open(&s, name, accept, &text)) {
		*why = "no such template";
		return false;
	}
	if (!template_dir_times(&s, values, why) ||
	    !template_dir_render(&s, TEMPLATE_TEXT, text, values, out, why))
		return false;
	while (out->n && strchr(" \t\r\n", out->p[out->n - 1]))
		out->n--;
	*why = "the text is empty";
	return out->n > 0;
}

/* The first character of s, by its first byte; what is no UTF-8 is one too. */
static struct str
first(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];

	return str_slice(s, 0, c < 0xc0 || c >= 0xf8 ? 1 : c < 0xe0 ? 2 :
	    c < 0xf0 ? 3 : 4);
}

static bool
in(const char *alphabet, struct str c)
{
	return memmem(alphabet, strlen(alphabet), c.p, c.n) != NULL;
}

struct sms_size
sms_template_size(struct str text)
{
	size_t gsm = 0, utf16 = 0, one = 160, part = 153;
	struct str c;

	for (; text.n; text = str_slice(text, c.n, text.n)) {
		c = first(text);
		gsm += in(GSM_ESCAPED, c) ? 2 : 1;
		utf16 += c.n == 4 ? 2 : 1;
		if (!in(GSM, c) && !in(GSM_ESCAPED, c)) {
			one = 70;
			part = 67;
		}
	}
	gsm = one == 70 ? utf16 : gsm;
	return (struct sms_size){ gsm, gsm <= one ? 1 :
	    (gsm + part - 1) / part };
}
