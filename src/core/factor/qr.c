#include "core/factor/qr.h"

#include <config.h>

#ifdef HAVE_QRENCODE

#include <qrencode.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/encoding.h"

#define SCALE 6	 /* pixels a module */
#define QUIET 4	 /* modules of white around it (ISO 18004, 6.3.8) */
#define PNG_MAX (64u << 10)

static void
add_u32(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_byte(b, (char)(v >> shift & 0xff));
}

/* PNG 5.3: length, type, data, CRC over type and data. */
static void
add_chunk(struct buf *b, const char type[4], struct str data)
{
	uLong crc = crc32(0, (const Bytef *)type, 4);

	if (data.n)
		crc = crc32(crc, (const Bytef *)data.p, (uInt)data.n);
	add_u32(b, (uint32_t)data.n);
	buf_add(b, (struct str){ type, 4 });
	buf_add(b, data);
	add_u32(b, (uint32_t)crc);
}

static struct str
header(struct arena *a, uint32_t size)
{
	struct buf b = buf_new(a, 16);

	add_u32(&b, size);
	add_u32(&b, size);
	/* one bit, greyscale, deflate, no filter, not interlaced */
	buf_add(&b, (struct str){ "\1\0\0\0\0", 5 });
	return buf_str(&b);
}

/* Rows of bits, white is 1, each behind its filter byte. */
static struct str
pixels(struct arena *a, const QRcode *q, size_t size)
{
	size_t row = 1 + (size + 7) / 8;
	char *p = arena_array(a, size, row);
	size_t width = (size_t)q->width;

	for (size_t y = 0; y < size; y++)
		for (size_t x = 0; x < size; x++) {
			size_t my = y / SCALE, mx = x / SCALE;
			bool dark = my >= QUIET && mx >= QUIET &&
			    my < width + QUIET && mx < width + QUIET &&
			    (q->data[(my - QUIET) * width + mx - QUIET] & 1);

			if (!dark)
				p[y * row + 1 + x / 8] |=
				    (char)(0x80 >> x % 8);
		}
	return (struct str){ p, size * row };
}

static struct str
png(struct arena *a, const QRcode *q)
{
	size_t size = ((size_t)q->width + 2 * QUIET) * SCALE;
	struct str raw = pixels(a, q, size);
	uLongf n = compressBound((uLong)raw.n);
	Bytef *packed = arena_alloc(a, n);
	struct buf b = buf_new(a, PNG_MAX);

	if (compress2(packed, &n, (const Bytef *)raw.p, (uLong)raw.n,
	    Z_BEST_COMPRESSION) != Z_OK)
		return STR_NONE;
	buf_add(&b, STR("\x89PNG\r\n\x1a\n"));
	add_chunk(&b, "IHDR", header(a, (uint32_t)size));
	add_chunk(&b, "IDAT", (struct str){ (const char *)packed, n });
	add_chunk(&b, "IEND", STR_NONE);
	return b.full ? STR_NONE : buf_str(&b);
}

static void
free_qr(void *q)
{
	QRcode *code = q;

	explicit_bzero(code->data,
	    (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
}

struct str
qr_data_uri(struct arena *a, struct str text)
{
	const char *c = arena_cstr(a, text);
	QRcode *q = QRcode_encodeString8bit(c, 0, QR_ECLEVEL_M);
	struct str image;

	if (q == NULL)
		return STR_NONE;
	arena_defer(a, free_qr, q);
	image = png(a, q);
	if (image.n == 0)
		return STR_NONE;
	return arena_fmt(a, "data:image/png;base64,%s",
	    b64_encode(a, image).p);
}

#else

struct str
qr_data_uri(struct arena *a, struct str text)
{
	(void)a;
	(void)text;
	return STR_NONE;
}

#endif
