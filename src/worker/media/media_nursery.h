#ifndef WORKER_MEDIA_MEDIA_NURSERY_H
#define WORKER_MEDIA_MEDIA_NURSERY_H

#include <stdint.h>

#include "image/image.h"

/*
 * Where decoders are born: a process that postern-worker forks before it reads
 * any setting, so that it and its children hold no password, key or connection
 * (row MU4). A child that is taken over by a picture could tell what is in its
 * memory through the picture it makes; there is nothing there. Each picture has
 * a child of its own, which reads one file, writes one pipe, may do nothing
 * else, and ends.
 */

/*
 * Fork it; call first in main, before the environment is copied. False with
 * errno. It ends with this process.
 */
bool media_nursery_start(int argc, char **argv);

/* The socket that media_nursery_ask() takes, and its process. */
int media_nursery_socket(void);
bool media_nursery_lives(void);

/* What a decoder made, or why not; bytes are the caller's, malloc. */
struct media_made {
	uint32_t fault; /* enum image_fault */
	uint32_t type, width, height;
	uint64_t n;
	char *bytes;
};

/*
 * Have the picture in the file decoded. False: no decoder could be had, which
 * is the fault of no picture. A decoder that dies or takes too long is
 * IMAGE_BROKEN.
 */
bool media_nursery_ask(int socket, int file, const struct image_shape *shape,
    struct media_made *out);

#endif
