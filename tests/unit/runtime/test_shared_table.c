/* What a host's processes know together: bounded, unlocked, and verified. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "runtime/shared_table.h"

#include "tests/unit/unit.h"

#define MANY 20000
#define WRITERS 4

static uint8_t room[SHARED_TABLE_ROOM];

static struct shared_table *
table(void)
{
	struct shared_table *t = mmap(NULL, sizeof(*t),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(t, MAP_FAILED);
	ck_assert(sodium_init() >= 0);
	shared_table_renew(t);
	return t;
}

static const uint8_t *
named(const struct shared_table *t, const char *what)
{
	static uint8_t name[SHARED_TABLE_NAME];

	ck_assert(shared_table_name(t, STR("here"), str_of(what), name));
	return name;
}

static const uint8_t *
numbered(const struct shared_table *t, int i)
{
	return named(t, arena_fmt(a, "%d", i).p);
}

/* n bytes that are all the same, and say who wrote them. */
static struct str
filled(char with, size_t n)
{
	char *p = arena_alloc(a, n);

	memset(p, with, n);
	return (struct str){ p, n };
}

static struct str
kept(const struct shared_table *t, const uint8_t *name)
{
	return (struct str){ (char *)room,
		shared_table_get(t, name, room) };
}

/* Write to a slot what the table would not. */
static void
set_words(struct shared_slot *s, size_t word, const void *p, size_t n)
{
	for (size_t i = 0; i * 8 < n; i++) {
		uint64_t w;

		memcpy(&w, (const char *)p + i * 8, 8);
		atomic_store(&s->word[word + i], w);
	}
}

static struct shared_slot *
only_slot(struct shared_table *t)
{
	for (size_t i = 0; i < SHARED_TABLE_SETS * SHARED_TABLE_WAYS; i++)
		if (atomic_load(&t->slot[i].word[2]))
			return &t->slot[i];
	ck_abort_msg("nothing is kept");
}

START_TEST(what_was_kept_is_found_whole)
{
	struct shared_table *t = table();

	ck_assert_uint_eq(kept(t, named(t, "one")).n, 0);
	shared_table_put(t, named(t, "one"), STR("first"));
	ck_str(kept(t, named(t, "one")), "first");
	shared_table_put(t, named(t, "one"), STR("second one"));
	ck_str(kept(t, named(t, "one")), "second one");
	ck_assert_uint_eq(kept(t, named(t, "two")).n, 0);
	shared_table_put(t, named(t, "all"), filled('x', SHARED_TABLE_ROOM));
	ck_assert_uint_eq(kept(t, named(t, "all")).n, SHARED_TABLE_ROOM);
	shared_table_put(t, named(t, "more"),
	    filled('x', SHARED_TABLE_ROOM + 1));
	ck_assert_uint_eq(kept(t, named(t, "more")).n, 0);
}
END_TEST

START_TEST(a_name_is_bound_to_its_context)
{
	struct shared_table *t = table();
	uint8_t one[SHARED_TABLE_NAME], two[SHARED_TABLE_NAME];

	ck_assert(shared_table_name(t, STR("ab"), STR("c"), one));
	ck_assert(shared_table_name(t, STR("a"), STR("bc"), two));
	ck_assert_int_ne(memcmp(one, two, sizeof(one)), 0);
	ck_assert(!shared_table_name(t, STR("a"),
	    filled('x', SHARED_TABLE_NAMED), one));
	ck_assert(shared_table_name(t, STR("a"),
	    filled('x', SHARED_TABLE_NAMED - 1), one));
}
END_TEST

/* Whichever bit: the entry is not believed, or it is what was kept. */
START_TEST(an_entry_that_was_touched_is_not_there)
{
	struct shared_table *t = table();
	uint8_t *p = (uint8_t *)t->slot, *end = p + sizeof(t->slot);
	size_t found = 0;

	shared_table_put(t, named(t, "one"), STR("a session of somebody"));
	for (; p < end; p++) {
		if (*p == 0)
			continue; /* nearly all of the table */
		*p ^= 1;
		ck_assert_uint_eq(kept(t, named(t, "one")).n, 0);
		*p ^= 1;
		found++;
	}
	ck_assert_uint_gt(found, 16 + 16 + 20);
	ck_str(kept(t, named(t, "one")), "a session of somebody");
}
END_TEST

START_TEST(an_entry_moved_to_another_name_is_not_there)
{
	struct shared_table *t = table();
	struct shared_slot *his;

	shared_table_put(t, named(t, "his"), STR("root"));
	his = only_slot(t);
	set_words(his, 2, named(t, "hers"), SHARED_TABLE_NAME);
	/* put where hers would be looked for, too */
	for (size_t i = 0; i < SHARED_TABLE_SETS * SHARED_TABLE_WAYS; i++)
		memmove(&t->slot[i], his, sizeof(*his));
	ck_assert_uint_eq(kept(t, named(t, "hers")).n, 0);
}
END_TEST

START_TEST(a_new_secret_empties_it)
{
	struct shared_table *t = table();
	uint8_t old[SHARED_TABLE_NAME];

	memcpy(old, named(t, "one"), sizeof(old));
	shared_table_put(t, old, STR("kept"));
	shared_table_renew(t);
	ck_assert_uint_eq(kept(t, named(t, "one")).n, 0);
	ck_assert_uint_eq(kept(t, old).n, 0);
}
END_TEST

/* Much more than there is room for: the newest is there, and no other's. */
START_TEST(the_oldest_of_a_set_makes_room)
{
	struct shared_table *t = table();
	int left = 0;

	for (int i = 0; i < MANY; i++) {
		shared_table_put(t, numbered(t, i), arena_int(a, i));
		ck_str(kept(t, numbered(t, i)), arena_int(a, i).p);
	}
	for (int i = 0; i < MANY; i++) {
		struct str s = kept(t, numbered(t, i));

		if (s.n == 0)
			continue;
		ck_str(s, arena_int(a, i).p);
		left++;
	}
	ck_assert_int_gt(left, SHARED_TABLE_SETS);
	ck_assert_int_le(left, SHARED_TABLE_SETS * SHARED_TABLE_WAYS);
}
END_TEST

/* A process that writes one name for ever, each time all of one letter. */
static pid_t
writer(struct shared_table *t, const uint8_t *name, char with)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned n = 1;; n++)
		shared_table_put(t, name,
		    (struct str){ filled(with, SHARED_TABLE_ROOM).p,
		    1 + n * 37 % SHARED_TABLE_ROOM });
}

static bool
uniform(struct str s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] != s.p[0])
			return false;
	return true;
}

/* Writers of one name, killed in the middle again and again. */
START_TEST(a_reader_never_sees_what_two_wrote_or_one_began)
{
	struct shared_table *t = table();
	uint8_t name[SHARED_TABLE_NAME];
	pid_t pid[WRITERS];
	int seen = 0;

	memcpy(name, named(t, "one"), sizeof(name));
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < WRITERS; i++)
			pid[i] = writer(t, name, (char)('a' + i));
		for (int i = 0; i < 2000; i++) {
			struct str s = kept(t, name);

			ck_assert(uniform(s));
			seen += s.n > 0;
		}
		for (int i = 0; i < WRITERS; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
		/* nothing that they left behind is in the way */
		ck_assert(uniform(kept(t, name)));
		shared_table_put(t, name, STR("zzz"));
		ck_str(kept(t, name), "zzz");
	}
	ck_assert_int_gt(seen, 0);
}
END_TEST

/* As a killed writer leaves it: some words new, the others old. */
START_TEST(half_an_entry_is_none)
{
	struct shared_table *t = table();
	uint64_t old[SHARED_TABLE_WORDS];
	struct shared_slot *s;
	uint8_t name[SHARED_TABLE_NAME];

	memcpy(name, named(t, "one"), sizeof(name));
	for (size_t words = 1; words < SHARED_TABLE_WORDS - 1; words++) {
		shared_table_put(t, name, filled('a', SHARED_TABLE_ROOM));
		s = only_slot(t);
		for (size_t i = 0; i < SHARED_TABLE_WORDS; i++)
			old[i] = atomic_load(&s->word[i]);
		shared_table_put(t, name, filled('b', SHARED_TABLE_ROOM));
		set_words(s, words, &old[words],
		    (SHARED_TABLE_WORDS - words) * 8);
		ck_assert_uint_eq(kept(t, name).n, 0);
	}
}
END_TEST

UNIT("runtime/shared_table", what_was_kept_is_found_whole,
    a_name_is_bound_to_its_context, an_entry_that_was_touched_is_not_there,
    an_entry_moved_to_another_name_is_not_there, a_new_secret_empties_it,
    the_oldest_of_a_set_makes_room,
    a_reader_never_sees_what_two_wrote_or_one_began, half_an_entry_is_none)
