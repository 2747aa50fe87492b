#ifndef WORKER_SMS_SMS_TEMPLATE_H
#define WORKER_SMS_SMS_TEMPLATE_H

#include "worker/message/template_dir.h"

/*
 * The text of SMS `name`, sms/<name>.txt without the blanks at its end, with
 * values, in the language of accept (template_dir_open). False with a short
 * reason when there is no such SMS, a template is malformed or nothing is
 * left to say.
 */
bool sms_template_render(struct arena *a, const struct template_dir *dir,
    struct str name, struct str accept, cJSON *values, struct str *out,
    const char **why);

/*
 * What text costs (3GPP TS 23.038, 23.040). In the GSM alphabet 160 characters
 * are one message, and of a longer text each part has 153; ^{}\[~]| and the
 * euro sign count twice. With any other character they are 70 and 67 units of
 * UTF-16.
 */
struct sms_size {
	size_t characters;
	size_t parts;
};
struct sms_size sms_template_size(struct str text);

#endif
