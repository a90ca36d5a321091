/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what its commands share
 */
#ifndef KNUMADCTL_H
#define KNUMADCTL_H

#define __SANE_USERSPACE_TYPES__	/* __u64 is printed as %llu everywhere */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>
#include <sys/types.h>

#define __printf(a, b)	__attribute((format(printf, a, b)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit statuses; EXIT_SUCCESS and EXIT_FAILURE are those of stdlib.h */
enum {
	EXIT_USAGE	= 2,	/* the command line is wrong */
	EXIT_DENIED	= 3,	/* may not do this: root, or the owner, may */
	EXIT_NO_KNUMAD	= 4,	/* not in this kernel, or an older one of it */
	EXIT_NO_PROCESS	= 5,	/* there is no such process */
};

/**
 * struct paths - where the files of the kernel are
 * @proc: procfs
 * @sysfs: the tunables
 * @debugfs: debugfs itself; knumad's files are below it
 * @node: the nodes of the machine
 *
 * Tests have files of their own.
 */
struct paths {
	const char *proc;
	const char *sysfs;
	const char *debugfs;
	const char *node;
};

extern const struct paths live;

/**
 * struct command - one of knumadctl's commands
 * @name: how it is called
 * @summary: one line of what it does
 * @run: does it; argv[0] is its name. Returns an exit status.
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(const struct paths *paths, int argc, char **argv);
};

int cmd_apply(const struct paths *paths, int argc, char **argv);
int cmd_explain(const struct paths *paths, int argc, char **argv);
int cmd_metrics(const struct paths *paths, int argc, char **argv);
int cmd_off(const struct paths *paths, int argc, char **argv);
int cmd_on(const struct paths *paths, int argc, char **argv);
int cmd_record(const struct paths *paths, int argc, char **argv);
int cmd_report(const struct paths *paths, int argc, char **argv);
int cmd_run(const struct paths *paths, int argc, char **argv);
int cmd_set(const struct paths *paths, int argc, char **argv);
int cmd_status(const struct paths *paths, int argc, char **argv);
int cmd_top(const struct paths *paths, int argc, char **argv);

/* message.c */
int fail(int status, const char *fmt, ...) __printf(2, 3);
void hint(const char *fmt, ...) __printf(1, 2);
int usage_error(const char *command);
int need_knumad(const struct paths *paths);
int no_process(const struct paths *paths, pid_t pid);
const char *why_no_debugfs(const struct paths *paths);

/* util.c */
void *xalloc(size_t nr, size_t size);
void *xgrow(void *v, size_t nr, size_t size);
char *xprintf(const char *fmt, ...) __printf(1, 2);
bool parse_number(const char *text, __u64 max, __u64 *val);
bool parse_seconds(const char *text, double *seconds);
size_t parse_list(const char *text, __u64 *v, size_t nr);
__u64 sum(const __u64 *v, size_t nr);
double now_s(void);
double pages_mb(__u64 pages);
double percent(double part, double whole);
void printable(char *to, size_t size, const char *from);
void unescape(char *text);
void escape(char *to, size_t size, const char *from);

#endif /* KNUMADCTL_H */
