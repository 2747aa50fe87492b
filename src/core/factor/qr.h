#ifndef CORE_FACTOR_QR_H
#define CORE_FACTOR_QR_H

#include "base/arena.h"

/*
 * text as a QR code in a PNG, as a data URI (row TO9: made here, no image
 * service sees it). STR_NONE where the program was built without libqrencode,
 * or text is too long for a code. The one door to libqrencode and zlib.
 */
struct str qr_data_uri(struct arena *a, struct str text);

#endif
