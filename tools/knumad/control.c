// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl on, off, run, set: whom to balance
 */

#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "options.h"
#include "process.h"
#include "read.h"
#include "tunables.h"

/* include/uapi/linux/prctl.h, of kernels with knumad */
#ifndef PR_SET_KNUMAD
#define PR_SET_KNUMAD		0x4b4e554d
#define PR_KNUMAD_IN		1
#define PR_KNUMAD_OUT		2
#endif

#define EXIT_CANNOT_RUN		126	/* as env and nice have it */
#define EXIT_NO_COMMAND		127

static int set_enabled(const struct paths *paths, const char *mode)
{
	int ret = need_knumad(paths);

	if (ret)
		return ret;
	ret = tunable_write(paths, "enabled", mode);
	return ret ? tunable_failed(paths, "enabled", mode, ret) : EXIT_SUCCESS;
}

static const char on_help[] =
	"Usage: knumadctl on [always|opt-in]\n"
	"\n"
	"Switch knumad on: for all processes but those that are out (always, the default),\n"
	"or only for those that are in (opt-in).\n";

/**
 * cmd_on - switch it on
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_on(const struct paths *paths, int argc, char **argv)
{
	const char *mode = "always";
	int ret;

	ret = common_options(argc, argv, on_help, NULL);
	if (ret >= 0)
		return ret;
	if (optind < argc)
		mode = argv[optind];
	if (argc - optind > 1 || (strcmp(mode, "always") && strcmp(mode, "opt-in"))) {
		fail(EXIT_USAGE, "on: takes 'always' or 'opt-in', or nothing.");
		return usage_error(argv[0]);
	}
	return set_enabled(paths, mode);
}

static const char off_help[] =
	"Usage: knumadctl off\n"
	"\n"
	"Switch knumad off. When this returns its threads are gone; memory stays where it is.\n";

/**
 * cmd_off - switch it off
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_off(const struct paths *paths, int argc, char **argv)
{
	int ret;

	ret = common_options(argc, argv, off_help, NULL);
	if (ret >= 0)
		return ret;
	if (optind < argc) {
		fail(EXIT_USAGE, "off: takes no argument, such as '%s'.", argv[optind]);
		return usage_error(argv[0]);
	}
	return set_enabled(paths, "never");
}

static const char run_help[] =
	"Usage: knumadctl run --in|--out -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Start a command that takes part in balancing (--in), also if that is opt-in, or is\n"
	"left alone (--out). What it starts inherits that.\n"
	"\n"
	"The exit status is that of COMMAND; 126 if it cannot be run, 127 if it is not found.\n";

/**
 * cmd_run - start a command that is in, or out
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status; not if the command was started.
 */
int cmd_run(const struct paths *paths, int argc, char **argv)
{
	static const struct option options[] = {
		{ "in", no_argument, NULL, OPT_IN },
		{ "out", no_argument, NULL, OPT_OUT },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	unsigned long value = 0;
	int c, ret;

	while ((c = next_option(argc, argv, "+h", options, run_help)) != -1) {
		if (c == OPTION_HELP)
			return EXIT_SUCCESS;
		if (c == OPTION_WRONG)
			return usage_error(argv[0]);
		if (value) {
			fail(EXIT_USAGE, "run: either --in or --out, once.");
			return usage_error(argv[0]);
		}
		value = c == OPT_IN ? PR_KNUMAD_IN : PR_KNUMAD_OUT;
	}
	if (!value || optind == argc) {
		fail(EXIT_USAGE, "run: %s.", value ? "which command?" : "--in or --out?");
		return usage_error(argv[0]);
	}
	ret = need_knumad(paths);
	if (ret)
		return ret;
	if (prctl(PR_SET_KNUMAD, value, 0, 0, 0))
		return fail(EXIT_FAILURE, "run: the kernel refuses: %s.", strerror(errno));
	execvp(argv[optind], argv + optind);
	ret = errno == ENOENT ? EXIT_NO_COMMAND : EXIT_CANNOT_RUN;
	return fail(ret, "cannot run %s: %s.", argv[optind], strerror(errno));
}

static int set_failed(pid_t pid, int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		fail(EXIT_DENIED, "process %d is not yours.", pid);
		hint("Its owner may do that, or root: sudo knumadctl set ...");
		return EXIT_DENIED;
	case EINVAL:
	case ENOENT:
	case ESRCH:
		return fail(EXIT_NO_PROCESS, "process %d is a kernel thread, or has just ended.",
			    pid);
	}
	return fail(EXIT_FAILURE, "process %d: %s.", pid, strerror(-error));
}

static int set_process(const struct paths *paths, pid_t pid, const char *value)
{
	char *path;
	int ret;

	ret = need_knumad(paths) ?: no_process(paths, pid);
	if (ret)
		return ret;
	if (!has_process_files(paths)) {
		fail(EXIT_NO_KNUMAD, "the knumad in this kernel has no %s/PID/knumad.",
		     paths->proc);
		hint("Start the process again: knumadctl run --in|--out -- COMMAND");
		return EXIT_NO_KNUMAD;
	}
	path = xprintf("%s/%d/knumad", paths->proc, pid);
	ret = write_file(path, value);
	free(path);
	return ret ? set_failed(pid, ret) : EXIT_SUCCESS;
}

static const char set_help[] =
	"Usage: knumadctl set PID in|out|default\n"
	"\n"
	"Let a running process take part in balancing (in), also if that is opt-in, leave it\n"
	"alone (out), or treat it like all that said nothing (default). What it starts from\n"
	"then on inherits that.\n";

/**
 * cmd_set - take a running process in, or out
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_set(const struct paths *paths, int argc, char **argv)
{
	const char *value;
	pid_t pid;
	int ret;

	ret = common_options(argc, argv, set_help, NULL);
	if (ret >= 0)
		return ret;
	if (argc - optind != 2) {
		fail(EXIT_USAGE, "set: takes a process and what it should be.");
		return usage_error(argv[0]);
	}
	value = argv[optind + 1];
	if (!parse_pid(argv[optind], &pid)) {
		fail(EXIT_USAGE, "set: '%s' is not the number of a process.", argv[optind]);
		return usage_error(argv[0]);
	}
	if (strcmp(value, "in") && strcmp(value, "out") && strcmp(value, "default")) {
		fail(EXIT_USAGE, "set: 'in', 'out' or 'default', not '%s'.", value);
		return usage_error(argv[0]);
	}
	return set_process(paths, pid, value);
}
