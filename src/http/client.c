#include "http/client.h"

#include "base/limits.h"
#include "base/net.h"

/* Some proxies write "192.0.2.1:4711" and "[2001:db8::1]:4711". */
static struct str
drop_port(struct str s)
{
	size_t colon = str_find(s, ':');
	size_t bracket = str_find(s, ']');

	if (bracket < s.n)
		return str_slice(s, 0, bracket + 1);
	if (colon < s.n && str_find(str_slice(s, 0, colon), '.') < colon)
		return str_slice(s, 0, colon);
	return s;
}

/* Take the last comma-separated piece off *rest. */
static struct str
last_piece(struct str *rest)
{
	size_t at = rest->n;
	struct str piece;

	while (at && rest->p[at - 1] != ',')
		at--;
	piece = str_trim(str_slice(*rest, at, rest->n));
	*rest = at ? str_slice(*rest, 0, at - 1) : STR_NONE;
	return piece;
}

static bool
forwarded(const struct request *r, const char *trusted,
    struct net_addr *client)
{
	struct str rest = request_header(r, "HTTP_X_FORWARDED_FOR");
	struct net_addr addr;

	if (request_header_count(r, "HTTP_X_FORWARDED_FOR") != 1 ||
	    rest.n > LIMIT_HEADER)
		return false;
	while (rest.p) {
		if (!net_parse(drop_port(last_piece(&rest)), &addr))
			return false;
		*client = addr;
		if (!net_in_list(&addr, trusted))
			return true;
	}
	return true;
}

/* Does the peer say that it speaks for another client? */
static bool
speaks_for(const struct request *r)
{
	static const char *const names[] = { "HTTP_X_FORWARDED_FOR",
		"HTTP_FORWARDED", "HTTP_X_REAL_IP" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (request_header_count(r, names[i]))
			return true;
	return false;
}

struct str
client_address(const struct request *r, const char *trusted, bool *hidden)
{
	struct net_addr peer, client;

	*hidden = false;
	if (!net_parse(request_param(r, "REMOTE_ADDR"), &peer))
		return STR("0.0.0.0");
	if (net_in_list(&peer, trusted) && forwarded(r, trusted, &client))
		return net_text(r->arena, &client);
	*hidden = net_loopback(&peer) && speaks_for(r);
	return net_text(r->arena, &peer);
}
