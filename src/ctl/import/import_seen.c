#include "ctl/import/import_seen.h"

#include <stdlib.h>

#include <sodium.h>

#include "base/memory.h"

#define ROOM 4096

_Static_assert(sizeof(((struct import_seen *)0)->key) ==
    crypto_shorthash_KEYBYTES, "a key of SipHash");

static uint64_t
hash_of(const struct import_seen *s, struct str text)
{
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, (const unsigned char *)text.p,
	    text.n, s->key);
	return h ? h : 1; /* 0 is a free slot */
}

/* Where h is, or could be put. */
static uint64_t *
slot_of(const struct import_seen *s, uint64_t h)
{
	size_t i = h & (s->room - 1);

	while (s->slots[i] && s->slots[i] != h)
		i = (i + 1) & (s->room - 1);
	return &s->slots[i];
}

/* At most half of the slots are taken. */
static void
make_room(struct import_seen *s)
{
	struct import_seen wider = *s;

	if (s->n < s->room / 2)
		return;
	if (s->room == 0)
		randombytes_buf(wider.key, sizeof(wider.key));
	wider.room = s->room ? 2 * s->room : ROOM;
	wider.slots = memory_new("the lines of a trial", wider.room,
	    sizeof(*wider.slots));
	for (size_t i = 0; i < s->room; i++)
		if (s->slots[i])
			*slot_of(&wider, s->slots[i]) = s->slots[i];
	free(s->slots);
	*s = wider;
}

bool
import_seen_has(const struct import_seen *s, struct str text)
{
	return s->room && *slot_of(s, hash_of(s, text)) != 0;
}

void
import_seen_add(struct import_seen *s, struct str text)
{
	uint64_t h, *slot;

	make_room(s);
	h = hash_of(s, text);
	slot = slot_of(s, h);
	s->n += *slot == 0;
	*slot = h;
}

void
import_seen_free(struct import_seen *s)
{
	free(s->slots);
	s->slots = NULL;
}
