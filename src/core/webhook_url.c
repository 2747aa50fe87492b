#include "core/webhook_url.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define URL_MAX 2048
#define HOST_MAX 253

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
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '\\' ||
		    s.p[i] == '#')
			return false;
	return true;
}

static bool
host_bytes(struct str s)
{
	static const char also[] = "0123456789.-";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) &&
		    strchr(also, c) == NULL)
			return false;
	}
	return s.n > 0 && s.n <= HOST_MAX && s.p[0] != '.' && s.p[0] != '-';
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

/* Names of this machine or of the network it stands in. */
static bool
local_name(struct str host)
{
	static const char *const ends[] = { ".localhost", ".local",
		".internal", ".intranet", ".lan", ".home.arpa", ".corp",
		".private" };

	if (str_ends(host, STR(".")))
		host = str_slice(host, 0, host.n - 1);
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

static bool
host_ok(struct arena *a, const struct config *c, struct str host, bool literal)
{
	struct net_addr addr;

	if (literal)
		return net_parse(host, &addr) && webhook_address_ok(c, &addr);
	if (!host_bytes(host))
		return false;
	if (spelled(arena_cstr(a, host), &addr))
		return webhook_address_ok(c, &addr);
	return c->webhooks_private || !local_name(host);
}

static bool
port_ok(const struct config *c, long port)
{
	const char *rest = c->webhooks_ports;
	struct str piece;
	long long one;

	if (c->webhooks_private)
		return true;
	while (config_list_next(&rest, &piece))
		if (str_to_int(piece, 1, 65535, &one) && one == port)
			return true;
	return c->webhooks_http && port == 80;
}

/* host, [host] or either with :port; what is missing is the scheme's. */
static bool
split(struct str authority, struct webhook_url *u, bool *literal)
{
	size_t end = str_find(authority, ':');
	long long port = u->tls ? 443 : 80;

	*literal = str_starts(authority, STR("["));
	if (*literal) {
		end = str_find(authority, ']');
		if (end == authority.n)
			return false;
		u->host = str_slice(authority, 1, end++);
	} else {
		u->host = str_slice(authority, 0, end);
	}
	if (end < authority.n && (authority.p[end] != ':' || !str_to_int(
	    str_slice(authority, end + 1, authority.n), 1, 65535, &port)))
		return false;
	u->port = (long)port;
	return true;
}

bool
webhook_url_ok(struct arena *a, const struct config *c, struct str url,
    struct webhook_url *out)
{
	size_t skip, end;
	struct str rest;
	bool literal;

	if (url.n > URL_MAX || !visible(url))
		return false;
	out->tls = str_eq_nocase(str_slice(url, 0, 8), STR("https://"));
	skip = out->tls ? 8 : 7;
	if (!out->tls && (!str_eq_nocase(str_slice(url, 0, 7),
	    STR("http://")) || !(c->webhooks_http || c->webhooks_private)))
		return false;
	rest = str_slice(url, skip, url.n);
	for (end = 0; end < rest.n && rest.p[end] != '/' &&
	    rest.p[end] != '?'; end++)
		if (rest.p[end] == '@' || rest.p[end] == '%')
			return false;
	return split(str_slice(rest, 0, end), out, &literal) &&
	    port_ok(c, out->port) && host_ok(a, c, out->host, literal);
}
