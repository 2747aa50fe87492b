#ifndef IMAGE_IMAGE_CODEC_H
#define IMAGE_IMAGE_CODEC_H

#include "image/image_shape.h"

/*
 * One library each (image_jpeg.c …). read: the file `in`, of which p was read,
 * in its shape but not turned yet. write: false: it failed.
 */
typedef enum image_fault image_read(struct str in, const struct image_probe *p,
    const struct image_shape *shape, struct image_pixels *out);
typedef bool image_write(const struct image_pixels *p, struct str *out);

extern image_read image_jpeg_read, image_png_read, image_gif_read,
    image_webp_read;
extern image_write image_jpeg_write, image_png_write, image_webp_write;

#endif
