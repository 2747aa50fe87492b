#include "core/outgoing/webhook_url.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/text.h"

#define URL_MAX 2048
#define HOST_MAX 253

/* One sentence for all of them: it tells nobody what is behind a name. */
#define NOT_PUBLIC "must have a public host: this one is a machine or " \
	"network that not everybody can reach"

bool
webhook_address_ok(const struct config *c, const struct net_addr *addr)
{
	if (net_in_list(addr, c->webhooks_deny))
		return false;
	return c->webhooks_private || net_public(addr);
}

static bool
visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '\\')
			return false;
	return true;
}

/* A DNS name (RFC 1123, 2.1) without the dot of the root: no label empty. */
static bool
host_bytes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.'))
			return false;
	return s.n > 0 && s.n <= HOST_MAX && text_only(s, ".-") &&
	    s.p[0] != '-' && s.p[s.n - 1] != '.';
}

/*
 * The address a host spells without a look-up: 127.0.0.1, but 127.1,
 * 0x7f000001, 017700000001 and 2130706433 too.
 */
static bool
spelled(const char *host, struct net_addr *out)
{
	const struct addrinfo want = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	bool found = getaddrinfo(host, NULL, &want, &list) == 0 && list;

	if (found && list->ai_family == AF_INET6) {
		memcpy(out->b, &((const struct sockaddr_in6 *)(const void *)
		    list->ai_addr)->sin6_addr, 16);
	} else if (found) {
		memset(out->b, 0, 10);
		memset(out->b + 10, 0xff, 2);
		memcpy(out->b + 12, &((const struct sockaddr_in *)
		    (const void *)list->ai_addr)->sin_addr, 4);
	}
	if (list)
		freeaddrinfo(list);
	return found;
}

/*
 * Does its last label read as a number? Then some programs take the whole for
 * an address (WHATWG URL, "ends in a number"): it must be one.
 */
static bool
ends_in_number(struct str host)
{
	size_t at = host.n;
	bool hex;

	while (at > 0 && host.p[at - 1] != '.')
		at--;
	hex = str_eq_nocase(str_slice(host, at, at + 2), STR("0x"));
	for (at += hex ? 2 : 0; at < host.n; at++)
		if (!text_is_digit(host.p[at]) &&
		    !(hex && text_hex(host.p[at]) >= 0))
			return false;
	return true;
}

/* Names of this machine or of the network it stands in. */
static bool
local_name(struct str host)
{
	static const char *const ends[] = { ".localhost", ".localdomain",
		".local", ".internal", ".intranet", ".lan", ".home",
		".home.arpa", ".corp", ".private" };

	if (str_find(host, '.') == host.n)
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (host.n > n && str_eq_nocase(str_slice(host, host.n - n,
		    host.n), str_of(ends[i])))
			return true;
	}
	return false;
}

static const char *
address_fault(struct arena *a, const struct config *c,
    const struct net_addr *addr, struct str *host)
{
	*host = net_text(a, addr);
	return webhook_address_ok(c, addr) ? NULL : NOT_PUBLIC;
}

/*
 * *host becomes its one spelling. The dot of the root is not part of the name:
 * "127.0.0.1." is 127.0.0.1.
 */
static const char *
host_fault(struct arena *a, const struct config *c, bool literal,
    struct str *inout)
{
	struct str host = *inout;
	struct net_addr addr;

	if (literal)
		return net_parse(host, &addr) ?
		    address_fault(a, c, &addr, inout) :
		    "must have a valid IPv6 address between the brackets";
	if (str_ends(host, STR(".")))
		host = str_slice(host, 0, host.n - 1);
	if (!host_bytes(host))
		return "must have a valid host: a name of letters, digits, "
		    "- and ., or an address";
	*inout = arena_lower(a, host);
	if (spelled(arena_cstr(a, host), &addr))
		return address_fault(a, c, &addr, inout);
	if (ends_in_number(host))
		return "must have a valid host: this one is neither a name "
		    "nor an address";
	return !c->webhooks_private && local_name(host) ? NOT_PUBLIC : NULL;
}

static const char *
port_fault(struct arena *a, const struct config *c, long port)
{
	const char *rest = c->webhooks_ports;
	struct str piece;
	long long one;

	if (c->webhooks_private || (c->webhooks_http && port == 80))
		return NULL;
	while (config_list_next(&rest, &piece))
		if (str_to_int(piece, 1, 65535, &one) && one == port)
			return NULL;
	return arena_fmt(a, "must use one of these ports: %s",
	    c->webhooks_ports).p;
}

/* host, [host] or either with :port; what is missing is the scheme's. */
static const char *
split_authority(struct str authority, struct webhook_url *u, bool *literal)
{
	size_t end = str_find(authority, ':');
	long long port = u->tls ? 443 : 80;

	if (str_find(authority, '@') < authority.n)
		return "must not hold a user name or password (@): who sends "
		    "is told by the signature";
	*literal = str_starts(authority, STR("["));
	if (*literal) {
		end = str_find(authority, ']');
		if (end == authority.n)
			return "must close the bracket of its IPv6 address";
		u->host = str_slice(authority, 1, end++);
	} else {
		u->host = str_slice(authority, 0, end);
	}
	if (end < authority.n && (authority.p[end] != ':' || !str_to_int(
	    str_slice(authority, end + 1, authority.n), 1, 65535, &port)))
		return "must have a port from 1 to 65535";
	u->port = (long)port;
	return NULL;
}

/* What stands before the host: NULL, and what is behind it in *rest. */
static const char *
scheme_fault(const struct config *c, struct str url, bool *tls,
    struct str *rest)
{
	bool http = c->webhooks_http || c->webhooks_private;

	*tls = str_eq_nocase(str_slice(url, 0, 8), STR("https://"));
	*rest = str_slice(url, *tls ? 8 : 7, url.n);
	if (*tls || (http && str_eq_nocase(str_slice(url, 0, 7),
	    STR("http://"))))
		return NULL;
	return http ? "must begin with https:// or http://" :
	    "must begin with https://";
}

/* One spelling; rest: what stands behind host and port. */
static struct str
kept_spelling(struct arena *a, const struct webhook_url *u, struct str rest)
{
	bool v6 = str_find(u->host, ':') < u->host.n;
	bool said = u->port != (u->tls ? 443 : 80);

	return arena_fmt(a, "%s://%s%.*s%s%s%.*s", u->tls ? "https" : "http",
	    v6 ? "[" : "", STR_FMT(u->host), v6 ? "]" : "",
	    said ? arena_fmt(a, ":%ld", u->port).p : "", STR_FMT(rest));
}

const char *
webhook_url_fault(struct arena *a, const struct config *c, struct str url,
    struct webhook_url *out)
{
	const char *fault;
	struct str rest;
	size_t end = 0;
	bool literal;

	if (url.n > URL_MAX)
		return "must have at most 2048 characters";
	if (!visible(url))
		return "must be a valid URL: ASCII without blanks and "
		    "backslashes, an international host in its form xn--";
	if (str_find(url, '#') < url.n)
		return "must not have a fragment (#): it would never be sent";
	if ((fault = scheme_fault(c, url, &out->tls, &rest)) != NULL)
		return fault;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	fault = split_authority(str_slice(rest, 0, end), out, &literal);
	if (fault == NULL)
		fault = host_fault(a, c, literal, &out->host);
	if (fault == NULL)
		fault = port_fault(a, c, out->port);
	if (fault == NULL)
		out->text = kept_spelling(a, out, str_slice(rest, end, rest.n));
	return fault;
}
