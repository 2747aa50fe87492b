/* The password policy: rows PW1 to PW4. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/password/password.h"
#include "crypto/password/password_strength.h"

static struct config conf = { .password_min = 8, .password_max = 128,
	.password_bits = 26, .password_strong = true,
	.password_blocklist = "" };

/* What the library is given: the linker puts this before it. */
static size_t rated, longest;
double __real_ZxcvbnMatch(const char *password, const char *words[],
    void *info);
double __wrap_ZxcvbnMatch(const char *password, const char *words[],
    void *info);

double
__wrap_ZxcvbnMatch(const char *password, const char *words[], void *info)
{
	size_t n = strlen(password);

	rated++;
	longest = n > longest ? n : longest;
	return __real_ZxcvbnMatch(password, words, info);
}

static const char *
refused(const char *password)
{
	return password_policy(&conf, str_of(password), NULL, 0);
}

START_TEST(the_passwords_of_the_seeds_are_taken)
{
	static const char *const good[] = { "SecurePassword123!",
		"NewSecurePassword123", "NewPassword123", "OldPassword123!",
		"NewPassword123!", "NewSecurePassword123", "SecurePass123!", "xK9#mqPz",
		"CorrectHorse9", "Correct-Horse-7", "Tr0ub4dor&3",
		"correct horse battery staple", "Pa\xc3\x9f" "wort mit \xc3\xbc" "1" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(refused(good[i]) == NULL, "%s: %s", good[i],
		    refused(good[i]));
}
END_TEST

/* Row PW4. */
START_TEST(common_passwords_are_refused)
{
	static const char *const bad[] = { "password", "Password1",
		"Password123", "PASSWORD123!", "P@ssw0rd1!", "P4$$w0rd",
		"123456789", "12345678", "qwertyuiop", "letmein1", "Letmein123",
		"Qwerty123!", "Abcd1234!", "Zaq12wsx!", "1q2w3e4r5t", "aaaaaaaa",
		"abcabcabc", "Summer2026!", "iloveyou", "Iloveyou1!",
		"passwordpassword", "PasswordPassword1", "!!Welcome1",
		"abcdefghijklmnopqrstuvwxyz", "11111111111111111111",
		"123456789012345678", "Password1234567890", "Dragon11!" };

	conf.password_strong = false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(refused(bad[i]) != NULL, "%s", bad[i]);
	ck_assert_ptr_null(refused("Dragon8461037!"));
}
END_TEST

/* Row PW4: what a list alone lets pass. */
START_TEST(what_people_think_of_first_is_refused)
{
	static const char *const bad[] = { "Bundesliga1", "Cristiano7!",
		"MyPassword1!", "Sommer2024!", "Fr\u00fchling2024!",
		"Fruehling24!", "Schalke04!!", "Fu\u00dfball1!",
		"Hallo123!", "Geheim1234!", "Schatz2020!", "Passw0rt!",
		"Montag01!", "K\u00f6ln1948!", "remmoS2024!",
		"Muenchen89!", "Liverpool2023", "Michael1985!",
		"Ronaldo07!", "Minecraft1!", "Welcome2024!", "SecureP@ssw0rd",
		"Password1!Password1!", "Admin123!", "Test1234!",
		"Liebling1!", "Qwertzuiop1!", "24.12.2019", "Kennwort123!" };

	conf.password_strong = false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(refused(bad[i]) != NULL, "%s: %.1f bits",
		    bad[i], password_strength_bits(a, str_of(bad[i]), NULL, 0));
}
END_TEST

/* Row PW4. */
START_TEST(words_of_the_person_count_for_little)
{
	const struct str who[] = { STR("wzqvxkl"),
		STR("jorunn.thygesen@mail.example"), STR("Postern") };
	static const char *const theirs[] = { "Wzqvxkl-1985!",
		"Jorunn-1985!", "thygesen!Jorunn" };

	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		ck_assert_ptr_null(refused(theirs[i]));
		ck_assert_msg(password_policy(&conf, str_of(theirs[i]), who,
		    3) != NULL, "%s", theirs[i]);
	}
}
END_TEST

START_TEST(more_bits_can_be_asked_for)
{
	ck_assert_ptr_null(refused("CorrectHorse9"));
	ck_assert_ptr_null(refused("NewPassword123"));
	conf.password_bits = 33;
	ck_assert_ptr_nonnull(refused("CorrectHorse9"));
	ck_assert_ptr_nonnull(refused("NewPassword123"));
	ck_assert_ptr_null(refused("Correct-Horse-7"));
}
END_TEST

/*
 * The library's time grows faster than the length: whatever comes, it is asked
 * once, about 64 bytes at most (2 ms of the dearest, where a hash takes 20).
 */
START_TEST(a_hostile_password_costs_no_more_than_64_bytes)
{
	static const char units[] = "a1|!";
	char text[LIMIT_PASSWORD_BYTES + 1];

	conf.password_max = 256;
	for (size_t i = 0; i < sizeof(units) - 1; i++) {
		memset(text, units[i], sizeof(text) - 1);
		for (size_t n = 8; n < sizeof(text); n *= 2) {
			rated = 0;
			refused(arena_cstr(a, (struct str){ text, n }));
			ck_assert_uint_le(rated, 1);
		}
	}
	ck_assert_uint_eq(longest, 64);
	/* Nothing behind them makes it better, nor worse. */
	memset(text, 'a', sizeof(text));
	ck_assert(password_strength_bits(a, (struct str){ text, 64 }, NULL,
	    0) ==
	    password_strength_bits(a, (struct str){ text, 256 }, NULL, 0));
}
END_TEST

/* Rows PW1 and PW2: code points, never cut. */
START_TEST(length_is_counted_in_code_points)
{
	char text[LIMIT_PASSWORD_BYTES + 8];
	size_t n = 0;

	conf.password_strong = false;
	ck_assert_ptr_nonnull(refused("vbxwkfj"));
	ck_assert_ptr_null(refused("vbxwkfjq"));
	ck_assert_ptr_nonnull(refused("\xc3\xbc\xc3\xb6\xc3\xa4x"));
	for (int i = 0; i < 128; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
		    i % 3 ? "\xc3\xbc" : i % 2 ? "x" : "\xf0\x9f\x98\x80");
	ck_assert_ptr_null(refused(text));
	memcpy(text + n, "x", 2);
	ck_assert_ptr_nonnull(refused(text));
}
END_TEST

START_TEST(what_is_not_text_is_refused)
{
	ck_assert_ptr_nonnull(refused("caf\xe9 Latin-1 1"));
	ck_assert_ptr_nonnull(password_policy(&conf, STR("Xk9#mq\0Pzv"), NULL,
	    0));
}
END_TEST

START_TEST(three_classes_or_fifteen_characters)
{
	ck_assert_ptr_nonnull(refused("vbxwkfjqhg"));
	ck_assert_ptr_nonnull(refused("vbxwkfj8461"));
	ck_assert_ptr_nonnull(refused("vbxwkfjqhgwlzn"));
	ck_assert_ptr_null(refused("vbxwkfjqhgwlznt"));
	ck_assert_ptr_null(refused("vbxwKfj8461"));
	ck_assert_ptr_null(refused("vbxw fj8461"));
	conf.password_strong = false;
	ck_assert_ptr_null(refused("vbxwkfjqhg"));
}
END_TEST

START_TEST(the_name_and_address_of_a_user_are_no_password)
{
	const struct str who[] = { STR("fbrubeck"), STR("dave.tk5@mail.example"),
		STR("Postern") };
	static const char *const bad[] = { "fbrubeck", "FBrubeck1!",
		"1Fbrubeck", "Dave.tk5", "Dave.tk5@mail.example", "Postern42!",
		"fbrubeckfbrubeck", "FbrubeckFbrubeck1!", "fbrubeck fbrubeck",
		"fbrubeckfbrubeckfbrubeck", "kceburbf", "fbrubeckkceburbf",
		"fbrubeck12345678", "fbrubeck99999999", "2026fbrubeck!!",
		"davetk5davetk5", "dave_tk5-DAVE_TK5", "5kt.evad",
		"dave.tk5@mail.exampledave.tk5@mail.example",
		"PosternPostern", "postern-postern-7", "nretsopnretsop",
		"fbrubeckPostern", "Postern.dave.tk5" };
	static const char *const good[] = { "fbrubeck plays take five",
		"Postern 8461037", "fbrubeckqzvx5", "the postern gate",
		"vbxwkfjqhg" };

	conf.password_strong = false;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(password_policy(&conf, str_of(bad[i]), who, 3),
		    "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(!password_policy(&conf, str_of(good[i]), who,
		    3), "%s", good[i]);
}
END_TEST

static void
with_list(const char *text)
{
	static char path[] = "/tmp/postern-test-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	conf.password_strong = false;
	conf.password_blocklist = path;
	ck_assert_ptr_null(refused("vbxwkfjqhg"));
	unlink(path);
	ck_assert_ptr_nonnull(refused("First8461037"));
	ck_assert_ptr_nonnull(refused("middle-one-7"));
	ck_assert_ptr_nonnull(refused("zz-last-zz-9"));
	ck_assert_ptr_null(refused("middle-one-77"));
	ck_assert_ptr_null(refused("middle-one-"));
}

START_TEST(a_sorted_list_of_the_operator_is_searched)
{
	with_list("0-other-0\na-other-a\nfirst8461037\nmiddle-one-7\r\n"
	    "n-other-n\n\nzz-last-zz-9\n");
}
END_TEST

START_TEST(an_unsorted_list_without_a_last_line_end_is_searched)
{
	with_list("zz-last-zz-9\nmiddle-one-7\n0-other-0\nfirst8461037");
}
END_TEST

START_TEST(a_missing_list_refuses_nobody)
{
	conf.password_blocklist = "/nonexistent/list";
	ck_assert_ptr_null(refused("xK9#mqPzw"));
}
END_TEST

UNIT("crypto/password/password_policy",
    the_passwords_of_the_seeds_are_taken,
    common_passwords_are_refused,
    what_people_think_of_first_is_refused,
    words_of_the_person_count_for_little,
    more_bits_can_be_asked_for,
    a_hostile_password_costs_no_more_than_64_bytes,
    length_is_counted_in_code_points,
    what_is_not_text_is_refused,
    three_classes_or_fifteen_characters,
    the_name_and_address_of_a_user_are_no_password,
    a_sorted_list_of_the_operator_is_searched,
    an_unsorted_list_without_a_last_line_end_is_searched,
    a_missing_list_refuses_nobody)
