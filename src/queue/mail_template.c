#include "queue/mail_template.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

#define KEPT 64 /* files; what is beyond them is read */
#define DEFAULT_LANGUAGE "en"
#define ACCEPT_MAX 8 /* members of an Accept-Language that count */

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

/* In one language, or in none; no '/' and no '.': never out of its folder. */
static bool
read_one(const struct source *s, struct str language, struct str name,
    struct str *out)
{
	const char *dirs[] = { s->templates->override,
		s->templates->installed };
	const char *slash = language.n ? "/" : "";

	if (!is_word(name, 40) || (language.n && !is_word(language, 16)))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (dirs[i] && dirs[i][0] && read_file(s->arena,
		    arena_fmt(s->arena, "%s/mail/%.*s%s%.*s.%s", dirs[i],
			STR_FMT(language), slash, STR_FMT(name), s->suffix).p,
		    out))
			return true;
	return false;
}

static bool
find(const struct source *s, struct str language, struct str name,
    struct str *out)
{
	struct mail_template_cache *c = s->templates->cache;
	struct str key;

	if (c == NULL)
		return read_one(s, language, name, out);
	key = arena_fmt(s->arena, "%.*s/%.*s.%s", STR_FMT(language),
	    STR_FMT(name), s->suffix);
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->kept[i].key, key)) {
			*out = c->kept[i].text;
			return out->p != NULL;
		}
	if (!read_one(s, language, name, out))
		*out = STR_NONE;
	if (c->n < KEPT)
		c->kept[c->n++] = (struct found){ arena_str(c->arena, key),
			out->p ? arena_str(c->arena, *out) : STR_NONE };
	return out->p != NULL;
}

/* What is included may have no words, and then no language. */
static bool
partial(void *arg, struct str name, struct str *text)
{
	const struct source *s = arg;

	return (s->language.n && find(s, s->language, name, text)) ||
	    find(s, STR_NONE, name, text);
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

/* "q=0.25" as thousandths; what is no weight is 1. */
static int
weight_of(struct str s)
{
	int weight = 0, unit = 100;

	if (s.n < 3 || (s.p[0] | 0x20) != 'q' || s.p[1] != '=' ||
	    s.p[2] != '0')
		return 1000;
	for (size_t i = 4; i < s.n && unit && s.p[i] >= '0' && s.p[i] <= '9';
	    i++, unit /= 10)
		weight += (s.p[i] - '0') * unit;
	return weight;
}

/* The tag itself, its language, or English, which has no folder. */
static bool
choose(struct source *s, struct str name, struct str tag)
{
	struct str text, primary = arena_lower(s->arena,
	    str_slice(tag, 0, str_find(tag, '-')));

	if (tag.n && find(s, tag, name, &text)) {
		s->language = tag;
		return true;
	}
	if (primary.n && find(s, primary, name, &text)) {
		s->language = primary;
		return true;
	}
	return str_eq(primary, STR(DEFAULT_LANGUAGE));
}

/* The most preferred first; of equal ones the first. */
static void
choose_language(struct source *s, struct str name, struct str accept)
{
	struct str tags[ACCEPT_MAX], one;
	int weights[ACCEPT_MAX], n = 0;

	for (; n < ACCEPT_MAX && str_split(&accept, ',', &one); n++) {
		size_t end = str_find(one, ';');

		tags[n] = str_trim(str_slice(one, 0, end));
		weights[n] = weight_of(str_trim(str_slice(one,
		    end < one.n ? end + 1 : one.n, one.n)));
	}
	for (int left = n; left > 0; left--) {
		int best = 0;

		for (int i = 1; i < n; i++)
			if (weights[i] > weights[best])
				best = i;
		if (weights[best] <= 0 || choose(s, name, tags[best]))
			return;
		weights[best] = 0;
	}
}

bool
mail_template_render(struct arena *a, const struct mail_templates *t,
    struct str name, struct str accept, const cJSON *values,
    struct mail_text *out, const char **why)
{
	struct source s = { a, t, STR_NONE, "txt" };
	struct str text, subject;

	*out = (struct mail_text){ STR_NONE, STR_NONE, STR_NONE };
	cache_age(t->cache);
	choose_language(&s, name, accept);
	if (!find(&s, s.language, name, &text)) {
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
	return !find(&s, s.language, name, &text) ||
	    template_render(a, TEMPLATE_HTML, text, values, partial, &s,
	    &out->html, why);
}
