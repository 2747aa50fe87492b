#ifndef CTL_CTL_OPTIONS_H
#define CTL_CTL_OPTIONS_H

#include "ctl/ctl.h"

enum ctl_asked {
	CTL_ASKED_NOTHING, CTL_ASKED_HELP, CTL_ASKED_VERSION, CTL_ASKED_WRONG
};

/*
 * Read the options of k and the common ones, which may stand anywhere; argv[0]
 * is skipped, "--" ends the options. The rest is c->args, its number checked
 * against the row. WRONG: a sentence was printed.
 */
enum ctl_asked ctl_options_read(struct ctl *c, const struct ctl_command *k,
    int argc, char **argv);

/* The common options only, for a command line that names no command. */
enum ctl_asked ctl_options_common(struct ctl *c, int argc, char **argv);

#endif
