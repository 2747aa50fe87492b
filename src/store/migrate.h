#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stdint.h>

#include "store/pg/db.h"

/*
 * The schema and this program's idea of it (security row CF8). Migrations go
 * forward only, each in one transaction under one lock, and are remembered
 * with their SHA-256 in schema_migrations.
 */

/*
 * Bring the database to the schema of this program; connects by itself as the
 * owner. Several may run at once: one works, the others find it done. In the
 * end app_role gets its rights by sql/roles.sql, and with each migration where
 * it had some before; "" or the owner's own name: there is one role only and
 * it has them. *applied (may be NULL) counts the migrations made. Errors, *why
 * being a sentence for the administrator:
 *   E_CONFLICT     the database is not UTF8, is for newer programs than
 *                  this one, or a migration was changed after it was applied;
 *                  nothing was done
 *   E_NOT_FOUND    the role does not exist; the migrations are made
 *   E_UNAVAILABLE  no database
 *   E_INTERNAL     a migration failed and was rolled back
 */
enum err migrate_run(struct arena *a, const char *conninfo_owner,
    const char *app_role, int *applied, const char **why);

/* The role a conninfo names, for app_role; STR_NONE when it names none. */
struct str migrate_role(struct arena *a, const char *conninfo);

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
 * Does the schema fit this program? For doctor. A newer one does where it says
 * so (sql/schema/0079): E_OK, and *why is a remark; else "". E_CONFLICT with
 * *why when not, E_UNAVAILABLE without a database.
 */
enum err migrate_check(struct db *d, struct arena *a, const char **why);

#endif
