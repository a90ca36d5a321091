// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: control knumad, and see what it does and why
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knumadctl.h"

static const struct command commands[] = {
	{ "status", "is it on, what has it done, whom does it watch", cmd_status },
	{ "on", "switch it on: on [always|opt-in]", cmd_on },
	{ "off", "switch it off", cmd_off },
	{ "run", "start a command that is in, or out: run --in|--out -- COMMAND", cmd_run },
	{ "set", "take a running process in, or out: set PID in|out|default", cmd_set },
	{ "explain", "why a process is where it is, and what to do about it", cmd_explain },
	{ "top", "nodes, processes and threads, again and again", cmd_top },
	{ "record", "write down where processes and their memory are, over time", cmd_record },
	{ "report", "draw what was recorded", cmd_report },
	{ "metrics", "figures for Prometheus", cmd_metrics },
	{ "apply", "set what /etc/knumad.conf says", cmd_apply },
};

static void print_commands(void)
{
	size_t i;

	puts("Usage: knumadctl COMMAND [ARGUMENT...]\n"
	     "\n"
	     "Control knumad, the kernel's NUMA balancer, and see what it does and why.\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "  -h, --help     this, or after COMMAND, how that is used\n"
	     "      --version  the version of knumadctl\n"
	     "\n"
	     "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not permitted, 4 no knumad in this\n"
	     "kernel, 5 no such process. See knumadctl(8).");
}

/* What was printed may not have got where it should: a full disk, say */
static int flushed(int status)
{
	bool failed = ferror(stdout);

	if ((fflush(stdout) || failed) && !status)
		status = fail(EXIT_FAILURE, "cannot write to standard output.");
	return status;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		fail(EXIT_USAGE, "which command?");
		hint("'knumadctl --help' lists them.");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_commands();
		return flushed(EXIT_SUCCESS);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("knumadctl " VERSION);
		return flushed(EXIT_SUCCESS);
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, argv[1]))
			return flushed(commands[i].run(&live, argc - 1, argv + 1));
	fail(EXIT_USAGE, "there is no command '%s'.", argv[1]);
	hint("'knumadctl --help' lists them.");
	return EXIT_USAGE;
}
