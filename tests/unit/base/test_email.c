/* One rule of what an address is, row LG6. */
#include "base/email.h"
#include "tests/unit/unit.h"

static const char *const public[] = { "a@x.test", "A.b+c@Sub.X.test",
	"o'neil@x-y.test", "a_b-c=d@x.test", "1@1.test", "a=@x.test",
	"?=a@x.test" };
static const char *const local[] = { "a@x", "a@localhost", "a@1",
	"a@1.2.3.4", "a@x.1" };
static const char *const bad[] = { "", "a", "@", "@x", "@x.test", "a@", "a@@x",
	"a@b@x.test", ".a@x.test", "a.@x.test", "a..b@x.test", ".@x.test",
	"\"a\"@x.test", "\"a b\"@x.test", "a(c)@x.test", "(c)a@x.test",
	"a@[127.0.0.1]", "a%b@x.test", "a!b@x.test", "=?utf-8?q?a?=@x.test",
	"a=?b@x.test", "a\r\nb@x.test", "a@x.test\r\nRCPT TO:<b@y>",
	"a\n@x.test", "a@x.test\n", "a b@x.test", "a@x y.test", "a@x.test ",
	" a@x.test", "a@-x.test", "a@x-.test", "a@x..test", "a@x.test.",
	"a@x.", "a@.", "a@.x", "a@.test", "ä@x.test", "a@ä.test", "a,b@x.test",
	"<a@x.test>", "a;b@x.test", "a:b@x.test", "a@x_y.test", "a@x.test/b" };

#define EACH(list, i) (size_t i = 0; i < sizeof(list) / sizeof(*(list)); i++)

START_TEST(an_address_has_one_plain_form)
{
	for EACH(public, i)
		ck_assert_msg(email_ok(str_of(public[i])), "%s", public[i]);
	for EACH(local, i)
		ck_assert_msg(email_ok(str_of(local[i])), "%s", local[i]);
	for EACH(bad, i)
		ck_assert_msg(!email_ok(str_of(bad[i])), "%s", bad[i]);
	ck_assert(!email_ok(STR("a\0@x.test")));
	ck_assert(!email_ok(STR("a@x\0.test")));
}
END_TEST

START_TEST(a_local_host_is_not_public)
{
	for EACH(public, i)
		ck_assert_msg(email_is_public(str_of(public[i])), "%s",
		    public[i]);
	for EACH(local, i)
		ck_assert_msg(!email_is_public(str_of(local[i])), "%s",
		    local[i]);
	for EACH(bad, i)
		ck_assert_msg(!email_is_public(str_of(bad[i])), "%s", bad[i]);
}
END_TEST

START_TEST(each_part_has_its_bound)
{
	ck_assert(email_is_public(arena_fmt(a, "%064d@x.test", 0)));
	ck_assert(!email_is_public(arena_fmt(a, "%065d@x.test", 0)));
	ck_assert(email_is_public(arena_fmt(a, "a@%063d.test", 0)));
	ck_assert(!email_is_public(arena_fmt(a, "a@%064d.test", 0)));
	ck_assert(email_is_public(arena_fmt(a, "%060d@%063d.%063d.%060d.test",
	    0, 0, 0, 0)));
	ck_assert(!email_is_public(arena_fmt(a, "%061d@%063d.%063d.%060d.test",
	    0, 0, 0, 0)));
}
END_TEST

START_TEST(a_sender_may_have_a_name)
{
	struct str name, address;

	ck_assert(email_parse(STR("a@x.test"), &name, &address));
	ck_assert_ptr_null(name.p);
	ck_str(address, "a@x.test");
	ck_assert(email_parse(STR(" Ann B <a@x.test> "), &name,
	    &address));
	ck_str(name, "Ann B");
	ck_str(address, "a@x.test");
	ck_assert(email_parse(STR("\"A, B\" <a@x>"), &name, &address));
	ck_str(name, "A, B");
	ck_assert(!email_parse(STR("A\r\nB <a@x>"), &name, &address));
	ck_assert(!email_parse(STR("<a@x"), &name, &address));
	ck_assert(!email_parse(STR("A <a@x> b"), &name, &address));
	ck_assert(!email_parse(STR("<"), &name, &address));
	ck_assert(!email_parse(STR("<>"), &name, &address));
}
END_TEST

UNIT("base/email", an_address_has_one_plain_form, a_local_host_is_not_public,
    each_part_has_its_bound, a_sender_may_have_a_name)
