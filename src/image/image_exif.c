#include "image/image_exif.h"

#define ORIENTATION 0x0112
#define SHORT 3
#define ENTRY 12 /* bytes */

struct tiff {
	struct str bytes;
	bool big;
};

static uint32_t
number(const struct tiff *t, size_t at, size_t bytes)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++) {
		size_t from = at + (t->big ? i : bytes - 1 - i);

		v = v << 8 | (from < t->bytes.n ?
		    (unsigned char)t->bytes.p[from] : 0);
	}
	return v;
}

int
image_exif_orientation(struct str tiff)
{
	struct tiff t = { tiff, str_starts(tiff, STR("MM")) };
	size_t at, n;

	if (tiff.n < 8 || (!t.big && !str_starts(tiff, STR("II"))) ||
	    number(&t, 2, 2) != 42)
		return 1;
	at = number(&t, 4, 4);
	n = number(&t, at, 2);
	at += 2;
	for (size_t i = 0; i < n && at + ENTRY <= tiff.n; i++, at += ENTRY) {
		uint32_t value = number(&t, at + 8, 2);

		if (number(&t, at, 2) != ORIENTATION)
			continue;
		return number(&t, at + 2, 2) == SHORT && value >= 1 &&
		    value <= 8 ? (int)value : 1;
	}
	return 1;
}
