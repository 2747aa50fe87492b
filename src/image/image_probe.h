#ifndef IMAGE_IMAGE_PROBE_H
#define IMAGE_IMAGE_PROBE_H

#include <stdint.h>

#include "image/image_type.h"

/* Security row MU3. */
#define IMAGE_SIDE_MAX 8192
#define IMAGE_PIXELS_MAX 40000000u

/* What the headers of a file say; nothing is decoded. */
struct image_probe {
	enum image_type type;
	uint32_t width, height;
	int orientation;  /* of Exif, 1 to 8; 1: upright */
	struct str frame; /* WebP: the chunks of its first frame */
};

/*
 * Read the headers, in one pass over them. Any bytes are safe; false: they are
 * cut off, or no such file. The size may still be too large.
 */
bool image_probe(struct str file, struct image_probe *out);

/* Is a picture of that size worth decoding? */
bool image_probe_fits(uint32_t width, uint32_t height);

#endif
