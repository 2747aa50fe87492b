#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include "base/arena.h"

/*
 * Brings text that people write in several forms to one. The one door to
 * libunistring (normal forms) and to libidn2 (names of hosts).
 */

/*
 * A password in the form that is compared (RFC 8265, 4.2, OpaqueString): every
 * space becomes U+0020 and the rest NFC, so that the "é" of a Mac equals that
 * of a phone. Nothing else changes. Returns s itself when it already has that
 * form or is not UTF-8.
 */
struct str unicode_opaque(struct arena *a, struct str s);

/*
 * The A-form of a host's name in Unicode (IDNA 2008, UTS 46 mapping,
 * nontransitional): "bücher.example" is xn--bcher-kva.example. ASCII stays as
 * it is; the caller decides whether it may be part of a host's name. False
 * when the name has no A-form.
 */
bool unicode_host(struct arena *a, struct str name, struct str *out);

#endif
