/* POST, DELETE /media/cover-photo */
#include "handlers/shared/handlers.h"
#include "handlers/shared/upload.h"

static enum err
put_cover(struct call *c)
{
	return upload_picture(c, PICTURE_COVER,
	    "Cover photo uploaded successfully");
}

static enum err
remove_cover(struct call *c)
{
	return upload_remove(c, PICTURE_COVER,
	    "Cover photo removed successfully");
}

const struct handler media_cover_photo = { NULL, put_cover };
const struct handler media_cover_photo_delete = { NULL, remove_cover };
