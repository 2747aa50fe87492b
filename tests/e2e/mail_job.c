/*
 * For the tests: insert mail jobs as the web process does. Reads one payload
 * a line on standard input, prints the id of each job. Arguments: ttl in
 * seconds (0: none), priority. "migrate" alone makes the schema.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "config/config.h"
#include "store/job_store.h"
#include "store/migrate.h"

/* As the rules hand them over: an array of one. */
static struct str
drafts(struct arena *a, const struct job_draft *d, int64_t ttl, int priority)
{
	return arena_fmt(a, "[{\"id\":\"%.*s\",\"kind\":\"mail\","
	    "\"payload\":\"%.*s\",\"priority\":%d,\"ttl\":%.*s}]",
	    STR_FMT(d->id), STR_FMT(hex_encode(a, d->sealed)), priority,
	    STR_FMT(ttl ? arena_int(a, ttl) : STR("null")));
}

static int
add_all(struct arena *a, const struct config *c, int64_t ttl, int priority)
{
	const char *why;
	struct keyring *k = keyring_new(c, &why);
	struct db_options o = { .conninfo = config_conninfo(a, c, false),
		.connect_timeout = CLOCK_SECOND,
		.statement_timeout = 5 * CLOCK_SECOND,
		.max_lifetime = INT64_C(3600) * CLOCK_SECOND };
	struct db *db = db_new(&o);
	char line[65536];

	while (k && fgets(line, sizeof(line), stdin)) {
		struct job_draft d;

		line[strcspn(line, "\n")] = '\0';
		d = job_draft(a, k, "mail", priority, ttl, str_of(line));
		if (db_run(db, a, SQL(mail_add,
		    .mails = drafts(a, &d, ttl, priority)), NULL) != E_OK)
			return 1;
		printf("%.*s\n", STR_FMT(d.id));
	}
	job_wake(c->runtime_dir);
	db_close(&db);
	keyring_free(&k);
	return 0;
}

static int
migrate(struct arena *a, const struct config *c)
{
	const char *why = "";

	if (migrate_run(a, config_conninfo(a, c, true), "", NULL, &why) ==
	    E_OK)
		return 0;
	fprintf(stderr, "%s\n", why);
	return 1;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new((size_t)256 << 20);
	const char *why = "";
	const struct config *c = config_load(a, 0, NULL, &why);
	int status = 78;

	if (c == NULL)
		fprintf(stderr, "%s\n", why);
	else if (argc == 2 && strcmp(argv[1], "migrate") == 0)
		status = migrate(a, c);
	else
		status = add_all(a, c,
		    argc > 1 ? strtoll(argv[1], NULL, 10) * CLOCK_SECOND : 0,
		    argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0);
	arena_free(&a);
	return status;
}
