#include "crypto/password/password_strength.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	struct str text;
	bool sorted;
} file;

/* The line that holds byte at. */
static struct str
line_at(struct str text, size_t at)
{
	size_t a = at, b = at;

	while (a > 0 && text.p[a - 1] != '\n')
		a--;
	while (b < text.n && text.p[b] != '\n')
		b++;
	return str_slice(text, a, b);
}

static struct str
without_cr(struct str line)
{
	return line.n && line.p[line.n - 1] == '\r' ?
	    str_slice(line, 0, line.n - 1) : line;
}

static int
compare_lines(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool
is_sorted(struct str text)
{
	struct str line, last = STR("");

	while (str_split(&text, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (compare_lines(last, line) > 0)
			return false;
		last = line;
	}
	return true;
}

static void
drop_blocklist(void)
{
	if (file.text.p)
		munmap((void *)(uintptr_t)file.text.p, file.text.n);
	file.text = STR_NONE;
}

static bool
map_blocklist(int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return false;
	}
	if (st.st_size == 0)
		return true;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	file.text = (struct str){ p, (size_t)st.st_size };
	file.sorted = is_sorted(file.text);
	return true;
}

bool
password_blocklist_use(const char *path)
{
	int fd;
	bool ok;

	drop_blocklist();
	if (path[0] == '\0')
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	ok = map_blocklist(fd);
	close(fd);
	return ok;
}

static bool
find_sorted(struct str text, struct str password)
{
	size_t a = 0, b = text.n;

	while (a < b) {
		struct str line = line_at(text, a + (b - a) / 2);
		int c = compare_lines(password, without_cr(line));

		if (c == 0)
			return true;
		if (c < 0)
			b = (size_t)(line.p - text.p);
		else
			a = (size_t)(line.p - text.p) + line.n + 1;
	}
	return false;
}

static bool
find_unsorted(struct str text, struct str password)
{
	struct str line;

	while (str_split(&text, '\n', &line))
		if (str_eq(without_cr(line), password))
			return true;
	return false;
}

bool
password_blocklist_has(struct str password)
{
	if (file.text.p == NULL || password.n == 0)
		return false;
	return file.sorted ? find_sorted(file.text, password) :
	    find_unsorted(file.text, password);
}
