#include "worker/media/media_job.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/outgoing/media_url.h"
#include "worker/media/media_dir.h"
#include "worker/media/media_nursery.h"
#include "worker/media/media_s3.h"

static enum handover_end
end_of(enum image_fault fault)
{
	static const enum handover_end ends[] = {
		[IMAGE_FINE] = HANDOVER_DONE,
		[IMAGE_UNKNOWN] = HANDOVER_UNKNOWN,
		[IMAGE_BROKEN] = HANDOVER_BROKEN,
		[IMAGE_TOO_BIG] = HANDOVER_TOO_BIG,
	};

	return ends[fault];
}

static bool
store(struct arena *a, const struct config *c, const char *key,
    const struct media_made *m)
{
	const struct str bytes = { m->bytes, m->n };

	if (media_url_in_s3(c))
		return media_s3_put(a, c, str_of(key),
		    image_type_mime((enum image_type)m->type), bytes);
	return media_dir_put(c->media_dir, key, bytes);
}

/* Is it what the object's name says? It is served as that. */
static bool
has_its_name(const char *key, const struct media_made *m)
{
	const char *suffix = strrchr(key, '.');

	return suffix && strcmp(suffix + 1,
	    image_type_suffix((enum image_type)m->type)) == 0;
}

static enum handover_end
put(struct arena *a, const struct config *c, int nursery,
    const struct handover_order *o, int file, struct handover_answer *answer)
{
	const struct image_shape shape = { o->side, o->square != 0 };
	struct media_made m;
	bool stored;

	if (!media_nursery_ask(nursery, file, &shape, &m)) {
		log_error("no process decodes pictures");
		return HANDOVER_BUSY;
	}
	if (m.fault != IMAGE_FINE)
		return end_of((enum image_fault)m.fault);
	answer->width = m.width;
	answer->height = m.height;
	stored = has_its_name(o->key, &m) && store(a, c, o->key, &m);
	free(m.bytes);
	return stored ? HANDOVER_DONE : HANDOVER_DOWN;
}

static enum handover_end
drop_object(struct arena *a, const struct config *c, const char *key)
{
	bool gone = media_url_in_s3(c) ? media_s3_remove(a, c, str_of(key)) :
	    media_dir_remove(c->media_dir, key);

	return gone ? HANDOVER_DONE : HANDOVER_DOWN;
}

enum handover_end
media_job_run(const struct config *c, int nursery,
    const struct handover_order *o, int reply, int file)
{
	struct arena *a = arena_new(LIMIT_ARENA);
	struct handover_answer answer = { 0 };

	if (!handover_key_good(o->key))
		answer.end = HANDOVER_UNKNOWN;
	else if (o->what == HANDOVER_REMOVE)
		answer.end = drop_object(a, c, o->key);
	else
		answer.end = put(a, c, nursery, o, file, &answer);
	(void)!send(reply, &answer, sizeof(answer), MSG_NOSIGNAL);
	arena_free(&a);
	return (enum handover_end)answer.end;
}
