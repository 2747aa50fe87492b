#include "core/account/picture.h"

#include <errno.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/limits.h"
#include "base/log.h"
#include "core/access/actor.h"
#include "core/outgoing/media_url.h"
#include "core/problem.h"
#include "core/session/session.h"
#include "image/image_type.h"
#include "runtime/handover.h"
#include "store/job_store.h"

#define QUOTA 30 /* uploads of one user in an hour */
#define HOUR (3600 * CLOCK_SECOND)
#define WAIT_MS 30000 /* longer than decoder and store together */

static const struct kind {
	const char *word, *folder;
	size_t most;
	uint32_t side;
	bool square;
} kinds[] = {
	[PICTURE_PROFILE] = { "profile_picture", "profile-pictures",
		LIMIT_PICTURE, 512, true },
	[PICTURE_COVER] = { "cover_photo", "cover-photos", LIMIT_COVER, 2048,
		false },
};

size_t
picture_most(enum picture_kind kind)
{
	return kinds[kind].most;
}

/* Whose it is, 128 random bits, and our own suffix (row MU5). */
static struct str
new_key(struct ctx *x, const struct kind *k, struct str user_id,
    enum image_type type)
{
	unsigned char bits[16];

	randombytes_buf(bits, sizeof(bits));
	return arena_fmt(x->arena, "%s/%.*s/%s.%s", k->folder,
	    STR_FMT(user_id), hex_encode(x->arena,
		(struct str){ (char *)bits, sizeof(bits) }).p,
	    image_type_suffix(type));
}

static enum err
away(struct ctx *x)
{
	return problem_say(x, E_UNAVAILABLE, "Pictures cannot be stored at the "
	    "moment; please try again later");
}

static enum err
wrong_type(struct ctx *x)
{
	return problem_say(x, E_MEDIA_TYPE, "The picture must be a JPEG, PNG, "
	    "GIF or WebP file");
}

/* What the other process says of it. */
static enum err
judge(struct ctx *x, enum handover_end end)
{
	switch (end) {
	case HANDOVER_DONE:
		return E_OK;
	case HANDOVER_BUSY:
		return problem_later(x, E_BUSY, 2 * CLOCK_SECOND, NULL);
	case HANDOVER_UNKNOWN:
		return wrong_type(x);
	case HANDOVER_BROKEN:
		return problem_field(x, "file", "The picture cannot be read; "
		    "please save it anew and try again");
	case HANDOVER_TOO_BIG:
		return problem_field(x, "file", "The picture has too many "
		    "pixels: at most 8192 on a side, 40 million in all");
	default:
		return away(x);
	}
}

/* Have it decoded and stored; the answer may take as long as the store. */
static enum err
hand_over(struct ctx *x, const struct kind *k, struct str key,
    struct str file, struct handover_answer *answer)
{
	struct handover_order o = { .what = HANDOVER_PUT, .side = k->side,
		.square = k->square };
	int fd;

	memcpy(o.key, key.p, key.n < sizeof(o.key) ? key.n : 0);
	fd = handover_begin(x->config->runtime_dir, &o, file);
	if (fd < 0 && errno == EAGAIN)
		return judge(x, HANDOVER_BUSY);
	if (fd < 0) {
		log_error("no postern-media on this host takes pictures",
		    log_c("why", strerror(errno)));
		return away(x);
	}
	if (!handover_wait(fd, WAIT_MS, answer))
		answer->end = HANDOVER_DOWN;
	close(fd);
	return judge(x, (enum handover_end)answer->end);
}

/* The profile shows it from here on, and no longer the one before. */
static enum err
show(struct ctx *x, const struct kind *k, struct str user_id, struct str key,
    struct str url)
{
	const struct statement steps[] = { ACTOR_HOLDS(x),
		SQL(media_lock, .user_id = user_id),
		SQL(media_retire, .user_id = user_id,
		    .kind = str_of(k->word)),
		SQL(media_show, .key = key, .user_id = user_id, .url = url,
		    REQUESTER(x)) };
	struct rows *r[4];
	enum err e;

	session_stale(x, user_id);
	e = db_batch(x->db, x->arena, steps, 4, r);
	if (e == E_OK && r[3]->n == 0)
		return away(x);
	return e;
}

static enum err
begin_upload(struct ctx *x, const struct kind *k, struct str user_id,
    struct str key)
{
	struct rows *r;
	enum err e = db_run(x->db, x->arena, SQL(media_begin, .key = key,
	    .user_id = user_id, .kind = str_of(k->word), .quota = QUOTA), &r);

	if (e != E_OK || r->n)
		return e;
	return problem_wait(x, E_LIMITED, HOUR, "You uploaded too many "
	    "pictures within an hour.");
}

enum err
picture_put(struct ctx *x, enum picture_kind kind, struct str user_id,
    struct str file, struct picture *out)
{
	const struct kind *k = &kinds[kind];
	enum image_type type = image_type_made(image_type_of(file));
	struct str key = new_key(x, k, user_id, type);
	struct handover_answer answer = { 0 };
	enum err e;

	if (!media_url_offered(x->config))
		return problem_say(x, E_NOT_FOUND, "This service keeps no "
		    "pictures");
	if (type == IMAGE_NONE)
		return wrong_type(x);
	*out = (struct picture){ .type = image_type_mime(type),
		.url = media_url_public(x->arena, x->config, key) };
	e = begin_upload(x, k, user_id, key);
	if (e != E_OK)
		return e;
	e = hand_over(x, k, key, file, &answer);
	if (e == E_OK)
		e = show(x, k, user_id, key, out->url);
	if (e != E_OK)
		(void)db_run(x->db, x->arena, SQL(media_abandon, .key = key),
		    NULL);
	job_wake(x->config->runtime_dir);
	out->width = answer.width;
	out->height = answer.height;
	return e;
}

enum err
picture_remove(struct ctx *x, enum picture_kind kind, struct str user_id,
    bool *had)
{
	const struct str word = str_of(kinds[kind].word);
	const struct statement steps[] = { ACTOR_HOLDS(x),
		SQL(media_lock, .user_id = user_id),
		SQL(media_retire, .user_id = user_id, .kind = word),
		SQL(media_remove, .user_id = user_id, .kind = word,
		    REQUESTER(x)) };
	struct rows *r[4];
	enum err e;

	session_stale(x, user_id);
	e = db_batch(x->db, x->arena, steps, 4, r);
	*had = e == E_OK && r[3]->n > 0;
	if (*had)
		job_wake(x->config->runtime_dir);
	return e;
}
