#ifndef GRPC_GRPC_FRAME_H
#define GRPC_GRPC_FRAME_H

#include "base/arena.h"
#include "base/limits.h"

/*
 * Messages within the DATA of a stream: a byte that says whether it is
 * compressed, four bytes of length, the message.
 */
#define GRPC_FRAME_HEAD 5
#define GRPC_FRAME_MOST (GRPC_FRAME_HEAD + LIMIT_GRPC_MESSAGE)

enum grpc_frame {
	GRPC_FRAME_WHOLE,      /* *message is one, *rest what follows it */
	GRPC_FRAME_PART,       /* more bytes must come */
	GRPC_FRAME_COMPRESSED, /* nothing is decompressed here */
	GRPC_FRAME_LARGE,      /* past LIMIT_GRPC_MESSAGE (row GR3) */
	GRPC_FRAME_BAD	       /* the first byte is neither 0 nor 1 */
};

/* Take the first message of bytes. It is borrowed from them. */
enum grpc_frame grpc_frame_take(struct str bytes, struct str *message,
    struct str *rest);

/* The message of a call that has one: nothing may follow it. */
enum grpc_frame grpc_frame_only(struct str bytes, struct str *message);

/* message with its five bytes before it. */
struct str grpc_frame_make(struct arena *a, struct str message);

#endif
