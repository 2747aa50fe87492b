#include <arpa/inet.h>
#include <stddef.h>

#include "base/email.h"
#include "base/encoding.h"
#include "base/text.h"
#include "config/config_private.h"

/* Does v begin with scheme://host[:port]? *rest is what follows. */
static bool
split_origin(struct str v, struct str *rest)
{
	size_t skip = str_starts(v, STR("https://")) ? 8 :
	    str_starts(v, STR("http://")) ? 7 : 0, end;
	struct str host;

	if (skip == 0)
		return false;
	v = str_slice(v, skip, v.n);
	end = str_find(v, '/');
	host = str_slice(v, 0, end);
	*rest = str_slice(v, end, v.n);
	return host.n > 0 && host.p[0] != ':' && text_only(host, ".-:[]_");
}

static const char *
shape_url(struct str v)
{
	struct str rest;

	if (split_origin(v, &rest) && text_only(rest, "/._-~%+:=,"))
		return NULL;
	return "must be an http or https URL without user, query and fragment";
}

/* RFC 6454, any scheme: capacitor://localhost, chrome-extension://id. */
static bool
is_origin(struct str v)
{
	size_t at = str_find(v, ':');
	struct str scheme = str_slice(v, 0, at), rest;
	struct str behind = str_slice(v, at, v.n);

	if (split_origin(v, &rest))
		return rest.n == 0;
	return scheme.n && text_is_letter(scheme.p[0]) &&
	    text_only(scheme, "+-.") &&
	    !str_eq_nocase(scheme, STR("http")) &&
	    !str_eq_nocase(scheme, STR("https")) && behind.n > 3 &&
	    str_starts(behind, STR("://")) && behind.p[3] != ':' &&
	    text_only(str_slice(behind, 3, behind.n), ".-:[]_");
}

static const char *
shape_origin(struct str v)
{
	if (str_eq(v, STR("*")) || is_origin(v))
		return NULL;
	return "must be an exact origin such as https://app.example.com or "
	    "capacitor://localhost, without a slash at the end, or *";
}

static const char *
shape_path(struct str v)
{
	if (v.p[0] == '/' && v.p[v.n - 1] != '/' && text_only(v, "/._-~"))
		return NULL;
	return "must begin with a slash and not end with one";
}

/* A bucket or region, as it may stand in a host's name. */
static const char *
shape_bucket(struct str v)
{
	if (v.n <= 63 && text_only(v, ".-") && text_is_alnum(v.p[0]) &&
	    text_is_alnum(v.p[v.n - 1]))
		return NULL;
	return "must be letters, digits, dots and hyphens, at most 63";
}

static const char *
shape_absolute(struct str v)
{
	return v.p[0] == '/' ? NULL : "must be an absolute path";
}

static const char *
shape_network(struct str v)
{
	size_t slash = str_find(v, '/');
	struct str host = str_slice(v, 0, slash);
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	long long bits;
	bool v4;

	if (host.n < sizeof(text)) {
		memcpy(text, host.p, host.n);
		text[host.n] = '\0';
		v4 = inet_pton(AF_INET, text, bytes) == 1;
		if (v4 || inet_pton(AF_INET6, text, bytes) == 1)
			if (slash == v.n || str_to_int(str_slice(v, slash + 1,
			    v.n), 0, v4 ? 32 : 128, &bits))
				return NULL;
	}
	return "must be an address or a network such as 10.0.0.0/8";
}

static const char *
shape_email(struct str v)
{
	return email_ok(v) ? NULL : "must be an e-mail address";
}

/* "user@host" or "Name <user@host>". */
static const char *
shape_sender(struct str v)
{
	struct str name, address;

	return email_parse(v, &name, &address) ? NULL :
	    "must be an e-mail address";
}

static const char *
shape_word(struct str v)
{
	return text_only(v, "._-:/") && v.n <= 128 ? NULL :
	    "must be one word of letters, digits and . _ - : /";
}

static const char *
shape_prefix(struct str v)
{
	return text_only(v, "_") && v.n <= 16 ? NULL :
	    "must be at most 16 letters, digits and underscores";
}

static const char *
shape_port(struct str v)
{
	long long port;

	return str_to_int(v, 1, 65535, &port) ? NULL :
	    "must be a list of ports such as 443, 8443";
}

/* "+49": the beginning of a telephone number. */
static const char *
shape_calling(struct str v)
{
	return v.n > 1 && v.n <= 16 && v.p[0] == '+' &&
	    text_digits(str_slice(v, 1, v.n)) ? NULL :
	    "must be a calling code such as +49";
}

/*
 * A name, an address or a path, or several with commas. No URL: it may hold a
 * password, and a host is printed.
 */
static const char *
shape_host(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (strchr(" \"'`?#=<>", v.p[i]) || (i && v.p[i] == '@') ||
		    str_starts(str_slice(v, i, v.n), STR("://")))
			return "must be a host name, an address or the path "
			    "of a socket, without scheme, user and password";
	return NULL;
}

/* No URL: a server prints the name when it has no such database. */
static const char *
shape_database(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (str_starts(str_slice(v, i, v.n), STR("://")))
			return "must be the name of a database; a URL goes "
			    "into database.url";
	return NULL;
}

/* "localhost:9092, broker:9093" */
static const char *
shape_brokers(struct str v)
{
	struct str piece;

	while (str_split(&v, ',', &piece))
		if (shape_host(str_trim(piece)))
			return "must be a list of host:port, without scheme, "
			    "user and password";
	return NULL;
}

static const struct {
	const char *name;
	const char *(*check)(struct str v);
} shapes[] = {
	{ "<url>", shape_url },
	{ "<origins>", shape_origin },
	{ "<path>", shape_path },
	{ "<absolute>", shape_absolute },
	{ "<bucket>", shape_bucket },
	{ "<networks>", shape_network },
	{ "<ports>", shape_port },
	{ "<email>", shape_email },
	{ "<sender>", shape_sender },
	{ "<host>", shape_host },
	{ "<database>", shape_database },
	{ "<brokers>", shape_brokers },
	{ "<word>", shape_word },
	{ "<prefix>", shape_prefix },
	{ "<calling>", shape_calling },
};

const char *
config_shape(const char *rule, struct str v)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(shapes[i].name, rule) == 0)
			return shapes[i].check(v);
	/* config_secret.c checks secrets, once it has all of them. */
	return NULL;
}
