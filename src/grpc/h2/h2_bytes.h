#ifndef GRPC_H2_H2_BYTES_H
#define GRPC_H2_H2_BYTES_H

#include "base/str.h"

/* Bytes that grow; they may be secrets and are wiped where they were. */
struct h2_bytes {
	char *p;
	size_t n, room;
};

void h2_bytes_add(struct h2_bytes *b, const void *p, size_t n);

/* Take the first n away. */
void h2_bytes_drop(struct h2_bytes *b, size_t n);

void h2_bytes_free(struct h2_bytes *b);

#endif
