// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: knumad.conf
 */

#include <sys/stat.h>

#include "../conf.h"
#include "../read.h"
#include "../tunables.h"
#include "unit.h"

#define FILE_NAME	"conf/knumad.conf"

static char *apply(int *status, const char *text)
{
	char *file = xprintf("%.*s/../" FILE_NAME, (int)strlen(fake.proc), fake.proc), *said;

	put(FILE_NAME, text);
	said = output_of(cmd_apply, status, "apply", file, NULL);
	free(file);
	return said;
}

static char *value(const char *name)
{
	static char text[32];

	tunable_read(&fake, name, text, sizeof(text));
	return text;
}

static void good(void)
{
	int status;
	char *said = apply(&status,
			   "# a comment\n\n  policy=spread   # another\n"
			   "\tcpu_percent =\t20\r\nmin_cpu_ms = 0\nenabled = always\n");

	CHECK(!status);
	CHECK_STR(said,
		  "policy = spread (was pack)\ncpu_percent = 20 (was 25)\nmin_cpu_ms = 0 (was 500)\n");
	CHECK_STR(value("policy"), "spread");
	CHECK_STR(value("cpu_percent"), "20");
	CHECK_STR(value("enabled"), "always");
	free(said);
}

static void nothing(void)
{
	int status;
	char *said = apply(&status, "# only comments\n\n");

	CHECK(!status);
	CHECK_STR(said, "");
	free(said);
}

static void missing(void)
{
	int status;
	char *said = output_of(cmd_apply, &status, "apply", "/nowhere/knumad.conf", NULL);

	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "/nowhere/knumad.conf");
	free(said);
}

/* Each of these lines is wrong; the one before it is good, and is not set either */
static void bad_lines(void)
{
	static const char *const bad[][2] = {
		{ "cpu_percent", "name = value" },
		{ "cpu_percent = ", "needs a value" },
		{ "cpu_percent = 0", "from 1 to 100" },
		{ "cpu_percent = 101", "from 1 to 100" },
		{ "cpu_percent = ten", "from 1 to 100" },
		{ "cpu_percent = -1", "from 1 to 100" },
		{ "cpu_percent = 10 %", "from 1 to 100" },
		{ "enabled = yes", "always opt-in never" },
		{ "enabled = alway", "always opt-in never" },
		{ "enabled = always never", "always opt-in never" },
		{ "speed = 1", "no tunable 'speed'" },
		{ "../../../etc/passwd = 1", "no tunable" },
		{ ". = 1", "no tunable" },
		{ "= 1", "no tunable" },
		{ "policy = pack", "line 1 sets policy already" },
		{ "scan_interval_ms = 60001", "above scan_max_interval_ms" },
		{ "scan_max_interval_ms = 999", "above scan_max_interval_ms" },
		{ "a_name_that_is_longer_than_any_that_there_can_be = 1", "no tunable" },
	};
	char *text, *said;
	int status;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		text = xprintf("policy = spread\n%s\n", bad[i][0]);
		said = apply(&status, text);
		CHECK(status == EXIT_FAILURE);
		CHECK_HAS(said, "line 2");
		CHECK_HAS(said, bad[i][1]);
		CHECK_HAS(said, "Nothing was changed");
		CHECK_STR(value("policy"), "pack");
		free(text);
		free(said);
	}
}

static void all_errors(void)
{
	int status;
	char *said = apply(&status, "a = 1\ncpu_percent = 20\nb\n");

	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "line 1");
	CHECK(!strstr(said, "line 2"));
	CHECK_HAS(said, "line 3");
	CHECK_STR(value("cpu_percent"), "25");
	free(said);
}

static void dry_run(void)
{
	char *file = xprintf("%s/../" FILE_NAME, fake.proc), *said;
	int status;

	put(FILE_NAME, "cpu_percent = 20\n");
	said = output_of(cmd_apply, &status, "apply", "-n", file, NULL);
	CHECK(!status);
	CHECK_STR(said, "");
	CHECK_STR(value("cpu_percent"), "25");
	free(said);
	put(FILE_NAME, "cpu_percent = 200\n");
	said = output_of(cmd_apply, &status, "apply", "--dry-run", file, NULL);
	CHECK(status == EXIT_FAILURE);
	free(said);
	free(file);
}

/* A newer kernel has one more tunable, which it checks itself */
static void unknown_tunable(void)
{
	char *said;
	int status;

	put("sysfs/brand_new", "1\n");
	said = apply(&status, "brand_new = 2\n");
	CHECK(!status);
	CHECK_STR(value("brand_new"), "2");
	put("sysfs/brand_new", NULL);
	free(said);
}

/* The kernel refuses one: those that were set before get their values back */
static void taken_back(void)
{
	char *path = xprintf("%s/brand_new", fake.sysfs), *said;
	int status;

	mkdir(path, 0755);
	said = apply(&status,
		     "policy = spread\nscan_interval_ms = 70000\nscan_max_interval_ms = 80000\n"
		     "brand_new = 1\nenabled = never\n");
	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "line 4: brand_new could not be set, so nothing is");
	CHECK_STR(value("policy"), "pack");
	CHECK_STR(value("scan_interval_ms"), "1000");
	CHECK_STR(value("scan_max_interval_ms"), "60000");
	CHECK_STR(value("enabled"), "always");
	rmdir(path);
	free(path);
	free(said);
}

const struct test conf_tests[] = {
	{ "apply: what it changes it prints", good },
	{ "apply: a file that sets nothing", nothing },
	{ "apply: no such file", missing },
	{ "apply: a wrong line is named, and nothing is set", bad_lines },
	{ "apply: all wrong lines are named", all_errors },
	{ "apply --dry-run changes nothing", dry_run },
	{ "apply: a tunable that only the kernel knows", unknown_tunable },
	{ "apply: what the kernel refuses has no effect at all", taken_back },
	{ NULL, NULL },
};
