#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sodium.h>

#include "base/encoding.h"
#include "base/text.h"
#include "config/config_private.h"

#define KEY_BYTES 32 /* security row JW4 */

/*
 * The letters and digits, in lower case, of values that manuals print; a secret
 * that holds one anywhere is a sample. They are too long to occur in a random
 * secret.
 */
static const char *const samples[] = {
	"changethis", "changeme", "changeit", "yoursupersecret", "yoursecret",
	"yourjwtsecret", "yourclientsecret", "youraccesskey", "supersecret",
	"secretjwtkey", "secretkeyhere", "jwtsecretkey", "entativapassword",
	"64charsecret", "replacethis", "replaceme", "insertsecret",
	"placeholder", "mysecretkey", "examplesecret", "secretsecret",
	"passwordpassword", "correcthorsebattery",
};

static bool
is_sample(struct str v)
{
	char plain[256];
	size_t n = 0;
	bool hit = false;

	for (size_t i = 0; i < v.n && n < sizeof(plain) - 1; i++) {
		char c = text_lower(v.p[i]);

		if (text_is_alnum(c))
			plain[n++] = c;
	}
	plain[n] = '\0';
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		hit |= strstr(plain, samples[i]) != NULL;
	sodium_memzero(plain, sizeof(plain));
	return hit;
}

/* The smallest period of v: the length of the piece that it repeats. */
static size_t
period(struct str v)
{
	for (size_t p = 1; p < v.n; p++)
		if (memcmp(v.p, v.p + p, v.n - p) == 0)
			return p;
	return v.n;
}

/* Has v few different bytes, or mostly even steps (abcdef, 111111)? */
static bool
is_monotonous(struct str v)
{
	bool seen[256] = { false };
	size_t distinct = 0, even = 0;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		distinct += !seen[c];
		seen[c] = true;
		if (i >= 2)
			even += v.p[i] - v.p[i - 1] == v.p[i - 1] - v.p[i - 2];
	}
	return distinct < 8 || even > v.n / 2;
}

static const char *
key_fault(struct str v)
{
	if (is_sample(v))
		return "is a sample from a manual; make one of your own, for "
		    "example with: openssl rand -hex 32";
	if (v.n < KEY_BYTES)
		return "is shorter than 32 bytes; make one with: "
		    "openssl rand -hex 32";
	if (period(v) < KEY_BYTES || is_monotonous(v))
		return "can be guessed: it repeats itself; make one with: "
		    "openssl rand -hex 32";
	return NULL;
}

/* "version:base64 of 32 bytes". */
static const char *
sealing_fault(struct arena *a, struct str v)
{
	static const char must[] = "must hold version:base64 of 32 bytes, "
	    "with versions from 1 to 255";
	size_t at = str_find(v, ':');
	struct str bytes;
	long long version;

	if (at == v.n || !str_to_int(str_slice(v, 0, at), 1, 255, &version) ||
	    !b64_decode(a, str_slice(v, at + 1, v.n), &bytes) ||
	    bytes.n != KEY_BYTES)
		return must;
	/* Of 32 random bytes one may repeat by chance, but never eight. */
	return period(bytes) < KEY_BYTES / 2 || is_monotonous(bytes) ?
	    "can be guessed; make one with: openssl rand -base64 32" : NULL;
}

/* The next piece of a secret that may hold several. */
static bool
next_secret(struct str *rest, struct str *piece)
{
	size_t end;

	while (rest->n && strchr(", \t\r\n", rest->p[0]))
		*rest = str_slice(*rest, 1, rest->n);
	for (end = 0; end < rest->n && !strchr(", \t\r\n", rest->p[end]);)
		end++;
	*piece = str_slice(*rest, 0, end);
	*rest = str_slice(*rest, end, rest->n);
	return piece->n > 0;
}

/* Is v in quotes that a shell or file format should have removed? */
static bool
is_quoted(struct str v)
{
	static const char *const pairs[][2] = { { "\"", "\"" }, { "'", "'" },
		{ "`", "`" }, { "\u201c", "\u201d" }, { "\u2018", "\u2019" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct str open = str_of(pairs[i][0]);
		struct str close = str_of(pairs[i][1]);

		if (v.n >= open.n + close.n && str_starts(v, open) &&
		    str_ends(v, close))
			return true;
	}
	return false;
}

static const char *
fault_of_writing(struct str v)
{
	if (is_quoted(v))
		return "stands in quotes; write it without them";
	/* Other white space is a control character, refused everywhere. */
	if (str_ends(v, STR(" ")) || str_ends(v, STR("\u00a0")))
		return "ends in white space; write it without";
	return NULL;
}

static config_conninfo_fn *judge_conninfo;

void
config_use_conninfo(config_conninfo_fn *judge)
{
	judge_conninfo = judge;
}

static const char *
fault_of(struct config_all *all, const char *rule, struct str v)
{
	bool several = strcmp(rule, "<keys>") == 0 ||
	    strcmp(rule, "<sealing>") == 0;
	struct str rest = v, piece;
	/* White space separates the pieces, so no piece ends in it. */
	const char *fault = fault_of_writing(several ? str_trim(v) : v);

	while (several && fault == NULL && next_secret(&rest, &piece))
		fault = fault_of_writing(piece);
	if (fault)
		return fault;
	if (strcmp(rule, "<conninfo>") == 0)
		return judge_conninfo ? judge_conninfo(v.p) : NULL;
	if (strcmp(rule, "<key>") == 0)
		return key_fault(v);
	if (strcmp(rule, "<keys>") == 0)
		while (fault == NULL && next_secret(&v, &piece))
			fault = key_fault(piece);
	if (strcmp(rule, "<sealing>") == 0)
		while (fault == NULL && next_secret(&v, &piece))
			fault = sealing_fault(all->arena, piece);
	/* Others may choose short passwords, but not a manual's sample. */
	if (strcmp(rule, "<password>") == 0 && is_sample(v) &&
	    strcmp(all->c.environment, "production") == 0)
		return "is a sample from a manual";
	return fault;
}

static struct str
value(struct config_all *all, size_t row)
{
	return str_of(config_rows[row].kind == CONFIG_SECRET ?
	    all->given[row].text : NULL);
}

/* Do a and b share a piece? */
static bool
overlap(struct str a, struct str b)
{
	struct str x, y, rest;

	if (str_eq(a, b))
		return true;
	while (next_secret(&a, &x))
		for (rest = b; next_secret(&rest, &y);)
			if (str_eq(x, y))
				return true;
	return false;
}

/* Two conninfo settings may be equal. */
static bool
is_conninfo(size_t row)
{
	return strcmp(config_rows[row].rule, "<conninfo>") == 0;
}

/* If one secret had two purposes, its leak would open both (row CF1). */
static void
check_equal(struct config_all *all, size_t row)
{
	struct str v = value(all, row), w;

	for (size_t i = row + 1; i < CONFIG_ROWS; i++) {
		if (is_conninfo(i))
			continue;
		w = value(all, i);
		if (w.n && overlap(v, w))
			config_fault(all, "%s and %s are the same secret; "
			    "each needs its own", config_subject(all, row),
			    config_subject(all, i));
	}
}

void
config_secrets(struct config_all *all)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		struct str v = value(all, i);
		const char *fault;

		if (v.n == 0)
			continue;
		fault = fault_of(all, config_rows[i].rule, v);
		if (fault)
			config_fault(all, "%s %s", config_subject(all, i),
			    fault);
		if (!is_conninfo(i))
			check_equal(all, i);
	}
	if (all->c.jwt_secret[0] || (all->c.sealing_keys[0] &&
	    strcmp(all->c.jwt_algorithm, "EdDSA") == 0))
		return;
	config_fault(all, "jwt.secret is not set, neither by JWT_SECRET nor in "
	    "%s; make one with: openssl rand -hex 32", all->looked);
}

/* Wipe the value where the kernel shows it (/proc), then unset the name. */
static void
scrub(const char *name)
{
	char *text = getenv(name);

	if (text == NULL)
		return;
	sodium_memzero(text, strlen(text));
	unsetenv(name);
}

void
config_scrub(void)
{
	for (size_t i = 0; i < CONFIG_ROWS; i++) {
		struct config_name n = { .rest = config_rows[i].env };

		while (config_rows[i].kind == CONFIG_SECRET &&
		    config_name_next(&n))
			scrub(n.text);
	}
}

static size_t
read_secret_file(int fd, char *p, size_t room)
{
	size_t n = 0;
	ssize_t got;

	while (n < room) {
		got = read(fd, p + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n;
}

/*
 * Docker, Kubernetes and systemd put secrets here. All users may read them,
 * but the container or unit has no other users.
 */
static bool
is_mount_of_secrets(int fd, const char *path)
{
	struct statvfs fs;

	return strncmp(path, "/run/secrets/", 13) == 0 ||
	    strncmp(path, "/var/run/secrets/", 17) == 0 ||
	    (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY));
}

static enum config_reach
reach_of(int fd, const char *path, const struct stat *st)
{
	/* Nobody else can read our pipe or terminal. */
	if (!S_ISREG(st->st_mode))
		return CONFIG_OWN;
	if (st->st_mode & S_IWOTH)
		return CONFIG_WRITABLE;
	if (!(st->st_mode & S_IROTH))
		return CONFIG_OWN;
	return is_mount_of_secrets(fd, path) ? CONFIG_MOUNTED :
	    CONFIG_READABLE;
}

struct str
config_read_file(struct arena *a, const char *path, size_t max,
    enum config_reach *reach, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct str text = STR("");
	struct stat st;
	char *p;

	*reach = CONFIG_OWN;
	if (fd < 0 || fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		*why = arena_fmt(a, "cannot be read: %s",
		    strerror(fd < 0 ? errno : EISDIR)).p;
		if (fd >= 0)
			close(fd);
		return STR_NONE;
	}
	*reach = reach_of(fd, path, &st);
	p = arena_alloc(a, max + 2);
	text = (struct str){ p, read_secret_file(fd, p, max + 1) };
	close(fd);
	p[text.n] = '\0';
	if (text.n > max)
		*why = "is too long";
	/* Skip the UTF-8 byte order mark that some editors write. */
	return str_starts(text, STR("\ufeff")) ?
	    str_slice(text, 3, text.n) : text;
}
