#include "grpc/grpc_details.h"

#include "base/encoding.h"
#include "grpc/grpc_wire.h"
#include "grpc/proto/status.pb-c.h"

#define DETAILS 3
#define TYPE "type.googleapis.com/google.rpc."
#define DOMAIN "postern"

static void
add_detail(struct arena *a, Google__Rpc__Status *s, struct str type,
    const ProtobufCMessage *m)
{
	Google__Rpc__Detail *d = ARENA_NEW(a, Google__Rpc__Detail);

	google__rpc__detail__init(d);
	d->type_url = grpc_wire_text(type);
	d->value = grpc_wire_text(grpc_wire_write(a, m));
	s->details[s->n_details++] = d;
}

static void
add_reason(struct arena *a, Google__Rpc__Status *s, enum err e)
{
	Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;

	info.reason = grpc_wire_text(str_of(err_code(e)));
	info.domain = grpc_wire_text(STR(DOMAIN));
	add_detail(a, s, STR(TYPE "ErrorInfo"), &info.base);
}

static void
add_retry(struct arena *a, Google__Rpc__Status *s, long seconds)
{
	Google__Rpc__Delay delay = GOOGLE__RPC__DELAY__INIT;
	Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;

	delay.seconds = seconds;
	info.retry_delay = &delay;
	add_detail(a, s, STR(TYPE "RetryInfo"), &info.base);
}

static void
add_field(struct arena *a, Google__Rpc__Status *s, const struct problem *p)
{
	Google__Rpc__FieldViolation v = GOOGLE__RPC__FIELD_VIOLATION__INIT;
	Google__Rpc__FieldViolation *all[] = { &v };
	Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;

	v.field = grpc_wire_text(str_of(p->field));
	v.description = grpc_wire_text(str_of(p->sentence));
	bad.field_violations = all;
	bad.n_field_violations = 1;
	add_detail(a, s, STR(TYPE "BadRequest"), &bad.base);
}

struct str
grpc_details(struct arena *a, enum grpc_status status,
    const struct problem *p)
{
	Google__Rpc__Detail *room[DETAILS];
	Google__Rpc__Status s = GOOGLE__RPC__STATUS__INIT;
	struct str text;

	s.code = (int32_t)status;
	s.message = grpc_wire_text(str_of(p->sentence));
	s.details = room;
	add_reason(a, &s, p->err);
	if (p->retry_after > 0)
		add_retry(a, &s, p->retry_after);
	if (p->field)
		add_field(a, &s, p);
	text = b64_encode(a, grpc_wire_write(a, &s.base));
	while (text.n && text.p[text.n - 1] == '=')
		text.n--;
	return text;
}
