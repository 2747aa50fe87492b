#ifndef HANDLERS_SHARED_FIELDS_H
#define HANDLERS_SHARED_FIELDS_H

#include "http/schema.h"

/*
 * Rows of fields that several requests have, so that one thing has one name, the
 * same aliases and the same words in all of them.
 */

/* of an account that is looked for or made */
#define FIELDS_EMAIL { .name = "email", .type = FIELD_EMAIL, \
	.required = true, .doc = "Address of the account" }
#define FIELDS_NEW_USERNAME { .name = "username", .type = FIELD_USERNAME, \
	.required = true, .doc = "Letters, digits, _ . -" }
#define FIELDS_NEW_FIRST_NAME { .name = "first_name", .type = FIELD_NAME, \
	.doc = "Given name" }
#define FIELDS_NEW_LAST_NAME { .name = "last_name", .type = FIELD_NAME, \
	.doc = "Family name" }

/* of one that is changed */
#define FIELDS_USERNAME { .name = "username", .type = FIELD_USERNAME, \
	.doc = "Letters, digits, _ . -" }
#define FIELDS_FIRST_NAME { .name = "first_name", .type = FIELD_CLEARED, \
	.doc = "Given name; \"\" takes it away" }
#define FIELDS_LAST_NAME { .name = "last_name", .type = FIELD_CLEARED, \
	.doc = "Family name; \"\" takes it away" }
#define FIELDS_FULL_NAME { .name = "full_name", .aliases = "name", \
	.type = FIELD_CLEARED, .doc = "Whole name; \"\" takes it away" }

/* of a link that was mailed, and what it is for */
#define FIELDS_MAILED_TOKEN { .name = "token", .type = FIELD_TOKEN, \
	.required = true, .doc = "The token that was mailed" }
#define FIELDS_NEW_PASSWORD { .name = "new_password", \
	.aliases = "password", .type = FIELD_PASSWORD, .required = true, \
	.doc = "The new password" }

/* of a second factor */
#define FIELDS_TEMP_TOKEN { .name = "temp_token", .aliases = "challenge", \
	.type = FIELD_TOKEN, .doc = "The challenge from the login" }
#define FIELDS_CHALLENGED { .name = "user_id", .type = FIELD_NAME, \
	.min = 1, .max = 200, .doc = "With an API key: the application's " \
	    "user; else the challenge again" }

/* of a device that is to be known from now on */
#define FIELDS_REMEMBER_DEVICE { .name = "remember_device", \
	.aliases = "trust_device", .type = FIELD_BOOL, \
	.doc = "Whether to answer with a device_token" }
#define FIELDS_DEVICE_NAME { .name = "device_name", .type = FIELD_NAME, \
	.min = 1, .max = 100, .doc = "Name of the device in the list" }

#endif
