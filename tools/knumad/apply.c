// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl apply: set what a file says
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "options.h"
#include "read.h"

#define CONF	"/etc/knumad.conf"

static void print_changes(const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->nr; i++)
		if (strcmp(conf->v[i].old, conf->v[i].value))
			printf("%s = %s (was %s)\n", conf->v[i].name, conf->v[i].value,
			       conf->v[i].old);
}

static int apply(const struct paths *paths, const char *file, bool check_only)
{
	struct conf conf = { .file = file };
	char *text = read_file("%s", file);
	unsigned int errors;
	int ret = EXIT_SUCCESS;

	if (!text)
		return fail(EXIT_FAILURE, "cannot read %s: %s.", file, strerror(errno));
	errors = conf_parse(paths, text, &conf);
	if (errors) {
		hint("Nothing was changed.");
		ret = EXIT_FAILURE;
	} else if (!check_only) {
		ret = conf_apply(paths, &conf);
		if (!ret)
			print_changes(&conf);
	}
	conf_free(&conf);
	free(text);
	return ret;
}

static const char help[] =
	"Usage: knumadctl apply [--dry-run] [FILE]\n"
	"\n"
	"Set the tunables that FILE (" CONF ") names: all of them, or none if one is\n"
	"wrong. knumad.service does this at boot.\n"
	"\n"
	"  -n, --dry-run  check FILE and change nothing\n";

/**
 * cmd_apply - set what a file says
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_apply(const struct paths *paths, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	bool check_only = false;
	int c;

	while ((c = next_option(argc, argv, "hn", options, help)) != -1) {
		if (c != 'n')
			return c == OPTION_HELP ? EXIT_SUCCESS : usage_error(argv[0]);
		check_only = true;
	}
	if (argc - optind > 1) {
		fail(EXIT_USAGE, "apply: takes one file.");
		return usage_error(argv[0]);
	}
	return need_knumad(paths) ?: apply(paths, optind < argc ? argv[optind] : CONF, check_only);
}
