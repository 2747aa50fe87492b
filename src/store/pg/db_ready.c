#include "base/clock.h"
#include "store/pg/db_private.h"
#include "store/schema.h"

const char *
db_trouble_text(enum db_trouble t)
{
	static const char *const texts[] = {
		[DB_WELL] = "",
		[DB_GONE] = "The database does not answer.",
		[DB_FAILS] = "The database answers with errors: the log names "
		    "them.",
		[DB_STANDBY] = "The database is a standby and takes no "
		    "writes: promote it, or let database.url name the primary.",
		[DB_READ_ONLY] = "The database is read-only and takes no "
		    "writes.",
		[DB_NO_SCHEMA] = "The database does not have the schema of "
		    "this version: run posternctl migrate.",
		[DB_NO_RIGHTS] = "The database refuses its rows to the role "
		    "that asks: posternctl migrate, as the owner of the "
		    "tables, gives the programs their rights.",
	};

	return texts[t];
}

enum db_trouble
db_trouble(const struct db *d)
{
	return d->trouble;
}

const char *
db_why(const struct db *d)
{
	return d->why;
}

int64_t
db_ping(struct db *d, struct arena *a)
{
	int64_t start = clock_mono();

	return db_run(d, a, SQL(ping), NULL) == E_OK ?
	    clock_mono() - start : -1;
}

/* "{0,1,2}": the migrations this program knows. */
static struct str
known_migrations(struct arena *a)
{
	struct str list = STR("");

	for (int i = 0; i < schema_count; i++)
		list = arena_fmt(a, "%.*s%c%d", STR_FMT(list), i ? ',' : '{',
		    schema_table[i].version);
	return arena_fmt(a, "%.*s}", STR_FMT(list));
}

enum db_trouble
db_ready(struct db *d, struct arena *a)
{
	struct rows *r;

	d->trouble = DB_GONE;
	if (db_run(d, a, SQL(database_ready, .versions = known_migrations(a)),
	    &r) != E_OK)
		return d->trouble == DB_WELL ? DB_FAILS : d->trouble;
	if (database_ready_row(r, 0).known == schema_count)
		return DB_WELL;
	db_judge_tell(d, DB_NO_SCHEMA, "", "");
	return DB_NO_SCHEMA;
}
