/* GET, POST /permissions */
#include "core/access/role_admin.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

enum { NAME, RESOURCE, ACTION, DESCRIPTION };

static const struct field fields[] = {
	[NAME] = { .name = "name", .type = FIELD_NAME, .min = 1, .max = 100,
		.required = true, .doc = "reviews.read" },
	[RESOURCE] = { .name = "resource", .type = FIELD_NAME, .min = 1,
		.max = 50, .required = true, .doc = "reviews" },
	[ACTION] = { .name = "action", .type = FIELD_NAME, .min = 1, .max = 20,
		.required = true, .doc = "read" },
	[DESCRIPTION] = { .name = "description", .type = FIELD_TEXT, .max = 500,
		.doc = "For people" },
	{ 0 },
};

static cJSON *
permission_record(const void *row)
{
	const struct permission *p = row;
	cJSON *o = json_object();

	json_add_str(o, "id", p->id);
	json_add_str(o, "name", p->name);
	json_add_str(o, "resource", p->resource);
	json_add_str(o, "action", p->action);
	json_add_str(o, "description", p->description);
	json_add_bool(o, "is_active", p->is_active);
	json_add_time(o, "created_at", p->created_at);
	return o;
}

static enum err
list_permissions(struct call *c)
{
	struct permission *p = NULL;
	struct listing l;
	enum err e = answer_page(c, &l.limit, &l.offset);

	if (e == E_OK)
		e = permission_list(c->ctx, l.limit, l.offset, &p, &l.n,
		    &l.total);
	return answer_rows(c, e, "Permissions retrieved successfully", &l, p,
	    sizeof *p, permission_record);
}

static enum err
create_permission(struct call *c)
{
	const struct permission wish = {
		.name = given(c, NAME), .resource = given(c, RESOURCE),
		.action = given(c, ACTION),
		.description = given(c, DESCRIPTION),
	};
	struct permission p;
	enum err e = permission_create(c->ctx, admin_actor(c), &wish, &p);

	return e != E_OK ? e : answer(c, 201,
	    "Permission created successfully", permission_record(&p));
}

const struct handler permissions_list = { NULL, list_permissions };
const struct handler permissions_create = { fields, create_permission };
