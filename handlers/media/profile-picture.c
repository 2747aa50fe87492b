/* POST, DELETE /media/profile-picture */
#include "handlers/shared/handlers.h"
#include "handlers/shared/upload.h"

static enum err
put_picture(struct call *c)
{
	return upload_picture(c, PICTURE_PROFILE,
	    "Profile picture uploaded successfully");
}

static enum err
remove_picture(struct call *c)
{
	return upload_remove(c, PICTURE_PROFILE,
	    "Profile picture removed successfully");
}

const struct handler media_profile_picture = { NULL, put_picture };
const struct handler media_profile_picture_delete = { NULL, remove_picture };
