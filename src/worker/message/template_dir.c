#include "worker/message/template_dir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/clock_text.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define KEPT 64 /* files; what is beyond them is read */
#define DEFAULT_LANGUAGE "en"
#define ACCEPT_MAX 8 /* members of an Accept-Language that count */

/* What a lookup found, or that it found nothing. */
struct found {
	struct str key;
	struct str text; /* STR_NONE: no such file */
};

struct template_cache {
	struct arena *arena;
	int64_t until; /* µs, monotonic */
	size_t n;
	struct found kept[KEPT];
};

struct template_cache *
template_dir_cache_new(void)
{
	struct template_cache *c = memory_new("templates", 1, sizeof(*c));

	c->arena = arena_new(LIMIT_ARENA);
	return c;
}

void
template_dir_cache_free(struct template_cache **cp)
{
	if (*cp == NULL)
		return;
	arena_free(&(*cp)->arena);
	free(*cp);
	*cp = NULL;
}

/* Forget what is old; between two messages, for texts are borrowed. */
static void
cache_age(struct template_cache *c)
{
	int64_t now = clock_mono();

	if (c == NULL || now < c->until)
		return;
	arena_reset(c->arena);
	c->n = 0;
	c->until = now + CLOCK_SECOND;
}

static bool
is_template_word(struct str s, size_t max)
{
	return s.n > 0 && s.n <= max && text_only(s, "-_");
}

static bool
read_template(int fd, char *p, size_t n)
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
		ok = read_template(fd, p, (size_t)st.st_size);
		*out = (struct str){ p, (size_t)st.st_size };
	}
	close(fd);
	return ok;
}

/* In one language, or in none; no '/' and no '.': never out of its folder. */
static bool
read_in_language(const struct template_source *s, struct str language,
    struct str name,
    struct str *out)
{
	const char *dirs[] = { s->dir->override, s->dir->installed };
	const char *slash = language.n ? "/" : "";

	if (!is_template_word(name, 40) ||
	    (language.n && !is_template_word(language, 16)))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (dirs[i] && dirs[i][0] && read_file(s->arena,
		    arena_fmt(s->arena, "%s/%s/%.*s%s%.*s.%s", dirs[i],
			s->folder, STR_FMT(language), slash, STR_FMT(name),
			s->suffix).p, out))
			return true;
	return false;
}

static bool
find_source(const struct template_source *s, struct str language,
    struct str name,
    struct str *out)
{
	struct template_cache *c = s->dir->cache;
	struct str key;

	if (c == NULL)
		return read_in_language(s, language, name, out);
	key = arena_fmt(s->arena, "%s/%.*s/%.*s.%s", s->folder,
	    STR_FMT(language), STR_FMT(name), s->suffix);
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->kept[i].key, key)) {
			*out = c->kept[i].text;
			return out->p != NULL;
		}
	if (!read_in_language(s, language, name, out))
		*out = STR_NONE;
	if (c->n < KEPT)
		c->kept[c->n++] = (struct found){ arena_str(c->arena, key),
			arena_str(c->arena, *out) };
	return out->p != NULL;
}

/* What is included may have no words, and then no language. */
static bool
partial(void *arg, struct str name, struct str *text)
{
	const struct template_source *s = arg;

	return (s->language.n && find_source(s, s->language, name, text)) ||
	    find_source(s, STR_NONE, name, text);
}

/* "q=0.25" as thousandths; what is no weight is 1. */
static int
weight_of(struct str s)
{
	int weight = 0, unit = 100;

	if (s.n < 3 || (s.p[0] | 0x20) != 'q' || s.p[1] != '=' ||
	    s.p[2] != '0')
		return 1000;
	for (size_t i = 4; i < s.n && unit && text_is_digit(s.p[i]);
	    i++, unit /= 10)
		weight += (s.p[i] - '0') * unit;
	return weight;
}

/* The tag itself, its language, or English, which has no folder. */
static bool
choose(struct template_source *s, struct str name, struct str tag)
{
	struct str text, primary = arena_lower(s->arena,
	    str_slice(tag, 0, str_find(tag, '-')));

	if (tag.n && find_source(s, tag, name, &text)) {
		s->language = tag;
		return true;
	}
	if (primary.n && find_source(s, primary, name, &text)) {
		s->language = primary;
		return true;
	}
	return str_eq(primary, STR(DEFAULT_LANGUAGE));
}

/* The most preferred first; of equal ones the first. */
static void
choose_language(struct template_source *s, struct str name, struct str accept)
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
template_dir_open(struct template_source *s, struct str name,
    struct str accept, struct str *text)
{
	cache_age(s->dir->cache);
	s->language = STR_NONE;
	choose_language(s, name, accept);
	return find_source(s, s->language, name, text);
}

bool
template_dir_find(const struct template_source *s, struct str name,
    struct str *text)
{
	return find_source(s, s->language, name, text);
}

bool
template_dir_render(const struct template_source *s, enum template_kind kind,
    struct str text, const cJSON *values, struct str *out, const char **why)
{
	struct template_source source = *s;

	return template_render(s->arena, kind, text, values, partial, &source,
	    out, why);
}

/* Of RFC 3339 in UTC, as clock_iso has it; with their zeros. */
static cJSON *
parts_of(struct str iso)
{
	static const struct {
		const char *name;
		size_t from, to;
	} parts[] = { { "year", 0, 4 }, { "month", 5, 7 }, { "day", 8, 10 },
		{ "hour", 11, 13 }, { "minute", 14, 16 } };
	cJSON *o = json_object();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_add_str(o, parts[i].name, str_slice(iso, parts[i].from,
		    parts[i].to));
	return o;
}

bool
template_dir_times(const struct template_source *s, cJSON *values,
    const char **why)
{
	static const char *const times[] = { "when", "until" };
	struct template_source words = *s;
	struct str text, said;
	int64_t wall_us;

	words.suffix = "txt";
	if (!partial(&words, STR("_time"), &text))
		return true;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!clock_parse_iso(json_text(json_get(values, times[i])),
		    &wall_us))
			continue;
		if (!template_dir_render(&words, TEMPLATE_TEXT, text,
		    parts_of(clock_iso(s->arena, wall_us)), &said, why))
			return false;
		cJSON_ReplaceItemInObjectCaseSensitive(values, times[i],
		    json_str(str_slice(said, 0, str_find(said, '\n'))));
	}
	return true;
}
