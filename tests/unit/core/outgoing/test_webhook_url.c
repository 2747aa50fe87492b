/* Where a webhook may point, and what is said where it may not (row WH1). */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "core/outgoing/webhook_url.h"

static const struct config conf = { .webhooks_ports = "443, 8443",
	.webhooks_deny = "" };

static const char *
fault(const char *url)
{
	struct webhook_url out;
	const char *said = webhook_url_fault(a, &conf, str_of(url), &out);

	return said ? said : "";
}

static const char *
kept(const char *url)
{
	struct webhook_url out = { .text = STR("refused") };

	(void)webhook_url_fault(a, &conf, str_of(url), &out);
	return arena_cstr(a, out.text);
}

/* Row WH12: else each spelling would have a share of its own. */
START_TEST(a_host_is_kept_in_one_spelling)
{
	static const char *const of[][2] = {
		{ "https://example.com/A?b=C",
		    "HTTPS://EXAMPLE.com.:00443/A?b=C" },
		{ "https://example.com:8443", "https://example.COM.:08443" },
		{ "https://1.2.3.4/", "https://0x1.02.772/" },
		{ "https://1.2.3.4?x", "https://16909060?x" },
		{ "https://1.2.3.4/", "https://[::FFFF:102:304]:443/" },
		{ "https://[2606:4700::1]:8443/x",
		    "https://[2606:4700:0::0001]:8443/x" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		ck_assert_str_eq(kept(of[i][0]), of[i][0]);
		ck_assert_str_eq(kept(of[i][1]), of[i][0]);
	}
}
END_TEST

#define IS(url, word) \
	ck_assert_msg(strstr(fault(url), (word)) != NULL, "%s: %s", (url), \
	    fault(url))

START_TEST(a_public_https_url_is_taken)
{
	static const char *const good[] = { "https://example.com",
		"https://example.com/a?b=c", "HTTPS://EXAMPLE.com:8443/",
		"https://example.com./", "https://1.1.1.1/",
		"https://[2606:4700:4700::1111]:443/", "https://a.0xz/",
		"https://xn--bcher-kva.example/p@th" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(*fault(good[i]) == '\0', "%s: %s", good[i],
		    fault(good[i]));
}
END_TEST

START_TEST(the_fault_that_it_is_is_said)
{
	IS("https://user:pw@example.com/", "user name or password");
	IS("https://user@127.0.0.1/", "user name or password");
	IS("https://example.com/#x", "fragment");
	IS("https://example.com#", "fragment");
	IS("https://example.com:0/", "port from 1 to 65535");
	IS("https://example.com:65536/", "port from 1 to 65535");
	IS("https://example.com:/", "port from 1 to 65535");
	IS("https://[2606:4700::1]x/", "port from 1 to 65535");
	IS("https://example.com:22/", "ports: 443, 8443");
	IS("http://example.com/", "begin with https://");
	IS("ftp://example.com/", "begin with https://");
	IS("https://exa mple.com/", "ASCII without blanks");
	IS("https://b\xc3\xbc" "cher.example/", "xn--");
	IS("https://ex\\ample.com/", "backslash");
	IS("https:///x", "valid host");
	IS("https://%6cocalhost/", "valid host");
	IS("https://a..example.com/", "valid host");
	IS("https://example.com../", "valid host");
	IS("https://.example.com/", "valid host");
	IS("https://-a.example.com/", "valid host");
	IS("https://1.2.3.4.5/", "neither a name nor an address");
	IS("https://09.1.1.1/", "neither a name nor an address");
	IS("https://a.0xff/", "neither a name nor an address");
	IS("https://[::1/", "bracket");
	IS("https://[x]/", "IPv6");
	IS("https://[fe80::1%25eth0]/", "IPv6");
}
END_TEST

/* A dot at the end is the root's: the host is the same one. */
START_TEST(a_host_inside_is_refused_in_every_spelling)
{
	static const char *const inside[] = { "127.0.0.1", "127.0.0.1.",
		"127.1", "127.1.", "0x7f.1", "0x7F.1.", "0x7f000001.",
		"2130706433", "2130706433.", "017700000001.", "0177.0.0.1.",
		"0", "0.", "10.0.0.1.", "169.254.169.254.", "192.168.0.1.",
		"[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
		"localhost", "localhost.", "a.localhost", "A.LocalHost.",
		"localhost.localdomain", "localhost.localdomain.", "db",
		"db.", "db.internal", "metadata.google.internal.",
		"nas.home.arpa.", "nas.home", "x.lan." };
	char url[64];

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		snprintf(url, sizeof(url), "https://%s/hook", inside[i]);
		IS(url, "must have a public host");
	}
}
END_TEST

UNIT("core/outgoing/webhook_url",
    a_public_https_url_is_taken,
    the_fault_that_it_is_is_said,
    a_host_inside_is_refused_in_every_spelling,
    a_host_is_kept_in_one_spelling)
