#include "image/image_scale.h"

#include <stdlib.h>

static uint32_t
at_most(uint32_t n, uint32_t most)
{
	return n < most ? n : most;
}

/* a * b / c, rounded, and at least 1. */
static uint32_t
share(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t v = ((uint64_t)a * b + c / 2) / c;

	return v ? (uint32_t)v : 1;
}

struct image_cut
image_scale_cut(uint32_t width, uint32_t height,
    const struct image_shape *shape)
{
	struct image_cut c = { 0, 0, width, height, 0, 0 };
	uint32_t longer;

	if (shape->square) {
		c.width = c.height = at_most(width, height);
		c.left = (width - c.width) / 2;
		c.top = (height - c.height) / 2;
	}
	longer = c.width > c.height ? c.width : c.height;
	c.out_width = share(c.width, at_most(longer, shape->side), longer);
	c.out_height = share(c.height, at_most(longer, shape->side), longer);
	return c;
}

bool
image_scale_begin(struct image_scale *s, uint32_t width, uint32_t height,
    const struct image_shape *shape)
{
	struct image_cut c = image_scale_cut(width, height, shape);

	*s = (struct image_scale){ .out = { c.out_width, c.out_height, NULL },
		.left = c.left, .top = c.top, .width = c.width,
		.height = c.height };
	s->out.rgba = calloc((size_t)c.out_width * c.out_height, 4);
	s->sum = calloc(c.out_width, 4 * sizeof(*s->sum));
	return s->out.rgba && s->sum;
}

/* Add pixels [from, to) of a row, with a part of the first and the last. */
static void
add_span(float sum[4], const uint8_t *row, float from, float to, float weight)
{
	for (uint32_t x = (uint32_t)from; (float)x < to; x++) {
		float left = (float)x > from ? (float)x : from;
		float right = (float)(x + 1) < to ? (float)(x + 1) : to;
		const uint8_t *p = row + (size_t)x * 4;
		float w = weight * (right - left), alpha = w * (float)p[3];

		for (int i = 0; i < 3; i++)
			sum[i] += alpha * (float)p[i];
		sum[3] += alpha;
	}
}

static void
add_row(struct image_scale *s, const uint8_t *row, float weight)
{
	float step = (float)s->width / (float)s->out.width;

	for (uint32_t x = 0; x < s->out.width; x++) {
		float to = (float)(x + 1) * step, end = (float)s->width;

		add_span(s->sum + (size_t)x * 4, row, (float)x * step,
		    to < end ? to : end, weight);
	}
}

static uint8_t
rounded(float v)
{
	return v >= 255 ? 255 : (uint8_t)(v + 0.5f);
}

/* The sums of a row become pixels. */
static void
end_row(struct image_scale *s)
{
	float area = (float)s->width / (float)s->out.width *
	    (float)s->height / (float)s->out.height;
	uint8_t *to = s->out.rgba + (size_t)s->out_row * s->out.width * 4;

	for (uint32_t x = 0; x < s->out.width; x++, to += 4) {
		float *sum = s->sum + (size_t)x * 4;

		for (int i = 0; i < 3; i++)
			to[i] = sum[3] > 0 ? rounded(sum[i] / sum[3]) : 0;
		to[3] = rounded(sum[3] / area);
		sum[0] = sum[1] = sum[2] = sum[3] = 0;
	}
	s->out_row++;
}

void
image_scale_row(struct image_scale *s, const uint8_t *rgba)
{
	float step = (float)s->height / (float)s->out.height;
	float y = (float)(s->row - s->top), end;
	bool inside = s->row >= s->top && s->row - s->top < s->height;

	s->row++;
	if (!inside || s->out_row >= s->out.height)
		return;
	rgba += (size_t)s->left * 4;
	end = (float)(s->out_row + 1) * step;
	if (end >= y + 1 && s->row - s->top < s->height) {
		add_row(s, rgba, 1);
		return;
	}
	add_row(s, rgba, end < y + 1 ? end - y : 1);
	end_row(s);
	if (end < y + 1 && s->out_row < s->out.height)
		add_row(s, rgba, y + 1 - end);
}

/* Where the pixel at x, y of the upright picture stands in the other. */
static size_t
place(const struct image_pixels *p, int orientation, uint32_t x, uint32_t y)
{
	bool swap = orientation >= 5;
	uint32_t a = swap ? y : x, b = swap ? x : y;
	bool right = orientation == 2 || orientation == 3 ||
	    orientation == 7 || orientation == 8;
	bool below = orientation == 3 || orientation == 4 ||
	    orientation == 6 || orientation == 7;

	a = right ? p->width - 1 - a : a;
	b = below ? p->height - 1 - b : b;
	return (size_t)b * p->width + a;
}

bool
image_scale_turn(struct image_pixels *p, int orientation)
{
	bool swap = orientation >= 5;
	struct image_pixels to = { swap ? p->height : p->width,
		swap ? p->width : p->height, NULL };

	if (orientation <= 1)
		return true;
	to.rgba = malloc((size_t)to.width * to.height * 4);
	if (to.rgba == NULL)
		return false;
	for (uint32_t y = 0; y < to.height; y++)
		for (uint32_t x = 0; x < to.width; x++)
			memcpy(to.rgba + ((size_t)y * to.width + x) * 4,
			    p->rgba + place(p, orientation, x, y) * 4, 4);
	free(p->rgba);
	*p = to;
	return true;
}
