#include "worker/media/media_sweep.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/outgoing/media_url.h"
#include "runtime/handover.h"

#define LOOK_EVERY (2 * CLOCK_SECOND)
#define PAUSE (10 * CLOCK_SECOND) /* after a removal that failed */
#define ANSWER (30 * CLOCK_SECOND)

_Static_assert(sizeof(((struct media_sweep *)0)->room) == HANDOVER_KEY,
    "the room of a key");

static void
end_removal(struct media_sweep *s, int64_t pause)
{
	close(s->fd);
	s->fd = 0;
	s->look_at = clock_mono() + pause;
}

/* Has the object gone? Then its row has nothing left to tell. */
static bool
settle(struct media_sweep *s, struct db *db, struct arena *a)
{
	struct handover_answer answer;

	if (!handover_wait(s->fd, 0, &answer)) {
		if (clock_mono() > s->until)
			end_removal(s, PAUSE);
		return false;
	}
	if (answer.end != HANDOVER_DONE) {
		end_removal(s, PAUSE);
		return false;
	}
	end_removal(s, 0);
	return db_run(db, a, SQL(media_swept, .key = s->key), NULL) == E_OK;
}

static bool
next_key(struct media_sweep *s, struct db *db, struct arena *a)
{
	struct rows *r = NULL;
	struct str key;

	if (db_run(db, a, SQL(media_sweep_next), &r) != E_OK || r->n == 0)
		return false;
	key = media_sweep_next_row(r, 0).key;
	if (key.n >= sizeof(s->room))
		return false;
	memcpy(s->room, key.p, key.n);
	s->room[key.n] = '\0';
	s->key = (struct str){ s->room, key.n };
	return true;
}

bool
media_sweep_step(struct media_sweep *s, struct db *db, struct arena *a,
    const struct config *c)
{
	struct handover_order o = { .what = HANDOVER_REMOVE };
	int64_t now = clock_mono();

	if (!media_url_offered(c))
		return false;
	if (s->fd > 0)
		return settle(s, db, a);
	if (now < s->look_at)
		return false;
	s->look_at = now + LOOK_EVERY;
	if (!next_key(s, db, a))
		return false;
	memcpy(o.key, s->room, sizeof(o.key));
	s->fd = handover_begin(c->runtime_dir, &o, STR(""));
	s->until = now + ANSWER;
	if (s->fd < 0) {
		s->fd = 0;
		s->look_at = now + PAUSE;
	}
	return s->fd > 0;
}
