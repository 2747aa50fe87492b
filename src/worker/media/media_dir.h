#ifndef WORKER_MEDIA_MEDIA_DIR_H
#define WORKER_MEDIA_MEDIA_DIR_H

#include "base/str.h"

/*
 * Objects as files below a directory that the web server serves. A file is there
 * whole or not at all, and everybody may read it. False, logged: it failed.
 */
bool media_dir_put(const char *dir, const char *key, struct str bytes);

/* A file that is not there is removed; its folder goes when it is empty. */
bool media_dir_remove(const char *dir, const char *key);

#endif
