/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/clock.c */
/* fuzz-sources: src/base/log.c src/base/pid.c src/base/str.c */
/* fuzz-sources: src/image/image_exif.c src/image/image_probe.c */
/* fuzz-sources: src/image/image_scale.c src/image/image_type.c */
/* fuzz-libs: libsodium */
#include "image/image_scale.h"
#include "tests/fuzz/fuzz.h"

/* What is found lies within the file, and is a size that can be cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str file = fuzz_str(fuzz_arena(), data, n);
	const struct image_shape shapes[] = { { 512, true }, { 2048, false } };
	struct image_probe p;

	if (!image_probe(file, &p))
		return 0;
	FUZZ_HOLDS(p.type == image_type_of(file) && p.type != IMAGE_NONE);
	FUZZ_HOLDS(p.width > 0 && p.height > 0);
	FUZZ_HOLDS(p.orientation >= 1 && p.orientation <= 8);
	FUZZ_HOLDS((p.frame.p != NULL) == (p.type == IMAGE_WEBP));
	FUZZ_HOLDS(p.frame.p == NULL || (p.frame.p >= file.p &&
	    p.frame.p + p.frame.n <= file.p + file.n));
	if (!image_probe_fits(p.width, p.height))
		return 0;
	for (int i = 0; i < 2; i++) {
		struct image_cut c = image_scale_cut(p.width, p.height,
		    &shapes[i]);

		FUZZ_HOLDS(c.left + c.width <= p.width);
		FUZZ_HOLDS(c.top + c.height <= p.height);
		FUZZ_HOLDS(c.out_width >= 1 && c.out_width <= c.width);
		FUZZ_HOLDS(c.out_height >= 1 && c.out_height <= c.height);
		FUZZ_HOLDS(c.out_width <= shapes[i].side);
		FUZZ_HOLDS(c.out_height <= shapes[i].side);
	}
	return 0;
}
