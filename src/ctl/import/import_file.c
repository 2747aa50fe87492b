#include "ctl/import/import.h"

int
import_byte(struct import_file *f)
{
	return f->nahead ? f->ahead[--f->nahead] : getc(f->in);
}

const char *
import_begin(struct import_file *f)
{
	unsigned char head[3];
	size_t n = fread(head, 1, sizeof(head), f->in);

	if (n == 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		return NULL;
	if (n >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 ||
	    memcmp(head, "\xfe\xff", 2) == 0 || !head[0] || !head[1]))
		return "the file is UTF-16: save it as UTF-8";
	while (n > 0)
		f->ahead[f->nahead++] = head[--n];
	return NULL;
}
