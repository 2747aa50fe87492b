#ifndef HANDLERS_SHARED_UPLOAD_H
#define HANDLERS_SHARED_UPLOAD_H

#include "core/account/picture.h"
#include "web/route.h"

/* POST of a picture: the multipart field "file"; message is that of success. */
enum err upload_picture(struct call *c, enum picture_kind kind,
    const char *message);

/* DELETE of one; an absent one is removed too. */
enum err upload_remove(struct call *c, enum picture_kind kind,
    const char *message);

#endif
