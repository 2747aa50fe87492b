/* GET, DELETE /auth/2fa/devices · PATCH, DELETE /auth/2fa/devices/{id} */
#include "core/factor/device.h"
#include "handlers/shared/handlers.h"

enum { NAME };

static const struct field fields[] = {
	[NAME] = { .name = "name", .aliases = "device_name", .type = FIELD_NAME,
		.min = 1, .max = 100, .required = true,
		.doc = "Name of the device" },
	{ 0 },
};

static cJSON *
device_record(const void *row)
{
	const struct device *d = row;
	cJSON *o = json_object();

	json_add_str(o, "id", d->id);
	json_add_str(o, "name", d->name);
	json_add_bool(o, "trusted", d->trusted);
	json_add_time(o, "created_at", d->created_at);
	json_add_time(o, "last_used_at", d->last_used_at);
	json_add_time(o, "expires_at", d->expires_at);
	return o;
}

static enum err
list_devices(struct call *c)
{
	struct device *d = NULL;
	struct listing l;
	enum err e = device_list(c->ctx, c->actor.session->account.id, &d,
	    &l.n);

	return answer_rows(c, e, "Devices retrieved successfully", &l, d,
	    sizeof *d, device_record);
}

static enum err
rename_one(struct call *c)
{
	enum err e = device_rename(c->ctx, c->actor.session->account.id,
	    c->arg[0], given(c, NAME));

	return e != E_OK ? e : answer(c, 200, "Device renamed", NULL);
}

static enum err
forget_device(struct call *c)
{
	enum err e = device_forget(c->ctx, c->actor.session->account.id,
	    c->arg[0]);

	return e != E_OK ? e : answer(c, 200, "Device forgotten", NULL);
}

static enum err
forget_all(struct call *c)
{
	enum err e = device_forget(c->ctx, c->actor.session->account.id,
	    STR_NONE);

	return e != E_OK ? e : answer(c, 200, "All devices forgotten", NULL);
}

const struct handler auth_2fa_devices_list = { NULL, list_devices };
const struct handler auth_2fa_devices_rename = { fields, rename_one };
const struct handler auth_2fa_devices_forget = { NULL, forget_device };
const struct handler auth_2fa_devices_forget_all = { NULL, forget_all };
