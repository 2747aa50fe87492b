#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>

#include <jpeglib.h>
#include <jerror.h>

#include "image/image_codec.h"
#include "image/image_scale.h"

#define QUALITY 85
#define MEMORY (128L << 20) /* of a progressive file, all of it is kept */
#define SCANS 100 /* of a progressive file; each costs as much as the file */

struct reader {
	struct jpeg_error_mgr errors; /* first: libjpeg hands out its address */
	struct jpeg_progress_mgr progress;
	jmp_buf out;
	struct jpeg_decompress_struct d;
	struct image_scale scale;
	uint8_t *row;
	enum image_fault fault;
};

static void
on_error(j_common_ptr c)
{
	struct reader *r = (struct reader *)(void *)c->err;

	r->fault = c->err->msg_code == JERR_OUT_OF_MEMORY ||
	    c->err->msg_code == JERR_NO_BACKING_STORE ? IMAGE_TOO_BIG :
	    IMAGE_BROKEN;
	longjmp(r->out, 1);
}

static void
on_message(j_common_ptr c)
{
	(void)c;
}

/* Many scans of nothing keep a decoder busy for minutes. */
static void
on_progress(j_common_ptr c)
{
	struct reader *r = (struct reader *)(void *)c->err;

	if (r->d.input_scan_number <= SCANS)
		return;
	r->fault = IMAGE_TOO_BIG;
	longjmp(r->out, 1);
}

/* Decode as small as still gives each pixel two of each side. */
static void
choose_scale(struct reader *r, const struct image_shape *shape)
{
	uint32_t w = r->d.image_width, h = r->d.image_height;
	uint32_t side = shape->square == (w < h) ? w : h;

	r->d.scale_denom = 8;
	r->d.scale_num = 8;
	while (r->d.scale_num > 1 &&
	    side * (r->d.scale_num / 2) / 8 >= 2 * shape->side)
		r->d.scale_num /= 2;
}

/* Ink as Adobe stores it, inverted; others do the same nowadays. */
static void
from_ink(uint8_t *row, uint32_t n)
{
	for (uint8_t *p = row; n > 0; n--, p += 4) {
		unsigned k = p[3];

		for (int i = 0; i < 3; i++)
			p[i] = (uint8_t)(p[i] * k / 255);
		p[3] = 255;
	}
}

static void
decode(struct reader *r, struct str in, const struct image_shape *shape)
{
	bool ink;

	r->fault = IMAGE_BROKEN;
	jpeg_create_decompress(&r->d);
	r->d.mem->max_memory_to_use = MEMORY;
	r->progress.progress_monitor = on_progress;
	r->d.progress = &r->progress;
	jpeg_mem_src(&r->d, (const unsigned char *)in.p, in.n);
	if (jpeg_read_header(&r->d, TRUE) != JPEG_HEADER_OK ||
	    !image_probe_fits(r->d.image_width, r->d.image_height))
		return;
	ink = r->d.num_components == 4;
	r->d.out_color_space = ink ? JCS_CMYK : JCS_EXT_RGBA;
	choose_scale(r, shape);
	jpeg_start_decompress(&r->d);
	r->fault = IMAGE_TOO_BIG;
	r->row = malloc((size_t)r->d.output_width * 4);
	if (r->row == NULL || !image_scale_begin(&r->scale,
	    r->d.output_width, r->d.output_height, shape))
		return;
	while (r->d.output_scanline < r->d.output_height) {
		jpeg_read_scanlines(&r->d, &r->row, 1);
		if (ink)
			from_ink(r->row, r->d.output_width);
		image_scale_row(&r->scale, r->row);
	}
	r->fault = IMAGE_FINE;
}

/* What is missing at the end of a file is grey: people have such files. */
enum image_fault
image_jpeg_read(struct str in, const struct image_probe *p,
    const struct image_shape *shape, struct image_pixels *out)
{
	struct reader *r = calloc(1, sizeof(*r));

	(void)p;
	if (r == NULL)
		return IMAGE_TOO_BIG;
	r->d.err = jpeg_std_error(&r->errors);
	r->errors.error_exit = on_error;
	r->errors.output_message = on_message;
	if (setjmp(r->out) == 0)
		decode(r, in, shape);
	*out = r->scale.out;
	return r->fault;
}

struct writer {
	struct jpeg_error_mgr errors;
	jmp_buf out;
	struct jpeg_compress_struct c;
	unsigned char *bytes;
	unsigned long n;
};

static void
on_write_error(j_common_ptr c)
{
	longjmp(((struct writer *)(void *)c->err)->out, 1);
}

static void
encode(struct writer *w, const struct image_pixels *p)
{
	jpeg_create_compress(&w->c);
	jpeg_mem_dest(&w->c, &w->bytes, &w->n);
	w->c.image_width = p->width;
	w->c.image_height = p->height;
	w->c.input_components = 4;
	w->c.in_color_space = JCS_EXT_RGBX;
	jpeg_set_defaults(&w->c);
	jpeg_set_quality(&w->c, QUALITY, TRUE);
	jpeg_simple_progression(&w->c);
	jpeg_start_compress(&w->c, TRUE);
	while (w->c.next_scanline < p->height) {
		JSAMPROW row = p->rgba +
		    (size_t)w->c.next_scanline * p->width * 4;

		jpeg_write_scanlines(&w->c, &row, 1);
	}
	jpeg_finish_compress(&w->c);
}

bool
image_jpeg_write(const struct image_pixels *p, struct str *out)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return false;
	w->c.err = jpeg_std_error(&w->errors);
	w->errors.error_exit = on_write_error;
	w->errors.output_message = on_message;
	if (setjmp(w->out))
		return false;
	encode(w, p);
	*out = (struct str){ (const char *)w->bytes, w->n };
	return true;
}
