#include "tests/unit/unit.h"

#include "config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/config.h"

/* 32 random bytes, made for these tests. */
#define KEY "8c1f0d4be7a2593d60b8f4c7e1295ad3"
#define KEY2 "f27a9d3c81e5b604d9c87f1ea350b26c"
#define SEALING "WzO7hHkb4uY1mJvT0aXr9pQnCd2LfEs6gK8wI3oNyZU="

extern char **environ;

static char dir[] = "/tmp/test_config.XXXXXX";
static const char *faults[64];

/* A new environment of NAME=value words, ended by NULL. */
static void
given(const char *first, ...)
{
	va_list ap;

	clearenv();
	setenv("POSTERN_CONFIG", "", 1);
	va_start(ap, first);
	for (const char *p = first; p; p = va_arg(ap, const char *)) {
		struct str s = str_of(p);
		size_t at = str_find(s, '=');

		setenv(arena_cstr(a, str_slice(s, 0, at)), p + at + 1, 1);
	}
	va_end(ap);
}

#define GIVEN(...) given(__VA_ARGS__, NULL)
#define SECRET_GIVEN "JWT_SECRET=" KEY
#define STRICT_GIVEN \
	SECRET_GIVEN, "PROFILE=strict", "SEALING_KEYS=1:" SEALING

/* Load with command line words; counts the faults into *n. */
static const struct config *
load(size_t *n, const char *w1, const char *w2, const char *w3,
    const char *w4)
{
	const char *words[] = { "postern", w1, w2, w3, w4, NULL };
	char *argv[6];
	const struct config *c;
	int argc = 0;
	size_t count;

	while (words[argc])
		argv[argc] = (char *)(uintptr_t)words[argc], argc++;
	argv[argc] = NULL;
	count = config_check(a, argc, argv, &c, faults, 64);
	if (n)
		*n = count;
	return c;
}

static const struct config *
good(void)
{
	size_t n;
	const struct config *c = load(&n, NULL, NULL, NULL, NULL);

	ck_assert_msg(n == 0, "%s", n ? faults[0] : "");
	return c;
}

/* The one fault there must be, which names key and never shows value. */
static void
refused(const char *key, const char *value)
{
	size_t n;

	ck_assert_ptr_null(load(&n, NULL, NULL, NULL, NULL));
	ck_assert_msg(n == 1, "%zu faults, first: %s", n, faults[0]);
	ck_assert_msg(strstr(faults[0], key) != NULL, "%s", faults[0]);
	if (value)
		ck_assert_msg(strstr(faults[0], value) == NULL, "%s",
		    faults[0]);
}

static const char *
file(const char *name, mode_t mode, const char *text)
{
	const char *path;
	FILE *f;

	if (strstr(dir, "XXXXXX"))
		ck_assert_ptr_nonnull(mkdtemp(dir));
	path = arena_fmt(a, "%s/%s", dir, name).p;
	unlink(path); /* one that may not be written, unless by root */
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

START_TEST(defaults_need_only_a_secret)
{
	const struct config *c;

	GIVEN(SECRET_GIVEN);
	c = good();
	ck_assert_str_eq(c->name, "Postern");
	ck_assert_int_eq(c->password_min, 8);
	ck_assert(c->access_ttl == 900 * CLOCK_SECOND);
	ck_assert(c->redis_timeout == 50 * CLOCK_MS);
	ck_assert_str_eq(c->redis_host, "");
	ck_assert(c->rate_limiting);
}
END_TEST

/* Every name that a documented client sets (row AP6). */
static const struct {
	const char *pair, *key, *printed;
} names[] = {
	{ "DB_HOST=db.test", "database", "host: db.test" },
	{ "DB_PORT=5433", "database", "port: 5433" },
	{ "DB_USER=u1", "database", "user: u1" },
	{ "DB_NAME=n1", "database", "name: n1" },
	{ "DB_SSL_MODE=disable", "database", "sslmode: disable" },
	{ "DB_MAX_CONNECTIONS=77", "database", "max_connections: 77" },
	{ "DB_MAX_IDLE_CONNS=7", "database", "max_idle: 7" },
	{ "DB_CONN_MAX_LIFETIME=3601", "database", "max_lifetime: 3601" },
	{ "DB_PASSWORD=pw", "database", "password: \"(set)\"" },
	{ "POSTGRES_PASSWORD=pw", "database", "password: \"(set)\"" },
	{ "DATABASE_URL=postgresql://u@h/d", "database", "url: \"(set)\"" },
	{ "REDIS_HOST=r1", "redis", "host: r1" },
	{ "REDIS_PORT=6380", "redis", "port: 6380" },
	{ "REDIS_PASSWORD=pw", "redis", "password: \"(set)\"" },
	{ "REDIS_DB=3", "redis", "db: 3" },
	{ "REDIS_USE_TLS=yes", "redis", "tls: yes" },
	{ "JWT_ACCESS_SECRET=" KEY2, "jwt", "JWT_ACCESS_SECRET" },
	{ "HOTEL_REVIEWS_AUTH_JWT_SECRET=" KEY2, "jwt", "AUTH_JWT_SECRET" },
	{ "JWT_REFRESH_SECRET=" KEY2, "refresh", "secret: \"(set)\"" },
	{ "DEVICE_TOKEN_SECRET=" KEY2, "device", "secret: \"(set)\"" },
	{ "JWT_ALGORITHM=EdDSA", "jwt", "algorithm: EdDSA" },
	{ "JWT_ACCESS_TOKEN_TTL=86400", "jwt", "access_ttl: 86400" },
	{ "JWT_EXPIRY_MINUTES=31", "jwt", "access_ttl: 31m" },
	{ "AUTH_ACCESS_TOKEN_EXPIRY=16m", "jwt", "access_ttl: 16m" },
	{ "HOTEL_REVIEWS_AUTH_ACCESS_TOKEN_EXPIRY=16m", "jwt", "16m" },
	{ "JWT_REFRESH_TOKEN_TTL=604801", "refresh", "ttl: 604801" },
	{ "REFRESH_TOKEN_EXPIRY_DAYS=8", "refresh", "ttl: 8d" },
	{ "HOTEL_REVIEWS_AUTH_REFRESH_TOKEN_EXPIRY=9d", "refresh", "9d" },
	{ "HOTEL_REVIEWS_AUTH_JWT_ISSUER=i1", "jwt", "issuer: i1" },
	{ "ALLOWED_ORIGINS=*", "cors", "origins: \"*\"" },
	{ "CORS_ORIGINS=https://a.test,https://b.test", "cors", "a.test" },
	{ "CORS_ORIGINS=capacitor://localhost,tauri://localhost", "cors",
	    "capacitor" },
	{ "CORS_ORIGINS=chrome-extension://abcdefghijklmnop", "cors",
	    "chrome" },
	{ "EMAIL_HOST=m1", "smtp", "host: m1" },
	{ "EMAIL_PORT=588", "smtp", "port: 588" },
	{ "EMAIL_USER=u2", "smtp", "user: u2" },
	{ "EMAIL_PASSWORD=pw", "smtp", "password: \"(set)\"" },
	{ "EMAIL_FROM=n@x.test", "smtp", "from: \"n@x.test\"" },
	{ "SMTP_HOST=m2", "smtp", "host: m2" },
	{ "SMTP_PORT=465", "smtp", "port: 465" },
	{ "SMTP_USERNAME=u3", "smtp", "user: u3" },
	{ "SMTP_PASSWORD=pw", "smtp", "password: \"(set)\"" },
	{ "SMTP_USE_TLS=false", "smtp", "tls: false" },
	{ "TWILIO_ACCOUNT_SID=AC1", "sms", "account_sid: AC1" },
	{ "TWILIO_AUTH_TOKEN=t", "sms", "auth_token: \"(set)\"" },
	{ "TWILIO_PHONE_NUMBER=+15550100", "sms", "from: \"+15550100\"" },
	{ "RATE_LIMIT_LOGIN=6", "limits", "login: 6" },
	{ "RATE_LIMIT_REGISTER=7", "limits", "register: 7" },
	{ "RATE_LIMIT_WINDOW=600", "limits", "window: 600" },
	{ "HOTEL_REVIEWS_AUTH_MAX_LOGIN_ATTEMPTS=4", "lockout", "4" },
	{ "HOTEL_REVIEWS_AUTH_LOGIN_ATTEMPT_WINDOW=14m", "lockout", "14m" },
	{ "HOTEL_REVIEWS_AUTH_ACCOUNT_LOCK_DURATION=31m", "lockout", "31m" },
	{ "HOTEL_REVIEWS_AUTH_ENABLE_RATE_LIMITING=off", "limits", "off" },
	{ "HOTEL_REVIEWS_AUTH_PASSWORD_MIN_LENGTH=9", "password", "9" },
	{ "HOTEL_REVIEWS_AUTH_PASSWORD_MAX_LENGTH=127", "password", "127" },
	{ "HOTEL_REVIEWS_AUTH_MAX_LENGTH=126", "password", "126" },
	{ "HOTEL_REVIEWS_AUTH_REQUIRE_STRONG_PASSWORD=no", "password", "no" },
	{ "HOTEL_REVIEWS_AUTH_BCRYPT_COST=11", "password", "11" },
	{ "HOTEL_REVIEWS_AUTH_API_KEY_LENGTH=33", "api_keys", "33" },
	{ "HOTEL_REVIEWS_AUTH_API_KEY_PREFIX=k_", "api_keys", "k_" },
	{ "HOTEL_REVIEWS_AUTH_DEFAULT_ROLE=guest", "account", "guest" },
	{ "HOTEL_REVIEWS_AUTH_ENABLE_AUDIT_LOGGING=1", "audit", "1" },
	{ "HOTEL_REVIEWS_AUTH_ENABLE_SESSION_CLEANUP=0", "session", "0" },
	{ "HOTEL_REVIEWS_AUTH_SESSION_CLEANUP_INTERVAL=2h", "session", "2h" },
	{ "AUTH_DEFAULT_ROLE=guest", "account", "guest" },
	{ "ENABLE_IP_WHITELIST=true", "admin", "ip_whitelist: true" },
	{ "ADMIN_WHITELIST_IPS=192.168.1.100,10.0.0.50", "admin", "10.0.0.50" },
	{ "PORT=8002", "service", "port: 8002" },
	{ "ENVIRONMENT=development", "service", "development" },
	{ "S3_ENDPOINT=http://localhost:9000", "s3", "localhost:9000" },
	{ "S3_ACCESS_KEY_ID=k", "s3", "access_key_id: k" },
	{ "S3_SECRET_ACCESS_KEY=s", "s3", "secret_access_key: \"(set)\"" },
	{ "S3_BUCKET_NAME=b", "s3", "bucket: b" },
	{ "S3_REGION=eu-1", "s3", "region: eu-1" },
	{ "S3_CDN_URL=https://cdn.test", "s3", "cdn.test" },
	{ "S3_USE_PATH_STYLE=false", "s3", "path_style: false" },
	{ "KAFKA_BROKERS=localhost:9092", "kafka", "localhost:9092" },
#ifdef HAVE_RDKAFKA
	{ "KAFKA_ENABLED=true", "kafka", "enabled: true" },
#endif
	{ "KAFKA_INCLUDE_SECRETS=true", "kafka", "include_secrets: true" },
	{ "GRPC_PORT=9002", "grpc", "port: 9002" },
#ifdef HAVE_GRPC
	{ "GRPC_ENABLED=true", "grpc", "enabled: true" },
#endif
	{ "ZERO_TOKEN=zt", "zero", "token: " },
	{ "GOOGLE_CLIENT_ID=g", "oauth", "client_id: g" },
	{ "GOOGLE_CLIENT_SECRET=s", "oauth", "client_secret: \"(set)\"" },
	{ "GOOGLE_CALLBACK_URL=http://x.test/cb", "oauth", "x.test/cb" },
	{ "GITHUB_CLIENT_ID=h", "oauth", "client_id: h" },
	{ "MICROSOFT_ISSUER=https://i.test", "oauth", "i.test" },
	{ "PROFILE=strict", "service", "profile: strict" },
	{ "EMAIL_VERIFICATION=off", "account", "email_verification: off" },
	{ "PASSWORD_HASH=bcrypt", "password", "hash: bcrypt" },
	{ "REFRESH_REUSE_REVOKES=user", "refresh", "reuse_revokes: user" },
	{ "OAUTH_REDIRECT_MODE=query", "oauth", "redirect_mode: query" },
	{ "OAUTH_REDIRECT_URL=https://f.test/auth/callback", "oauth", "f.test" },
	{ "HEALTH_DETAILS=private", "health", "details: private" },
	{ "APP_NAME=Vignette", "service", "name: Vignette" },
	{ "PUBLIC_URL=https://a.test/x/", "service", "a.test/x" },
	{ "TRUSTED_PROXIES=10.0.0.0/8, ::1", "service", "10.0.0.0/8" },
	{ "BOOTSTRAP_ADMIN_EMAIL=a@x.test", "account", "a@x.test" },
};

/* What --print-config says. */
static struct str
printed(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct str s;

	config_print(c, out);
	fclose(out);
	s = arena_str(a, (struct str){ text, n });
	free(text);
	return s;
}

START_TEST(every_name_of_the_five_services_is_accepted)
{
	struct str name = str_of(names[_i].pair), out;
	const char *section, *value;

	name = str_slice(name, 0, str_find(name, '='));
	/* Those that give the secret itself stand alone. */
	if (strstr(names[_i].pair, "JWT_SECRET") ||
	    strstr(names[_i].pair, "JWT_ACCESS_SECRET"))
		GIVEN(names[_i].pair);
	else if (strstr(names[_i].pair, "S3_ACCESS_KEY_ID"))
		GIVEN(SECRET_GIVEN, names[_i].pair, "S3_BUCKET_NAME=b",
		    "S3_SECRET_ACCESS_KEY=s");
	else if (strstr(names[_i].pair, "=strict"))
		GIVEN(SECRET_GIVEN, names[_i].pair, "SEALING_KEYS=1:" SEALING);
	else
		GIVEN(SECRET_GIVEN, names[_i].pair);
	out = printed(good());
	section = strstr(out.p, arena_fmt(a, "%s:\n", names[_i].key).p);
	ck_assert_ptr_nonnull(section);
	value = strstr(section, names[_i].printed);
	ck_assert_msg(value != NULL, "%s\n%s", names[_i].pair, section);
	ck_assert_msg(strstr(out.p, arena_fmt(a, "environment %.*s\n",
	    STR_FMT(name)).p) != NULL, "%.*s is not named", STR_FMT(name));
}
END_TEST

START_TEST(line_wins_over_environment_over_file_over_default)
{
	const char *path = file("p.yaml", 0600,
	    "redis: {host: file, port: 1, db: 1}\n");
	const struct config *c;
	size_t n;

	GIVEN(SECRET_GIVEN, "REDIS_HOST=env", "REDIS_PORT=2");
	setenv("POSTERN_CONFIG", path, 1);
	c = load(&n, "--set", "redis.host=line", NULL, NULL);
	ck_assert_uint_eq(n, 0);
	ck_assert_str_eq(c->redis_host, "line");
	ck_assert_int_eq(c->redis_port, 2);
	ck_assert_int_eq(c->redis_db, 1);
	ck_assert_int_eq(c->db_port, 5432);
}
END_TEST

START_TEST(empty_is_none_for_texts_and_default_for_numbers)
{
	const char *path = file("e.yaml", 0600, "redis: {host: h, port: 7}\n");
	const struct config *c;

	GIVEN(SECRET_GIVEN, "REDIS_HOST=", "REDIS_PORT=", "LOG_LEVEL=",
	    "KAFKA_ENABLED=", "JWT_ACCESS_TOKEN_TTL=");
	setenv("POSTERN_CONFIG", path, 1);
	c = good();
	ck_assert_str_eq(c->redis_host, "");
	ck_assert_int_eq(c->redis_port, 7);
	ck_assert_str_eq(c->log_level, "info");
	ck_assert(c->access_ttl == 900 * CLOCK_SECOND);
}
END_TEST

START_TEST(names_tell_the_unit_of_a_bare_number)
{
	const struct config *c;

	GIVEN(SECRET_GIVEN, "JWT_EXPIRY_MINUTES=30",
	    "REFRESH_TOKEN_EXPIRY_DAYS=2", "DB_CONN_MAX_LIFETIME=1h30m");
	c = good();
	ck_assert(c->access_ttl == 1800 * CLOCK_SECOND);
	ck_assert(c->refresh_ttl == 2 * 86400 * CLOCK_SECOND);
	ck_assert(c->db_lifetime == 5400 * CLOCK_SECOND);
}
END_TEST

START_TEST(unknown_keys_stop_the_start)
{
	const char *path = file("u.yaml", 0600,
	    "redis:\n  hots: x\nnothing: 1\n");
	size_t n;

	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_null(load(&n, "--config", path, "--set", "a.b=c"));
	ck_assert_uint_eq(n, 3);
	ck_assert(strstr(faults[0], "a.b") != NULL);
	ck_assert(strstr(faults[1], "line 2: unknown key redis.hots") != NULL);
	ck_assert(strstr(faults[2], "nothing") != NULL);
}
END_TEST

static const struct {
	const char *pair, *key;
} bad[] = {
	{ "DB_PORT=70000", "database.port" },
	{ "DB_PORT=-1", "database.port" },
	{ "DB_PORT=5432x", "database.port" },
	{ "REDIS_USE_TLS=maybe", "redis.tls" },
	{ "JWT_ACCESS_TOKEN_TTL=25h", "jwt.access_ttl" },
	{ "JWT_ACCESS_TOKEN_TTL=-5", "jwt.access_ttl" },
	{ "JWT_ACCESS_TOKEN_TTL=15 minutes", "jwt.access_ttl" },
	{ "JWT_EXPIRY_MINUTES=9999999999999", "jwt.access_ttl" },
	{ "JWT_ALGORITHM=none", "jwt.algorithm" },
	{ "JWT_ALGORITHM=RS256", "jwt.algorithm" },
	{ "PASSWORD_HASH=md5", "password.hash" },
	{ "ARGON2_MEMORY_KIB=1024", "password.argon2_memory_kib" }, /* PW6 */
	{ "ARGON2_TIME=1", "password.argon2_time" },
	{ "BCRYPT_COST=4", "password.bcrypt_cost" },
	{ "PASSWORD_MIN_LENGTH=4", "password.min_length" },
	{ "EMAIL_VERIFICATION=sometimes", "account.email_verification" },
	{ "REFRESH_GRACE_SECONDS=61", "refresh.grace_seconds" }, /* RT3 */
	{ "PROFILE=lax", "service.profile" },
	{ "ENVIRONMENT=anything", "service.environment" },
	{ "PUBLIC_URL=ftp://x.test", "service.public_url" },
	{ "PUBLIC_URL=https://u:p@x.test", "service.public_url" },
	{ "PUBLIC_URL=https://x.test/?a", "service.public_url" },
	{ "CORS_ORIGINS=https://x.test/", "cors.origins" },
	{ "CORS_ORIGINS=*,https://x.test", "cors.origins" },
	{ "CORS_ORIGINS=null", "cors.origins" }, /* HT6 */
	{ "CORS_ORIGINS=capacitor://localhost/", "cors.origins" },
	{ "CORS_ORIGINS=tauri://", "cors.origins" },
	{ "CORS_ORIGINS=://x.test", "cors.origins" },
	{ "CORS_ORIGINS=HTTPS://x.test/a", "cors.origins" },
	{ "CORS_ORIGINS=javascript:alert", "cors.origins" },
	{ "TRUSTED_PROXIES=0.0.0.0/0", "service.trusted_proxies" },
	{ "TRUSTED_PROXIES=10.0.0.0/33", "service.trusted_proxies" },
	{ "ADMIN_WHITELIST_IPS=10.0.0.0.1", "admin.networks" },
	{ "RUNTIME_DIR=run", "service.runtime_dir" },
	{ "EMAIL_FROM=a@b\r\nBcc: c@d", "smtp.from" },
	{ "EMAIL_FROM=a..b@x.test", "smtp.from" },
	{ "EMAIL_FROM==?utf-8?q?a?=@x.test", "smtp.from" },
	{ "EMAIL_FROM=Ann\r\nBcc: c <a@x.test>", "smtp.from" },
	{ "APP_NAME=x\ny", "service.name" },
	{ "APP_NAME=\xff\xfe", "service.name" },
	{ "SEALING_KEYS=1:abcd", "keys.sealing" },
	{ "SEALING_KEYS=0:" SEALING, "keys.sealing" },
	{ "JWT_PREVIOUS_SECRETS=tiny1", "jwt.previous_secrets" },
};

START_TEST(values_out_of_bounds_are_refused_by_key)
{
	const char *value = strchr(bad[_i].pair, '=') + 1;

	GIVEN(SECRET_GIVEN, bad[_i].pair);
	refused(bad[_i].key, strlen(value) > 4 ? value : NULL);
}
END_TEST

/* Row CF1, JW4. */
static const char *const weak[] = {
	"", "tiny1", "change-this-in-production",
	"change-this-in-production-change-this-in-production-0192837465",
	"your_super_secret_jwt_key_here", "entativa_password",
	"<64-char-secret>", "secretsecretsecretsecretsecretsecret",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"0123456789abcdef0123456789abcdef",
	"12345678123456781234567812345678",
	"abcdefghijklmnopqrstuvwxyz0123456789",
	"abababababababababababababababababab",
};

START_TEST(weak_secrets_stop_the_start)
{
	GIVEN(arena_fmt(a, "JWT_SECRET=%s", weak[_i]).p);
	refused("jwt.secret", weak[_i][0] ? weak[_i] : NULL);
}
END_TEST

START_TEST(random_secrets_are_taken)
{
	unsigned seed = 7;

	for (int i = 0; i < 500; i++) {
		char text[65];

		for (size_t j = 0; j < 64; j++)
			text[j] = "0123456789abcdef"[rand_r(&seed) >> 7 & 15];
		text[32 + i % 33] = '\0';
		GIVEN(arena_fmt(a, "JWT_SECRET=%s", text).p);
		good();
	}
}
END_TEST

/* Row CF1: a secret has one purpose. */
START_TEST(one_secret_for_two_purposes_stops_the_start)
{
	GIVEN(SECRET_GIVEN, "JWT_REFRESH_SECRET=" KEY);
	refused("refresh.secret", KEY);
	GIVEN(SECRET_GIVEN, "DB_PASSWORD=" KEY);
	refused("database.password", KEY);
	GIVEN(SECRET_GIVEN, "JWT_PREVIOUS_SECRETS=" KEY2 "," KEY);
	refused("jwt.previous_secrets", KEY);
	GIVEN(SECRET_GIVEN, "JWT_REFRESH_SECRET=" KEY2,
	    "SEALING_KEYS=1:" SEALING);
	good();
}
END_TEST

START_TEST(secrets_come_from_files_nobody_else_reads)
{
	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s",
	    file("s", 0600, KEY "\n")).p);
	ck_assert_str_eq(good()->jwt_secret, KEY);
	GIVEN(arena_fmt(a, "AUTH_JWT_SECRET_FILE=%s",
	    file("s", 0640, KEY)).p);
	ck_assert_str_eq(good()->jwt_secret, KEY);
	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s", file("s", 0602, KEY)).p);
	refused("jwt.secret", KEY);
	GIVEN(SECRET_GIVEN, "DB_PASSWORD_FILE=/nonexistent/file");
	refused("database.password", NULL);
	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s", file("s", 0600, KEY)).p,
	    SECRET_GIVEN);
	refused("both", KEY);
}
END_TEST

/* As Docker and Kubernetes mount them; elsewhere it is worth a word. */
START_TEST(a_secret_file_that_all_can_read_is_taken_and_warned_of)
{
	const struct config *c;

	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s", file("s", 0444, KEY)).p,
	    "ENVIRONMENT=development");
	c = good();
	ck_assert_str_eq(c->jwt_secret, KEY);
	ck_assert_ptr_nonnull(strstr(config_warning(c, 0), "JWT_SECRET_FILE"));
	ck_assert_ptr_null(strstr(config_warning(c, 0), KEY));
	ck_assert_ptr_null(config_warning(c, 1));
	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s", file("s", 0440, KEY)).p,
	    "ENVIRONMENT=development");
	ck_assert_ptr_null(config_warning(good(), 0));
}
END_TEST

/* What editors and PowerShell put before a text. */
START_TEST(a_byte_order_mark_is_no_part_of_a_file)
{
	GIVEN(arena_fmt(a, "JWT_SECRET_FILE=%s",
	    file("s", 0600, "\ufeff" KEY "\r\n")).p);
	ck_assert_str_eq(good()->jwt_secret, KEY);
	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("b.yaml", 0600, "\ufeffredis: {host: h}\n")).p);
	ck_assert_str_eq(good()->redis_host, "h");
	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("b.yaml", 0600, "\ufeff")).p);
	good();
}
END_TEST

static const struct {
	const char *name, *key, *value;
} secrets[] = {
	{ "JWT_SECRET", "jwt.secret", KEY },
	{ "JWT_PREVIOUS_SECRETS", "jwt.previous_secrets", KEY2 },
	{ "JWT_PREVIOUS_SECRETS", "jwt.previous_secrets",
	    KEY2 ",71e0c5a9b3f24d8e96075ac1d2b8f34e" },
	{ "JWT_REFRESH_SECRET", "refresh.secret", KEY2 },
	{ "DEVICE_TOKEN_SECRET", "device.secret", KEY2 },
	{ "SEALING_KEYS", "keys.sealing", "1:" SEALING },
	{ "DATABASE_URL", "database.url", "postgresql://u:hunter2@h/d" },
	{ "DATABASE_OWNER_URL", "database.owner_url", "host=h user=hunter2" },
	{ "DB_PASSWORD", "database.password", "hunter2" },
	{ "REDIS_PASSWORD", "redis.password", "hunter2" },
	{ "SMTP_PASSWORD", "smtp.password", "hunter2" },
	{ "TWILIO_AUTH_TOKEN", "sms.twilio.auth_token", "hunter2" },
	{ "SMS_HTTP_TOKEN", "sms.http.token", "hunter2" },
	{ "KAFKA_PASSWORD", "kafka.password", "hunter2" },
	{ "OIDC_CLIENT_SECRET", "oauth.oidc.client_secret", "hunter2" },
	{ "S3_SECRET_ACCESS_KEY", "s3.secret_access_key", "hunter2" },
};

/* Docker's --env-file and systemd's keep what a shell takes away. */
START_TEST(a_secret_as_it_was_never_meant_stops_the_start)
{
	static const char *const around[][2] = { { "\"", "\"" },
		{ "'", "'" }, { "\u201c", "\u201d" }, { "", " " },
		{ "", "\u00a0" } };
	bool several = strcmp(secrets[_i].name, "SEALING_KEYS") == 0 ||
	    strcmp(secrets[_i].name, "JWT_PREVIOUS_SECRETS") == 0;

	for (int i = 0; i < 5; i++) {
		const char *text = arena_fmt(a, "%s=%s%s%s", secrets[_i].name,
		    around[i][0], secrets[_i].value, around[i][1]).p;

		/* what parts several keys is no part of any */
		if (several && i == 3)
			continue;
		GIVEN(_i ? SECRET_GIVEN : text, text);
		refused(secrets[_i].key, secrets[_i].value);
	}
	GIVEN(_i ? SECRET_GIVEN : "A=b", arena_fmt(a, "%s=%s",
	    secrets[_i].name, secrets[_i].value).p);
	good();
}
END_TEST

/* A host is printed, so it must not be where a password went. */
static const struct {
	const char *given, *key;
} hosts[] = {
	{ "REDIS_HOST=redis://:hunter2@h:6379/0", "redis.host" },
	{ "REDIS_HOST=:hunter2@h", "redis.host" },
	{ "SMTP_HOST=smtps://u:hunter2@relay", "smtp.host" },
	{ "EMAIL_HOST=u:hunter2@relay", "smtp.host" },
	{ "DB_HOST=postgresql://u:hunter2@h/d", "database.host" },
	{ "DB_HOST=\"hunter2\"", "database.host" },
	{ "DB_NAME=postgresql://u:hunter2@h/d", "database.name" },
	{ "KAFKA_BROKERS=b:9092,SASL://u:hunter2@h:9092", "kafka.brokers" },
};

START_TEST(a_host_holds_no_password)
{
	GIVEN(SECRET_GIVEN, hosts[_i].given);
	refused(hosts[_i].key, "hunter2");
}
END_TEST

static const char *const fine_hosts[] = { "h", "10.0.0.1", "::1", "fe80::1%eth0",
	"/run/postgresql", "a,b", "@abstract" };

START_TEST(an_unknown_key_that_is_none_is_not_shown)
{
	size_t n;

	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_null(load(&n, "--set", "postgresql://u:hunter2@h/d?a=b",
	    NULL, NULL));
	ck_assert_ptr_null(strstr(faults[0], "hunter2"));
	ck_assert_ptr_null(load(&n, "--set", "database.hst=h", NULL, NULL));
	ck_assert_ptr_nonnull(strstr(faults[0], "database.hst"));
}
END_TEST

START_TEST(a_host_is_a_name_an_address_or_a_path)
{
	GIVEN(SECRET_GIVEN, arena_fmt(a, "DB_HOST=%s", fine_hosts[_i]).p);
	good();
}
END_TEST

static const char *
picky(const char *conninfo)
{
	return strstr(conninfo, "hunter2") ? "must be better" : NULL;
}

START_TEST(a_connection_string_is_judged_wherever_it_stands)
{
	config_use_conninfo(picky);
	GIVEN(SECRET_GIVEN, "DATABASE_URL=postgresql://u:hunter2@h/d");
	refused("DATABASE_URL", "hunter2");
	GIVEN(SECRET_GIVEN, "DATABASE_OWNER_URL=host=hunter2");
	refused("DATABASE_OWNER_URL", "hunter2");
	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s", file("d.yaml",
	    0600, "database: {url: \"postgresql://u:hunter2@h/d\"}\n")).p);
	refused("database.url", "hunter2");
	GIVEN(SECRET_GIVEN, arena_fmt(a, "DATABASE_URL_FILE=%s", file("d",
	    0600, "postgresql://u:hunter2@h/d\n")).p);
	refused("database.url", "hunter2");
	config_use_conninfo(NULL);
}
END_TEST

START_TEST(a_file_with_secrets_is_not_for_everyone)
{
	const char *yaml = "jwt: {secret: " KEY "}\n";

	GIVEN(arena_fmt(a, "POSTERN_CONFIG=%s", file("y", 0600, yaml)).p);
	ck_assert_str_eq(good()->jwt_secret, KEY);
	GIVEN(arena_fmt(a, "POSTERN_CONFIG=%s", file("y", 0644, yaml)).p);
	refused("jwt.secret", KEY);
	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("y", 0644, "redis: {host: x}\n")).p);
	good();
	GIVEN(arena_fmt(a, "POSTERN_CONFIG=%s", file("y", 0644,
	    arena_fmt(a, "jwt: {secret_file: %s}\n",
	    file("s", 0600, KEY)).p)).p);
	ck_assert_str_eq(good()->jwt_secret, KEY);
}
END_TEST

/* Row CF2. */
START_TEST(secrets_are_gone_from_the_environment)
{
	char *block;

	GIVEN(SECRET_GIVEN, "DB_PASSWORD=pw-canary", "DB_USER=visible",
	    "HOTEL_REVIEWS_AUTH_JWT_SECRET=" KEY2);
	block = getenv("DB_PASSWORD");
	good();
	ck_assert_ptr_null(getenv("JWT_SECRET"));
	ck_assert_ptr_null(getenv("DB_PASSWORD"));
	ck_assert_ptr_null(getenv("HOTEL_REVIEWS_AUTH_JWT_SECRET"));
	ck_assert_ptr_nonnull(getenv("DB_USER"));
	for (size_t i = 0; i < strlen("pw-canary"); i++)
		ck_assert_int_eq(block[i], 0);
}
END_TEST

START_TEST(secrets_are_not_taken_from_the_command_line)
{
	size_t n;

	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_null(load(&n, "--set", "database.password=canary-pw",
	    NULL, NULL));
	ck_assert_uint_eq(n, 1);
	ck_assert(strstr(faults[0], "database.password") != NULL);
	ck_assert(strstr(faults[0], "canary-pw") == NULL);
}
END_TEST

START_TEST(printing_shows_no_secret)
{
	struct str out;

	GIVEN(SECRET_GIVEN, "DB_PASSWORD=canary-1",
	    "DATABASE_URL=postgresql://u:canary-2@h/d",
	    "SEALING_KEYS=1:" SEALING);
	out = printed(good());
	ck_assert(strstr(out.p, "canary") == NULL);
	ck_assert(strstr(out.p, KEY) == NULL);
	ck_assert(strstr(out.p, SEALING) == NULL);
}
END_TEST

/* What else verifies HS256 tokens must not open what is sealed. */
START_TEST(a_key_of_its_own_seals_or_it_is_said)
{
	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_nonnull(strstr(config_warning(good(), 0),
	    "keys.sealing"));
	GIVEN(SECRET_GIVEN, "SEALING_KEYS=1:" SEALING);
	ck_assert_ptr_null(config_warning(good(), 0));
	GIVEN(SECRET_GIVEN, "ENVIRONMENT=development");
	ck_assert_ptr_null(config_warning(good(), 0));
	GIVEN(SECRET_GIVEN, "PROFILE=strict");
	refused("keys.sealing", KEY);
	GIVEN(SECRET_GIVEN, "PROFILE=strict", "ENVIRONMENT=staging");
	refused("keys.sealing", KEY);
}
END_TEST

START_TEST(what_is_accepted_and_does_nothing_says_so)
{
	const struct config *c;

	GIVEN(SECRET_GIVEN, "SEALING_KEYS=1:" SEALING, "PORT=8002",
	    "JWT_REFRESH_SECRET=" KEY2);
	c = good();
	ck_assert_ptr_nonnull(strstr(config_warning(c, 0), "service.port"));
	ck_assert_str_eq(config_warning(c, 1), "refresh.secret (from "
	    "environment JWT_REFRESH_SECRET) is accepted for compatibility "
	    "and does nothing: keys.sealing makes the key of refresh tokens");
	ck_assert_ptr_null(config_warning(c, 2));
	GIVEN(SECRET_GIVEN, "SEALING_KEYS=1:" SEALING, "PORT=",
	    "JWT_REFRESH_SECRET=");
	ck_assert_ptr_null(config_warning(good(), 0));
}
END_TEST

START_TEST(strict_sets_what_is_not_given)
{
	const struct config *c;

	GIVEN(STRICT_GIVEN);
	c = good();
	ck_assert_int_eq(c->password_min, 15);
	ck_assert_str_eq(c->email_verification, "required");
	GIVEN(STRICT_GIVEN, "PASSWORD_MIN_LENGTH=12");
	ck_assert_int_eq(good()->password_min, 12);
	GIVEN(STRICT_GIVEN, "PUBLIC_URL=http://x.test");
	refused("service.public_url", NULL);
	GIVEN(STRICT_GIVEN, "PUBLIC_URL=http://127.0.0.1:1");
	good();
	GIVEN(STRICT_GIVEN, "CORS_ORIGINS=*");
	refused("cors.origins", NULL);
	GIVEN(STRICT_GIVEN, "DB_HOST=db.test");
	refused("database.sslmode", NULL);
}
END_TEST

#ifdef HAVE_RDKAFKA
START_TEST(kafka_is_whole_or_stops_the_start)
{
	GIVEN(SECRET_GIVEN, "KAFKA_ENABLED=true", "KAFKA_USER=u",
	    "KAFKA_PASSWORD=" KEY2, "KAFKA_USE_TLS=true",
	    "KAFKA_SASL_MECHANISM=SCRAM-SHA-512");
	good();
	GIVEN(SECRET_GIVEN, "KAFKA_ENABLED=true", "KAFKA_USER=u");
	refused("kafka.password", NULL);
	GIVEN(SECRET_GIVEN, "KAFKA_ENABLED=true", "KAFKA_BROKERS=");
	refused("kafka.brokers", NULL);
	GIVEN(SECRET_GIVEN, "KAFKA_SASL_MECHANISM=OAUTHBEARER");
	refused("kafka.sasl_mechanism", NULL);
	/* Row CF1: neither his password nor a token in clear. */
	GIVEN(STRICT_GIVEN, "KAFKA_ENABLED=true",
	    "KAFKA_INCLUDE_SECRETS=true", "KAFKA_BROKERS=localhost:1,k.test:1");
	refused("kafka.tls", NULL);
	GIVEN(STRICT_GIVEN, "KAFKA_ENABLED=true",
	    "KAFKA_INCLUDE_SECRETS=true", "KAFKA_BROKERS=localhost:1");
	good();
}
END_TEST
#else
START_TEST(kafka_is_refused_by_a_build_without_it)
{
	GIVEN(SECRET_GIVEN, "KAFKA_ENABLED=true");
	refused("kafka.enabled", NULL);
}
END_TEST
#endif

START_TEST(all_faults_are_told_at_once)
{
	size_t n;

	GIVEN("DB_PORT=x", "REDIS_PORT=y", "LOG_LEVEL=z");
	ck_assert_ptr_null(load(&n, NULL, NULL, NULL, NULL));
	ck_assert_uint_eq(n, 4); /* and the missing secret */
}
END_TEST

static const char seed_yaml[] =
    "auth:\n  jwt_secret: " KEY "\n  jwt_issuer: hotel-reviews-api\n"
    "  access_token_expiry: 15m\n  refresh_token_expiry: 7d\n"
    "  max_login_attempts: 5\n  login_attempt_window: 15m\n"
    "  account_lock_duration: 30m\n  password_min_length: 8\n"
    "  password_max_length: 128\n  require_strong_password: true\n"
    "  enable_rate_limiting: true\n  enable_audit_logging: true\n"
    "  bcrypt_cost: 13\n  api_key_length: 32\n  api_key_prefix: hr_\n"
    "  default_role: user\nlog:\n  level: debug\n  enable_caller: true\n"
    "  enable_stacktrace: true\n";

START_TEST(the_yaml_of_seed_003_is_accepted)
{
	const struct config *c;

	GIVEN(arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("003.yaml", 0600, seed_yaml)).p);
	c = good();
	ck_assert_str_eq(c->jwt_secret, KEY);
	ck_assert_str_eq(c->jwt_issuer, "hotel-reviews-api");
	ck_assert_int_eq(c->bcrypt_cost, 13);
	ck_assert_str_eq(c->log_level, "debug");
}
END_TEST

static const char *const broken[] = {
	"redis: [", "a: &x 1\nb: *x\n", "- redis\n",
	"redis: {host: a}\n---\nredis: {port: 1}\n", "redis: {host: a}\nredis: {host: b}\n",
	"redis: {port: [1, 2]}\n", "? [a]\n: b\n", "redis: {host: \"a\\0b\"}\n",
	"cors: {origins: [[a]]}\n", "just text\n", "\xff\xfe\x00\x01",
	"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: 1}}}}}}}}}\n",
};

START_TEST(odd_yaml_is_refused)
{
	size_t n;

	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_null(load(&n, "--config",
	    file("odd.yaml", 0600, broken[_i]), NULL, NULL));
	ck_assert_uint_ge(n, 1);
}
END_TEST

static const char *const yaml_secrets[] = {
	"{HUNTER2}", "{HUNTER2: x}", "{{ HUNTER2 }}", "\n    HUNTER2: {a: b}",
	"[HUNTER2]", "\"HUNTER2", "!HUNTER2", "!HUNTER2 x", "&HUNTER2 x",
	"*HUNTER2", "@HUNTER2", "HUNTER2: x", "|\n    HUNTER2",
};

/* Security row CF1: what YAML takes for something else is not told either. */
START_TEST(a_secret_that_is_no_plain_yaml_is_refused_without_a_part_of_it)
{
	size_t n;

	GIVEN(SECRET_GIVEN);
	ck_assert_ptr_null(load(&n, "--config", file("s.yaml", 0600,
	    arena_fmt(a, "smtp:\n  password: %s\n", yaml_secrets[_i]).p),
	    NULL, NULL));
	ck_assert_uint_ge(n, 1);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(!strstr(faults[i], "HUNTER2"), "%s", faults[i]);
}
END_TEST

START_TEST(lists_come_as_text_or_sequence)
{
	const char *rest, *path = file("l.yaml", 0600,
	    "cors:\n  origins:\n    - https://a.test\n    - https://b.test\n");
	struct str piece;

	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s", path).p);
	rest = good()->cors_origins;
	ck_assert(config_list_next(&rest, &piece));
	ck_str(piece, "https://a.test");
	ck_assert(config_list_next(&rest, &piece));
	ck_str(piece, "https://b.test");
	ck_assert(!config_list_next(&rest, &piece));
	rest = " a ,, b,";
	ck_assert(config_list_next(&rest, &piece));
	ck_str(piece, "a");
	ck_assert(config_list_next(&rest, &piece));
	ck_str(piece, "b");
	ck_assert(!config_list_next(&rest, &piece));
}
END_TEST

START_TEST(conninfo_escapes_and_ranks)
{
	GIVEN(SECRET_GIVEN, "DB_HOST=h", "DB_PASSWORD=it's \\ x",
	    "DB_SSL_MODE=require");
	ck_assert_str_eq(config_conninfo(a, good(), false), "host='h' "
	    "port='5432' password='it\\'s \\\\ x' sslmode='require'");
	GIVEN(SECRET_GIVEN, "DATABASE_URL=postgresql://u@h/d", "DB_HOST=h2");
	ck_assert_str_eq(config_conninfo(a, good(), true),
	    "postgresql://u@h/d");
	GIVEN(SECRET_GIVEN, "DB_HOST=h2", arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("c.yaml", 0600, "database: {url: 'host=h1'}\n")).p);
	ck_assert_ptr_nonnull(strstr(config_conninfo(a, good(), false), "h2"));
}
END_TEST

/* The lines behind one '#' of the sample file, as a person would do it. */
static const char *
uncommented(struct str text)
{
	struct buf b = buf_new(a, 1u << 20);
	struct str line;

	while (str_split(&text, '\n', &line)) {
		if (line.n > 1 && line.p[0] == '#' && line.p[1] != '#')
			line = str_slice(line, 1, line.n);
		buf_fmt(&b, "%.*s\n", STR_FMT(line));
	}
	return buf_str(&b).p;
}

static struct str
written(void (*write)(FILE *out))
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct str s;

	write(out);
	fclose(out);
	s = arena_str(a, (struct str){ text, n });
	free(text);
	return s;
}

START_TEST(the_sample_file_is_the_defaults)
{
	struct str text = written(config_sample), plain, from_file;

	GIVEN(SECRET_GIVEN);
	plain = printed(good());
	GIVEN(SECRET_GIVEN, arena_fmt(a, "POSTERN_CONFIG=%s",
	    file("sample.yaml", 0600, uncommented(text))).p);
	from_file = printed(good());
	/* The same but for where they come from. */
	while (plain.n && from_file.n) {
		struct str x, y;

		str_split(&plain, '\n', &x);
		str_split(&from_file, '\n', &y);
		x = str_slice(x, 0, str_find(x, '#'));
		y = str_slice(y, 0, str_find(y, '#'));
		ck_assert_msg(str_eq(x, y), "%.*s", STR_FMT(y));
	}
	ck_assert_uint_eq(plain.n, from_file.n);
}
END_TEST

static void
same(const char *path, struct str want)
{
	char *got = arena_alloc(a, want.n + 2);
	FILE *f = fopen(path, "r");
	size_t n;

	ck_assert_msg(f != NULL, "%s is missing", path);
	n = fread(got, 1, want.n + 1, f);
	fclose(f);
	ck_assert_msg(str_eq((struct str){ got, n }, want),
	    "%s is not what the table gives: make settings", path);
}

START_TEST(checked_in_files_are_made_from_the_table)
{
	same(TESTDIR "/../conf/postern.yaml", written(config_sample));
	same(TESTDIR "/../docs/configuration.md", written(config_reference));
}
END_TEST

START_TEST(args_leave_what_is_the_callers)
{
	char w[][24] = { "p", "--set", "a=b", "x", "--config=f", "--json",
		"--", "--set" };
	char *argv[9];
	int argc = 8;

	for (int i = 0; i < argc; i++)
		argv[i] = w[i];
	argv[argc] = NULL;
	argc = config_args(argc, argv);
	ck_assert_int_eq(argc, 5);
	ck_assert_str_eq(argv[1], "x");
	ck_assert_str_eq(argv[2], "--json");
	ck_assert_str_eq(argv[4], "--set");
	ck_assert_ptr_null(argv[5]);
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *s = suite_create("base/config");
	TCase *t = tcase_create("base/config");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, unit_begin, unit_end);
	tcase_add_test(t, defaults_need_only_a_secret);
	tcase_add_loop_test(t, every_name_of_the_five_services_is_accepted, 0,
	    N(names));
	tcase_add_test(t, line_wins_over_environment_over_file_over_default);
	tcase_add_test(t, empty_is_none_for_texts_and_default_for_numbers);
	tcase_add_test(t, names_tell_the_unit_of_a_bare_number);
	tcase_add_test(t, unknown_keys_stop_the_start);
	tcase_add_loop_test(t, values_out_of_bounds_are_refused_by_key, 0,
	    N(bad));
	tcase_add_loop_test(t, weak_secrets_stop_the_start, 0, N(weak));
	tcase_add_test(t, random_secrets_are_taken);
	tcase_add_test(t, one_secret_for_two_purposes_stops_the_start);
	tcase_add_test(t, secrets_come_from_files_nobody_else_reads);
	tcase_add_test(t,
	    a_secret_file_that_all_can_read_is_taken_and_warned_of);
	tcase_add_test(t, a_byte_order_mark_is_no_part_of_a_file);
	tcase_add_loop_test(t, a_secret_as_it_was_never_meant_stops_the_start,
	    0, N(secrets));
	tcase_add_loop_test(t, a_host_holds_no_password, 0, N(hosts));
	tcase_add_test(t, an_unknown_key_that_is_none_is_not_shown);
	tcase_add_loop_test(t, a_host_is_a_name_an_address_or_a_path, 0,
	    N(fine_hosts));
	tcase_add_test(t, a_connection_string_is_judged_wherever_it_stands);
	tcase_add_test(t, a_file_with_secrets_is_not_for_everyone);
	tcase_add_test(t, secrets_are_gone_from_the_environment);
	tcase_add_test(t, secrets_are_not_taken_from_the_command_line);
	tcase_add_test(t, printing_shows_no_secret);
	tcase_add_test(t, a_key_of_its_own_seals_or_it_is_said);
	tcase_add_test(t, what_is_accepted_and_does_nothing_says_so);
	tcase_add_test(t, strict_sets_what_is_not_given);
#ifdef HAVE_RDKAFKA
	tcase_add_test(t, kafka_is_whole_or_stops_the_start);
#else
	tcase_add_test(t, kafka_is_refused_by_a_build_without_it);
#endif
	tcase_add_test(t, all_faults_are_told_at_once);
	tcase_add_test(t, the_yaml_of_seed_003_is_accepted);
	tcase_add_loop_test(t, odd_yaml_is_refused, 0, N(broken));
	tcase_add_loop_test(t,
	    a_secret_that_is_no_plain_yaml_is_refused_without_a_part_of_it, 0,
	    N(yaml_secrets));
	tcase_add_test(t, lists_come_as_text_or_sequence);
	tcase_add_test(t, conninfo_escapes_and_ranks);
	tcase_add_test(t, the_sample_file_is_the_defaults);
	tcase_add_test(t, checked_in_files_are_made_from_the_table);
	tcase_add_test(t, args_leave_what_is_the_callers);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_set_tap(r, "-");
	srunner_run_all(r, CK_SILENT);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
