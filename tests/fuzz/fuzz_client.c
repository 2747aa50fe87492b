/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c */
/* fuzz-sources: src/base/encoding.c src/base/log.c src/base/pid.c src/base/str.c */
/* fuzz-sources: src/base/net.c src/http/client.c */
/* fuzz-libs: libsodium */
#include "base/net.h"
#include "http/client.h"
#include "tests/fuzz/fuzz.h"

static const struct param *param_list;

/* What request.c gives; the list has the peer and one X-Forwarded-For. */
struct str
request_find(const struct request *r, struct str name)
{
	(void)r;
	return param_list[!str_eq(name, STR("REMOTE_ADDR"))].value;
}

size_t
request_count(const struct request *r, struct str name)
{
	(void)r;
	(void)name;
	return 1;
}

/*
 * The client is always an address in its one spelling (rows HB1, RL3). The
 * first line is the network trusted, the second REMOTE_ADDR.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct str rest = fuzz_str(a, data, n), trusted, peer, client;
	struct param list[2] = { { 0 } };
	struct request r = { .arena = a, .params = list, .nparams = 2 };
	struct net_addr addr;
	bool hidden;

	if (!str_split(&rest, '\n', &trusted) ||
	    !str_split(&rest, '\n', &peer) || str_has_nul(trusted))
		return 0;
	list[0].value = peer;
	list[1].value = rest;
	param_list = list;
	client = client_address(&r, arena_cstr(a, trusted), &hidden);
	FUZZ_HOLDS(net_parse(client, &addr));
	FUZZ_HOLDS(str_eq(client, net_text(a, &addr)));
	FUZZ_HOLDS(net_key(a, &addr).n > 0);
	FUZZ_HOLDS(!hidden || net_loopback(&addr));
	return 0;
}
