/*
 * Each setting does something. For every row of the table that is not marked
 * as accepted there is a proof: a function of the code that reads it, of which
 * a changed value changes the result, or an end-to-end test that sets it. A row
 * without one fails, and so does a proof that does not notice the change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "base/json/json.h"
#include "base/log.h"
#include "config/config_private.h"
#include "core/outgoing/media_url.h"
#include "core/outgoing/webhook_url.h"
#include "core/session/signing.h"
#include "crypto/keyring.h"
#include "crypto/password/password.h"
#include "http/cors.h"
#include "http/request_make.h"
#include "store/pg/db.h"
#include "store/redis/cache_private.h"
#include "web/crew.h"
#include "worker/mail/mail_compose.h"
#include "worker/media/media_s3.h"
#include "worker/sms/sms_request.h"

#include "tests/unit/unit.h"

#define KEY "8c1f0d4be7a2593d60b8f4c7e1295ad3"
#define KEY2 "f27a9d3c81e5b604d9c87f1ea350b26c"
#define SEALING "WzO7hHkb4uY1mJvT0aXr9pQnCd2LfEs6gK8wI3oNyZU="
#define SEALING2 "q2bT5yXcVnM8kLpR3dFgH6jW9sZaQ1eUoI7tY4vBxC0="
#define TEMPLATES "TEMPLATE_DIR=" TESTDIR "/../templates"
#define PLACE "/tmp/test_settings"

struct proof {
	const char *value; /* not the default */
	const char *also;  /* what it needs: NAME=value, parted by lines */
	const char *(*seen)(const struct config *c);
	const char *file, *test; /* or the end-to-end test that sets it */
};


static const char *
text(struct str s)
{
	return arena_cstr(a, s);
}

/* What the code makes of its settings. */

static const char *
sender(const struct config *c)
{
	struct mail_sender s;
	const char *why = "";

	if (!mail_sender(a, c, &s, &why))
		return why;
	return arena_fmt(a, "%.*s <%.*s> %.*s", STR_FMT(s.name),
	    STR_FMT(s.address), STR_FMT(s.host)).p;
}

static const char *
workers(const struct config *c)
{
	struct crew k = crew_of(c, 2);

	return arena_fmt(a, "%d light, %d heavy", k.light, k.heavy).p;
}

static struct request
request_from(const struct param *params, size_t n)
{
	return (struct request){ .arena = a, .params = params, .nparams = n };
}

static const char *
path(const struct config *c)
{
	const struct param params[] = { { STR("REQUEST_METHOD"), STR("GET") },
		{ STR("REQUEST_URI"), STR("/sso/api/v1/info") } };
	struct request r = request_from(params, 2);

	return request_target(&r, c->base_path) == E_OK ? text(r.path) :
	    "none";
}

static const char *
client(const struct config *c)
{
	const struct param params[] = { { STR("REQUEST_METHOD"), STR("GET") },
		{ STR("REQUEST_URI"), STR("/api/v1/info") },
		{ STR("REMOTE_ADDR"), STR("192.0.2.1") },
		{ STR("HTTP_X_FORWARDED_FOR"), STR("198.51.100.7") } };
	struct request r = request_from(params, 4);

	request_make(&r, "", c->trusted_proxies);
	return text(r.client);
}

static const char *
preflight(const struct config *c)
{
	const struct param params[] = { { STR("HTTP_ORIGIN"),
		STR("https://a.test") } };
	struct request r = request_from(params, 1);
	struct response re = { 0 };
	const char *all = "";

	r.method = METHOD_GET;
	cors_headers(&re, &r, c->cors_origins);
	for (size_t i = 0; i < re.nheaders; i++)
		all = arena_fmt(a, "%s%s: %.*s\n", all, re.headers[i].name,
		    STR_FMT(re.headers[i].value)).p;
	return all;
}

/* As each program does at its start. */
static const char *
journal(const struct config *c)
{
	enum log_level level = LOG_INFO_;
	char line[8] = "";
	FILE *f;

	unlink(PLACE "/log");
	ck_assert(log_level_parse(str_of(c->log_level), &level));
	ck_assert(log_open("test", c->log_file, level));
	log_info("said");
	ck_assert(log_open("test", "/dev/null", LOG_ERROR_));
	f = fopen(PLACE "/log", "r");
	if (f == NULL)
		return "no file";
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return text(str_of(line));
}

static const char *
conninfo(const struct config *c)
{
	return config_conninfo(a, c, false);
}

static const char *
owner(const struct config *c)
{
	return config_conninfo(a, c, true);
}

/* What each of them does is shown by tests/unit/store/pg/test_db.c. */
static const char *
database(const struct config *c)
{
	struct db_options o = db_options_of(a, c);

	return arena_fmt(a, "%lld %lld %lld %d %d",
	    (long long)o.connect_timeout, (long long)o.statement_timeout,
	    (long long)o.max_lifetime, o.prepare, o.unaudited).p;
}

/* What each of them does is shown by tests/unit/store/redis/test_cache.c. */
static const char *
redis(const struct config *c)
{
	struct cache *k = cache_of(c, NULL, NULL);

	const char *said = arena_fmt(a, "%s %d %s %d %d %lld %s", k->host,
	    k->o.port, k->password, k->o.db, k->o.tls,
	    (long long)k->o.timeout, k->prefix).p;

	cache_close(&k);
	return said;
}

static const char *
issuer(const struct config *c)
{
	return signing_issuer(c);
}

static const char *
sealing(const struct config *c)
{
	const char *why = NULL;
	struct keyring *k = keyring_new(c, &why);
	uint8_t key[32];
	char hex[65];

	ck_assert_msg(k != NULL, "%s", why);
	ck_assert(keyring_derive(k, keyring_current(k), "seal", key));
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	return text(str_of(hex));
}

static const char *
hash_lock(const struct config *c)
{
	unlink(PLACE "/hash.lock");
	ck_assert_int_eq(password_init(c), E_OK);
	return access(PLACE "/hash.lock", F_OK) == 0 ? "here" : "elsewhere";
}

/* Algorithm and cost: the string up to its salt. */
static const char *
hash(const struct config *c)
{
	struct str s;
	size_t n = 0, dollars = 0;

	ck_assert_int_eq(password_init(c), E_OK);
	ck_assert_int_eq(password_hash(a, STR("Correct-Horse-7"), &s), E_OK);
	while (n < s.n && dollars < (str_starts(s, STR("$2")) ? 3 : 4))
		dollars += s.p[n++] == '$';
	return text(str_slice(s, 0, n));
}

static const char *
import(const struct config *c)
{
	struct str kept;

	ck_assert_int_eq(password_init(c), E_OK);
	return password_import(a, STR("$argon2id$v=19$m=98304,t=2,p=1"
	    "$c29tZXNhbHRzb21lc2FsdA"
	    "$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"), &kept) ==
	    PASSWORD_TAKEN ? "taken" : "refused";
}

static const char *
policy(const struct config *c)
{
	static const char *const probes[] = { "vbxwKfj8461",
		"vbxw fj8461 kq Mz", "vbxwkfjqhg", "CorrectHorse9",
		"listed-Xk9mQ2pL7v" };
	char long_one[101];
	const char *all = "";

	memset(long_one, 'q', 100);
	memcpy(long_one, "Xk9-mQ2pL7v!Zt", 14);
	long_one[100] = '\0';
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		all = arena_fmt(a, "%s%d", all, password_policy(c,
		    str_of(probes[i]), NULL, 0) == NULL).p;
	return arena_fmt(a, "%s%d", all, password_policy(c,
	    str_of(long_one), NULL, 0) == NULL).p;
}

static const char *
sms(const struct config *c)
{
	struct sms_request r;
	const char *why = "";

	json_use(a);
	if (!sms_request_possible(c) || sms_request_make(a, c, STR("job-1"),
	    STR("{\"template\":\"factor-code\",\"to\":\"+4930123\","
	    "\"vars\":{\"code\":\"123456\",\"minutes\":10}}"), &r, &why) !=
	    E_OK)
		return "none";
	return arena_fmt(a, "%s %s %s %.*s", r.url, r.headers[0],
	    r.headers[2] ? r.headers[2] : "", STR_FMT(r.body)).p;
}

static const char *
webhook(const struct config *c)
{
	static const char *const urls[] = { "http://example.com/",
		"https://example.com:9000/", "https://10.0.0.1/",
		"https://198.51.200.7/" };
	const char *all = "";

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct webhook_url u;
		const char *fault = webhook_url_fault(a, c, str_of(urls[i]),
		    &u);

		all = arena_fmt(a, "%s%s\n", all, fault ? fault : "").p;
	}
	return all;
}

/* The request that puts an object into S3, and where a browser finds it. */
static const char *
object(const struct config *c)
{
	struct webclient_once o = media_s3_request(a, c, STR("f/k.jpg"),
	    "image/jpeg", STR("bytes"), 0);
	const char *all = arena_fmt(a, "%s %s %s", o.url, o.ca_file,
	    media_url_public(a, c, STR("f/k.jpg")).p).p;

	for (size_t i = 0; o.headers[i]; i++)
		all = arena_fmt(a, "%s\n%s", all, o.headers[i]).p;
	return all;
}

static const char *
picture(const struct config *c)
{
	return media_url_public(a, c, STR("f/k.jpg")).p;
}

#define SEEN(field, new, by) [CONFIG_ROW_##field] = { .value = (new), \
	.seen = (by) }
#define WITH(field, new, by, needs) [CONFIG_ROW_##field] = { .value = (new), \
	.seen = (by), .also = (needs) }
#define TESTED(field, in, by) [CONFIG_ROW_##field] = { .file = (in), \
	.test = (by) }
#define SERVER "DB_HOST=db.test\nDB_USER=u\nDB_NAME=d"
#define CACHE "REDIS_HOST=redis.test"
#define TWILIO TEMPLATES "\nTWILIO_ACCOUNT_SID=AC1\nTWILIO_AUTH_TOKEN=word" \
	"\nTWILIO_PHONE_NUMBER=+15005550006"
#define GATEWAY TEMPLATES "\nSMS_HTTP_URL=https://sms.test/send"
#define BUCKET "S3_BUCKET_NAME=photos\n" \
	"S3_SECRET_ACCESS_KEY=a-secret-of-the-store-alone"
#define STORE BUCKET "\nS3_ACCESS_KEY_ID=AKIDEXAMPLE"
#define SETTINGS "test_settings.py"

static const struct proof proofs[CONFIG_ROWS] = {
	SEEN(name, "Gatehouse", sender),
	TESTED(environment, "test_ctl.py",
	    "test_last_token_is_for_development_only"),
	SEEN(profile, "strict", policy),
	SEEN(public_url, "https://auth.test", sender),
	SEEN(base_path, "/sso", path),
	SEEN(runtime_dir, PLACE, hash_lock),
	TESTED(template_dir, "test_worker.py",
	    "test_an_operator_replaces_single_files_and_adds_languages"),
	TESTED(fastcgi, "test_transport.py", "test_who_speaks_fastcgi_is_asked_for"),
	SEEN(workers, "5", workers),
	SEEN(heavy_workers, "5", workers),
	TESTED(seccomp, "test_system.py", "test_confinement_is_switched_off"),
	TESTED(max_requests, SETTINGS, "test_a_worker_is_replaced"),
	SEEN(trusted_proxies, "192.0.2.0/24", client),
	TESTED(health_details, "test_system.py",
	    "test_details_of_health_can_be_private"),
	TESTED(secrets_provider, "test_secrets.py",
	    "test_a_manager_gives_settings"),
	TESTED(secrets_timeout, "test_secrets.py",
	    "test_one_that_is_away_is_asked_again_until_the_time_is_over"),
	TESTED(secrets_ca, "test_secrets.py",
	    "test_tls_is_verified"),
	TESTED(secrets_command, "test_secrets.py",
	    "test_a_command_gives_settings"),
	TESTED(zero_token, "test_secrets.py",
	    "test_zeros_token_alone_is_enough"),
	TESTED(zero_pick, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(zero_url, "test_secrets.py",
	    "test_a_manager_gives_settings"),
	TESTED(vault_address, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(vault_path, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(vault_namespace, "test_secrets.py",
	    "test_vaults_namespace_is_named"),
	TESTED(vault_token, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(vault_role_id, "test_secrets.py",
	    "test_a_manager_gives_settings"),
	TESTED(vault_secret_id, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(aws_region, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(aws_secret_id, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(aws_key_id, "test_secrets.py",
	    "test_a_manager_gives_settings"),
	TESTED(aws_key, "test_secrets.py",
	    "test_a_refusal_names_the_setting_never_the_value"),
	TESTED(aws_session, "test_secrets.py",
	    "test_a_temporary_key_of_aws_has_its_token_signed"),
	TESTED(aws_endpoint, "test_secrets.py",
	    "test_a_manager_gives_settings"),
	WITH(log_level, "warn", journal, "LOG_FILE=" PLACE "/log"),
	SEEN(log_file, PLACE "/log", journal),
	SEEN(db_url, "postgresql://u@h/d", conninfo),
	SEEN(db_host, "db.test", conninfo),
	WITH(db_port, "5433", conninfo, SERVER),
	WITH(db_user, "other", conninfo, SERVER),
	WITH(db_password, "hunter2-and-more", conninfo, SERVER),
	WITH(db_name, "other", conninfo, SERVER),
	WITH(db_sslmode, "require", conninfo, SERVER),
	WITH(db_owner_url, "postgresql://o@h/d", owner, SERVER),
	SEEN(db_max_connections, "3", workers),
	SEEN(db_lifetime, "60", database),
	SEEN(db_connect_timeout, "3", database),
	SEEN(db_statement_timeout, "3", database),
	SEEN(db_prepare, "false", database),
	SEEN(redis_host, "redis.test", redis),
	WITH(redis_port, "6380", redis, CACHE),
	WITH(redis_password, "hunter2-and-more", redis, CACHE),
	WITH(redis_db, "3", redis, CACHE),
	WITH(redis_tls, "true", redis, CACHE),
	WITH(redis_prefix, "auth:", redis, CACHE),
	WITH(redis_timeout, "2", redis, CACHE),
	TESTED(jwt_secret, "test_jwt.py", "test_the_secret_itself_signs"),
	TESTED(jwt_previous_secrets, "test_jwt.py",
	    "test_a_previous_secret_verifies_and_does_not_sign"),
	TESTED(jwt_algorithm, "test_jwt.py", "TestEdDSA"),
	SEEN(jwt_issuer, "https://iss.test", issuer),
	TESTED(jwt_audience, SETTINGS, "test_tokens_and_sessions"),
	TESTED(access_ttl, "test_sessions.py",
	    "test_an_access_token_ends_by_itself"),
	TESTED(refresh_ttl, SETTINGS, "test_tokens_and_sessions"),
	TESTED(refresh_reuse, "test_sessions.py",
	    "test_reuse_can_end_all_sessions_of_the_user"),
	TESTED(refresh_grace, "test_races.py",
	    "test_within_the_grace_all_get_the_one_successor"),
	TESTED(session_max, SETTINGS, "test_tokens_and_sessions"),
	TESTED(session_cleanup, SETTINGS, "test_ended_sessions_can_stay"),
	TESTED(session_cleanup_interval, SETTINGS,
	    "test_ended_sessions_can_stay"),
	SEEN(sealing_keys, "1:" SEALING2, sealing),
	SEEN(password_hash, "bcrypt", hash),
	SEEN(argon2_memory, "32768", hash),
	SEEN(argon2_time, "3", hash),
	WITH(bcrypt_cost, "10", hash, "PASSWORD_HASH=bcrypt"),
	SEEN(import_memory, "65536", import),
	SEEN(password_min, "16", policy),
	SEEN(password_max, "64", policy),
	SEEN(password_strong, "false", policy),
	SEEN(password_bits, "40", policy),
	SEEN(password_blocklist, PLACE "/list", policy),
	TESTED(password_history, "test_password_history.py",
	    "test_a_password_is_none_of_the_last"),
	TESTED(password_factor, SETTINGS, "test_a_password_wants_the_factor"),
	TESTED(email_verification, "test_accounts.py",
	    "test_without_verification_everybody_is_verified_and_welcome"),
	TESTED(default_role, SETTINGS, "test_accounts"),
	TESTED(bootstrap_admin, "test_first_proof.py", "TestBootstrap"),
	TESTED(erase_after, SETTINGS, "test_accounts"),
	TESTED(rate_limiting, "test_limits.py",
	    "test_switched_off_there_is_neither_limit_nor_header"),
	TESTED(limit_login, SETTINGS, "test_limits"),
	TESTED(limit_register, SETTINGS, "test_limits"),
	TESTED(limit_window, SETTINGS, "test_limits"),
	TESTED(limit_signup, SETTINGS, "test_limits"),
	TESTED(limit_reset, SETTINGS, "test_limits"),
	TESTED(mail_interval, "test_limits.py",
	    "test_twenty_mails_a_day_to_an_address"),
	TESTED(limit_anonymous, SETTINGS, "test_limits"),
	TESTED(limit_user, SETTINGS, "test_limits"),
	TESTED(limit_admin, SETTINGS, "test_limits"),
	TESTED(lock_attempts, SETTINGS, "test_lockout"),
	TESTED(lock_window, SETTINGS, "test_lockout"),
	TESTED(lock_duration, SETTINGS, "test_lockout"),
	SEEN(audit, "false", database),
	TESTED(audit_keep_logins, SETTINGS, "test_the_audit_log_is_kept"),
	TESTED(audit_keep_addresses, SETTINGS, "test_the_audit_log_is_kept"),
	TESTED(audit_keep, SETTINGS, "test_the_audit_log_is_kept"),
	TESTED(api_key_prefix, SETTINGS, "test_api_keys"),
	TESTED(api_key_length, SETTINGS, "test_api_keys"),
	TESTED(api_key_rate, SETTINGS, "test_api_keys"),
	TESTED(factor_roles, "test_factors.py", "test_who_must_enrol_can_do_nothing_else"),
	TESTED(subjects_max, SETTINGS, "test_subjects"),
	TESTED(admin_factor, SETTINGS, "test_administration_wants_a_factor"),
	SEEN(cors_origins, "https://a.test", preflight),
	TESTED(ip_whitelist, "test_admin.py",
	    "test_004_a_super_admin_only_from_the_networks_named"),
	TESTED(admin_networks, "test_admin.py",
	    "test_004_a_super_admin_only_from_the_networks_named"),
	TESTED(metrics_networks, SETTINGS, "test_metrics_are_for_networks"),
	TESTED(smtp_host, "test_worker.py",
	    "test_without_a_relay_mail_stays_in_the_queue"),
	TESTED(smtp_port, "test_ctl.py",
	    "test_doctor_names_the_setting_that_keeps_mail_from_going_out"),
	TESTED(smtp_user, "test_worker.py",
	    "test_tls_and_auth_are_used_and_the_certificate_is_checked"),
	TESTED(smtp_password, "test_worker.py",
	    "test_tls_and_auth_are_used_and_the_certificate_is_checked"),
	TESTED(smtp_tls, "test_worker.py",
	    "test_a_relay_without_tls_gets_nothing_when_tls_is_wanted"),
	TESTED(smtp_ca, "test_worker.py",
	    "test_tls_and_auth_are_used_and_the_certificate_is_checked"),
	TESTED(smtp_connections, "test_worker.py",
	    "test_as_many_connections_as_there_are_mails_and_no_more"),
	SEEN(mail_from, "gate@b.test", sender),
	TESTED(queue_alarm_age, "test_backlog.py",
	    "test_an_old_job_is_an_alarm_everywhere"),
	TESTED(queue_alarm_depth, "test_backlog.py",
	    "test_many_jobs_are_an_alarm"),
	WITH(twilio_sid, "AC2", sms, TWILIO),
	WITH(twilio_token, "another word", sms, TWILIO),
	WITH(twilio_from, "+15005550007", sms, TWILIO),
	WITH(twilio_url, "https://twilio.test", sms, TWILIO),
	WITH(sms_http_url, "https://sms.test/other", sms, GATEWAY),
	WITH(sms_http_token, "word", sms, GATEWAY),
	TESTED(sms_countries, "test_factors_sent.py",
	    "test_countries_and_prefixes_have_their_bounds"),
	TESTED(sms_per_day, "test_factors_sent.py",
	    "test_nor_the_messages_of_a_day"),
	TESTED(sms_per_prefix, "test_factors_sent.py",
	    "test_countries_and_prefixes_have_their_bounds"),
	TESTED(media_dir, "test_media.py", "test_who_wants_no_pictures"),
	SEEN(media_url, "https://pictures.test/m", picture),
	WITH(s3_endpoint, "https://minio.test:9000", object, STORE),
	WITH(s3_key, "AKIDEXAMPLE", object, BUCKET),
	TESTED(s3_secret, "test_media.py",
	    "test_pictures_are_kept_in_s3_by_signed_requests"),
	WITH(s3_token, "a session's token", object, STORE),
	WITH(s3_bucket, "others", object, STORE),
	WITH(s3_region, "eu-central-1", object, STORE),
	WITH(s3_cdn, "https://cdn.test", object, STORE),
	WITH(s3_path_style, "false", object, STORE),
	WITH(s3_public_read, "true", object, STORE),
	WITH(s3_unsigned, "true", object, STORE),
	WITH(s3_ca, "/etc/ssl/minio.pem", object, STORE),
	TESTED(kafka_brokers, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_enabled, "test_kafka.py", "test_off_nothing_is_written"),
	TESTED(kafka_secrets, "test_kafka.py",
	    "test_with_secrets_the_event_holds_the_token_of_the_mail"),
	TESTED(kafka_client, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_tls, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_ca, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_user, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_password, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(kafka_mechanism, "test_kafka.py",
	    "test_only_a_broker_with_its_certificate_is_spoken_to"),
	TESTED(grpc_enabled, "test_grpc.py",
	    "test_it_starts_only_where_that_is_safe_and_wanted"),
	TESTED(grpc_listen, "test_grpc.py",
	    "test_it_starts_only_where_that_is_safe_and_wanted"),
	TESTED(grpc_port, "test_grpc.py",
	    "test_tls_and_the_certificates_of_clients"),
	TESTED(grpc_workers, "test_grpc.py",
	    "test_its_numbers_are_the_settings"),
	TESTED(grpc_cert, "test_grpc.py",
	    "test_tls_and_the_certificates_of_clients"),
	TESTED(grpc_key, "test_grpc.py",
	    "test_tls_and_the_certificates_of_clients"),
	TESTED(grpc_client_ca, "test_grpc.py",
	    "test_tls_and_the_certificates_of_clients"),
	TESTED(grpc_reflection, "test_grpc.py",
	    "test_its_numbers_are_the_settings"),
	TESTED(grpc_deadline, "test_grpc.py",
	    "test_its_numbers_are_the_settings"),
	TESTED(grpc_connections, "test_grpc.py",
	    "test_its_numbers_are_the_settings"),
	SEEN(webhooks_private, "true", webhook),
	SEEN(webhooks_http, "true", webhook),
	SEEN(webhooks_ports, "443, 9000", webhook),
	SEEN(webhooks_deny, "198.51.200.0/24", webhook),
	TESTED(webhooks_ca, SETTINGS,
	    "test_a_receiver_may_be_of_ones_own_authority"),
};

static const struct config *
load(void)
{
	const char *why = "";
	const struct config *c = config_load(a, 0, NULL, &why);

	ck_assert_msg(c != NULL, "%s", why);
	return c;
}

/* An environment of what each test needs and NAME=value, parted by lines. */
static void
environment(const char *also)
{
	struct str rest = str_of(also ? also : ""), pair;

	clearenv();
	setenv("POSTERN_CONFIG", "", 1);
	setenv("JWT_SECRET", KEY, 1);
	setenv("SEALING_KEYS", "1:" SEALING, 1);
	while (str_split(&rest, '\n', &pair)) {
		size_t at = str_find(pair, '=');

		setenv(text(str_slice(pair, 0, at)),
		    text(str_slice(pair, at + 1, pair.n)), 1);
	}
}

static void
changes(const struct config_row *r, const struct proof *p)
{
	struct config_name name = { .rest = r->env };
	const char *before, *after;

	environment(p->also);
	before = p->seen(load());
	environment(p->also);
	ck_assert(config_name_next(&name));
	setenv(name.text, p->value, 1);
	after = p->seen(load());
	ck_assert_msg(strcmp(before, after) != 0, "%s: %s changes nothing: %s",
	    r->key, p->value, after);
}

/* The test is there, and its file names the setting. */
static void
is_tested(const struct config_row *r, const struct proof *p)
{
	struct config_name name = { .rest = r->env };
	const char *where = arena_fmt(a, TESTDIR "/e2e/%s", p->file).p;
	const char *why = NULL;
	enum config_reach reach;
	struct str source = config_read_file(a, where, 1u << 20, &reach, &why);
	bool named = false;

	ck_assert_msg(why == NULL, "%s %s", where, why);
	ck_assert_msg(strstr(source.p, arena_fmt(a, "def %s(", p->test).p) ||
	    strstr(source.p, arena_fmt(a, "class %s", p->test).p),
	    "%s: %s has no %s", r->key, where, p->test);
	while (config_name_next(&name))
		named |= strstr(source.p, name.text) != NULL;
	ck_assert_msg(named, "%s: %s does not set it", r->key, where);
}

START_TEST(each_setting_does_something_or_is_marked)
{
	const struct config_row *r = &config_rows[_i];
	const struct proof *p = &proofs[_i];

	if (r->accepted)
		ck_assert_msg(!p->seen && !p->test, "%s is marked as "
		    "accepted, but has a proof", r->key);
	else if (p->seen)
		changes(r, p);
	else if (p->test)
		is_tested(r, p);
	else
		ck_abort_msg("%s has no proof here that it does something",
		    r->key);
}
END_TEST

static void
begin(void)
{
	FILE *f;

	a = arena_new((size_t)32 << 20);
	ck_assert(sodium_init() >= 0);
	(void)!system("mkdir -p " PLACE);
	f = fopen(PLACE "/list", "w");
	ck_assert_ptr_nonnull(f);
	fputs("listed-xk9mq2pl7v\n", f);
	fclose(f);
	ck_assert(log_open("test", "/dev/null", LOG_ERROR_));
}

static void
end(void)
{
	(void)!system("rm -rf " PLACE);
	arena_free(&a);
}

int
main(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("settings");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_setting_does_something_or_is_marked, 0,
	    CONFIG_ROWS);
	suite_add_tcase(s, t);
	return unit_run_suite(s);
}
