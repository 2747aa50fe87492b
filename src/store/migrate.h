#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stdint.h>

#include "store/pg/db.h"

/*
 * The database's schema and the one this program needs (row CF8). Migrations go
 * forward only, each in one transaction under one lock; schema_migrations keeps
 * them with their SHA-256.
 */

/*
 * Bring the database to the schema of this program, on a connection of its own
 * as the owner. Several may run at once: one works, the others find it done.
 * app_role (db_target_role) gets its rights by sql/roles.sql at the end, and
 * with each migration where it had some before; "" or the owner's own name:
 * there is only one role, and it has them. *applied (may be NULL) counts the
 * migrations made. Errors, *why being a sentence for the administrator:
 *   E_CONFLICT     the database is not UTF8, is for newer programs than this
 *                  one, or a migration was changed after it was applied;
 *                  nothing was done
 *   E_NOT_FOUND    the role does not exist; the migrations are made
 *   E_UNAVAILABLE  no database
 *   E_INTERNAL     a migration failed and was rolled back
 */
enum err migrate_run(struct arena *a, const char *conninfo_owner,
    const char *app_role, int *applied, const char **why);

/* One migration known to the program or to the database. */
struct migration_state {
	int version;
	struct str file;
	int64_t applied_at; /* wall µs; 0: not yet */
	bool known;	    /* to this program */
	bool changed;	    /* another text was applied */
};

/* All of them in the order of their versions. Errors as migrate_check. */
enum err migrate_status(struct db *d, struct arena *a,
    struct migration_state **out, size_t *n);

/*
 * Does the schema fit this program? For doctor. E_OK: it does; *why is a remark
 * when the schema is newer but says that it fits (sql/schema/0079), else "".
 * E_CONFLICT with *why when it does not fit, E_UNAVAILABLE without a database.
 */
enum err migrate_check(struct db *d, struct arena *a, const char **why);

#endif
