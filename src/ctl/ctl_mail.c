#include "ctl/ctl.h"
#include "ctl/doctor/doctor_reach.h"

static int
run_test(struct ctl *c)
{
	struct str detail = STR_NONE;
	cJSON *answer = json_object();
	bool sent;

	if (c->config->smtp_host[0] == '\0')
		return ctl_fail(E_UNAVAILABLE, "smtp.host is empty: there is "
		    "no relay");
	(void)doctor_reach_mail(c->arena, c->config, str_of(c->args[0]), &sent,
	    &detail);
	if (!sent)
		return ctl_fail(E_UNAVAILABLE, "%.*s", STR_FMT(detail));
	json_add_str(answer, "to", str_of(c->args[0]));
	json_add_str(answer, "taken_by", detail);
	return ctl_print(c, answer);
}

const struct ctl_command ctl_mail[] = {
	{ "mail test", "ADDRESS", 1, 1, CTL_NEEDS_CONFIG, NULL, run_test,
	    "Send a test mail, past the queue, and tell what the relay says" },
	{ 0 },
};
