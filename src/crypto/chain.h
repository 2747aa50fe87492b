#ifndef CRYPTO_CHAIN_H
#define CRYPTO_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "crypto/keyring.h"

/*
 * A link of the audit chain (security row LO4): the version of the key, then
 * HMAC-SHA-256(key "audit", mac before ‖ number ‖ text). An edited, missing,
 * moved or added row breaks the link behind it.
 */
#define CHAIN_MAC 33

/* mac of a link with today's key; before is empty for the first one. */
void chain_link(const struct keyring *k, struct str before, uint64_t seq,
    struct str text, uint8_t mac[CHAIN_MAC]);

/* Is mac that link? Keys of every version that is known are tried. */
bool chain_holds(const struct keyring *k, struct str before, uint64_t seq,
    struct str text, struct str mac);

#endif
