// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what went wrong, and what to do about it
 */

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "knumadctl.h"
#include "read.h"

static void say(const char *prefix, const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs(prefix, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

/**
 * fail - say why a command fails
 * @status: the exit status
 * @fmt: what went wrong
 *
 * Return: @status.
 */
int fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("knumadctl: ", fmt, ap);
	va_end(ap);
	return status;
}

/**
 * hint - say what can be done about it
 * @fmt: a sentence
 */
void hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("  ", fmt, ap);
	va_end(ap);
}

/**
 * usage_error - point to the help, after what is wrong has been said
 * @command: the name of the command
 *
 * Return: the exit status.
 */
int usage_error(const char *command)
{
	hint("'knumadctl %s --help' tells how it is used.", command);
	return EXIT_USAGE;
}

/**
 * need_knumad - complain if this kernel has no knumad
 * @paths: where its files are
 *
 * Return: 0, or the exit status.
 */
int need_knumad(const struct paths *paths)
{
	if (exists("%s/enabled", paths->sysfs))
		return 0;
	fail(EXIT_NO_KNUMAD, "no knumad in this kernel: there is no %s.", paths->sysfs);
	if (!exists("%s/self", paths->proc))
		hint("Nor is procfs mounted: mount -t proc none %s", paths->proc);
	else
		hint("Boot a kernel with CONFIG_KNUMAD=y, and have sysfs mounted on /sys.");
	return EXIT_NO_KNUMAD;
}

/**
 * no_process - complain if there is no such process
 * @paths: where its files are
 * @pid: the process
 *
 * Return: 0 if there is, or the exit status.
 */
int no_process(const struct paths *paths, pid_t pid)
{
	if (exists("%s/%d", paths->proc, pid))
		return 0;
	fail(EXIT_NO_PROCESS, "there is no process %d.", pid);
	hint("'ps -e' lists all processes, 'knumadctl status' those that knumad watches.");
	return EXIT_NO_PROCESS;
}

/**
 * why_no_debugfs - why knumad's files in debugfs cannot be read
 * @paths: where they are
 *
 * Return: a sentence, or NULL if they can.
 */
const char *why_no_debugfs(const struct paths *paths)
{
	/* Its root is 0700: to others it looks as if nothing were there */
	if (readable("%s/knumad/stats", paths->debugfs))
		return NULL;
	if (geteuid())
		return "debugfs is for root only: run knumadctl as root (sudo knumadctl ...).";
	return "debugfs is not mounted: mount -t debugfs none /sys/kernel/debug";
}
