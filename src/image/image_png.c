#include <stdlib.h>

#include <png.h>

#include "image/image_codec.h"
#include "image/image_scale.h"

#define BYTES_MAX ((size_t)128 << 20) /* of all pixels of the source */

static enum image_fault
scale_all(const uint8_t *rgba, uint32_t width, uint32_t height,
    const struct image_shape *shape, struct image_pixels *out)
{
	struct image_scale s;

	if (!image_scale_begin(&s, width, height, shape))
		return IMAGE_TOO_BIG;
	for (uint32_t y = 0; y < height; y++)
		image_scale_row(&s, rgba + (size_t)y * width * 4);
	*out = s.out;
	return IMAGE_FINE;
}

enum image_fault
image_png_read(struct str in, const struct image_probe *p,
    const struct image_shape *shape, struct image_pixels *out)
{
	png_image png = { .version = PNG_IMAGE_VERSION };
	enum image_fault fault;
	uint8_t *rgba;

	if ((size_t)p->width * p->height * 4 > BYTES_MAX)
		return IMAGE_TOO_BIG;
	if (!png_image_begin_read_from_memory(&png, in.p, in.n) ||
	    png.width != p->width || png.height != p->height)
		return IMAGE_BROKEN;
	png.format = PNG_FORMAT_RGBA;
	rgba = calloc((size_t)png.width * png.height, 4);
	if (rgba == NULL)
		return IMAGE_TOO_BIG;
	if (!png_image_finish_read(&png, NULL, rgba, 0, NULL)) {
		free(rgba);
		return IMAGE_BROKEN;
	}
	fault = scale_all(rgba, p->width, p->height, shape, out);
	free(rgba);
	return fault;
}

/* Without transparency a file needs three bytes a pixel. */
static bool
drop_alpha(const struct image_pixels *p)
{
	size_t n = (size_t)p->width * p->height;

	for (size_t i = 0; i < n; i++)
		if (p->rgba[i * 4 + 3] != 255)
			return false;
	for (size_t i = 0; i < n; i++)
		memmove(p->rgba + i * 3, p->rgba + i * 4, 3);
	return true;
}

bool
image_png_write(const struct image_pixels *p, struct str *out)
{
	png_image png = { .version = PNG_IMAGE_VERSION, .width = p->width,
		.height = p->height };
	png_alloc_size_t n;
	char *bytes;

	png.format = drop_alpha(p) ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
	n = PNG_IMAGE_PNG_SIZE_MAX(png);
	bytes = malloc(n);
	if (bytes == NULL || !png_image_write_to_memory(&png, bytes, &n, 0,
	    p->rgba, 0, NULL))
		return false;
	*out = (struct str){ bytes, n };
	return true;
}
