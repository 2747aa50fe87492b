#include "store/redis/cache_private.h"

#include "runtime/metric.h"

/*
 * Errors of servers that cannot do our work: a replica, a cluster node, a
 * Sentinel, one that is loading, is full, or gives this user too few rights.
 * Each word begins the error, or stands within it when a script met the error.
 */
static const struct {
	const char *word;
	enum metric counter;
	const char *why;
} faults[] = {
	{ "READONLY", METRIC_REDIS_READONLY,
	    "it is a replica, which takes no writes: name the primary" },
	{ "LOADING", METRIC_REDIS_LOADING,
	    "it is still loading its data" },
	{ "MOVED", METRIC_REDIS_CLUSTER,
	    "it is a node of a Redis Cluster: name a single server" },
	{ "ASK ", METRIC_REDIS_CLUSTER,
	    "it is a node of a Redis Cluster: name a single server" },
	{ "CROSSSLOT", METRIC_REDIS_CLUSTER,
	    "it is a node of a Redis Cluster: name a single server" },
	{ "CLUSTERDOWN", METRIC_REDIS_CLUSTER,
	    "it is a node of a Redis Cluster: name a single server" },
	{ "NOPERM", METRIC_REDIS_REFUSED,
	    "its ACL lets this user do too little: see docs/operations.md" },
	{ "can't run this command", METRIC_REDIS_REFUSED,
	    "its ACL lets this user do too little: see docs/operations.md" },
	{ "NOAUTH", METRIC_REDIS_REFUSED,
	    "it wants a password: set redis.password" },
	{ "WRONGPASS", METRIC_REDIS_REFUSED,
	    "it does not take redis.password" },
	{ "OOM", METRIC_REDIS_FULL,
	    "its memory is full: raise maxmemory, or let it evict" },
	{ "MISCONF", METRIC_REDIS_READONLY,
	    "it takes no writes, for it cannot save to its disk" },
	{ "NOREPLICAS", METRIC_REDIS_READONLY,
	    "it takes no writes, for too few replicas follow it" },
	{ "MASTERDOWN", METRIC_REDIS_READONLY,
	    "it is a replica that lost its primary: name the primary" },
	{ "unknown command", METRIC_REDIS_OTHER,
	    "it does not know our commands: is it a Sentinel?" },
};

const char *
cache_fault(const struct reply *r)
{
	if (r->kind != REPLY_ERROR || str_starts(r->text, STR("NOSCRIPT")) ||
	    str_starts(r->text, STR("WRONGTYPE")))
		return NULL; /* of one key, or of one call */
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (memmem(r->text.p, r->text.n, faults[i].word,
		    strlen(faults[i].word))) {
			metric_add(faults[i].counter);
			return faults[i].why;
		}
	metric_add(METRIC_REDIS_OTHER);
	return "it answers with an error";
}
