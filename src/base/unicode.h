#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include "base/arena.h"

/*
 * One form of text that people write in several. The one door to libunistring
 * (normal forms) and to libidn2 (names of hosts).
 */

/*
 * A password as it is compared (RFC 8265, 4.2, OpaqueString): every space is
 * U+0020, the rest in NFC, so that a Mac's "é" is a phone's. Nothing else is
 * changed. s itself when it is in that form or is no UTF-8.
 */
struct str unicode_opaque(struct arena *a, struct str s);

/*
 * The A-form of a host's name in Unicode (IDNA 2008, UTS 46 mapping,
 * nontransitional): "bücher.example" is xn--bcher-kva.example. ASCII stays
 * what it is, and whether it may stand in a host's name is the caller's to
 * judge. False when there is none.
 */
bool unicode_host(struct arena *a, struct str name, struct str *out);

#endif
