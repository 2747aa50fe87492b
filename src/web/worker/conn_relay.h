#ifndef WEB_WORKER_CONN_RELAY_H
#define WEB_WORKER_CONN_RELAY_H

#include "http/transport/fcgi_input.h"
#include "http/transport/fcgi_out.h"
#include "web/worker/lane.h"

/*
 * How a request that hashes a password gets to a heavy worker and its answer
 * back: the light worker is a FastCGI client of the heavy one, over a pair of
 * sockets of which it passes one end through the lane. So the web server's
 * connection stays with one worker, which hears when the request is given up.
 */

/* Send the request that was gathered. Our end, or -1: the lane is full. */
int conn_relay_open(const struct fcgi_input *in, struct lane *lane);

/*
 * Take what came of the answer and put it to out, which sends what its peer
 * takes. RELAY_CUT: the heavy worker died, or gave the answer up.
 */
enum conn_relay { RELAY_MORE, RELAY_ENDED, RELAY_CUT };
enum conn_relay conn_relay_read(int relay, struct fcgi_scan *scan,
    struct fcgi_out *out);

#endif
