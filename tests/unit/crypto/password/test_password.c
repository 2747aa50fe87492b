/* Password hashing: rows PW2, PW6, PW10, PW11, LG1. */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "crypto/password/argon_memory.h"
#include "crypto/password/hash_gate.h"
#include "crypto/password/password.h"

#define RIGHT STR("correct horse 42")

static struct config conf;
static char dir[] = "/tmp/postern-test-XXXXXX";

static void
remove_dir(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/hash.lock", dir);
	unlink(path);
	rmdir(dir);
}

static void
start(const char *algorithm)
{
	conf = (struct config){ .environment = "development",
		.password_hash = algorithm, .argon2_memory = 8192,
		.argon2_time = 1, .bcrypt_cost = 10,
		.import_memory = 131072 };
	ck_assert_ptr_nonnull(mkdtemp(dir));
	atexit(remove_dir);
	conf.runtime_dir = dir;
	ck_assert_int_eq(password_init(&conf), E_OK);
}

START_TEST(a_hash_matches_its_password_and_no_other)
{
	bool outdated = true;
	struct str h;

	start("argon2id");
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	ck_assert(str_starts(h, STR("$argon2id$v=19$m=8192,t=1,p=1$")));
	ck_assert_int_eq(password_verify(a, RIGHT, h, &outdated), E_OK);
	ck_assert(!outdated);
	ck_assert_int_eq(password_verify(a, STR("correct horse 43"), h,
	    &outdated), E_CREDENTIALS);
	ck_assert_int_eq(password_verify(a, STR(""), h, NULL), E_CREDENTIALS);
}
END_TEST

/*
 * Made by other programs: Python's hashlib, libxcrypt, argon2(1), Django,
 * passlib, argon2-cffi, PHP (as WordPress 6.8 does).
 */
static const char *const imported[] = {
	"$2y$05$abcdefghijklmnopqrstuusx24v0/VgfTEBUEdik2QC5wMJlu01Gy",
	"$2b$04$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6",
	"$6$saltstring$Mwwzi/Kj04QQMutuZ.KLZ5YVR677SA2bVBo8.1IgXGeq/ixte96ik"
	"lQ13gBLIFap/cyxGSHPKZqc3Bvomw/n70",
	"$6$rounds=5000$saltstring$Mwwzi/Kj04QQMutuZ.KLZ5YVR677SA2bVBo8.1IgX"
	"Geq/ixte96iklQ13gBLIFap/cyxGSHPKZqc3Bvomw/n70",
	"$7$8/..../..../saltsalt$r8rTNd7TsdQIt9R666ND5yY16egsLfO.FYG7mV6mCrB",
	"$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$s7c/aq4rGKGxbBReNXrQ7+"
	"J8zIwCjcMYQgCVhe+JfNw",
	"$pbkdf2-sha256$29000$AAECAwQFBgcICQoLDA0ODw$p5DsBCabwc1Xo3pwTiOos2g"
	"tLYhoMjDXoNl4oOD2qgc",
	"$pbkdf2-sha512$25000$AAECAwQFBgcICQoLDA0ODw$zQCF9S9rHHvWoZpUrAVPgRx"
	"zLsu2hwyC7ZE921mZs/X8ZF8YoQwJm0f76zrzfIzKU3avuW3wpltyGUbsYskBXA",
	"pbkdf2_sha256$26000$NaClNaCl$N4jKMdC9lE9usaLE7oe+RFeySlgnrO2F80jimY"
	"mVYcU=",
	"$argon2id$v=19$m=8192,t=2,p=4$c29tZXNhbHQ$YKZ9er2uaLTp9rjojzGuqIE29"
	"Re6y9YYvV9JINZzFBE",
	"$argon2i$v=19$m=8192,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$1XRoIOA14FLzPb"
	"QGlJqkuDUbmJGECQ3StOQncClulWE",
	"$argon2i$v=19$m=8192,t=2,p=2$c29tZXNhbHQ$3j4cwPxxeHUvXlGf6WT2TzzUh"
	"OCoggTiIN3OL1b634c",
	"argon2$argon2id$v=19$m=8192,t=2,p=8$c2FsdHNhbHRzYWx0$+5gBPeYePWpeM"
	"ktdmjsG5Q",
	"bcrypt$$2b$04$qZauPKQc4XEJVdcURWvfjOq0nZyhoNPWnbWAzXFTNwomDjNpK8oS"
	"u",
	"bcrypt_sha256$$2b$04$L8zpZbS3Xwu3qEoa55SWL.MAh6vEVpz3B2ja9p.Wm8Sac"
	"ZwI1E32G",
	"pbkdf2_sha1$1000$NaClNaCl$QwICt+u9LCqY3zDNw9TBcFUub+U=",
	"$wp$2y$04$yfFTlrznDukafknaUX8F4eZwbKXFzA2dgCaWQWf3rJwVBv0G4IU52",
	"$P$6xmFeI..oUzAAFA.GuYmSrt4Rofzm31",
	"$H$65scey0atB0uIQqL.qDFossAkUSfR4/",
	"$y$j75$saltsaltsalt$g4qKcB2PH.ij2lAZBW0k7YAtuRf5AC5kmpZpcCNoIa6",
	"$y$j9T$saltsaltsalt$R.Kd/gEHCM0MlNiv7HMSDWshUZ0sURS9VOGM0ILipf1",
	"$gy$j75$saltsaltsalt$hSMht0qbFbzOh6PLAKs5Ihqhqjy5otyYnoY0hsETlX8",
	"$5$saltstring$LbXFSIwwD/t6gQpN4VeaARTIfDY1DnBUlKckPNGq2AA",
	"$5$rounds=1000$iF6Tyb46VFxWsWlF$.K3uGoCgMpVeGExWJDjnMSN2MChfV5rHxj"
	"AQBn5p887",
	"$1$56sxkGSQ$e8sOL7Xit1YwkxVxR.L9X0",
};

#define NFC_WORD STR("p\xc3\xa4ss w\xc3\xb6rd 42")
#define NFD_WORD STR("pa\xcc\x88ss\xc2\xa0wo\xcc\x88rd 42")

/* RFC 8265: what a Mac types is what a phone types. */
START_TEST(one_password_has_one_form)
{
	/* "pässword" in NFD, as another program hashed it. */
	static const char apart[] = "pbkdf2_sha256$1000$salt$"
	    "Lc0xssB7ccqMAJd9pY0NfdIIYoZ0zWFZ0bx47FiYwXY=";
	bool outdated = true;
	struct str h;

	start("argon2id");
	ck_assert_int_eq(password_hash(a, NFD_WORD, &h), E_OK);
	ck_assert_int_eq(password_verify(a, NFC_WORD, h, &outdated), E_OK);
	ck_assert(!outdated);
	ck_assert_int_eq(password_verify(a, NFD_WORD, h, &outdated), E_OK);
	ck_assert(!outdated);
	ck_assert_int_eq(password_verify(a, STR("pass word 42"), h, NULL),
	    E_CREDENTIALS);
	/* A hash of another form matches as typed, and is made anew. */
	ck_assert_int_eq(password_verify(a, STR("pa\xcc\x88ssword"),
	    str_of(apart), &outdated), E_OK);
	ck_assert(outdated);
	ck_assert_int_eq(password_verify(a, STR("pa\xcc\x88ssworx"),
	    str_of(apart), NULL), E_CREDENTIALS);
}
END_TEST

START_TEST(imported_hashes_verify_and_are_outdated)
{
	start("argon2id");
	for (size_t i = 0; i < sizeof(imported) / sizeof(imported[0]); i++) {
		struct str s = str_of(imported[i]);
		bool outdated = false;

		ck_assert_msg(password_import(a, s, &s) == PASSWORD_TAKEN,
		    "%s", imported[i]);
		ck_assert_msg(password_verify(a, RIGHT, s, &outdated) == E_OK,
		    "%s", s.p);
		ck_assert_msg(outdated, "%s", s.p);
		ck_assert_int_eq(password_verify(a, STR("correct horse 43"), s,
		    &outdated), E_CREDENTIALS);
		ck_assert(!outdated);
	}
}
END_TEST

/* Row PW6: raised parameters hash anew. */
START_TEST(other_parameters_make_a_hash_outdated)
{
	bool outdated;
	struct str h;

	start("argon2id");
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	conf.argon2_time = 2;
	ck_assert_int_eq(password_init(&conf), E_OK);
	ck_assert_int_eq(password_verify(a, RIGHT, h, &outdated), E_OK);
	ck_assert(outdated);
	conf.argon2_time = 1;
	conf.argon2_memory = 9216;
	ck_assert_int_eq(password_init(&conf), E_OK);
	ck_assert_int_eq(password_verify(a, RIGHT, h, &outdated), E_OK);
	ck_assert(outdated);
	conf.password_hash = "bcrypt";
	ck_assert_int_eq(password_init(&conf), E_OK);
	ck_assert_int_eq(password_verify(a, RIGHT, h, &outdated), E_OK);
	ck_assert(outdated);
}
END_TEST

/* Row PW2: bcrypt ends at 72 bytes. */
START_TEST(bcrypt_never_cuts_a_password)
{
	char long1[81], long2[81];
	struct str h, one = { long1, 80 }, two = { long2, 80 };
	bool outdated;

	start("bcrypt");
	memset(long1, 'a', 80);
	memset(long2, 'a', 80);
	long2[79] = 'b';
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	ck_assert(str_starts(h, STR("$2b$10$")));
	ck_assert_int_eq(password_verify(a, RIGHT, h, &outdated), E_OK);
	ck_assert(!outdated);
	ck_assert_int_eq(password_hash(a, one, &h), E_OK);
	ck_assert_int_eq(password_verify(a, one, h, &outdated), E_OK);
	ck_assert(!outdated);
	ck_assert_int_eq(password_verify(a, two, h, NULL), E_CREDENTIALS);
	ck_assert_int_eq(password_hash(a, str_slice(one, 0, 72), &h), E_OK);
	ck_assert_int_eq(password_verify(a, one, h, NULL), E_CREDENTIALS);
	/* The bcrypt of 80 times 'a', as a program that cuts stored it. */
	ck_assert_int_eq(password_verify(a, one, STR("$2b$04$abcdefghijklmnopqr"
	    "stuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe"), NULL), E_CREDENTIALS);
}
END_TEST

/* Row PW11: no stored value hangs a worker. */
START_TEST(costs_past_the_caps_and_unknown_strings_are_refused)
{
	static const char *const bad[] = {
		"", "x", "plain", "$1$salt$hash", "$y$j9T$salt$hash",
		"garbage", "$2b$15$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj."
		"tmZI.Ck6r6",
		"$2b$31$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6r6",
		"$6$rounds=2000001$saltstring$Mwwzi/Kj04QQMutuZ.KLZ5YVR677SA2b"
		"VBo8.1IgXGeq/ixte96iklQ13gBLIFap/cyxGSHPKZqc3Bvomw/n70",
		"$7$R/..../..../saltsalt$r8rTNd7TsdQIt9R666ND5yY16egsLfO.FYG7m"
		"V6mCrB",
		"$7$z/..../..../saltsalt$r8rTNd7TsdQIt9R666ND5yY16egsLfO.FYG7m"
		"V6mCrB",
		"$scrypt$ln=63,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$s7c/aq4rGKGxbBRe"
		"NXrQ7+J8zIwCjcMYQgCVhe+JfNw",
		"$scrypt$ln=10,r=8,p=4000000000$AAECAwQFBgcICQoLDA0ODw$s7c/aq4"
		"rGKGxbBReNXrQ7+J8zIwCjcMYQgCVhe+JfNw",
		"$scrypt$ln=20,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$s7c/aq4rGKGxbBRe"
		"NXrQ7+J8zIwCjcMYQgCVhe+JfNw",
		"$pbkdf2-sha256$2000001$AAECAwQFBgcICQoLDA0ODw$p5DsBCabwc1Xo3p"
		"wTiOos2gtLYhoMjDXoNl4oOD2qgc",
		"$pbkdf2-sha256$4294967297$AAECAwQFBgcICQoLDA0ODw$p5DsBCabwc1X"
		"o3pwTiOos2gtLYhoMjDXoNl4oOD2qgc",
		"$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$YKZ9er2uaLTp9rjo"
		"jzGuqIE29Re6y9YYvV9JINZzFBE",
		"$argon2id$v=19$m=8192,t=4000000000,p=1$c29tZXNhbHQ$YKZ9er2uaL"
		"Tp9rjojzGuqIE29Re6y9YYvV9JINZzFBE",
		"$argon2id$v=19$m=8192,t=2,p=400$c29tZXNhbHQ$YKZ9er2uaLTp9rjoj"
		"zGuqIE29Re6y9YYvV9JINZzFBE",
		"$P$TxmFeI..oUzAAFA.GuYmSrt4Rofzm31",
		"$P$5xmFeI..oUzAAFA.GuYmSrt4Rofzm3",
		"$y$jFT$saltsaltsalt$g4qKcB2PH.ij2lAZBW0k7YAtuRf5AC5kmpZpcCNoI"
		"a6",
		"$y$zzz$saltsaltsalt$g4qKcB2PH.ij2lAZBW0k7YAtuRf5AC5kmpZpcCNoI"
		"a6",
		"$wp$2y$15$yfFTlrznDukafknaUX8F4eZwbKXFzA2dgCaWQWf3rJwVBv0G4IU"
		"52",
		"$wp$6$saltstring$Mwwzi/Kj04QQMutuZ.KLZ5YVR677SA2bVBo8.1IgXGeq",
		"bcrypt_sha256$$2b$31$L8zpZbS3Xwu3qEoa55SWL.MAh6vEVpz3B2ja9p.W"
		"m8SacZwI1E32G",
		"pbkdf2_sha1$2000001$NaClNaCl$QwICt+u9LCqY3zDNw9TBcFUub+U=",
		"argon2$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$YKZ9er2uaLT"
		"p9rjojzGuqIE29Re6y9YYvV9JINZzFBE",
		"$argon2i$v=19$m=131072,t=5,p=1$c29tZXNhbHQ$YKZ9er2uaLTp9rjojz"
		"GuqIE29Re6y9YYvV9JINZzFBE",
		"$argon2d$v=19$m=8192,t=2,p=1$c29tZXNhbHQ$YKZ9er2uaLTp9rjojzGu"
		"qIE29Re6y9YYvV9JINZzFBE",
	};

	struct str stored;

	start("argon2id");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(password_import(a, str_of(bad[i]), &stored) !=
		    PASSWORD_TAKEN && stored.n == 0, "%s", bad[i]);
		ck_assert_msg(password_verify(a, RIGHT, str_of(bad[i]), NULL)
		    == E_CREDENTIALS, "%s", bad[i]);
	}
	ck_assert_int_eq(password_verify(a, STR("plain"), STR("plain"), NULL),
	    E_CREDENTIALS);
}
END_TEST

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"pass phrase longer than seventy-two bytes, whole"

/*
 * PHP and Python cut at 72 bytes: what they made is compared so, once. Ours
 * never is, and bcrypt over a digest looks at all of it.
 */
START_TEST(an_imported_bcrypt_is_compared_as_its_program_did)
{
	static const char *const cut[] = {
		"$2y$04$GONAxiIdPBOh61Rw0XKoauWS.AdPXGSBXkpiWURoW4I0LIfaPI6MW",
		"$2b$04$abcdefghijklmnopqrstuuQALrqrN/JjFgRwFmNCIKluIK1ZokaHO",
	}, *const whole[] = {
		"bcrypt_sha256$$2b$04$L3tQhSCrI7khJzG8t9cM6ec5/uBL9FqWz0e6XPiz"
		"9MXWhiZRUomqK",
		"$wp$2y$04$dhGS2njC/zgEePvrKUuareEW1eMUKUZiFeEzFmG4pYTPu9BsB2."
		"IK",
	};
	bool outdated;
	struct str s, h;

	start("bcrypt");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(password_import(a, str_of(cut[i]), &s),
		    PASSWORD_TAKEN);
		ck_assert_int_eq(password_verify(a, STR(LONG), s, &outdated),
		    E_OK);
		ck_assert(outdated);
		ck_assert_int_eq(password_verify(a, STR(LONG "!"), s, NULL),
		    E_OK);
		ck_assert_int_eq(password_verify(a, STR("b" LONG), s, NULL),
		    E_CREDENTIALS);
		ck_assert_int_eq(password_import(a, str_of(whole[i]), &s),
		    PASSWORD_TAKEN);
		ck_assert_int_eq(password_verify(a, STR(LONG), s, &outdated),
		    E_OK);
		ck_assert(outdated);
		ck_assert_int_eq(password_verify(a, STR(LONG "!"), s, NULL),
		    E_CREDENTIALS);
	}
	/* The same string not imported: ours, which never was so long. */
	ck_assert_int_eq(password_verify(a, STR(LONG), str_of(cut[1]), NULL),
	    E_CREDENTIALS);
	ck_assert_int_eq(password_hash(a, STR(LONG), &h), E_OK);
	ck_assert_int_eq(password_verify(a, STR(LONG "!"), h, NULL),
	    E_CREDENTIALS);
}
END_TEST

START_TEST(why_a_hash_cannot_be_imported_is_told_apart)
{
	static const char *const none[] = { "", "!", "*", "!!",
		"!tAGZ6LOEZHbvoGRB3V1nyvn6KRXhRW3YDTkKhkwN",
		"!$6$saltstring$Mwwzi" };
	static const struct {
		const char *text;
		enum password_import why;
	} bad[] = {
		{ "plain-text", PASSWORD_UNKNOWN },
		{ "5f4dcc3b5aa765d61d8327deb882cf99", PASSWORD_UNKNOWN },
		{ "$argon2d$v=19$m=8192,t=2,p=1$c29tZXNhbHQ$RLrPirUpCnSvbRU0Vm"
		    "sdl5FhA4MAmnd4y/zSJOFbDsw", PASSWORD_UNKNOWN },
		{ "$2b$12$short", PASSWORD_MALFORMED },
		{ "bcrypt$$2b$12$short", PASSWORD_MALFORMED },
		{ "$argon2id$m=8192", PASSWORD_MALFORMED },
		{ "$wp$2y$10$short", PASSWORD_MALFORMED },
		{ "$2b$31$abcdefghijklmnopqrstuuIXYkxgxdZ2hTawHKCAwj.tmZI.Ck6"
		    "r6", PASSWORD_COSTLY },
	};
	struct str s;

	start("argon2id");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_int_eq(password_import(a, str_of(none[i]), &s),
		    PASSWORD_NONE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(password_import(a, str_of(bad[i].text), &s) ==
		    bad[i].why, "%s", bad[i].text);
}
END_TEST

/* Argon2id of 256 MiB, made by argon2-cffi. */
START_TEST(the_memory_of_an_imported_hash_is_configured)
{
	const struct str big = STR("$argon2id$v=19$m=262144,t=1,p=1$MDEyMzQ1N"
	    "jc4OWFiY2RlZg$okoQsC823yoOfHBwTK16NzzJEl53rfj6eqSkD3G8qbk");
	struct str s;

	start("argon2id");
	ck_assert_int_eq(password_import(a, big, &s), PASSWORD_COSTLY);
	ck_assert_int_eq(password_verify(a, RIGHT, big, NULL), E_CREDENTIALS);
	conf.import_memory = 262144;
	ck_assert_int_eq(password_init(&conf), E_OK);
	ck_assert_int_eq(password_import(a, big, &s), PASSWORD_TAKEN);
	ck_assert_int_eq(password_verify(a, RIGHT, s, NULL), E_OK);
}
END_TEST

START_TEST(a_password_longer_than_crypt_takes_is_wrong_not_a_fault)
{
	char text[600];

	memset(text, 'a', sizeof(text));
	start("argon2id");
	for (size_t i = 0; i < sizeof(imported) / sizeof(imported[0]); i++)
		ck_assert_msg(password_verify(a, (struct str){ text,
		    sizeof(text) }, str_of(imported[i]), NULL) ==
		    E_CREDENTIALS, "%s", imported[i]);
}
END_TEST

START_TEST(a_password_with_a_nul_or_too_long_matches_nothing)
{
	struct str h, big = { arena_alloc(a,
	    LIMIT_PASSWORD_BYTES + 1), LIMIT_PASSWORD_BYTES + 1 };

	start("argon2id");
	memset((char *)(uintptr_t)big.p, 'x', big.n);
	ck_assert_int_eq(password_hash(a, big, &h), E_VALIDATION);
	ck_assert_int_eq(password_hash(a, STR("abc\0def"), &h), E_VALIDATION);
	ck_assert_int_eq(password_hash(a, STR("abc"), &h), E_OK);
	ck_assert_int_eq(password_verify(a, STR("abc\0def"), h, NULL),
	    E_CREDENTIALS);
	ck_assert_int_eq(password_verify(a, big, h, NULL), E_CREDENTIALS);
}
END_TEST

/* Row PW6: the floor. */
START_TEST(parameters_below_the_floor_are_refused)
{
	start("argon2id");
	conf.argon2_memory = 8191;
	ck_assert_int_ne(password_init(&conf), E_OK);
	conf.argon2_memory = 8192;
	conf.environment = "production";
	ck_assert_int_ne(password_init(&conf), E_OK);
	conf.argon2_memory = 19456;
	ck_assert_int_ne(password_init(&conf), E_OK);
	conf.argon2_time = 2;
	ck_assert_int_eq(password_init(&conf), E_OK);
	conf.bcrypt_cost = 15;
	ck_assert_int_ne(password_init(&conf), E_OK);
}
END_TEST

/* A process that takes a slot, tells by a byte, and keeps it. */
static pid_t
holder(void)
{
	int fds[2];
	pid_t pid;
	char c = 0;

	ck_assert_int_eq(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		c = hash_gate_take(1000) == E_OK ? 'y' : 'n';
		if (write(fds[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	close(fds[0]);
	return pid;
}

static void
kill_one(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Row PW10. */
START_TEST(as_many_hashes_at_once_as_cores_and_a_killed_one_frees_its_slot)
{
	pid_t pid[64];
	struct str h;
	int n;

	start("argon2id");
	n = hash_gate_count();
	ck_assert_int_ge(n, 1);
	for (int i = 0; i < n && i < 64; i++)
		pid[i] = holder();
	ck_assert_int_eq(hash_gate_take(30), E_BUSY);
	ck_assert(!password_busy());
	kill_one(pid[0]);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	for (int i = 1; i < n && i < 64; i++)
		kill_one(pid[i]);
}
END_TEST

/* Row PW10: whoever he is, half of the slots or one. */
START_TEST(one_owner_leaves_slots_to_the_others)
{
	pid_t pid[64];
	struct str h;
	int all, n;

	start("argon2id");
	all = hash_gate_count();
	n = all > 3 ? all / 2 : 1;
	password_share(STR("one"));
	for (int i = 0; i < n && i < 64; i++)
		pid[i] = holder();
	ck_assert_int_eq(hash_gate_take(1000), E_BUSY);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_BUSY);
	password_share(STR("another"));
	ck_assert_int_eq(hash_gate_take(0), n < all ? E_OK : E_BUSY);
	hash_gate_release();
	password_share(STR_NONE);
	ck_assert_int_eq(hash_gate_take(0), n < all ? E_OK : E_BUSY);
	hash_gate_release();
	kill_one(pid[0]);
	password_share(STR("one"));
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	for (int i = 1; i < n && i < 64; i++)
		kill_one(pid[i]);
	password_share(STR_NONE);
}
END_TEST

START_TEST(the_last_core_is_left_to_cheap_requests_while_they_come)
{
	static _Atomic int64_t at;
	enum err e = E_OK;
	pid_t pid[64];
	int n;

	start("argon2id");
	n = hash_gate_count() - 1;
	for (int i = 0; i < n && i < 64; i++)
		pid[i] = holder();
	password_yield_to(&at);
	ck_assert_int_eq(hash_gate_take(0), E_OK);
	hash_gate_release();
	/* "Just now" may be long ago where a machine is busy: again then. */
	for (int i = 0; i < 1000 && e == E_OK && n > 0; i++) {
		atomic_store(&at, clock_mono());
		if ((e = hash_gate_take(0)) == E_OK)
			hash_gate_release();
	}
	ck_assert_int_eq(e, n > 0 ? E_BUSY : E_OK);
	atomic_store(&at, clock_mono() + 3600 * CLOCK_SECOND);
	ck_assert_int_eq(hash_gate_take(0), E_OK);
	password_yield_to(NULL);
	for (int i = 0; i < n && i < 64; i++)
		kill_one(pid[i]);
}
END_TEST

START_TEST(a_full_queue_is_refused_at_once)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = 0, .l_len = 1 << 20 };
	char path[64];
	struct str h;
	int fd;

	start("argon2id");
	snprintf(path, sizeof(path), "%s/hash.lock", dir);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &l), 0);
	ck_assert(password_busy());
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_BUSY);
	ck_assert_int_eq(password_verify(a, RIGHT, STR_NONE, NULL), E_BUSY);
	close(fd);
	ck_assert(!password_busy());
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
}
END_TEST

START_TEST(without_a_runtime_directory_the_bound_still_holds)
{
	struct str h;

	start("argon2id");
	conf.runtime_dir = "/nonexistent/postern";
	ck_assert_int_eq(password_init(&conf), E_OK);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
}
END_TEST

START_TEST(a_lock_that_is_a_link_is_not_followed)
{
	char path[64], target[64];
	struct str h;

	start("argon2id");
	snprintf(path, sizeof(path), "%s/hash.lock", dir);
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(password_init(&conf), E_OK); /* the one in /tmp */
	ck_assert_int_ne(access(target, F_OK), 0);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
}
END_TEST

START_TEST(an_idle_process_gives_the_memory_back)
{
	struct str h, again;

	start("argon2id");
	ck_assert_int_eq(argon_memory_kept(), 0);
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
#if defined(HASH_MEMORY) && !defined(SANITIZERS)
	ck_assert_int_ge(argon_memory_kept(), 8192 * 1024);
#endif
	ck_assert_int_eq(password_hash(a, RIGHT, &again), E_OK);
	ck_assert(!str_eq(h, again));
	password_idle();
	ck_assert_int_eq(argon_memory_kept(), 0);
	ck_assert_int_eq(password_verify(a, RIGHT, h, NULL), E_OK);
}
END_TEST

/* A host in trouble locks no account (house rule: our fault or the world's). */
START_TEST(without_memory_the_answer_is_not_wrong_password)
{
#ifndef SANITIZERS
	struct rlimit little = { 1 << 20, RLIM_INFINITY }, before;
	struct str h, ignored;
	enum err right, hashed, unknown;

	start("argon2id");
	ck_assert_int_eq(password_hash(a, RIGHT, &h), E_OK);
	password_idle();
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &little), 0);
	right = password_verify(a, RIGHT, h, NULL);
	unknown = password_verify(a, RIGHT, STR_NONE, NULL);
	hashed = password_hash(a, RIGHT, &ignored);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	ck_assert_int_eq(right, E_UNAVAILABLE);
	ck_assert_int_eq(unknown, E_UNAVAILABLE);
	ck_assert_int_eq(hashed, E_UNAVAILABLE);
	ck_assert_int_eq(password_verify(a, RIGHT, h, NULL), E_OK);
#endif
}
END_TEST

UNIT("crypto/password/password",
    a_hash_matches_its_password_and_no_other,
    one_password_has_one_form, imported_hashes_verify_and_are_outdated,
    other_parameters_make_a_hash_outdated,
    bcrypt_never_cuts_a_password,
    costs_past_the_caps_and_unknown_strings_are_refused,
    an_imported_bcrypt_is_compared_as_its_program_did,
    why_a_hash_cannot_be_imported_is_told_apart,
    the_memory_of_an_imported_hash_is_configured,
    a_password_longer_than_crypt_takes_is_wrong_not_a_fault,
    a_password_with_a_nul_or_too_long_matches_nothing,
    parameters_below_the_floor_are_refused,
    as_many_hashes_at_once_as_cores_and_a_killed_one_frees_its_slot,
    one_owner_leaves_slots_to_the_others,
    the_last_core_is_left_to_cheap_requests_while_they_come,
    a_full_queue_is_refused_at_once,
    without_a_runtime_directory_the_bound_still_holds,
    a_lock_that_is_a_link_is_not_followed,
    an_idle_process_gives_the_memory_back,
    without_memory_the_answer_is_not_wrong_password)
