#include <stdio.h>

#include <sodium.h>

#include "ctl/ctl.h"
#include "store/migrate.h"

static struct {
	bool sample, reference, print;
} check;

static const struct ctl_option check_options[] = {
	{ "print", CTL_FLAG, &check.print,
	    "print all settings and where they come from, secrets masked" },
	{ "sample", CTL_FLAG, &check.sample,
	    "print the sample file with every key explained" },
	{ "reference", CTL_FLAG, &check.reference,
	    "print the reference of all settings, Markdown" },
	{ 0 },
};

/* Faults the configuration alone shows, those of the key ring too. */
static int
run_check(struct ctl *c)
{
	cJSON *faults = json_array(), *warnings = json_array(),
	      *answer = json_object();
	const char *why = NULL;

	if (check.sample || check.reference) {
		if (check.sample)
			config_sample(stdout);
		else
			config_reference(stdout);
		return CTL_OK;
	}
	if (c->config && (c->keys = keyring_new(c->config, &why)) == NULL)
		c->faults[c->nfaults++] = why;
	for (size_t i = 0; i < c->nfaults && i < 64; i++) {
		json_push(faults, json_str(str_of(c->faults[i])));
		if (!c->json)
			fprintf(stderr, "posternctl: %s\n", c->faults[i]);
	}
	if (check.print && c->nfaults == 0) {
		config_print(c->config, stdout);
		return CTL_OK;
	}
	for (size_t i = 0; c->config &&
	    (why = config_warning(c->config, i)) != NULL; i++) {
		json_push(warnings, json_str(str_of(why)));
		if (!c->json)
			fprintf(stderr, "posternctl: warning: %s\n", why);
	}
	json_add_bool(answer, "ok", c->nfaults == 0);
	json_add(answer, "faults", faults);
	json_add(answer, "warnings", warnings);
	if (c->json)
		ctl_print(c, answer);
	else if (c->nfaults == 0)
		puts("The configuration is good.");
	return c->nfaults ? CTL_FAILED : CTL_OK;
}

static struct {
	bool status;
} migrate;

static const struct ctl_option migrate_options[] = {
	{ "status", CTL_FLAG, &migrate.status,
	    "change nothing; list the migrations" },
	{ 0 },
};

static int
migrate_list(struct ctl *c)
{
	struct migration_state *m;
	cJSON *rows = json_array();
	const char *why;
	size_t n;
	enum err e = migrate_status(c->db, c->arena, &m, &n), fits;

	if (e != E_OK)
		return ctl_fail_db(c, e);
	fits = migrate_check(c->db, c->arena, &why);
	for (size_t i = 0; i < n; i++) {
		cJSON *row = json_object();

		json_add_int(row, "version", m[i].version);
		json_add_str(row, "file", m[i].file);
		json_add_str(row, "state", m[i].changed ? STR("changed") :
		    !m[i].known ? STR("newer") :
		    m[i].applied_at ? STR("applied") : STR("pending"));
		json_add_time(row, "applied_at", m[i].applied_at);
		json_push(rows, row);
	}
	ctl_print(c, rows);
	return fits == E_OK ? CTL_OK : CTL_FAILED;
}

static int
run_migrate(struct ctl *c)
{
	const char *why = NULL;
	cJSON *answer = json_object();
	struct str role;
	int applied = 0;
	enum err e;

	if (migrate.status)
		return migrate_list(c);
	role = db_target_role(c->arena,
	    config_conninfo(c->arena, c->config, false));
	e = migrate_run(c->arena, config_conninfo(c->arena, c->config, true),
	    role.n ? role.p : "", &applied, &why);
	if (e != E_OK)
		return ctl_fail(e, "%s", why ? why : err_sentence(e));
	json_add_int(answer, "applied", applied);
	if (c->json)
		return ctl_print(c, answer);
	if (applied)
		printf("%d migration%s made.\n", applied,
		    applied == 1 ? "" : "s");
	else if (migrate_check(c->db, c->arena, &why) == E_OK && *why)
		printf("Nothing to do: the schema is %s.\n", why);
	else
		puts("The schema is up to date.");
	return CTL_OK;
}

static int
run_forget(struct ctl *c)
{
	c->shared = shared_join(c->config->runtime_dir);
	if (c->shared->alone)
		return ctl_fail(E_NOT_FOUND, "no service of this user has its "
		    "memory in %s", c->config->runtime_dir);
	shared_forget(c->shared);
	ctl_say(c, "This host has forgotten tokens and counts.");
	return CTL_OK;
}

const struct ctl_command ctl_checks[] = {
	{ "migrate", "", 0, 0, CTL_NEEDS_DB, migrate_options, run_migrate,
	    "Bring the database to this version's schema" },
	{ "check-config", "", 0, 0, CTL_NEEDS_NOTHING, check_options,
	    run_check, "List everything that is wrong with the settings" },
	{ "forget", "", 0, 0, CTL_NEEDS_CONFIG, NULL, run_forget,
	    "Let this host forget what it proved of tokens and counted" },
	{ 0 },
};
