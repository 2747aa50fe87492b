#ifndef CORE_FACTOR_FACTOR_H
#define CORE_FACTOR_FACTOR_H

#include "core/factor/subject.h"
#include "core/outgoing/mail.h"
#include "core/session/session.h"

/*
 * Second factors of a subject. A factor counts its failures over all ways to
 * try it (row RL4): at LIMIT_FAILURES it is refused until another factor is
 * proved.
 */
#define FACTOR_PENDING (600 * CLOCK_SECOND) /* row TO1 */

struct factor {
	struct str id;
	struct str kind;	/* totp, sms, email */
	struct str destination; /* masked; STR_NONE for totp */
	int64_t enabled_at;
	int64_t last_used_at;
	bool locked;		/* LIMIT_FAILURES reached */
};

struct factors {
	struct factor *list;
	size_t n;
	int64_t backup_codes; /* unused */
};

/* The enabled factors. A subject without any has n 0. */
enum err factor_list(struct ctx *x, const struct subject *s,
    struct factors *out);

/*
 * Disable one kind (STR_NONE: all). Trusted devices are forgotten, and with the
 * last factor the backup codes are deleted. E_CONFLICT when there was none.
 * actor did it: a user or the key's owner.
 */
enum err factor_disable(struct ctx *x, const struct subject *s,
    struct str kind, struct str actor);

/*
 * An administrator (actor) disables all factors of the user of a path segment,
 * whose sessions end. E_NOT_FOUND, E_FORBIDDEN.
 */
enum err factor_reset(struct ctx *x, struct str actor, struct str ref);

/* E_CONFLICT: the account has no second factor. */
enum err factor_none(struct ctx *x);

/* Ten new backup codes; the old ones are void. E_CONFLICT. */
struct backup_set;
enum err factor_backup_renew(struct ctx *x, const struct subject *s,
    struct backup_set *out);

/*
 * The recent proof that some routes want: a login or step-up within ten
 * minutes. From a user who has a factor it must be that factor or a backup
 * code, however he logged in (rows TO2, TD2); enabling a factor is no proof.
 */
bool factor_recent(const struct session *s);

/* Was a factor proved within so many µs? */
bool factor_proved(const struct session *s, int64_t within);

/*
 * The notice about what happened, the name of a section of the mail `factor`,
 * and to which kind (or STR_NONE), as mail_notice has it.
 */
struct str factor_notice(struct ctx *x, const struct addressee *to,
    const char *what, struct str kind);

/* The same to a user's id; STR_NONE, an application's subject: *out is too. */
enum err factor_notice_user(struct ctx *x, struct str user_id,
    const char *what, struct str kind, struct str *out);

/* What a secret of a factor is sealed to (row TO8). */
struct str factor_bound(struct arena *a, const char *column,
    const struct subject *s, struct str kind, struct str id);

#endif
