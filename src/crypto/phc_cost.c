#include "crypto/phc.h"

#define CAP_ITERATIONS 2000000 /* row PW11 */
#define CAP_BCRYPT 14
#define CAP_MEMORY_KIB (128u << 10)
#define CAP_ARGON2_WORK (4u * CAP_MEMORY_KIB) /* KiB * passes */
#define CAP_LANES 16
#define CAP_SCRYPT_WORK (1u << 21) /* N r p */

static bool
scrypt_affordable(const struct phc *phc)
{
	uint64_t work;

	return phc->memory_kib <= CAP_MEMORY_KIB &&
	    !__builtin_mul_overflow((uint64_t)phc->r << phc->rounds,
	    (uint64_t)phc->p, &work) && work <= CAP_SCRYPT_WORK;
}

bool
phc_affordable(const struct phc *phc, uint64_t own_kib, uint64_t own_time)
{
	switch (phc->kind) {
	case PHC_ARGON2ID:
		if (phc->p > CAP_LANES)
			return false;
		return (phc->memory_kib <= own_kib &&
		    phc->rounds <= own_time) ||
		    (phc->memory_kib <= CAP_MEMORY_KIB &&
		    phc->memory_kib * phc->rounds <= CAP_ARGON2_WORK);
	case PHC_BCRYPT:
		return phc->rounds <= CAP_BCRYPT;
	case PHC_SHA512CRYPT:
	case PHC_PBKDF2:
		return phc->rounds <= CAP_ITERATIONS;
	case PHC_SCRYPT_CRYPT:
	case PHC_SCRYPT:
		return scrypt_affordable(phc);
	default:
		return false;
	}
}
