#ifndef IMAGE_IMAGE_SCALE_H
#define IMAGE_IMAGE_SCALE_H

#include "image/image_shape.h"

/*
 * Makes a picture smaller while it is decoded, row by row, so that the large one
 * is never in memory: each pixel is the mean of the area it stands for, weighted
 * by opacity. Never larger.
 */
struct image_scale {
	struct image_pixels out;
	uint32_t left, top, width, height; /* what is cut out of the source */
	uint32_t row;	  /* of the source, that comes next */
	uint32_t out_row; /* that is being summed up */
	float *sum;	  /* of that row: four numbers a pixel */
};

/* What to cut out of a source of that size, and how large it becomes. */
struct image_cut {
	uint32_t left, top, width, height, out_width, out_height;
};
struct image_cut image_scale_cut(uint32_t width, uint32_t height,
    const struct image_shape *shape);

/* For a source of that size. False: there is no memory. */
bool image_scale_begin(struct image_scale *s, uint32_t width,
    uint32_t height, const struct image_shape *shape);

/* The next row of the source, 4 bytes a pixel. */
void image_scale_row(struct image_scale *s, const uint8_t *rgba);

/* The picture after Exif's orientation, 1 to 8. False: there is no memory. */
bool image_scale_turn(struct image_pixels *p, int orientation);

#endif
