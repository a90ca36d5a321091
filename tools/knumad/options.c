// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: options on the command line
 */

#include <stdlib.h>
#include <string.h>

#include "options.h"

/**
 * next_option - the next option of a command
 * @argc: number of arguments
 * @argv: the arguments; the first is the name of the command
 * @letters: as for getopt()
 * @options: as for getopt_long()
 * @help: what to print if that is asked for
 *
 * Return: the option; OPTION_HELP when the help was printed, OPTION_WRONG when what is
 * wrong was said, -1 at the end.
 */
int next_option(int argc, char **argv, const char *letters, const struct option *options,
		const char *help)
{
	char letter[8];
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, letters, options, NULL);
	if (c == OPTION_HELP)
		fputs(help, stdout);
	if (c == OPTION_WRONG || c == ':') {
		snprintf(letter, sizeof(letter), "-%c", optopt);
		fail(EXIT_USAGE, "%s: %s is no option of it, lacks its value, or has one too many.",
		     argv[0], optopt > ' ' && optopt <= '~' && strncmp(argv[optind - 1], "--", 2) ?
		     letter : argv[optind - 1]);
		return OPTION_WRONG;
	}
	return c;
}

/**
 * common_options - options of a command that has no others
 * @argc: number of arguments
 * @argv: the arguments; the first is the name of the command
 * @help: what to print if that is asked for
 * @json: whether --json was given; NULL: there is no such option
 *
 * Return: -1 to go on, or the exit status.
 */
int common_options(int argc, char **argv, const char *help, bool *json)
{
	static const struct option with_json[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	const struct option *options = json ? with_json : with_json + 1;
	int c;

	while ((c = next_option(argc, argv, "h", options, help)) == OPT_JSON)
		*json = true;
	if (c == OPTION_WRONG)
		return usage_error(argv[0]);
	return c == OPTION_HELP ? EXIT_SUCCESS : -1;
}

/**
 * parse_pid - the number of a process
 * @text: the text
 * @pid: where to store it, untouched on error
 *
 * Return: whether it can be one.
 */
bool parse_pid(const char *text, pid_t *pid)
{
	__u64 number;

	/* The largest there can be, PID_MAX_LIMIT of the kernel */
	if (!parse_number(text, 4 << 20, &number) || !number)
		return false;
	*pid = number;
	return true;
}
