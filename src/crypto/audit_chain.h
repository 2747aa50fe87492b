#ifndef CRYPTO_AUDIT_CHAIN_H
#define CRYPTO_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "crypto/keyring.h"

/*
 * A link of the audit chain (security row LO4): the version of the key, then
 * HMAC-SHA-256(key "audit", mac before ‖ number ‖ text). An edited, missing,
 * moved or added row breaks the link after it.
 */
#define AUDIT_CHAIN_MAC 33

/*
 * What a mac states; each use has a key of its own. AUDIT_CHAIN_LINK: this row
 * follows the link `before`. AUDIT_CHAIN_MARK: retention left this text of the
 * row of the link `before`, or nothing when the text is empty.
 * AUDIT_CHAIN_BASE: retention by age removed all rows up to the link `before`;
 * no text.
 */
enum audit_chain_use { AUDIT_CHAIN_LINK, AUDIT_CHAIN_MARK, AUDIT_CHAIN_BASE };

/* Make mac with the current key; before is empty for the first link. */
void audit_chain_make(const struct keyring *k, enum audit_chain_use use,
    struct str before, uint64_t seq, struct str text,
    uint8_t mac[AUDIT_CHAIN_MAC]);

/* Is mac the right one? Tries the keys of every known version. */
bool audit_chain_holds(const struct keyring *k, enum audit_chain_use use,
    struct str before, uint64_t seq, struct str text, struct str mac);

#endif
