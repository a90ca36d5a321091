/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: options on the command line
 */
#ifndef KNUMADCTL_OPTIONS_H
#define KNUMADCTL_OPTIONS_H

#include <getopt.h>

#include "knumadctl.h"

/* Values of long options without a letter, for all commands */
enum {
	OPT_JSON = 256,
	OPT_IN,
	OPT_OUT,
	OPT_PNG,
	OPT_PROCESSES,
	OPT_SVG,
};

int next_option(int argc, char **argv, const char *letters, const struct option *options,
		const char *help);
int common_options(int argc, char **argv, const char *help, bool *json);
bool parse_pid(const char *text, pid_t *pid);

/* What next_option() returns when the command is done: with its exit status */
#define OPTION_HELP	'h'
#define OPTION_WRONG	'?'

#endif /* KNUMADCTL_OPTIONS_H */
