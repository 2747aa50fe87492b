#ifndef IMAGE_IMAGE_SHAPE_H
#define IMAGE_IMAGE_SHAPE_H

#include "image/image_probe.h"

/* What a picture is to become, and why it does not. */
enum image_fault {
	IMAGE_FINE,
	IMAGE_UNKNOWN, /* no type that we take */
	IMAGE_BROKEN,  /* its bytes cannot be decoded */
	IMAGE_TOO_BIG  /* too many pixels, or too much memory */
};

/* A square is cut out of the middle; neither side exceeds side. */
struct image_shape {
	uint32_t side;
	bool square;
};

/* 4 bytes a pixel: red, green, blue, alpha; rows without a gap. */
struct image_pixels {
	uint32_t width, height;
	uint8_t *rgba;
};

#endif
