#include "base/net.h"

/*
 * Networks that are not globally routable (row WH3; the IANA special-purpose
 * registries, RFC 6890). An IPv6 address that carries an IPv4 one is judged by
 * the latter.
 */
static const char *const special[] = {
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
	"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23",
	"2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
	"fec0::/10", "ff00::/8",
};

/* IPv6 networks whose addresses carry an IPv4 address at byte `at`. */
static const struct {
	const char *net;
	unsigned at;
} carriers[] = {
	{ "::/96", 12 },	/* IPv4-compatible, RFC 4291 2.5.5.1 */
	{ "64:ff9b::/96", 12 },	/* NAT64, RFC 6052 */
	{ "2002::/16", 2 },	/* 6to4, RFC 3056 */
};

static struct net_addr
inner(const struct net_addr *addr, unsigned at)
{
	struct net_addr v4 = { { [10] = 0xff, [11] = 0xff } };

	memcpy(v4.b + 12, addr->b + at, 4);
	return v4;
}

static bool
routable(const struct net_addr *addr)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (net_in(addr, str_of(special[i])))
			return false;
	return true;
}

bool
net_public(const struct net_addr *addr)
{
	if (!routable(addr))
		return false;
	if (net_is_v4(addr))
		return true;
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
		if (net_in(addr, str_of(carriers[i].net))) {
			struct net_addr v4 = inner(addr, carriers[i].at);

			return routable(&v4);
		}
	/* Public IPv6 addresses are global unicast, 2000::/3. */
	return (addr->b[0] & 0xe0) == 0x20 ||
	    net_in(addr, STR("64:ff9b::/96"));
}
