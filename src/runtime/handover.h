#ifndef RUNTIME_HANDOVER_H
#define RUNTIME_HANDOVER_H

#include <stdint.h>

#include "base/str.h"

/*
 * A picture on its way from the process that serves a request to the one that
 * decodes and stores pictures (worker/media/media_process.h), which has the
 * powers that no web process has: a datagram to <runtime_dir>/media.sock with a
 * file that holds the bytes and one end of a pair for the answer. It works from
 * whatever a web server started, and the bytes are in memory only.
 */
#define HANDOVER_KEY 160 /* bytes of an object's name, with its NUL */

enum handover_what { HANDOVER_PUT = 1, HANDOVER_REMOVE };

struct handover_order {
	uint32_t what;
	uint32_t side, square;	/* of a PUT: see struct image_shape */
	char key[HANDOVER_KEY];
};

enum handover_end {
	HANDOVER_DONE = 1,
	HANDOVER_BUSY,	  /* enough of them are under way */
	HANDOVER_DOWN,	  /* the store does not take or give up the object */
	HANDOVER_UNKNOWN, /* no type of picture that we take */
	HANDOVER_BROKEN,  /* it cannot be decoded */
	HANDOVER_TOO_BIG  /* too many pixels, or too much memory */
};

struct handover_answer {
	uint32_t end;
	uint32_t width, height;
};

/* Is key a name as we give them: letters, digits, "-", one "." and "/"? */
bool handover_key_good(const char *key);

/*
 * Hand an order over, with the bytes of a PUT. The descriptor where the answer
 * comes, or -1 with errno: ENOENT and ECONNREFUSED where nobody listens,
 * EAGAIN where too many wait.
 */
int handover_begin(const char *runtime_dir, const struct handover_order *o,
    struct str bytes);

/* Wait for the answer up to ms. False: none came (yet). */
bool handover_wait(int fd, int ms, struct handover_answer *out);

/* The other side: listen, in place of none or one that is dead. -1: cannot. */
int handover_listen(const char *runtime_dir);
void handover_close(const char *runtime_dir, int fd);

/* Take the next order without waiting; both descriptors are the caller's. */
bool handover_take(int fd, struct handover_order *o, int *reply, int *file);

#endif
