#include "grpc/grpc_wire.h"

#include <stdint.h>

#include "base/limits.h"

/* Memory for one message; protobuf-c gives up when there is no more. */
struct room {
	struct arena *arena;
	size_t left;
};

static void *
room_take(void *obj, size_t n)
{
	struct room *r = obj;

	if (n > r->left)
		return NULL;
	r->left -= n;
	return arena_alloc(r->arena, n ? n : 1);
}

static void
room_free(void *obj, void *p)
{
	(void)obj;
	(void)p;
}

static bool
is_text(const ProtobufCBinaryData *b)
{
	struct str s = grpc_wire_str(*b);

	return str_utf8(s, NULL) && !str_has_nul(s);
}

/* A field at its place in the struct; NULL where a oneof holds another. */
static const void *
field_at(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const char *base = (const char *)m;
	uint32_t which;

	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		memcpy(&which, base + f->quantifier_offset, sizeof(which));
		if (which != f->id)
			return NULL;
	}
	return base + f->offset;
}

static bool
field_is_text(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const void *at = field_at(m, f);
	const ProtobufCBinaryData *all;
	size_t n;

	if (at == NULL || f->type != PROTOBUF_C_TYPE_BYTES)
		return true;
	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return is_text(at);
	memcpy(&all, at, sizeof(all));
	memcpy(&n, (const char *)m + f->quantifier_offset, sizeof(n));
	for (size_t i = 0; i < n; i++)
		if (!is_text(&all[i]))
			return false;
	return true;
}

/* What a request says in a message within it is not read. */
static bool
all_text(const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (!field_is_text(m, &m->descriptor->fields[i]))
			return false;
	return true;
}

ProtobufCMessage *
grpc_wire_read(struct arena *a, const ProtobufCMessageDescriptor *type,
    struct str bytes)
{
	struct room room = { a, LIMIT_GRPC_FIELDS };
	ProtobufCAllocator by = { room_take, room_free, &room };
	ProtobufCMessage *m = protobuf_c_message_unpack(type, &by, bytes.n,
	    (const uint8_t *)bytes.p);

	if (m == NULL || !all_text(m))
		return NULL;
	m->n_unknown_fields = 0; /* reflection sends a request back */
	return m;
}

struct str
grpc_wire_write(struct arena *a, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	char *p = arena_alloc(a, n + 1);

	return (struct str){ p, protobuf_c_message_pack(m, (uint8_t *)p) };
}

ProtobufCBinaryData
grpc_wire_text(struct str s)
{
	return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

struct str
grpc_wire_str(ProtobufCBinaryData b)
{
	return (struct str){ b.data ? (const char *)b.data : "", b.len };
}

ProtobufCBinaryData *
grpc_wire_list(struct arena *a, struct str list, char sep, size_t *n)
{
	ProtobufCBinaryData *all;
	struct str rest = list, piece;
	size_t most = 1;

	*n = 0;
	for (size_t i = 0; i < list.n; i++)
		most += list.p[i] == sep;
	all = arena_array(a, most, sizeof(*all));
	while (list.n && str_split(&rest, sep, &piece))
		all[(*n)++] = grpc_wire_text(piece);
	return all;
}
