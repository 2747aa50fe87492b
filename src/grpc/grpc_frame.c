#include "grpc/grpc_frame.h"

#include <stdint.h>

static size_t
length_of(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 |
	    b[3];
}

/* What the five bytes say; *n is the length of the message. */
static enum grpc_frame
judge_head(struct str bytes, size_t *n)
{
	if (bytes.n == 0)
		return GRPC_FRAME_PART;
	if ((unsigned char)bytes.p[0] > 1)
		return GRPC_FRAME_BAD;
	if (bytes.p[0] == 1)
		return GRPC_FRAME_COMPRESSED;
	if (bytes.n < GRPC_FRAME_HEAD)
		return GRPC_FRAME_PART;
	*n = length_of(bytes.p + 1);
	return *n > LIMIT_GRPC_MESSAGE ? GRPC_FRAME_LARGE : GRPC_FRAME_WHOLE;
}

enum grpc_frame
grpc_frame_take(struct str bytes, struct str *message, struct str *rest)
{
	size_t n = 0;
	enum grpc_frame f = judge_head(bytes, &n);

	if (f != GRPC_FRAME_WHOLE)
		return f;
	if (bytes.n - GRPC_FRAME_HEAD < n)
		return GRPC_FRAME_PART;
	*message = str_slice(bytes, GRPC_FRAME_HEAD, GRPC_FRAME_HEAD + n);
	*rest = str_slice(bytes, GRPC_FRAME_HEAD + n, bytes.n);
	return GRPC_FRAME_WHOLE;
}

enum grpc_frame
grpc_frame_only(struct str bytes, struct str *message)
{
	struct str rest;
	enum grpc_frame f = grpc_frame_take(bytes, message, &rest);

	return f == GRPC_FRAME_WHOLE && rest.n ? GRPC_FRAME_BAD : f;
}

struct str
grpc_frame_make(struct arena *a, struct str message)
{
	const uint32_t n = (uint32_t)message.n;
	const char head[GRPC_FRAME_HEAD] = { 0, (char)(n >> 24),
		(char)(n >> 16), (char)(n >> 8), (char)n };

	return ARENA_JOIN(a, ((struct str){ head, sizeof(head) }), message);
}
