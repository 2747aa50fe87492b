#ifndef IMAGE_IMAGE_TYPE_H
#define IMAGE_IMAGE_TYPE_H

#include "base/str.h"

enum image_type {
	IMAGE_NONE,
	IMAGE_JPEG,
	IMAGE_PNG,
	IMAGE_GIF,
	IMAGE_WEBP
};

/* What a file is by its first bytes (row MU2), whatever it calls itself. */
enum image_type image_type_of(struct str file);

/* What image_make() makes of it: a GIF becomes a PNG. */
enum image_type image_type_made(enum image_type type);

/* "jpg", "png", "gif", "webp"; "image/jpeg" …. */
const char *image_type_suffix(enum image_type type);
const char *image_type_mime(enum image_type type);

#endif
