#ifndef GRPC_H2_H2_FLOOD_H
#define GRPC_H2_H2_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many frames a peer may send that ask for no work: SETTINGS, PING,
 * PRIORITY, WINDOW_UPDATE, empty DATA, and RST_STREAM, which counts several
 * times. They are cheap to send and cost a look-up, an answer or a stream
 * begun in vain (CVE-2019-9512 and kin, CVE-2023-44487; row GR3). Each call
 * that is served earns some, and so does time.
 */
#define H2_FLOOD_ROOM 1000
#define H2_FLOOD_RESET 5 /* what a RST_STREAM costs */

struct h2_flood {
	int64_t left;
	int64_t at; /* monotonic µs of the last refill */
};

struct h2_flood h2_flood_new(int64_t now);

/* Such a frame has come. False: there were too many. */
bool h2_flood_pay(struct h2_flood *f, int64_t cost, int64_t now);

/* A call was served. */
void h2_flood_earn(struct h2_flood *f);

#endif
