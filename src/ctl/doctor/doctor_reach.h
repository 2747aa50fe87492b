#ifndef CTL_DOCTOR_DOCTOR_REACH_H
#define CTL_DOCTOR_DOCTOR_REACH_H

#include "config/config.h"
#include "ctl/doctor/doctor_probe.h"

/*
 * What lies beyond this host's files and database, asked as the programs ask
 * it. Each answers within 35 s and says in *detail what is there, or what is
 * wrong and what to do.
 */

/* The mail relay: connection, TLS and login, by the settings of smtp. */
enum finding doctor_reach_relay(struct arena *a, const struct config *c,
    struct str *detail);

/* A mail that says it is a test goes to address, by the relay alone. */
enum finding doctor_reach_mail(struct arena *a, const struct config *c,
    struct str address, struct str *detail);

/*
 * The service by service.public_url, through the web server: does it answer,
 * and does Authorization arrive?
 */
enum finding doctor_reach_web(struct arena *a, const struct config *c,
    struct str *detail);

#endif
