#include <stdlib.h>

#include <webp/decode.h>
#include <webp/encode.h>

#include "image/image_codec.h"
#include "image/image_scale.h"

#define QUALITY 82

/* libwebp cuts and makes smaller while it decodes. */
static void
set_shape(WebPDecoderConfig *c, const struct image_shape *shape)
{
	struct image_cut cut = image_scale_cut((uint32_t)c->input.width,
	    (uint32_t)c->input.height, shape);

	c->options.use_cropping = 1;
	c->options.crop_left = (int)cut.left;
	c->options.crop_top = (int)cut.top;
	c->options.crop_width = (int)cut.width;
	c->options.crop_height = (int)cut.height;
	c->options.use_scaling = 1;
	c->options.scaled_width = (int)cut.out_width;
	c->options.scaled_height = (int)cut.out_height;
	c->output.colorspace = MODE_RGBA;
}

enum image_fault
image_webp_read(struct str in, const struct image_probe *p,
    const struct image_shape *shape, struct image_pixels *out)
{
	const uint8_t *bytes = (const uint8_t *)p->frame.p;
	WebPDecoderConfig c;
	VP8StatusCode rc;

	(void)in;
	if (!WebPInitDecoderConfig(&c) ||
	    WebPGetFeatures(bytes, p->frame.n, &c.input) != VP8_STATUS_OK)
		return IMAGE_BROKEN;
	if (!image_probe_fits((uint32_t)c.input.width,
	    (uint32_t)c.input.height))
		return IMAGE_TOO_BIG;
	set_shape(&c, shape);
	rc = WebPDecode(bytes, p->frame.n, &c);
	if (rc != VP8_STATUS_OK)
		return rc == VP8_STATUS_OUT_OF_MEMORY ? IMAGE_TOO_BIG :
		    IMAGE_BROKEN;
	*out = (struct image_pixels){ (uint32_t)c.output.width,
		(uint32_t)c.output.height, NULL };
	out->rgba = malloc((size_t)out->width * out->height * 4);
	if (out->rgba == NULL)
		return IMAGE_TOO_BIG;
	for (uint32_t y = 0; y < out->height; y++)
		memcpy(out->rgba + (size_t)y * out->width * 4,
		    c.output.u.RGBA.rgba +
			(size_t)y * (size_t)c.output.u.RGBA.stride,
		    (size_t)out->width * 4);
	return IMAGE_FINE;
}

bool
image_webp_write(const struct image_pixels *p, struct str *out)
{
	uint8_t *bytes = NULL;
	size_t n = WebPEncodeRGBA(p->rgba, (int)p->width, (int)p->height,
	    (int)p->width * 4, QUALITY, &bytes);

	*out = (struct str){ (const char *)bytes, n };
	return n > 0;
}
