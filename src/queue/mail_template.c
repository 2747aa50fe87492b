#include "queue/mail_template.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

#define KEPT 64 /* files; what is beyond them is read */

struct source {
	struct arena *arena;
	const struct mail_templates *templates;
	struct str language;
	const char *suffix; /* "txt" or "html" */
};

/* What a lookup found, or that it found nothing. */
struct found {
	struct str key;
	struct str text; /* STR_NONE: no such file */
};

struct mail_template_cache {
	struct arena *arena;
	int64_t until; /* µs, monotonic */
	size_t n;
	struct found kept[KEPT];
};

struct mail_template_cache *
mail_template_cache_new(void)
{
	struct mail_template_cache *c = calloc(1, sizeof(*c));

	if (c)
		c->arena = arena_new(LIMIT_ARENA);
	return c;
}

void
mail_template_cache_free(struct mail_template_cache **cp)
{
	if (*cp == NULL)
		return;
	arena_free(&(*cp)->arena);
	free(*cp);
	*cp = NULL;
}

/* Forget what is old; between two mails, for their texts are borrowed. */
static void
cache_age(struct mail_template_cache *c)
{
	int64_t now = clock_mono();

	if (c == NULL || now < c->until)
		return;
	arena_reset(c->arena);
	c->n = 0;
	c->until = now + CLOCK_SECOND;
}

static bool
is_word(struct str s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		    (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' ||
		    s.p[i] == '_'))
			return false;
	return s.n > 0 && s.n <= max;
}

static bool
read_all(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, p + done, n - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool
read_file(struct arena *a, const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool ok = false;
	char *p;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    st.st_size <= (off_t)TEMPLATE_MAX) {
		p = arena_alloc(a, (size_t)st.st_size + 1);
		ok = read_all(fd, p, (size_t)st.st_size);
		*out = (struct str){ p, (size_t)st.st_size };
	}
	close(fd);
	return ok;
}

static bool
find_in(const struct source *s, struct str language, struct str name,
    struct str *out)
{
	const char *dirs[] = { s->templates->override,
		s->templates->installed };
	struct arena *a = s->arena;

	for (size_t i = 0; i < 2; i++) {
		const char *path;

		if (dirs[i] == NULL || dirs[i][0] == '\0')
			continue;
		path = language.n ?
		    arena_fmt(a, "%s/mail/%.*s/%.*s.%s", dirs[i],
			STR_FMT(language), STR_FMT(name), s->suffix).p :
		    arena_fmt(a, "%s/mail/%.*s.%s", dirs[i], STR_FMT(name),
			s->suffix).p;
		if (read_file(a, path, out))
			return true;
	}
	return false;
}

/* "de-AT", then "de", then no language. */
static bool
look_up(const struct source *s, struct str name, struct str *out)
{
	struct str language = s->language;

	/* No '/' and no '.': a name never leaves its directory. */
	if (!is_word(name, 40))
		return false;
	if (is_word(language, 16)) {
		if (find_in(s, language, name, out))
			return true;
		language = str_slice(language, 0, str_find(language, '-'));
		if (language.n && find_in(s, language, name, out))
			return true;
	}
	return find_in(s, STR_NONE, name, out);
}

static bool
find_file(const struct source *s, struct str name, struct str *out)
{
	struct mail_template_cache *c = s->templates->cache;
	struct str key;

	if (c == NULL)
		return look_up(s, name, out);
	key = arena_fmt(s->arena, "%.*s/%.*s.%s", STR_FMT(s->language),
	    STR_FMT(name), s->suffix);
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->kept[i].key, key)) {
			*out = c->kept[i].text;
			return out->p != NULL;
		}
	if (!look_up(s, name, out))
		*out = STR_NONE;
	if (c->n < KEPT)
		c->kept[c->n++] = (struct found){ arena_str(c->arena, key),
			out->p ? arena_str(c->arena, *out) : STR_NONE };
	return out->p != NULL;
}

static bool
partial(void *arg, struct str name, struct str *text)
{
	return find_file(arg, name, text);
}

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
mail_template_render(struct arena *a, const struct mail_templates *t,
    struct str name, struct str language, const cJSON *values,
    struct mail_text *out, const char **why)
{
	struct source s = { a, t, language, "txt" };
	struct str text, subject;

	*out = (struct mail_text){ STR_NONE, STR_NONE, STR_NONE };
	cache_age(t->cache);
	if (!find_file(&s, name, &text)) {
		*why = "no such template";
		return false;
	}
	if (!take_subject(&text, &subject)) {
		*why = "the template's first line is no Subject";
		return false;
	}
	if (!template_render(a, TEMPLATE_HEADER, subject, values, partial, &s,
		&out->subject, why) ||
	    !template_render(a, TEMPLATE_TEXT, text, values, partial, &s,
		&out->text, why))
		return false;
	s.suffix = "html";
	return !find_file(&s, name, &text) ||
	    template_render(a, TEMPLATE_HTML, text, values, partial, &s,
	    &out->html, why);
}
