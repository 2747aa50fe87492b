#include "tests/unit/unit.h"

#include "base/net.h"

static struct net_addr
addr(const char *text)
{
	struct net_addr out;

	ck_assert_msg(net_parse(str_of(text), &out), "%s", text);
	return out;
}

static void
text_is(const char *in, const char *want)
{
	struct net_addr at = addr(in);

	ck_str(net_text(a, &at), want);
}

static void
key_is(const char *in, const char *want)
{
	struct net_addr at = addr(in);

	ck_str(net_key(a, &at), want);
}

static bool
in(const char *text, const char *cidr)
{
	struct net_addr at = addr(text);

	return net_in(&at, str_of(cidr));
}

/* row RL1 */
START_TEST(a_site_is_the_48_of_ipv6_and_none_of_ipv4)
{
	struct net_addr at = addr("2001:db8:5:9::1");

	ck_str(net_site(a, &at), "2001:db8:5::/48");
	at = addr("::ffff:192.0.2.1");
	ck_assert_uint_eq(net_site(a, &at).n, 0);
}
END_TEST

/* row RL3 */
START_TEST(one_address_has_one_text)
{
	text_is("192.0.2.1", "192.0.2.1");
	text_is("0.10.199.255", "0.10.199.255");
	text_is("255.255.255.255", "255.255.255.255");
	text_is("::ffff:192.0.2.1", "192.0.2.1");
	text_is("::FFFF:c000:201", "192.0.2.1");
	text_is("2001:DB8:0:0::1", "2001:db8::1");
	text_is("[2001:db8::1]", "2001:db8::1");
	text_is("::1", "::1");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5",
		"256.1.1.1", "01.2.3.4", "1.2.3.4:80", "fe80::1%eth0",
		"[1.2.3.4]", "[::1", "::1]", "localhost", "unix:", " 1.2.3.4",
		"0x7f.1.1.1", "1.2.3.4 ",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111" };
	struct net_addr out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!net_parse(str_of(bad[i]), &out), "%s", bad[i]);
	ck_assert(!net_parse(STR("1.2.3.4\0"), &out));
}
END_TEST

/* row RL3: a host owns its /64 */
START_TEST(limits_count_ipv6_by_its_64)
{
	key_is("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	key_is("2001:db8:1:2::9", "2001:db8:1:2::/64");
	key_is("::ffff:192.0.2.7", "192.0.2.7");
	key_is("192.0.2.7", "192.0.2.7");
}
END_TEST

START_TEST(networks_hold_what_their_prefix_says)
{
	ck_assert(in("10.1.2.3", "10.0.0.0/8"));
	ck_assert(!in("11.1.2.3", "10.0.0.0/8"));
	ck_assert(in("192.168.7.255", "192.168.4.0/22"));
	ck_assert(!in("192.168.8.0", "192.168.4.0/22"));
	ck_assert(in("10.0.0.1", "10.0.0.1"));
	ck_assert(!in("10.0.0.2", "10.0.0.1"));
	ck_assert(in("1.2.3.4", "0.0.0.0/0"));
	ck_assert(in("2001:db8::9", "2001:db8::/33"));
	ck_assert(!in("2001:db8:8000::9", "2001:db8::/33"));
	ck_assert(in("::1", "::1"));
}
END_TEST

/* rows RL3, HB1 */
START_TEST(a_mapped_address_is_in_the_ipv4_network_and_no_other)
{
	ck_assert(in("::ffff:10.1.2.3", "10.0.0.0/8"));
	ck_assert(in("10.1.2.3", "::ffff:10.0.0.0/104"));
	ck_assert(!in("10.1.2.3", "::/0"));
	ck_assert(!in("2001:db8::1", "0.0.0.0/0"));
}
END_TEST

START_TEST(what_is_no_network_holds_nothing)
{
	static const char *const bad[] = { "", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/", "10.0.0.0/8x", "::/129", "/8", "any" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(!in("10.0.0.0", bad[i]), "%s", bad[i]);
		ck_assert(!net_cidr_valid(str_of(bad[i])));
	}
	ck_assert(net_cidr_valid(STR("10.0.0.0/8")));
}
END_TEST

START_TEST(a_list_has_commas_or_spaces)
{
	struct net_addr at = addr("10.1.2.3");

	ck_assert(net_in_list(&at, "127.0.0.1, 10.0.0.0/8"));
	ck_assert(net_in_list(&at, "10.0.0.0/8 ::1"));
	ck_assert(!net_in_list(&at, "127.0.0.1,::1"));
	ck_assert(!net_in_list(&at, ""));
	ck_assert(!net_in_list(&at, NULL));
}
END_TEST

/* row WH3 */
START_TEST(only_what_the_whole_internet_reaches_is_public)
{
	static const char *const inside[] = { "0.0.0.0", "0.255.255.255",
		"10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
		"127.255.255.255", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255", "::", "::1", "fc00::1", "fdff::1",
		"fe80::1", "febf::1", "fec0::1", "ff02::1", "2001:db8::1",
		"3fff::1", "100::1", "4000::1",
		/* with an IPv4 address inside */
		"::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1",
		"64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8", "2002:a00:1::",
		"2002:7f00:1::1", "2001::1", "2001:0:a00:1::" };
	static const char *const outside[] = { "1.1.1.1", "8.8.8.8",
		"100.63.255.255", "100.128.0.0", "172.15.255.255",
		"172.32.0.0", "192.0.1.1", "192.167.255.255", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700:4700::1111",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1" };
	struct net_addr at;

	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		at = addr(inside[i]);
		ck_assert_msg(!net_public(&at), "%s", inside[i]);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		at = addr(outside[i]);
		ck_assert_msg(net_public(&at), "%s", outside[i]);
	}
}
END_TEST

UNIT("base/net", only_what_the_whole_internet_reaches_is_public,
    a_site_is_the_48_of_ipv6_and_none_of_ipv4,
    one_address_has_one_text, what_is_no_address_is_refused,
    limits_count_ipv6_by_its_64, networks_hold_what_their_prefix_says,
    a_mapped_address_is_in_the_ipv4_network_and_no_other,
    what_is_no_network_holds_nothing, a_list_has_commas_or_spaces)
