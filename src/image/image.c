#include "image/image.h"

#include <config.h>

#include "image/image_codec.h"
#include "image/image_scale.h"

#ifdef HAVE_IMAGES
static const struct {
	image_read *read;
	image_write *write; /* of what it is made */
} codecs[] = {
	[IMAGE_JPEG] = { image_jpeg_read, image_jpeg_write },
	[IMAGE_PNG] = { image_png_read, image_png_write },
	[IMAGE_GIF] = { image_gif_read, image_png_write },
	[IMAGE_WEBP] = { image_webp_read, image_webp_write },
};

enum image_fault
image_make(struct str in, const struct image_shape *shape,
    struct image_file *out)
{
	struct image_probe p;
	struct image_pixels pixels = { 0 };
	enum image_fault fault;

	*out = (struct image_file){ 0 };
	if (!image_probe(in, &p))
		return p.type ? IMAGE_BROKEN : IMAGE_UNKNOWN;
	if (!image_probe_fits(p.width, p.height))
		return IMAGE_TOO_BIG;
	fault = codecs[p.type].read(in, &p, shape, &pixels);
	if (fault != IMAGE_FINE)
		return fault;
	if (!image_scale_turn(&pixels, p.orientation) ||
	    !codecs[p.type].write(&pixels, &out->bytes))
		return IMAGE_TOO_BIG;
	out->type = image_type_made(p.type);
	out->width = pixels.width;
	out->height = pixels.height;
	return IMAGE_FINE;
}

#else

enum image_fault
image_make(struct str in, const struct image_shape *shape,
    struct image_file *out)
{
	(void)in, (void)shape;
	*out = (struct image_file){ 0 };
	return IMAGE_UNKNOWN;
}

#endif
