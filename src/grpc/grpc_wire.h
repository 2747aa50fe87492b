#ifndef GRPC_GRPC_WIRE_H
#define GRPC_GRPC_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/*
 * The door to protobuf-c. A generated struct has its texts as bytes: protobuf-c
 * would cut a text at a NUL and take what is no UTF-8 (Makefile.am derives the
 * files it compiles).
 */

/*
 * Read a message into a, where it stays. NULL: it is no such message, a text in
 * it is no UTF-8 or holds a NUL, or it needs more than LIMIT_GRPC_FIELDS bytes
 * of memory. Unknown fields are ignored (row GR4).
 */
ProtobufCMessage *grpc_wire_read(struct arena *a,
    const ProtobufCMessageDescriptor *type, struct str bytes);

/* The bytes of a message. */
struct str grpc_wire_write(struct arena *a, const ProtobufCMessage *m);

/* A field of a generated struct and back; both borrow. */
ProtobufCBinaryData grpc_wire_text(struct str s);
struct str grpc_wire_str(ProtobufCBinaryData b);

/* The pieces of a comma-separated or otherwise separated list. */
ProtobufCBinaryData *grpc_wire_list(struct arena *a, struct str list, char sep,
    size_t *n);

#endif
