#include "runtime/shared_table.h"

#include <sodium.h>

#include "base/clock.h"

#define MAC 16

_Static_assert(MAC == crypto_shorthash_siphashx24_BYTES, "MAC");
_Static_assert(MAC == crypto_shorthash_siphashx24_KEYBYTES, "secret");
_Static_assert(MAC == SHARED_TABLE_NAME, "name");

/* A slot as one process sees it. */
struct copy {
	uint8_t mac[MAC];
	uint8_t name[SHARED_TABLE_NAME];
	int64_t put; /* monotonic µs */
	uint64_t n;
	uint8_t bytes[SHARED_TABLE_ROOM];
};

_Static_assert(sizeof(struct copy) == sizeof(struct shared_slot), "slot");

static uint64_t
load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static void
sum(const struct shared_table *t, const void *bytes, size_t n,
    uint8_t mac[MAC])
{
	uint64_t secret[] = { load(&t->secret[0]), load(&t->secret[1]) };

	crypto_shorthash_siphashx24(mac, bytes, n, (const uint8_t *)secret);
	sodium_memzero(secret, sizeof(secret));
}

void
shared_table_renew(struct shared_table *t)
{
	uint64_t secret[2];

	randombytes_buf(secret, sizeof(secret));
	store(&t->secret[0], secret[0]);
	store(&t->secret[1], secret[1]);
	sodium_memzero(secret, sizeof(secret));
}

bool
shared_table_name(const struct shared_table *t, struct str context,
    struct str what, uint8_t name[SHARED_TABLE_NAME])
{
	/* The first byte tells a name from an entry, the next the context. */
	uint8_t bytes[2 + SHARED_TABLE_NAMED];

	if (context.n > UINT8_MAX || what.n > SHARED_TABLE_NAMED - context.n)
		return false;
	bytes[0] = 'n';
	bytes[1] = (uint8_t)context.n;
	if (context.n)
		memcpy(bytes + 2, context.p, context.n);
	if (what.n)
		memcpy(bytes + 2 + context.n, what.p, what.n);
	sum(t, bytes, 2 + context.n + what.n, name);
	sodium_memzero(bytes, 2 + context.n + what.n);
	return true;
}

/* Copy n bytes of a slot, from its beginning. */
static void
copy_slot(const struct shared_slot *s, struct copy *c, size_t n)
{
	for (size_t i = 0; i * sizeof(uint64_t) < n; i++) {
		uint64_t word = load(&s->word[i]);

		memcpy((uint8_t *)c + i * sizeof(word), &word, sizeof(word));
	}
}

/* Of all but the code itself; its place says what this is. */
static void
sum_copy(const struct shared_table *t, struct copy *c, uint8_t mac[MAC])
{
	uint8_t was[MAC];
	size_t n = offsetof(struct copy, bytes) + c->n;

	memcpy(was, c->mac, MAC);
	memset(c->mac, 0, MAC);
	c->mac[0] = 'e';
	sum(t, c, n, mac);
	memcpy(c->mac, was, MAC);
}

static const struct shared_slot *
first_slot(const struct shared_table *t, const uint8_t *name)
{
	uint64_t h;

	memcpy(&h, name, sizeof(h));
	return &t->slot[h % SHARED_TABLE_SETS * SHARED_TABLE_WAYS];
}

static bool
has_name(const struct shared_slot *s, const uint8_t *name)
{
	uint64_t want[2];

	memcpy(want, name, SHARED_TABLE_NAME);
	return ((load(&s->word[2]) ^ want[0]) |
	    (load(&s->word[3]) ^ want[1])) == 0; /* at once: constant time */
}

static size_t
read_slot(const struct shared_table *t, const struct shared_slot *s,
    const uint8_t *name, uint8_t *room)
{
	struct copy c;
	uint8_t mac[MAC];
	uint64_t n;

	copy_slot(s, &c, offsetof(struct copy, bytes));
	n = c.n;
	if (n > SHARED_TABLE_ROOM)
		return 0;
	copy_slot(s, &c, offsetof(struct copy, bytes) + n);
	/* It may have changed between the copies. */
	if (c.n != n || sodium_memcmp(c.name, name, SHARED_TABLE_NAME) != 0)
		return 0;
	sum_copy(t, &c, mac);
	if (sodium_memcmp(c.mac, mac, MAC) != 0)
		return 0;
	memcpy(room, c.bytes, c.n);
	return c.n;
}

size_t
shared_table_get(const struct shared_table *t,
    const uint8_t name[SHARED_TABLE_NAME], uint8_t room[SHARED_TABLE_ROOM])
{
	const struct shared_slot *s = first_slot(t, name);

	for (int i = 0; i < SHARED_TABLE_WAYS; i++)
		if (has_name(&s[i], name))
			return read_slot(t, &s[i], name, room);
	return 0;
}

/* The name's own place, or the one that was written longest ago. */
static struct shared_slot *
place_of(struct shared_table *t, const uint8_t *name)
{
	size_t first = (size_t)(first_slot(t, name) - t->slot);
	struct shared_slot *s = &t->slot[first], *oldest = s;
	struct copy c, least = { .put = INT64_MAX };

	for (int i = 0; i < SHARED_TABLE_WAYS; i++) {
		if (has_name(&s[i], name))
			return &s[i];
		copy_slot(&s[i], &c, offsetof(struct copy, bytes));
		if (c.put < least.put) {
			least.put = c.put;
			oldest = &s[i];
		}
	}
	return oldest;
}

void
shared_table_put(struct shared_table *t,
    const uint8_t name[SHARED_TABLE_NAME], struct str bytes)
{
	struct shared_slot *s = place_of(t, name);
	struct copy c = { .put = clock_mono(), .n = bytes.n };
	uint8_t mac[MAC];

	if (bytes.n > SHARED_TABLE_ROOM)
		return;
	memcpy(c.name, name, SHARED_TABLE_NAME);
	if (bytes.n)
		memcpy(c.bytes, bytes.p, bytes.n);
	sum_copy(t, &c, mac);
	memcpy(c.mac, mac, MAC);
	for (size_t i = 0; i * sizeof(uint64_t) <
	    offsetof(struct copy, bytes) + bytes.n; i++) {
		uint64_t word;

		memcpy(&word, (uint8_t *)&c + i * sizeof(word), sizeof(word));
		store(&s->word[i], word);
	}
}
