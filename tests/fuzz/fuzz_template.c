/*
 * fuzz-sources: src/worker/message/template.c src/base/json/json.c
 * src/base/json/json_parse.c src/base/json/json_print.c src/base/arena.c src/base/memory.c
 * src/base/buf.c src/base/str.c src/base/clock.c src/base/clock_text.c
 * src/base/encoding.c src/base/log.c src/base/pid.c
 */
/* fuzz-libs: libcjson libsodium */
/*
 * Templates (row HT4): whatever the template is, a value never brings markup
 * into HTML or a line end into text and headers. The first byte chooses the
 * document.
 */
#include <stdlib.h>

#include "worker/message/template.h"

static const char values[] =
    "{\"a\":\"<b>\\\"'&\\r\\nBcc: x\",\"b\":[1,\"<i>\",{\"c\":\"\\n>\"}],"
    "\"c\":true,\"d\":{\"e\":{\"f\":\"<\\n\"}},\"n\":null,\"z\":0}";

static bool
partial(void *arg, struct str name, struct str *text)
{
	(void)arg;
	*text = str_eq(name, STR("p")) ? STR("{{a}}{{#b}}{{.}}{{/b}}") :
	    STR("{{> p}}{{> q}}");
	return str_eq(name, STR("p")) || str_eq(name, STR("q"));
}

static void
forbid(struct str template, struct str out, char c)
{
	if (str_find(template, c) == template.n && str_find(out, c) < out.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *a;
	struct str text = { (const char *)data + 1, n ? n - 1 : 0 }, out;
	enum template_kind kind;
	const char *why = NULL;
	cJSON *v = NULL;

	if (n == 0)
		return 0;
	if (a == NULL)
		a = arena_new((size_t)256 << 20);
	kind = (enum template_kind)(data[0] % 3);
	json_use(a);
	if (json_parse(a, str_of(values), 8, &v, NULL) != E_OK)
		abort();
	if (template_render(a, kind, text, v, partial, NULL, &out, &why)) {
		if (out.n > TEMPLATE_OUT_MAX)
			abort();
		if (kind == TEMPLATE_HTML) {
			forbid(text, out, '<');
			forbid(text, out, '"');
		}
		/* a raw value in a text may have lines of its own */
		if (kind != TEMPLATE_TEXT ||
		    (text.n && memmem(text.p, text.n, "{{{", 3) == NULL)) {
			forbid(text, out, '\n');
			forbid(text, out, '\r');
		}
	} else if (why == NULL) {
		abort();
	}
	arena_reset(a);
	return 0;
}
