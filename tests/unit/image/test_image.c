/*
 * Pictures of strangers: what their headers say (row MU3), and that what comes
 * out is a picture and nothing else (rows MU2, MU4, MU7).
 */
#include <config.h>

#include <stdio.h>

#include "base/buf.h"
#include "image/image.h"
#include "image/image_codec.h"
#include "image/image_exif.h"
#include "image/image_scale.h"

#include "tests/unit/unit.h"

/* A decoder ends with its memory (image/image.h): nothing of it is lost. */
int __lsan_is_turned_off(void);
int
__lsan_is_turned_off(void)
{
	return 1;
}

#define BYTES(...) \
	((struct str){ (const char[]){ __VA_ARGS__ }, \
		sizeof((const char[]){ __VA_ARGS__ }) })
#define B(x) (char)(x)

static struct str
png_header(uint32_t w, uint32_t h)
{
	return arena_fmt(a, "\x89PNG\r\n\x1a\n%c%c%c%cIHDR%c%c%c%c%c%c%c%c%c%c"
	    "%c%c%c....", 0, 0, 0, 13, (int)(w >> 24), (int)(w >> 16 & 255),
	    (int)(w >> 8 & 255), (int)(w & 255), (int)(h >> 24),
	    (int)(h >> 16 & 255), (int)(h >> 8 & 255), (int)(h & 255), 8, 6, 0,
	    0, 0);
}

static struct str
gif_header(unsigned w, unsigned h)
{
	return arena_fmt(a, "GIF89a%c%c%c%c%c%c%c;", w & 255, w >> 8, h & 255,
	    h >> 8, 0, 0, 0);
}

START_TEST(a_type_is_what_the_first_bytes_say)
{
	static const char *const strangers[] = { "", "\xff\xd8", "<svg/>",
		"GIF88a", "%PDF-1.4", "RIFF....WAVE", "BM", "<?xml", "PK\3\4",
		"<html>", "\x89PNG\r\n", "RIFF" };

	ck_assert_int_eq(image_type_of(BYTES(B(0xff), B(0xd8), B(0xff))),
	    IMAGE_JPEG);
	ck_assert_int_eq(image_type_of(png_header(1, 1)), IMAGE_PNG);
	ck_assert_int_eq(image_type_of(STR("GIF87a")), IMAGE_GIF);
	ck_assert_int_eq(image_type_of(STR("RIFF....WEBPVP8 ")), IMAGE_WEBP);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		ck_assert_int_eq(image_type_of(str_of(strangers[i])),
		    IMAGE_NONE);
}
END_TEST

START_TEST(headers_tell_the_size_before_anything_is_decoded)
{
	const struct str jpeg = BYTES(B(0xff), B(0xd8), B(0xff), B(0xe0), 0, 4,
	    1, 2, B(0xff), B(0xff), B(0xc2), 0, 11, 8, 0x12, 0x34, 0x02, 0x03,
	    1, 1, 1);
	const struct str lossy = BYTES('R', 'I', 'F', 'F', 0, 0, 0, 0, 'W',
	    'E', 'B', 'P', 'V', 'P', '8', ' ', 10, 0, 0, 0, 0, 0, 0, B(0x9d),
	    1, 0x2a, 0x20, 0x03, 0x58, 0x02);
	const struct str lossless = BYTES('R', 'I', 'F', 'F', 0, 0, 0, 0, 'W',
	    'E', 'B', 'P', 'V', 'P', '8', 'L', 5, 0, 0, 0, 0x2f, B(0xff),
	    B(0xff), B(0xff), 0x0f);
	struct image_probe p;

	ck_assert(image_probe(jpeg, &p));
	ck_assert_uint_eq(p.width, 0x203);
	ck_assert_uint_eq(p.height, 0x1234);
	ck_assert(image_probe(png_header(30000, 20000), &p));
	ck_assert_uint_eq(p.width, 30000);
	ck_assert_uint_eq(p.height, 20000);
	ck_assert(image_probe(gif_header(65535, 258), &p));
	ck_assert_uint_eq(p.width, 65535);
	ck_assert_uint_eq(p.height, 258);
	ck_assert(image_probe(lossy, &p));
	ck_assert_uint_eq(p.width, 800);
	ck_assert_uint_eq(p.height, 600);
	ck_assert(image_probe(lossless, &p));
	ck_assert_uint_eq(p.width, 16384);
	ck_assert_uint_eq(p.height, 16384);
	/* Cut off anywhere, or with a side of none, it is no picture. */
	for (size_t n = 0; n < jpeg.n - 6; n++)
		ck_assert(!image_probe(str_slice(jpeg, 0, n), &p));
	for (size_t n = 0; n < 33; n++)
		ck_assert(!image_probe(str_slice(png_header(9, 9), 0, n), &p));
	ck_assert(!image_probe(png_header(0, 9), &p));
	ck_assert(!image_probe(gif_header(9, 0), &p));
}
END_TEST

START_TEST(a_picture_that_would_be_a_bomb_is_refused_by_its_header)
{
	const struct image_shape shape = { 512, true };
	const struct str bombs[] = { png_header(30000, 30000),
		png_header(8193, 1), png_header(0xffffffff, 0xffffffff),
		png_header(8000, 8000), gif_header(65535, 65535),
		gif_header(1, 8193) };
	struct image_file out;

	ck_assert(image_probe_fits(8192, 4882));
	ck_assert(!image_probe_fits(8192, 4883));
	ck_assert(!image_probe_fits(0x10000, 0x10000));
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		ck_assert_int_eq(image_make(bombs[i], &shape, &out),
#ifdef HAVE_IMAGES
		    IMAGE_TOO_BIG
#else
		    IMAGE_UNKNOWN
#endif
		    );
}
END_TEST

START_TEST(orientation_is_read_in_both_byte_orders_and_never_beyond_the_end)
{
	struct str big = BYTES('M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3,
	    0, 0, 0, 1, 0, 6, 0, 0);
	struct str small = BYTES('I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
	    0, 1, 0, 0, 0, 8, 0, 0, 0);
	struct str far = BYTES('M', 'M', 0, 42, B(255), B(255), B(255), B(255));
	struct str many = BYTES('M', 'M', 0, 42, 0, 0, 0, 8, B(255), B(255));

	ck_assert_int_eq(image_exif_orientation(big), 6);
	ck_assert_int_eq(image_exif_orientation(small), 8);
	ck_assert_int_eq(image_exif_orientation(far), 1);
	ck_assert_int_eq(image_exif_orientation(many), 1);
	for (size_t n = 0; n < big.n; n++)
		ck_assert_int_eq(image_exif_orientation(
		    str_slice(big, 0, n)), 1);
}
END_TEST

START_TEST(a_square_is_cut_from_the_middle_and_nothing_grows)
{
	const struct image_shape square = { 512, true }, box = { 2048, false };
	struct image_cut c = image_scale_cut(3000, 2000, &square);

	ck_assert_uint_eq(c.left, 500);
	ck_assert_uint_eq(c.top, 0);
	ck_assert_uint_eq(c.width, 2000);
	ck_assert_uint_eq(c.out_width, 512);
	ck_assert_uint_eq(c.out_height, 512);
	c = image_scale_cut(4096, 1000, &box);
	ck_assert_uint_eq(c.out_width, 2048);
	ck_assert_uint_eq(c.out_height, 500);
	c = image_scale_cut(8192, 1, &box);
	ck_assert_uint_eq(c.out_width, 2048);
	ck_assert_uint_eq(c.out_height, 1);
	c = image_scale_cut(300, 200, &box);
	ck_assert_uint_eq(c.out_width, 300);
	ck_assert_uint_eq(c.out_height, 200);
}
END_TEST

/* Transparent pixels have no colour, whatever their bytes say. */
START_TEST(a_smaller_picture_is_the_mean_of_what_one_sees)
{
	const struct image_shape shape = { 2, false };
	const uint8_t row[] = { 200, 0, 0, 255, 100, 0, 0, 255, 9, 9, 9, 0, 0,
		80, 0, 255 };
	struct image_scale s;

	ck_assert(image_scale_begin(&s, 4, 4, &shape));
	for (int i = 0; i < 4; i++)
		image_scale_row(&s, row);
	ck_assert_uint_eq(s.out.width, 2);
	ck_assert_uint_eq(s.out.height, 2);
	for (int y = 0; y < 2; y++) {
		const uint8_t *p = s.out.rgba + y * 8;

		ck_assert_int_eq(p[0], 150);
		ck_assert_int_eq(p[3], 255);
		ck_assert_int_eq(p[5], 80);
		ck_assert_int_eq(p[7], 128);
	}
	image_scale_row(&s, row); /* one too many does no harm */
}
END_TEST

/* The eight ways a camera may have been held, of a picture with corners 1..6. */
START_TEST(a_picture_is_turned_upright)
{
	static const char *const want[] = { "", "123456", "321654", "654321",
		"456123", "142536", "415263", "635241", "362514" };

	for (int o = 1; o <= 8; o++) {
		struct image_pixels p = { 3, 2, calloc(6, 4) };

		for (int i = 0; i < 6; i++)
			p.rgba[i * 4] = (uint8_t)('1' + i);
		ck_assert(image_scale_turn(&p, o));
		ck_assert_uint_eq(p.width, o >= 5 ? 2 : 3);
		for (int i = 0; i < 6; i++)
			ck_assert_msg(p.rgba[i * 4] == want[o][i],
			    "orientation %d, pixel %d", o, i);
	}
}
END_TEST

#ifdef HAVE_IMAGES
static struct image_pixels
chequered(uint32_t w, uint32_t h)
{
	struct image_pixels p = { w, h, malloc((size_t)w * h * 4) };

	for (uint32_t i = 0; i < w * h; i++) {
		p.rgba[i * 4] = (uint8_t)(i * 7);
		p.rgba[i * 4 + 1] = (uint8_t)(i / w);
		p.rgba[i * 4 + 2] = 90;
		p.rgba[i * 4 + 3] = 255;
	}
	return p;
}

/* A file of each type that we can write. */
static struct str
file_of(enum image_type type)
{
	static image_write *const writers[] = {
		[IMAGE_JPEG] = image_jpeg_write, [IMAGE_PNG] = image_png_write,
		[IMAGE_WEBP] = image_webp_write };
	struct image_pixels p = chequered(60, 40);
	struct str out = STR_NONE;

	ck_assert(writers[type](&p, &out));
	return arena_str(a, out);
}

static const enum image_type written[] = { IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };

START_TEST(what_stands_behind_or_beside_a_picture_does_not_come_out)
{
	const struct image_shape shape = { 32, true };
	const char *evil = "<script>alert(1)</script><?php system(1);?>PK\3\4";

	for (size_t i = 0; i < 3; i++) {
		struct image_file out;
		struct str in = ARENA_JOIN(a, file_of(written[i]),
		    str_of(evil));

		ck_assert_int_eq(image_make(in, &shape, &out), IMAGE_FINE);
		ck_assert_int_eq(out.type, written[i]);
		ck_assert_uint_eq(out.width, 32);
		ck_assert_uint_eq(out.height, 32);
		ck_assert(memmem(out.bytes.p, out.bytes.n, "script", 6) ==
		    NULL);
		ck_assert(memmem(out.bytes.p, out.bytes.n, "php", 3) == NULL);
		ck_assert_int_eq(image_type_of(out.bytes), written[i]);
	}
}
END_TEST

/* Nothing crashes: each byte turned over, and each file cut off anywhere. */
START_TEST(damaged_files_are_refused_or_made_harmless)
{
	const struct image_shape shape = { 16, false };

	for (size_t i = 0; i < 3; i++) {
		struct str good = file_of(written[i]);

		for (size_t at = 0; at < good.n; at += 1 + good.n / 400) {
			struct image_file out;
			char *bad = memcpy(malloc(good.n), good.p, good.n);

			image_make(str_slice(good, 0, at), &shape, &out);
			bad[at] = (char)(bad[at] ^ 0x55);
			if (image_make((struct str){ bad, good.n }, &shape,
			    &out) == IMAGE_FINE)
				ck_assert(out.width <= 16 && out.height <= 16);
			free(bad);
		}
	}
}
END_TEST

START_TEST(a_gif_becomes_a_png)
{
	const struct image_shape shape = { 16, false };
	const struct str gif = BYTES('G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0,
	    B(0x80), 0, 0, B(255), 0, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0,
	    0, 2, 2, 0x44, 1, 0, 0x3b);
	struct image_file out;

	ck_assert_int_eq(image_make(gif, &shape, &out), IMAGE_FINE);
	ck_assert_int_eq(out.type, IMAGE_PNG);
	ck_assert_int_eq(image_type_of(out.bytes), IMAGE_PNG);
	for (size_t n = 0; n < gif.n - 3; n++)
		ck_assert_int_ne(image_make(str_slice(gif, 0, n), &shape,
		    &out), IMAGE_FINE);
}
END_TEST
#endif

UNIT("image/image", a_type_is_what_the_first_bytes_say,
    headers_tell_the_size_before_anything_is_decoded,
    a_picture_that_would_be_a_bomb_is_refused_by_its_header,
    orientation_is_read_in_both_byte_orders_and_never_beyond_the_end,
    a_square_is_cut_from_the_middle_and_nothing_grows,
    a_smaller_picture_is_the_mean_of_what_one_sees,
    a_picture_is_turned_upright
#ifdef HAVE_IMAGES
    , what_stands_behind_or_beside_a_picture_does_not_come_out,
    damaged_files_are_refused_or_made_harmless, a_gif_becomes_a_png
#endif
    )
