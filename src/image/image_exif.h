#ifndef IMAGE_IMAGE_EXIF_H
#define IMAGE_IMAGE_EXIF_H

#include <stdint.h>

#include "base/str.h"

/*
 * The orientation (tag 0x0112, 1 to 8) that Exif names in its first directory;
 * 1, upright, where it names none or is malformed. tiff begins with the byte
 * order. Any bytes are safe.
 */
int image_exif_orientation(struct str tiff);

#endif
