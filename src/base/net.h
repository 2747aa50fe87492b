#ifndef BASE_NET_H
#define BASE_NET_H

#include <stdint.h>

#include "base/arena.h"

/*
 * Internet addresses in binary, so that one address has one form whatever
 * its spelling (rows RL3, HB1). IPv4 is kept as ::ffff:a.b.c.d.
 */
struct net_addr {
	uint8_t b[16];
};

/* IPv4, IPv6, "[IPv6]"; no zone, no port, no leading zeros. */
bool net_parse(struct str text, struct net_addr *out);

bool net_is_v4(const struct net_addr *addr);

/* Canonical text: dotted IPv4 (for mapped IPv6 too), else RFC 5952. */
struct str net_text(struct arena *a, const struct net_addr *addr);

/*
 * The unit that limits count: an IPv4 address, or the /64 of an IPv6 one
 * ("2001:db8::/64"), since every host is given at least a /64.
 */
struct str net_key(struct arena *a, const struct net_addr *addr);

/* The /48 of an IPv6 address: one site is given that. STR_NONE for IPv4. */
struct str net_site(struct arena *a, const struct net_addr *addr);

/* Is cidr like "192.0.2.0/24", "2001:db8::/32" or a single address? */
bool net_cidr_valid(struct str cidr);

/* Is addr in the network? False also when cidr is malformed. */
bool net_in(const struct net_addr *addr, struct str cidr);

/* 127.0.0.0/8 or ::1? */
bool net_loopback(const struct net_addr *addr);

/* Is addr in one network of a LIST setting (commas, spaces)? */
bool net_in_list(const struct net_addr *addr, const char *list);

/*
 * Is addr routable on the public internet (row WH3)? False for private, local,
 * shared, documentation, multicast and reserved networks, and for IPv6 forms
 * that carry such an IPv4 address.
 */
bool net_public(const struct net_addr *addr);

#endif
