/* Backup codes and pictures: rows BC1, BC2, TO9. */
#include "tests/unit/unit.h"

#include "config.h"

#include "base/encoding.h"
#include "core/factor/backup.h"
#include "core/factor/qr.h"
#include "core/factor/subject.h"

static struct ctx
context(void)
{
	return (struct ctx){ .arena = a };
}

START_TEST(ten_codes_of_sixteen_characters_begin_differently)
{
	struct ctx x = context();
	struct backup_set s;

	for (int round = 0; round < 200; round++) {
		backup_make(&x, &s);
		for (int i = 0; i < BACKUP_CODES; i++) {
			ck_assert_uint_eq(s.codes[i].n, BACKUP_CHARS);
			ck_assert(str_eq(backup_read(a, s.codes[i]),
			    s.codes[i]));
			for (int j = 0; j < i; j++)
				ck_assert(memcmp(s.codes[i].p, s.codes[j].p,
				    BACKUP_PREFIX) != 0);
		}
	}
}
END_TEST

START_TEST(a_set_survives_being_sealed_as_a_text)
{
	struct ctx x = context();
	struct backup_set s, t;

	backup_make(&x, &s);
	ck_assert(backup_split(backup_join(&x, &s), &t));
	for (int i = 0; i < BACKUP_CODES; i++)
		ck_assert(str_eq(s.codes[i], t.codes[i]));
	ck_assert(!backup_split(STR("0123456789ABCDEF"), &t));
	ck_assert(!backup_split(STR(""), &t));
}
END_TEST

START_TEST(a_code_matches_its_own_hash_in_its_own_set)
{
	struct ctx x = context();
	struct str none = STR_NONE, hashes, one;
	struct backup_set s, t;

	backup_make(&x, &s);
	backup_hash(&x, &s);
	t = s;
	backup_hash(&x, &t);
	ck_assert(!str_eq(s.id, t.id));
	hashes = s.hashes;
	for (int i = 0; str_split(&hashes, '\n', &one); i++) {
		ck_assert_int_eq(backup_match(&x, s.id, one, s.codes[i]),
		    E_OK);
		ck_assert_int_eq(backup_match(&x, t.id, one, s.codes[i]),
		    E_FACTOR_INVALID);
		ck_assert_int_eq(backup_match(&x, s.id, one,
		    s.codes[(i + 1) % BACKUP_CODES]), E_FACTOR_INVALID);
		ck_assert_int_eq(backup_match(&x, s.id, none, s.codes[i]),
		    E_FACTOR_INVALID);
	}
}
END_TEST

START_TEST(what_people_type_is_read_as_crockford_says)
{
	ck_str(backup_read(a, STR("abcd-efgh jkmn-pqrs")),
	    "ABCDEFGHJKMNPQRS");
	ck_str(backup_read(a, STR("oOiIlL0123456789")), "0011110123456789");
	ck_assert_ptr_null(backup_read(a, STR("ABCDEFGHJKMNPQR")).p);
	ck_assert_ptr_null(backup_read(a, STR("ABCDEFGHJKMNPQRST")).p);
	ck_assert_ptr_null(backup_read(a, STR("ABCDEFGHJKMNPQRU")).p);
	ck_assert_ptr_null(backup_read(a, STR("ABCDEFGHJKMNPQR\xc3\xa4")).p);
	ck_assert_ptr_null(backup_read(a, STR("")).p);
}
END_TEST

START_TEST(a_picture_is_a_png_of_the_text)
{
	struct str uri = qr_data_uri(a, STR("otpauth://totp/Postern:a@b.test"
	    "?secret=JBSWY3DPEHPK3PXP&issuer=Postern"));
	struct str mark = STR("data:image/png;base64,"), png;

#ifndef HAVE_QRENCODE
	ck_assert_ptr_null(uri.p);
	return;
#endif
	ck_assert(str_starts(uri, mark));
	ck_assert(b64_decode(a, str_slice(uri, mark.n, uri.n), &png));
	ck_assert(str_starts(png, STR("\x89PNG\r\n\x1a\n")));
	ck_assert(str_ends(png, STR("IEND\xae\x42\x60\x82")));
	ck_assert_uint_lt(png.n, 8192);
}
END_TEST

START_TEST(a_text_too_long_for_a_code_has_no_picture)
{
	char *p = arena_alloc(a, 8001);

	memset(p, 'x', 8000);
	ck_assert_ptr_null(qr_data_uri(a, (struct str){ p, 8000 }).p);
}
END_TEST

START_TEST(administration_is_found_in_a_list_of_roles)
{
	ck_assert(subject_is_admin(STR("super_admin,user")));
	ck_assert(subject_is_admin(STR("auditor,admin")));
	ck_assert(!subject_is_admin(STR("administrator,user")));
	ck_assert(!subject_is_admin(STR("")));
}
END_TEST

UNIT("core/factor/factor", ten_codes_of_sixteen_characters_begin_differently,
    a_set_survives_being_sealed_as_a_text,
    a_code_matches_its_own_hash_in_its_own_set,
    what_people_type_is_read_as_crockford_says,
    a_picture_is_a_png_of_the_text,
    a_text_too_long_for_a_code_has_no_picture,
    administration_is_found_in_a_list_of_roles)
