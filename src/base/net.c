#include "base/net.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool
net_is_v4(const struct net_addr *addr)
{
	return memcmp(addr->b, mapped, sizeof(mapped)) == 0;
}

bool
net_parse(struct str text, struct net_addr *out)
{
	char c[INET6_ADDRSTRLEN];

	if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
		text = str_slice(text, 1, text.n - 1);
		if (str_find(text, ':') == text.n)
			return false;
	}
	if (text.n == 0 || text.n >= sizeof(c) || str_has_nul(text))
		return false;
	memcpy(c, text.p, text.n);
	c[text.n] = '\0';
	if (str_find(text, ':') < text.n)
		return inet_pton(AF_INET6, c, out->b) == 1;
	memcpy(out->b, mapped, sizeof(mapped));
	return inet_pton(AF_INET, c, out->b + 12) == 1;
}

/* Not by inet_ntop(), which prints four numbers with printf. */
static struct str
text_of_v4(struct arena *a, const uint8_t b[4])
{
	char text[INET_ADDRSTRLEN], number[STR_INT_ROOM];
	size_t n = 0;

	for (size_t i = 0; i < 4; i++) {
		struct str s = str_int(number, b[i]);

		memcpy(text + n, s.p, s.n);
		n += s.n;
		text[n++] = '.';
	}
	return arena_str(a, (struct str){ text, n - 1 });
}

struct str
net_text(struct arena *a, const struct net_addr *addr)
{
	char c[INET6_ADDRSTRLEN];

	if (net_is_v4(addr))
		return text_of_v4(a, addr->b + 12);
	if (inet_ntop(AF_INET6, addr->b, c, sizeof(c)) == NULL)
		return STR("0.0.0.0");
	return arena_str(a, str_of(c));
}

/* The network that the first bytes of an address name. */
static struct str
network(struct arena *a, const struct net_addr *addr, size_t bytes)
{
	struct net_addr net = *addr;

	memset(net.b + bytes, 0, sizeof(net.b) - bytes);
	return arena_fmt(a, "%s/%zu", net_text(a, &net).p, bytes * 8);
}

struct str
net_key(struct arena *a, const struct net_addr *addr)
{
	return net_is_v4(addr) ? net_text(a, addr) : network(a, addr, 8);
}

struct str
net_site(struct arena *a, const struct net_addr *addr)
{
	return net_is_v4(addr) ? STR_NONE : network(a, addr, 6);
}

/* Parse cidr: the network, and how many of its 128 bits count. */
static bool
parse_cidr(struct str cidr, struct net_addr *net, unsigned *bits)
{
	size_t slash = str_find(cidr, '/');
	long long n = 0;
	bool v4;

	if (!net_parse(str_slice(cidr, 0, slash), net))
		return false;
	/* The n of ::ffff:a.b.c.d/n counts 128 bits, that of a.b.c.d/n 32. */
	v4 = str_find(cidr, ':') == cidr.n;
	if (slash == cidr.n)
		n = v4 ? 32 : 128;
	else if (!str_to_int(str_slice(cidr, slash + 1, cidr.n), 0,
	    v4 ? 32 : 128, &n))
		return false;
	*bits = (unsigned)n + (v4 ? 96 : 0);
	return true;
}

bool
net_cidr_valid(struct str cidr)
{
	struct net_addr net;
	unsigned bits;

	return parse_cidr(cidr, &net, &bits);
}

bool
net_in(const struct net_addr *addr, struct str cidr)
{
	struct net_addr net;
	unsigned bits, whole;
	uint8_t mask;

	if (!parse_cidr(cidr, &net, &bits))
		return false;
	/* ::/0 holds every IPv6 address, but no IPv4 one. */
	if (bits < 96 && net_is_v4(addr) && !net_is_v4(&net))
		return false;
	whole = bits / 8;
	if (memcmp(addr->b, net.b, whole) != 0)
		return false;
	if (bits % 8 == 0)
		return true;
	mask = (uint8_t)(0xff << (8 - bits % 8));
	return (addr->b[whole] & mask) == (net.b[whole] & mask);
}

bool
net_in_list(const struct net_addr *addr, const char *list)
{
	static const char blank[] = ", \t\r\n";

	for (const char *p = list ? list : ""; *p;) {
		size_t n = strcspn(p, blank);

		if (n && net_in(addr, (struct str){ p, n }))
			return true;
		p += n;
		p += strspn(p, blank);
	}
	return false;
}

bool
net_loopback(const struct net_addr *addr)
{
	static const struct net_addr one = { { [15] = 1 } };

	return net_is_v4(addr) ? addr->b[12] == 127 :
	    memcmp(addr->b, one.b, sizeof(one.b)) == 0;
}

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
