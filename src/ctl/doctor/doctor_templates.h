#ifndef CTL_DOCTOR_DOCTOR_TEMPLATES_H
#define CTL_DOCTOR_DOCTOR_TEMPLATES_H

#include "config/config.h"
#include "ctl/doctor/doctor_probe.h"

/*
 * Are the texts of mails and SMS there, and each well formed, in all languages
 * and whatever they are filled with? A mail whose text is not is never sent.
 */
enum finding doctor_templates(struct arena *a, const struct config *c,
    struct str *detail);

#endif
