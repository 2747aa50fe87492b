#include "core/access/whence.h"

#include "base/net.h"

bool
whence_in(const struct ctx *x, const char *networks)
{
	struct net_addr addr;

	return !x->hidden && net_parse(x->client, &addr) &&
	    net_in_list(&addr, networks);
}

bool
whence_here(const struct ctx *x)
{
	struct net_addr addr;

	return !x->hidden && net_parse(x->client, &addr) &&
	    net_loopback(&addr);
}
