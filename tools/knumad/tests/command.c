// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: whole commands, on the made-up machine
 */

#include "../read.h"
#include "unit.h"

static void status_text(void)
{
	int status;
	char *said = output_of(cmd_status, &status, "status", NULL);

	CHECK(!status);
	CHECK_HAS(said, "knumad is always: all processes");
	CHECK_HAS(said, "cpu_percent = 25 (10)");
	CHECK_HAS(said, "moved 10 MB, 4 huge pages");
	CHECK_HAS(said, "50 hinting faults, 80 % of them local");
	CHECK_HAS(said, "77 post gres          - 000000111111       200    95.3");
	CHECK_HAS(said, "41 java               1 111111111111       200    99.8        10 home");
	CHECK(!strstr(said, "unwatched"));
	free(said);
}

static void status_json(void)
{
	int status;
	char *said = output_of(cmd_status, &status, "status", "--json", NULL);

	CHECK(!status);
	CHECK_HAS(said, "\"enabled\": \"always\"");
	CHECK_HAS(said, "\"cpu_percent\": 25");
	CHECK_HAS(said, "\"pages_migrated\": 2560");
	CHECK_HAS(said, "\"comm\": \"post gres\", \"mode\": \"in\", \"group\": \"always\"");
	CHECK_HAS(said, "\"resident_pages\": [25600, 25600]");
	/* There is no other list where all are watched */
	CHECK(!strstr(said, "misplaced"));
	free(said);
	put("sysfs/enabled", "always [opt-in] never\n");
	said = output_of(cmd_status, &status, "status", "--json", NULL);
	CHECK(!status);
	CHECK_HAS(said, "\"misplaced\": []");
	free(said);
}

/* Neither /proc/PID/knumad nor debugfs: say so, and go on without */
static void status_without(void)
{
	int status;
	char *said;

	put("proc/self/knumad", NULL);
	said = output_of(cmd_status, &status, "status", NULL);
	CHECK(!status);
	CHECK_HAS(said, "Which processes it watches is not known");
	CHECK_HAS(said, "debugfs");
	free(said);
	said = output_of(cmd_metrics, &status, "metrics", NULL);
	CHECK(!status);
	CHECK_HAS(said, "without figures of processes");
	CHECK_HAS(said, "knumad_pages_migrated_total 2560");
	CHECK(!strstr(said, "knumad_processes"));
	free(said);
}

static void explain(void)
{
	int status;
	char *said = output_of(cmd_explain, &status, "explain", "41", NULL);

	CHECK(!status);
	CHECK_HAS(said, "Process 41 (java): home.");
	CHECK_HAS(said, "Its home is node 1.");
	CHECK_HAS(said, "100 % on node 1");
	CHECK_HAS(said, "There is nothing to do.");
	free(said);
	said = output_of(cmd_explain, &status, "explain", "77", NULL);
	CHECK(!status);
	CHECK_HAS(said, "50.0 % on node 0 and 50.0 % on node 1");
	CHECK_HAS(said, "What to do: Use fewer threads");
	CHECK_HAS(said, "the process itself is in; its control groups say always");
	free(said);
	said = output_of(cmd_explain, &status, "explain", "90", NULL);
	CHECK(!status);
	CHECK_HAS(said, "knumadctl set 90 default");
	free(said);
}

/* A verdict of a newer kernel: its own words are better than none */
static void explain_unknown(void)
{
	char *text = get("proc/41/knumad"), *at, *said;
	int status;

	at = strstr(text, "verdict home");
	memcpy(at, "verdict newx", 12);
	put("proc/41/knumad", text);
	said = output_of(cmd_explain, &status, "explain", "41", NULL);
	CHECK(!status);
	CHECK_HAS(said, "newx. The kernel says: all of its memory and threads");
	free(text);
	free(said);
}

static void no_knumad(void)
{
	int (*const commands[])(const struct paths *, int, char **) = {
		cmd_status, cmd_on, cmd_off, cmd_top, cmd_metrics, cmd_apply, cmd_record,
	};
	char *said;
	int status;
	size_t i;

	put("sysfs/enabled", NULL);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		said = output_of(commands[i], &status, "command", NULL);
		CHECK(status == EXIT_NO_KNUMAD);
		CHECK_HAS(said, "no knumad in this kernel");
		CHECK_HAS(said, "CONFIG_KNUMAD=y");
		free(said);
	}
}

static void switching(void)
{
	char *said, *value;
	int status;

	free(output_of(cmd_off, &status, "off", NULL));
	value = get("sysfs/enabled");
	CHECK(!status);
	CHECK_STR(value, "never");
	free(value);
	free(output_of(cmd_on, &status, "on", "opt-in", NULL));
	value = get("sysfs/enabled");
	CHECK(!status);
	CHECK_STR(value, "opt-in");
	free(value);
	said = output_of(cmd_on, &status, "on", "never", NULL);
	CHECK(status == EXIT_USAGE);
	free(said);
}

static void setting(void)
{
	char *said, *value;
	int status;

	free(output_of(cmd_set, &status, "set", "41", "out", NULL));
	value = get("proc/41/knumad");
	CHECK(!status);
	CHECK_STR(value, "out");
	free(value);
	said = output_of(cmd_set, &status, "set", "41", "maybe", NULL);
	CHECK(status == EXIT_USAGE);
	free(said);
	said = output_of(cmd_set, &status, "set", "4711", "in", NULL);
	CHECK(status == EXIT_NO_PROCESS);
	CHECK_HAS(said, "no process 4711");
	free(said);
	put("proc/self/knumad", NULL);
	said = output_of(cmd_set, &status, "set", "41", "in", NULL);
	CHECK(status == EXIT_NO_KNUMAD);
	CHECK_HAS(said, "knumadctl run");
	free(said);
}

/* Each sample belongs to a metric that was described before it, once */
static void metrics(void)
{
	int status;
	char *said = output_of(cmd_metrics, &status, "metrics", "--processes", NULL);
	char *rest = said, *line, name[64], type[16], family[80] = "", seen[4096] = " ";

	CHECK(!status);
	CHECK_HAS(said, "knumad_enabled{mode=\"always\"} 1\n");
	CHECK_HAS(said, "knumad_processes{verdict=\"home\"} 1\n");
	CHECK_HAS(said, "knumad_process_local_ratio{pid=\"77\",comm=\"post gres\"} 0.953\n");
	CHECK_HAS(said, "comm=\"post gres\",node=\"1\"} 104857600\n");
	while ((line = next_line(&rest))) {
		if (sscanf(line, "# TYPE %63s %15s", name, type) == 2) {
			snprintf(family, sizeof(family), " %s ", name);
			CHECK(!strstr(seen, family));
			strncat(seen, family + 1, sizeof(seen) - strlen(seen) - 1);
			CHECK(!strcmp(type, "counter") == !!strstr(name, "_total"));
		} else if (*line != '#') {
			snprintf(name, sizeof(name), " %.*s ", (int)strcspn(line, "{ "), line);
			CHECK_STR(name, family);
		}
	}
	free(said);
}

static void metrics_file(void)
{
	char *path = xprintf("%s/../knumad.prom", fake.proc), *text, *said;
	int status;

	put("knumad.prom", "old\n");
	said = output_of(cmd_metrics, &status, "metrics", "-o", path, NULL);
	text = get("knumad.prom");
	CHECK(!status);
	CHECK_STR(said, "");
	CHECK_HAS(text, "knumad_pages_migrated_total 2560\n");
	free(said);
	free(text);
	said = output_of(cmd_metrics, &status, "metrics", "-o", "/nowhere/knumad.prom", NULL);
	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "cannot write /nowhere/knumad.prom");
	free(said);
	free(path);
}

static void top_batch(void)
{
	int status;
	char *said = output_of(cmd_top, &status, "top", "-b", "-n", "2", "-d", "0.1", "-o", "L",
			       "-p", "41", "-t", NULL);
	char *java, *postgres, *second;

	CHECK(!status);
	CHECK_HAS(said, "knumad always, pack; 2 watched, 1 at home");
	CHECK_HAS(said, "USES NODE%:     0     1");
	/* The least local one first, and the thread of the other one */
	java = strstr(said, "41 java");
	postgres = strstr(said, "77 post gres");
	CHECK(java && postgres && postgres < java);
	CHECK_HAS(said, "on node 1, CPU 3");
	/* Rates in the second round only */
	second = strstr(said + 1, "knumad always");
	CHECK(second && java && second > java);
	CHECK_HAS(second ?: "", "0.0 MB/s, 0.0 faults/s");
	CHECK(!second || strstr(said, "faults/s") > second);
	free(said);
}

static void top_json(void)
{
	int status;
	char *said = output_of(cmd_top, &status, "top", "--json", "-n", "2", "-d", "0.1", NULL);
	char *line = strchr(said, '\n');

	CHECK(!status && line);
	CHECK(*said == '{' && line && line[-1] == '}' && line[1] == '{');
	CHECK_HAS(line ?: "", "\"moved_mb_per_s\": 0");
	free(said);
}

static void top_refuses(void)
{
	int status;
	char *said = output_of(cmd_top, &status, "top", NULL);

	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "not a terminal");
	CHECK_HAS(said, "top -b");
	free(said);
}

/* It is named, wherever it is */
static void wrong_option(void)
{
	char *said;
	int status;

	said = output_of(cmd_explain, &status, "explain", "5", "--foo", NULL);
	CHECK(status == EXIT_USAGE);
	CHECK_HAS(said, "--foo is no option");
	free(said);
	said = output_of(cmd_report, &status, "report", "a.rec", "-x", NULL);
	CHECK(status == EXIT_USAGE);
	CHECK_HAS(said, "-x is no option");
	free(said);
	said = output_of(cmd_report, &status, "report", "--png", NULL);
	CHECK(status == EXIT_USAGE);
	CHECK_HAS(said, "--png is no option of it, lacks its value");
	free(said);
}

static void wrong_usage(void)
{
	static const struct {
		int (*run)(const struct paths *paths, int argc, char **argv);
		const char *name;
		const char *arguments[3];
	} wrong[] = {
		{ cmd_status, "status", { "--foo" } },
		{ cmd_status, "status", { "5" } },
		{ cmd_on, "on", { "sometimes" } },
		{ cmd_on, "on", { "always", "always" } },
		{ cmd_off, "off", { "now" } },
		{ cmd_run, "run", { "true" } },
		{ cmd_run, "run", { "--in" } },
		{ cmd_run, "run", { "--in", "--out", "true" } },
		{ cmd_set, "set", { "5" } },
		{ cmd_set, "set", { "x", "in" } },
		{ cmd_explain, "explain", { NULL } },
		{ cmd_explain, "explain", { "1", "2" } },
		{ cmd_explain, "explain", { "-5" } },
		{ cmd_top, "top", { "-d", "0" } },
		{ cmd_top, "top", { "-n", "0" } },
		{ cmd_top, "top", { "-o", "X" } },
		{ cmd_top, "top", { "-o", "" } },
		{ cmd_top, "top", { "-p", "x" } },
		{ cmd_top, "top", { "-n" } },
		{ cmd_record, "record", { "-i", "x" } },
		{ cmd_record, "record", { "-p", "0" } },
		{ cmd_record, "record", { "-p", "1", "true" } },
		{ cmd_report, "report", { "a", "b" } },
		{ cmd_report, "report", { "-p", "x" } },
		{ cmd_report, "report", { "--png" } },
		{ cmd_metrics, "metrics", { "x" } },
		{ cmd_apply, "apply", { "a", "b" } },
	};
	char *said, *where;
	int status;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		said = output_of(wrong[i].run, &status, wrong[i].name, wrong[i].arguments[0],
				 wrong[i].arguments[1], wrong[i].arguments[2], NULL);
		where = xprintf("'knumadctl %s --help'", wrong[i].name);
		CHECK(status == EXIT_USAGE);
		CHECK_HAS(said, where);
		free(where);
		free(said);
	}
}

static void helps(void)
{
	int (*const commands[])(const struct paths *, int, char **) = {
		cmd_status, cmd_on, cmd_off, cmd_run, cmd_set, cmd_explain, cmd_top, cmd_record,
		cmd_report, cmd_metrics, cmd_apply,
	};
	char *said, *line, *rest;
	int status;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		said = output_of(commands[i], &status, "command", "--help", NULL);
		CHECK(!status);
		CHECK(!strncmp(said, "Usage: knumadctl ", 17));
		for (rest = said; (line = strsep(&rest, "\n"));)
			CHECK(strlen(line) <= 90);
		free(said);
	}
}

const struct test command_tests[] = {
	{ "status", status_text },
	{ "status --json", status_json },
	{ "status and metrics without a way to see processes", status_without },
	{ "explain", explain },
	{ "explain a verdict that is not known", explain_unknown },
	{ "no knumad in this kernel", no_knumad },
	{ "on and off", switching },
	{ "set", setting },
	{ "metrics: well-formed", metrics },
	{ "metrics -o", metrics_file },
	{ "top -b", top_batch },
	{ "top --json", top_json },
	{ "top without a terminal", top_refuses },
	{ "wrong usage", wrong_usage },
	{ "an option that there is not", wrong_option },
	{ "--help of each command", helps },
	{ NULL, NULL },
};
