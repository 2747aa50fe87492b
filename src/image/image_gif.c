#include <stdlib.h>

#include <gif_lib.h>

#include "image/image_codec.h"
#include "image/image_scale.h"

/* What giflib still has to read. */
static int
read_bytes(GifFileType *g, GifByteType *to, int n)
{
	struct str *left = g->UserData;
	struct str piece = str_slice(*left, 0, n > 0 ? (size_t)n : 0);

	if (piece.n)
		memcpy(to, piece.p, piece.n);
	*left = str_slice(*left, piece.n, left->n);
	return (int)piece.n;
}

/* The first frame: its colours by row, and which of them one sees through. */
struct frame {
	GifFileType *g;
	uint8_t *colours;
	uint32_t left, top, width, height;
	int clear; /* -1: none */
};

static bool
read_extension(struct frame *f)
{
	GraphicsControlBlock control;
	GifByteType *bytes;
	int code;

	if (DGifGetExtension(f->g, &code, &bytes) == GIF_ERROR)
		return false;
	if (code == GRAPHICS_EXT_FUNC_CODE && bytes &&
	    DGifExtensionToGCB(bytes[0], bytes + 1, &control) == GIF_OK)
		f->clear = control.TransparentColor;
	while (bytes)
		if (DGifGetExtensionNext(f->g, &bytes) == GIF_ERROR)
			return false;
	return true;
}

static bool
read_row(struct frame *f, uint32_t row)
{
	return DGifGetLine(f->g, f->colours + (size_t)row * f->width,
	    (int)f->width) == GIF_OK;
}

static bool
read_rows(struct frame *f)
{
	static const uint32_t first[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };

	if (!f->g->Image.Interlace) {
		for (uint32_t y = 0; y < f->height; y++)
			if (!read_row(f, y))
				return false;
		return true;
	}
	for (int pass = 0; pass < 4; pass++)
		for (uint32_t y = first[pass]; y < f->height; y += step[pass])
			if (!read_row(f, y))
				return false;
	return true;
}

static enum image_fault
read_frame(struct frame *f)
{
	if (DGifGetImageDesc(f->g) == GIF_ERROR || f->g->Image.Left < 0 ||
	    f->g->Image.Top < 0 || f->g->Image.Width <= 0 ||
	    f->g->Image.Height <= 0)
		return IMAGE_BROKEN;
	f->left = (uint32_t)f->g->Image.Left;
	f->top = (uint32_t)f->g->Image.Top;
	f->width = (uint32_t)f->g->Image.Width;
	f->height = (uint32_t)f->g->Image.Height;
	if (!image_probe_fits(f->width, f->height))
		return IMAGE_TOO_BIG;
	f->colours = malloc((size_t)f->width * f->height);
	if (f->colours == NULL)
		return IMAGE_TOO_BIG;
	return read_rows(f) ? IMAGE_FINE : IMAGE_BROKEN;
}

/* Go to the first frame, past comments and what programs leave. */
static enum image_fault
find_frame(struct frame *f)
{
	GifRecordType type;

	while (DGifGetRecordType(f->g, &type) == GIF_OK) {
		if (type == IMAGE_DESC_RECORD_TYPE)
			return read_frame(f);
		if (type != EXTENSION_RECORD_TYPE || !read_extension(f))
			break;
	}
	return IMAGE_BROKEN;
}

/* Row y of the canvas; what the frame leaves free is transparent. */
static void
paint(const struct frame *f, uint32_t y, uint8_t *row, uint32_t width)
{
	const ColorMapObject *map = f->g->Image.ColorMap ?
	    f->g->Image.ColorMap : f->g->SColorMap;

	memset(row, 0, (size_t)width * 4);
	if (y < f->top || y - f->top >= f->height)
		return;
	for (uint32_t x = 0; x < f->width && f->left + x < width; x++) {
		int c = f->colours[(size_t)(y - f->top) * f->width + x];
		uint8_t *to = row + (size_t)(f->left + x) * 4;

		if (c == f->clear || map == NULL || c >= map->ColorCount)
			continue;
		to[0] = map->Colors[c].Red;
		to[1] = map->Colors[c].Green;
		to[2] = map->Colors[c].Blue;
		to[3] = 255;
	}
}

enum image_fault
image_gif_read(struct str in, const struct image_probe *p,
    const struct image_shape *shape, struct image_pixels *out)
{
	struct frame f = { .clear = NO_TRANSPARENT_COLOR };
	struct str left = in;
	struct image_scale s;
	enum image_fault fault;
	uint8_t *row;

	f.g = DGifOpen(&left, read_bytes, NULL);
	if (f.g == NULL)
		return IMAGE_BROKEN;
	fault = find_frame(&f);
	if (fault != IMAGE_FINE)
		return fault;
	row = malloc((size_t)p->width * 4);
	if (row == NULL || !image_scale_begin(&s, p->width, p->height, shape))
		return IMAGE_TOO_BIG;
	for (uint32_t y = 0; y < p->height; y++) {
		paint(&f, y, row, p->width);
		image_scale_row(&s, row);
	}
	*out = s.out;
	return IMAGE_FINE;
}
