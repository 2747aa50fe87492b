#include "image/image_type.h"

enum image_type
image_type_of(struct str file)
{
	if (str_starts(file, STR("\xff\xd8\xff")))
		return IMAGE_JPEG;
	if (str_starts(file, STR("\x89PNG\r\n\x1a\n")))
		return IMAGE_PNG;
	if (str_starts(file, STR("GIF87a")) || str_starts(file, STR("GIF89a")))
		return IMAGE_GIF;
	if (str_starts(file, STR("RIFF")) &&
	    str_eq(str_slice(file, 8, 12), STR("WEBP")))
		return IMAGE_WEBP;
	return IMAGE_NONE;
}

enum image_type
image_type_made(enum image_type type)
{
	return type == IMAGE_GIF ? IMAGE_PNG : type;
}

const char *
image_type_suffix(enum image_type type)
{
	static const char *const suffixes[] = { "bin", "jpg", "png", "gif",
		"webp" };

	return suffixes[type];
}

const char *
image_type_mime(enum image_type type)
{
	static const char *const types[] = { "application/octet-stream",
		"image/jpeg", "image/png", "image/gif", "image/webp" };

	return types[type];
}
