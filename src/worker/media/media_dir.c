#include "worker/media/media_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define FOLDER_MODE 0755
#define FILE_MODE 0644

static bool
fail(const char *path)
{
	log_error("a picture's file cannot be written or removed",
	    log_c("path", path), log_c("why", strerror(errno)));
	return false;
}

static bool
path_of(char path[PATH_MAX], const char *dir, const char *key,
    const char *more)
{
	return snprintf(path, PATH_MAX, "%s/%s%s", dir, key, more) < PATH_MAX;
}

/* The folders that the key names, below dir, and dir itself. */
static void
make_folders(char *path, size_t from)
{
	mode_t before = umask(0);

	for (char *p = path + from; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, FOLDER_MODE);
		*p = '/';
	}
	umask(before);
}

static bool
write_file(const char *path, struct str bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
	    O_NOFOLLOW, FILE_MODE);
	ssize_t n = 1;
	bool good;

	if (fd < 0)
		return false;
	fchmod(fd, FILE_MODE);
	for (; bytes.n && n > 0; bytes = str_slice(bytes, (size_t)n, bytes.n))
		if ((n = write(fd, bytes.p, bytes.n)) < 0)
			break;
	good = bytes.n == 0 && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

bool
media_dir_put(const char *dir, const char *key, struct str bytes)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	if (!path_of(path, dir, key, "") || !path_of(fresh, dir, key, ".new"))
		return false;
	make_folders(fresh, strlen(dir));
	if (write_file(fresh, bytes) && rename(fresh, path) == 0)
		return true;
	fail(path);
	unlink(fresh);
	return false;
}

bool
media_dir_remove(const char *dir, const char *key)
{
	char path[PATH_MAX];
	char *slash;

	if (!path_of(path, dir, key, ""))
		return false;
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(path);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (strlen(path) > strlen(dir))
		(void)unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
	return true;
}
