#ifndef CTL_DOCTOR_DOCTOR_REACH_H
#define CTL_DOCTOR_DOCTOR_REACH_H

#include "config/config.h"
#include "ctl/doctor/doctor_probe.h"

/*
 * Checks of services beyond this host's files and database, done as the
 * programs do it. Each ends within 35 s; *detail says what is there, or what is
 * wrong and what to do.
 */

/* The mail relay: connection, TLS and login, by the settings of smtp. */
enum finding doctor_reach_relay(struct arena *a, const struct config *c,
    struct str *detail);

/*
 * Send a test mail to address, through the relay, without the queue. *sent: the
 * relay took it, whatever else is found.
 */
enum finding doctor_reach_mail(struct arena *a, const struct config *c,
    struct str address, bool *sent, struct str *detail);

/*
 * The service by service.public_url, through the web server: does it answer,
 * and does Authorization arrive?
 */
enum finding doctor_reach_web(struct arena *a, const struct config *c,
    struct str *detail);

#endif
