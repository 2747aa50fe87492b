/* POST /auth/2fa/backup-codes, /mfa/backup-codes */
#include "core/factor/backup.h"
#include "handlers/shared/party.h"

static enum err
run_backup_codes(struct call *c)
{
	struct subject s = subject_of_account(&c->actor.session->account);
	struct backup_set codes;
	cJSON *data = json_object(), *array = json_array();
	enum err e = factor_backup_renew(c->ctx, &s, &codes);

	if (e != E_OK)
		return e;
	for (int i = 0; i < BACKUP_CODES; i++)
		json_push_str(array, codes.codes[i]);
	json_add(data, "backup_codes", array);
	return answer(c, 200, "New backup codes generated. The old ones no "
	    "longer work", data);
}

const struct handler auth_2fa_backup_codes = { NULL, run_backup_codes };
