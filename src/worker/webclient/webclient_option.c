#include "worker/webclient/webclient_option.h"

#include "base/memory.h"

void
webclient_option_check(CURLcode rc)
{
	if (rc != CURLE_OK)
		memory_exhausted("an option of a transfer", 0);
}
