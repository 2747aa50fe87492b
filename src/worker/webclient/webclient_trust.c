#include "worker/webclient/webclient_trust.h"

#include "worker/webclient/webclient_option.h"

void
webclient_trust(CURL *e, const char *ca_file)
{
	WEBCLIENT_OPTION(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	WEBCLIENT_OPTION(e, CURLOPT_SSL_VERIFYPEER, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_SSL_VERIFYHOST, 2L);
	if (ca_file == NULL || *ca_file == '\0')
		return;
	WEBCLIENT_OPTION(e, CURLOPT_CAINFO, ca_file);
	WEBCLIENT_OPTION(e, CURLOPT_CAPATH, NULL);
}
