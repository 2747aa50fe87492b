#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "image/image_shape.h"

/*
 * Pictures of strangers, decoded and encoded again, so that nothing stays of a
 * file but what one sees (rows MU2, MU3, MU4, MU7). Runs in a process that has
 * nothing to lose (worker/media/media_nursery.h): memory comes from malloc and
 * is not freed, a failure of the libraries ends in an enum, never in exit().
 */
struct image_file {
	enum image_type type;
	uint32_t width, height;
	struct str bytes;
};

/*
 * The file `in` in its shape: turned upright, no metadata, the first frame of an
 * animation. JPEG, PNG and WebP keep their type, GIF becomes PNG.
 */
enum image_fault image_make(struct str in, const struct image_shape *shape,
    struct image_file *out);

#endif
