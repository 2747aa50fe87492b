#include "http/field.h"

#include "base/clock.h"
#include "base/email.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/unicode.h"
#include "http/spelling.h"

#define CODE_MAX 64
#define URL_MAX 2048
#define TEXTS_MAX 64
#define TEXTS_BYTES 512

/* The row's own bound, or else the type's. */
static long long
max_of(const struct field *row, long long dflt)
{
	return row->max > 0 ? row->max : dflt;
}

static const char *
check_length(struct arena *a, const struct field *row, struct str s,
    long long max, const char *unit)
{
	size_t points = 0;

	str_utf8(s, &points);
	if ((long long)points < row->min && row->min == max)
		return arena_fmt(a, "must be exactly %lld %s", max, unit).p;
	if ((long long)points < row->min)
		return arena_fmt(a, "must be at least %lld %s", row->min,
		    unit).p;
	if (max > 0 && (long long)points > max)
		return arena_fmt(a, row->min == max ?
		    "must be exactly %lld %s" : "must be at most %lld %s",
		    max, unit).p;
	return NULL;
}

/* Does ok accept every byte of s? */
static bool
all_bytes(struct str s, bool (*ok)(char))
{
	for (size_t i = 0; i < s.n; i++)
		if (!ok(s.p[i]))
			return false;
	return true;
}

static bool
is_visible(char c)
{
	return c > 0x20 && c < 0x7f;
}

static const char *
read_text(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	return check_length(a, row, out->text, row->max, "characters");
}

/* C0, DEL and C1, as UTF-8. */
static bool
text_has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < s.n &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static const char *
read_name_field(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	if (text_has_control(out->text))
		return "must not contain control characters";
	return check_length(a, row, out->text, max_of(row, LIMIT_NAME),
	    "characters");
}

/* An address with its domain in A-form; s itself where there is none. */
static struct str
a_form(struct arena *a, struct str s)
{
	size_t at = str_find(s, '@');
	struct str host;

	if (at == s.n || !unicode_host(a, str_slice(s, at + 1, s.n), &host))
		return s;
	return arena_fmt(a, "%.*s@%.*s", (int)at, s.p, STR_FMT(host));
}

static const char *
read_email(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	struct str s = a_form(a, out->text);

	(void)row;
	(void)v;
	if (!email_is_public(s))
		return "must be a valid e-mail address";
	out->text = arena_lower(a, s);
	return NULL;
}

static bool
one_of(struct str s, const char *const *words)
{
	while (*words && !str_eq_nocase(s, str_of(*words)))
		words++;
	return *words != NULL;
}

/* What programs write for no name, and "me", the caller in a route. */
static const char *const no_names[] = { "null", "undefined", "me", NULL };

/*
 * Words of the routes and roles: an account named so looks like the service.
 * "admin" is not here: the first account of many applications is called so.
 */
static const char *const route_words[] = { "administrator", "super_admin",
	"superadmin", "api", "api-keys", "audit-logs", "auth", "health",
	"login", "logout", "mfa", "2fa", "permissions", "register", "roles",
	"sessions", "user-management", "users", "webhooks", NULL };

static const char *
read_username_given(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	struct str s = out->text;
	size_t i = 0;

	(void)v;
	if (!text_only(s, "_.-"))
		return "must contain only letters, digits, '_', '.' and '-'";
	while (i < s.n && !text_is_alnum(s.p[i]))
		i++;
	if (i == s.n)
		return "must contain a letter or a digit";
	if (one_of(s, no_names))
		return "must be a name";
	return check_length(a, row, s, max_of(row, LIMIT_USERNAME),
	    "characters");
}

static const char *
read_login(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	out->text = a_form(a, out->text);
	return check_length(a, row, out->text, max_of(row, LIMIT_EMAIL),
	    "characters");
}

static const char *
read_username_field(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	if (out->text.n == 1 && text_is_alnum(out->text.p[0]))
		return "must be at least 2 characters";
	if (one_of(out->text, route_words))
		return "is a word of this service; please choose another";
	return read_username_given(a, row, v, out);
}

static const char *
read_password_field(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	if (out->text.n > LIMIT_PASSWORD_BYTES)
		return arena_fmt(a, "must be at most %d bytes",
		    LIMIT_PASSWORD_BYTES).p;
	return check_length(a, row, out->text, row->max, "characters");
}

static const char *
read_digits(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	if (!text_digits(out->text))
		return "must contain only digits";
	return check_length(a, row, out->text, max_of(row, CODE_MAX),
	    "digits");
}

static const char *
read_code_field(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	if (!text_only(out->text, ""))
		return "must contain only letters and digits";
	return check_length(a, row, out->text, max_of(row, CODE_MAX),
	    "characters");
}

static const char *
read_token(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)v;
	if (!all_bytes(out->text, is_visible))
		return "is not a valid token";
	return check_length(a, row, out->text, max_of(row, LIMIT_JWT),
	    "characters");
}

static const char *
read_url(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	struct str s = out->text, host;

	(void)v;
	if (!all_bytes(s, is_visible))
		return "must be a URL of ASCII without blanks, with an "
		    "international host in its form xn--";
	if (str_eq_nocase(str_slice(s, 0, 8), STR("https://")))
		host = str_slice(s, 8, s.n);
	else if (str_eq_nocase(str_slice(s, 0, 7), STR("http://")))
		host = str_slice(s, 7, s.n);
	else
		return "must begin with https:// or http://";
	if (host.n == 0 || !(text_is_alnum(host.p[0]) || host.p[0] == '['))
		return "must have a host behind ://";
	return check_length(a, row, s, max_of(row, URL_MAX), "characters");
}

static const char *
read_uuid(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	struct uuid u;

	(void)row;
	(void)v;
	if (!uuid_parse(out->text, &u))
		return "must be a UUID";
	out->text = uuid_text(a, u);
	return NULL;
}

static const char *
read_time_field(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)a;
	(void)row;
	(void)v;
	return clock_parse_iso(out->text, &out->number) ? NULL :
	    "must be a time such as 2026-01-02T03:04:05Z";
}

static const char *
read_choice(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	struct str rest = str_of(row->choices), word;
	struct buf b = buf_new(a, 1024);

	(void)v;
	buf_add(&b, STR("must be one of"));
	for (const char *sep = " "; str_split(&rest, ' ', &word); sep = ", ") {
		if (str_eq(word, out->text))
			return NULL;
		buf_add(&b, str_of(sep));
		buf_add(&b, word);
	}
	return buf_str(&b).p;
}

static const char *
read_texts(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	long long max = max_of(row, TEXTS_MAX);
	int n = cJSON_GetArraySize(v);
	const cJSON *m;

	if (!cJSON_IsArray(v))
		return "must be an array of strings";
	if (n < row->min)
		return arena_fmt(a, "must have at least %lld entries",
		    row->min).p;
	if (n > max)
		return arena_fmt(a, "must have at most %lld entries", max).p;
	out->texts = arena_array(a, (size_t)n + 1, sizeof(*out->texts));
	for (m = v->child; m; m = m->next) {
		struct str s = json_text(m);

		if (s.p == NULL)
			return "must be an array of strings";
		if (row->type == FIELD_CODES)
			s = spelling_code(a, s);
		if (s.n == 0 || s.n > TEXTS_BYTES || text_has_control(s))
			return "has an entry that is not valid";
		out->texts[out->ntexts++] = s;
	}
	return NULL;
}

static const struct {
	field_reader *read;
	bool string; /* the JSON type must be string */
} types[] = {
	[FIELD_TEXT] = { read_text, true },
	[FIELD_NAME] = { read_name_field, true },
	[FIELD_CLEARED] = { read_name_field, true },
	[FIELD_LOGIN] = { read_login, true },
	[FIELD_EMAIL] = { read_email, true },
	[FIELD_USERNAME] = { read_username_field, true },
	[FIELD_USERNAME_GIVEN] = { read_username_given, true },
	[FIELD_PASSWORD] = { read_password_field, true },
	[FIELD_DIGITS] = { read_digits, true },
	[FIELD_CODE] = { read_code_field, true },
	[FIELD_TOKEN] = { read_token, true },
	[FIELD_URL] = { read_url, true },
	[FIELD_UUID] = { read_uuid, true },
	[FIELD_INT] = { field_read_int, false },
	[FIELD_BOOL] = { field_read_bool, false },
	[FIELD_TIME] = { read_time_field, true },
	[FIELD_DURATION] = { field_read_duration, false },
	[FIELD_CHOICE] = { read_choice, true },
	[FIELD_TEXTS] = { read_texts, false },
	[FIELD_CODES] = { read_texts, false }
};

struct str
field_text(struct arena *a, const struct field *row, const cJSON *v)
{
	struct str s = json_text(v);

	switch (row->type) {
	case FIELD_TEXT:
	case FIELD_PASSWORD:
		return s;
	case FIELD_DIGITS:
	case FIELD_CODE:
		return spelling_code(a, s);
	default:
		return spelling_trim(s);
	}
}

const char *
field_read(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	if (types[row->type].string) {
		if (!cJSON_IsString(v))
			return "must be a string";
		out->text = field_text(a, row, v);
		if (out->text.n == 0)
			return row->required ? "is required" : NULL;
	}
	out->given = true;
	return types[row->type].read(a, row, v, out);
}
