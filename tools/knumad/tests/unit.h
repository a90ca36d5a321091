/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unit tests of knumadctl: no kernel with knumad is needed, files stand for it
 */
#ifndef KNUMADCTL_UNIT_H
#define KNUMADCTL_UNIT_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../knumadctl.h"

/**
 * struct test - a test
 * @name: what is tested
 * @run: the test
 */
struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test text_tests[], process_tests[], conf_tests[], recording_tests[],
			 command_tests[], many_tests[];

/* Fail the test that runs, and go on with it */
void fail_test(const char *file, int line, const char *what, const char *more);

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			fail_test(__FILE__, __LINE__, #condition, NULL); \
	} while (0)

#define CHECK_STR(is, should) \
	do { \
		const char *is_ = (is); \
		if (strcmp(is_, (should))) \
			fail_test(__FILE__, __LINE__, #is " is " #should, is_); \
	} while (0)

#define CHECK_HAS(text, part) \
	do { \
		const char *text_ = (text); \
		if (!strstr(text_, (part))) \
			fail_test(__FILE__, __LINE__, #text " has " #part, text_); \
	} while (0)

/* A machine of files in a directory of its own: two nodes with two CPUs each */
extern const struct paths fake;

void put(const char *path, const char *text);
char *get(const char *path);

/* What a command prints, stdout and stderr in one; its status in *@status if not NULL */
char *output_of(int (*run)(const struct paths *paths, int argc, char **argv), int *status,
		const char *name, ...);
char *capture(void (*run)(FILE *out, void *data), void *data);

#endif /* KNUMADCTL_UNIT_H */
