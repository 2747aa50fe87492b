#include "image/image_probe.h"

#include "image/image_exif.h"

static uint32_t
byte_at(struct str s, size_t i)
{
	return i < s.n ? (unsigned char)s.p[i] : 0;
}

static uint32_t
big(struct str s, size_t at, int bytes)
{
	uint32_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | byte_at(s, at + (size_t)i);
	return v;
}

static uint32_t
little(struct str s, size_t at, int bytes)
{
	uint32_t v = 0;

	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | byte_at(s, at + (size_t)i);
	return v;
}

static bool
set_size(struct image_probe *p, uint32_t width, uint32_t height)
{
	p->width = width;
	p->height = height;
	return width > 0 && height > 0;
}

bool
image_probe_fits(uint32_t width, uint32_t height)
{
	return width <= IMAGE_SIDE_MAX && height <= IMAGE_SIDE_MAX &&
	    width * height <= IMAGE_PIXELS_MAX;
}

/* SOF0 to SOF15, without the three that are something else (T.81, B.1.1.3). */
static bool
is_frame_header(uint32_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
	    marker != 0xc8 && marker != 0xcc;
}

/* Segments up to the frame header, which Exif precedes. */
static bool
probe_jpeg(struct str file, struct image_probe *p)
{
	size_t at = 2;

	while (at + 4 <= file.n) {
		uint32_t marker = byte_at(file, at + 1);
		size_t n = big(file, at + 2, 2);
		struct str segment = str_slice(file, at + 4, at + 2 + n);

		if (byte_at(file, at) != 0xff)
			return false;
		if (marker == 0xff) { /* a fill byte */
			at++;
			continue;
		}
		if (n < 2 || marker == 0xda || marker < 0xc0)
			return false;
		if (is_frame_header(marker))
			return segment.n >= 6 && set_size(p,
			    big(segment, 3, 2), big(segment, 1, 2));
		if (marker == 0xe1 && str_starts(segment, STR("Exif\0\0")))
			p->orientation = image_exif_orientation(
			    str_slice(segment, 6, segment.n));
		at += 2 + n;
	}
	return false;
}

/* IHDR, then chunks up to the data, before which eXIf may stand. */
static bool
probe_png(struct str file, struct image_probe *p)
{
	size_t at = 8;

	if (file.n < 33 || big(file, 8, 4) != 13 ||
	    !str_eq(str_slice(file, 12, 16), STR("IHDR")) ||
	    !set_size(p, big(file, 16, 4), big(file, 20, 4)))
		return false;
	while (at + 12 <= file.n) {
		size_t n = big(file, at, 4);
		struct str name = str_slice(file, at + 4, at + 8);

		if (n > file.n - at - 12 || str_eq(name, STR("IDAT")))
			break;
		if (str_eq(name, STR("eXIf")))
			p->orientation = image_exif_orientation(
			    str_slice(file, at + 8, at + 8 + n));
		at += 12 + n;
	}
	return true;
}

static bool
probe_gif(struct str file, struct image_probe *p)
{
	return file.n >= 13 &&
	    set_size(p, little(file, 6, 2), little(file, 8, 2));
}

/* The size that a frame's own bitstream tells (RFC 6386, 9.1; RFC 9649). */
static bool
probe_bitstream(struct str name, struct str data, struct image_probe *p)
{
	uint32_t bits;

	if (str_eq(name, STR("VP8L"))) {
		bits = little(data, 1, 4);
		return data.n >= 5 && byte_at(data, 0) == 0x2f &&
		    set_size(p, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
	}
	return data.n >= 10 &&
	    str_eq(str_slice(data, 3, 6), STR("\x9d\x01\x2a")) &&
	    set_size(p, little(data, 6, 2) & 0x3fff,
		little(data, 8, 2) & 0x3fff);
}

static bool
is_bitstream(struct str name)
{
	return str_eq(name, STR("VP8 ")) || str_eq(name, STR("VP8L"));
}

/* Note what one chunk says; from `all` on stand its frame's chunks. */
static bool
take_chunk(struct image_probe *p, struct str name, struct str data,
    struct str all)
{
	struct image_probe own = *p;

	if (str_eq(name, STR("VP8X")) && data.n >= 10)
		return set_size(p, little(data, 4, 3) + 1,
		    little(data, 7, 3) + 1);
	if (str_eq(name, STR("EXIF"))) {
		if (str_starts(data, STR("Exif\0\0")))
			data = str_slice(data, 6, data.n);
		p->orientation = image_exif_orientation(data);
	}
	if (p->frame.p)
		return true;
	if (str_eq(name, STR("ANMF")) && data.n > 16)
		p->frame = str_slice(data, 16, data.n);
	if (str_eq(name, STR("ALPH")) || is_bitstream(name))
		p->frame = all;
	if (!is_bitstream(name))
		return true;
	if (!probe_bitstream(name, data, &own))
		return false;
	return p->width || set_size(p, own.width, own.height);
}

static bool
probe_webp(struct str file, struct image_probe *p)
{
	size_t at = 12;

	while (at + 8 <= file.n) {
		struct str name = str_slice(file, at, at + 4);
		size_t n = little(file, at + 4, 4);
		struct str all = str_slice(file, at, file.n);
		struct str data = str_slice(all, 8, n > all.n ? all.n : 8 + n);

		if (!take_chunk(p, name, data, all))
			return false;
		if (data.n < n)
			break;
		at += 8 + n + (n & 1);
	}
	return p->width && p->frame.p;
}

bool
image_probe(struct str file, struct image_probe *out)
{
	*out = (struct image_probe){ .type = image_type_of(file),
		.orientation = 1 };
	switch (out->type) {
	case IMAGE_JPEG:
		return probe_jpeg(file, out);
	case IMAGE_PNG:
		return probe_png(file, out);
	case IMAGE_GIF:
		return probe_gif(file, out);
	case IMAGE_WEBP:
		return probe_webp(file, out);
	default:
		return false;
	}
}
