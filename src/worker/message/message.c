#include "worker/message/message.h"

#include "base/place.h"
#include "base/text.h"

#define PAYLOAD_DEPTH 8
#define GREETING_MAX 40 /* code points */

struct message_source
message_source(const struct config *c)
{
	return (struct message_source){
		.templates = { c->template_dir, PKGDATADIR "/templates",
		    NULL },
		.brand = c->name,
		.public_url = c->public_url,
	};
}

struct str
message_host(struct str url)
{
	const char *scheme = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
	struct str s = scheme ? str_slice(url, (size_t)(scheme - url.p) + 3,
	    url.n) : url;

	s = str_slice(s, 0, str_find(s, '/'));
	if (str_starts(s, STR("[")))
		return str_slice(s, 0, str_find(s, ']') + 1);
	return str_slice(s, 0, str_find(s, ':'));
}

static bool
is_word_byte(char c)
{
	return text_is_alnum(c) || (unsigned char)c >= 0x80;
}

struct str
message_greeting(struct str name)
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

/* The first of two equal names counts: ours. */
cJSON *
message_values(const struct message_source *s, struct str name,
    const cJSON *vars)
{
	cJSON *values = json_object();
	const cJSON *v;

	json_add_str(values, "brand", str_of(s->brand));
	json_add_str(values, "public_url", str_of(s->public_url));
	json_add_str(values, "host", message_host(str_of(s->public_url)));
	json_add_str(values, "name", message_greeting(name));
	if (cJSON_IsObject(vars))
		cJSON_ArrayForEach(v, vars)
			if (json_get(values, v->string) == NULL)
				json_add(values, v->string,
				    cJSON_Duplicate(v, true));
	return values;
}

bool
message_read(struct arena *a, const struct message_source *s,
    struct str payload, struct message *out, const char **why)
{
	cJSON *p = NULL;

	*why = "the payload is no message";
	if (json_parse(a, payload, PAYLOAD_DEPTH, &p, NULL) != E_OK ||
	    !cJSON_IsObject(p))
		return false;
	*out = (struct message){
		.template = json_text(json_get(p, "template")),
		.to = json_text(json_get(p, "to")),
		.language = json_text(json_get(p, "language")),
		.values = message_values(s, json_text(json_get(p, "name")),
		    json_get(p, "vars")),
	};
	return out->template.n > 0 && out->to.n > 0;
}
