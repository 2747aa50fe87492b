#include "crypto/password/phc.h"

#define CAP_ITERATIONS 2000000 /* row PW11 */
#define CAP_BCRYPT 14
#define CAP_PHPASS (1u << 18) /* rounds, each hashes the whole password */
#define CAP_PASSES 4 /* over all the memory */
#define CAP_LANES 16

/* Work is N r p blocks of 128 bytes, each written and read. */
static bool
scrypt_affordable(const struct phc *phc, uint64_t kib)
{
	uint64_t work;

	return phc->memory_kib <= kib &&
	    !__builtin_mul_overflow((uint64_t)phc->r << phc->rounds,
	    (uint64_t)phc->p, &work) && work <= kib * 16;
}

static bool
argon2_affordable(const struct phc *phc, const struct phc_caps *caps)
{
	if (phc->p > CAP_LANES)
		return false;
	return (phc->kind == PHC_ARGON2ID &&
	    phc->memory_kib <= caps->own_kib &&
	    phc->rounds <= caps->own_time) ||
	    (phc->memory_kib <= caps->kib &&
	    phc->memory_kib * phc->rounds <= caps->kib * CAP_PASSES);
}

bool
phc_affordable(const struct phc *phc, const struct phc_caps *caps)
{
	switch (phc->kind) {
	case PHC_ARGON2ID:
	case PHC_ARGON2I:
		return argon2_affordable(phc, caps);
	case PHC_BCRYPT:
		return phc->rounds <= CAP_BCRYPT;
	case PHC_PHPASS:
		return phc->rounds <= CAP_PHPASS;
	case PHC_SHACRYPT:
	case PHC_PBKDF2:
		return phc->rounds <= CAP_ITERATIONS;
	case PHC_SCRYPT_CRYPT:
	case PHC_SCRYPT:
		return scrypt_affordable(phc, caps->kib);
	default:
		return false;
	}
}
