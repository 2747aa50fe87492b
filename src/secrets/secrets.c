#include "secrets/secrets.h"

struct str
secrets_asked(const struct secrets *s, const char *key)
{
	struct str rest = s->question, line, name = str_of(key);

	while (str_split(&rest, '\n', &line))
		if (str_starts(line, name) && line.n > name.n &&
		    line.p[name.n] == '=')
			return str_slice(line, name.n + 1, line.n);
	return STR("");
}

const char *
secrets_asked_text(const struct secrets *s, const char *key)
{
	return arena_cstr(s->arena, secrets_asked(s, key));
}

enum secrets_end
secrets_fail(struct secrets *s, enum secrets_end end, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->why = arena_vfmt(s->arena, fmt, ap).p;
	va_end(ap);
	return end;
}
