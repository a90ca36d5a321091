// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl metrics: figures for Prometheus
 *
 * In its text exposition format, for the textfile collector of node_exporter.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics.h"
#include "options.h"
#include "tunables.h"
#include "view.h"

static void describe(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP knumad_%s %s\n# TYPE knumad_%s %s\n", name, help, name, type);
}

/**
 * metrics_label - the value of a label
 * @out: where to write it
 * @text: the value; bytes that are no printable ASCII become '?'
 */
void metrics_label(FILE *out, const char *text)
{
	char plain[256];
	const char *c;

	printable(plain, sizeof(plain), text);
	for (c = plain; *c; c++) {
		if (*c == '"' || *c == '\\')
			putc('\\', out);
		putc(*c, out);
	}
}

static void print_enabled(FILE *out, const char *mode)
{
	static const char *const modes[] = { "always", "opt-in", "never" };
	size_t i;

	describe(out, "enabled", "gauge", "1 for the mode that knumad is in.");
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		fprintf(out, "knumad_enabled{mode=\"%s\"} %d\n", modes[i], !strcmp(modes[i], mode));
}

static void print_tunables(FILE *out, const struct paths *paths)
{
	char value[64];
	size_t i;

	describe(out, "tunable", "gauge", "Values of the tunables that are numbers.");
	for (i = 0; i < nr_tunables; i++)
		if (!tunables[i].words &&
		    tunable_read(paths, tunables[i].name, value, sizeof(value)))
			fprintf(out, "knumad_tunable{name=\"%s\"} %s\n", tunables[i].name, value);
}

static void print_counters(FILE *out, const struct view *v)
{
	static const char *const helps[NR_COUNTERS] = {
		[C_PAGES_MIGRATED]	= "Pages moved.",
		[C_THP_MIGRATED]	= "Huge pages moved whole.",
		[C_MIGRATE_FAILED]	= "Folios that could not be moved.",
		[C_HINT_FAULTS]		= "Hinting faults.",
		[C_HINT_FAULTS_LOCAL]	= "Hinting faults on the node of the page.",
		[C_PAGES_ARMED]		= "Pages armed for a hinting fault.",
		[C_PAGES_SCANNED]	= "Pages looked at; a huge page is 512.",
		[C_TASKS_MOVED]		= "Threads moved to an idle or less busy CPU.",
		[C_TASKS_SWAPPED]	= "Threads exchanged.",
	};
	char name[64];
	size_t i;

	for (i = 0; v->counted && i < NR_COUNTERS; i++) {
		snprintf(name, sizeof(name), "%s_total", counter_names[i]);
		describe(out, name, "counter", helps[i]);
		fprintf(out, "knumad_%s %llu\n", name, v->counters[i]);
	}
}

static void print_nodes(FILE *out, const struct view *v)
{
	const struct machine *m = &v->machine;
	size_t i, j;

	describe(out, "node_free_bytes", "gauge", "Free memory of a node.");
	for (i = 0; i < m->nr; i++)
		if (m->nodes[i].online)
			fprintf(out, "knumad_node_free_bytes{node=\"%zu\"} %llu\n", i,
				m->nodes[i].free_kb << 10);
	if (v->error)
		return;
	describe(out, "traffic_cores", "gauge",
		 "Estimated use of memory: cores of threads on cpu_node for memory on memory_node.");
	for (i = 0; i < m->nr; i++)
		for (j = 0; j < m->nr; j++)
			if (m->nodes[i].online && m->nodes[j].online)
				fprintf(out,
					"knumad_traffic_cores{cpu_node=\"%zu\",memory_node=\"%zu\"} %.6g\n",
					i, j, v->traffic.share[i * m->nr + j]);
}

/**
 * metrics_verdicts - how many processes have which verdict?
 * @out: where to write it
 * @ps: the processes
 */
void metrics_verdicts(FILE *out, const struct processes *ps)
{
	/* There are some dozen words, however many processes */
	struct {
		const char *word;
		size_t count;
	} *v = NULL;
	size_t i, j, nr = 0;

	describe(out, "processes", "gauge", "Watched processes by verdict.");
	for (i = 0; i < ps->nr; i++) {
		if (!process_watched(&ps->v[i]))
			continue;
		for (j = 0; j < nr && strcmp(v[j].word, ps->v[i].verdict); j++)
			;
		if (j == nr) {
			v = xgrow(v, nr, sizeof(*v));
			v[nr].word = ps->v[i].verdict;
			v[nr++].count = 0;
		}
		v[j].count++;
	}
	for (j = 0; j < nr; j++)
		fprintf(out, "knumad_processes{verdict=\"%s\"} %zu\n", v[j].word, v[j].count);
	free(v);
}

/* One sample of a process, with its labels; @node: -1 for none */
static void print_sample(FILE *out, const char *name, const struct process *p, long node,
			 double value)
{
	fprintf(out, "knumad_process_%s{pid=\"%d\",comm=\"", name, p->pid);
	metrics_label(out, p->comm);
	if (node >= 0)
		fprintf(out, "\",node=\"%ld", node);
	fprintf(out, "\"} %.15g\n", value);
}

static double local_ratio(const struct process *p)
{
	return p->local / 1000.0;
}

static double moved_bytes(const struct process *p)
{
	return pages_mb(p->moved) * (1 << 20);
}

static double faults(const struct process *p)
{
	return p->faults;
}

static double scan_seconds(const struct process *p)
{
	return p->scan_us / 1e6;
}

static void print_processes(FILE *out, const struct processes *ps)
{
	static const struct {
		const char *name;
		const char *type;
		const char *help;
		double (*value)(const struct process *p);
	} figures[] = {
		{ "local_ratio", "gauge",
		  "Share of its used memory on the node of its threads.", local_ratio },
		{ "moved_bytes_total", "counter",
		  "Memory moved since it is watched.", moved_bytes },
		{ "faults_total", "counter",
		  "Hinting faults since it is watched.", faults },
		{ "scan_seconds_total", "counter",
		  "CPU time of looking at it.", scan_seconds },
	};
	char name[64];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(figures); i++) {
		snprintf(name, sizeof(name), "process_%s", figures[i].name);
		describe(out, name, figures[i].type, figures[i].help);
		for (j = 0; j < ps->nr; j++)
			if (process_watched(&ps->v[j]) && figures[i].value(&ps->v[j]) >= 0)
				print_sample(out, figures[i].name, &ps->v[j], -1,
					     figures[i].value(&ps->v[j]));
	}
	describe(out, "process_resident_bytes", "gauge", "Anonymous memory by node.");
	for (i = 0; i < ps->nr; i++)
		for (j = 0; process_watched(&ps->v[i]) && j < ps->v[i].nr; j++)
			print_sample(out, "resident_bytes", &ps->v[i], j,
				     pages_mb(ps->v[i].resident[j]) * (1 << 20));
}

static void print_all(FILE *out, const struct paths *paths, const struct view *v, bool processes)
{
	print_enabled(out, v->mode);
	print_tunables(out, paths);
	print_counters(out, v);
	print_nodes(out, v);
	if (v->error)
		return;
	metrics_verdicts(out, &v->processes);
	if (processes)
		print_processes(out, &v->processes);
}

/* A reader sees the old file or the new one, never a part of it */
static int print_to(const char *path, const struct paths *paths, const struct view *v,
		    bool processes)
{
	/* The collector reads *.prom, so it must not end like that */
	char *temporary = xprintf("%s.XXXXXX", path);
	int fd = mkstemp(temporary), ret = EXIT_SUCCESS;
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool failed = !out;

	if (out) {
		print_all(out, paths, v, processes);
		failed = fchmod(fd, 0644) | ferror(out);
		failed |= fclose(out) || rename(temporary, path);
	}
	if (failed) {
		ret = fail(EXIT_FAILURE, "cannot write %s: %s.", path, strerror(errno));
		if (fd >= 0)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}

static const char help[] =
	"Usage: knumadctl metrics [--processes] [-o FILE]\n"
	"\n"
	"Print figures in the text format of Prometheus.\n"
	"\n"
	"  -o, --output FILE  write to FILE, which is replaced at once when all is written\n"
	"      --processes    also those of each watched process\n";

/**
 * cmd_metrics - figures for Prometheus
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_metrics(const struct paths *paths, int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "processes", no_argument, NULL, OPT_PROCESSES },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	const char *output = NULL;
	bool processes = false;
	struct view v;
	int c, ret;

	while ((c = next_option(argc, argv, "ho:", options, help)) != -1) {
		if (c == 'o')
			output = optarg;
		else if (c == OPT_PROCESSES)
			processes = true;
		else
			return c == OPTION_HELP ? EXIT_SUCCESS : usage_error(argv[0]);
	}
	if (optind < argc) {
		fail(EXIT_USAGE, "metrics: takes no argument, such as '%s'.", argv[optind]);
		return usage_error(argv[0]);
	}
	ret = need_knumad(paths) ?: view_read(paths, &v);
	if (ret)
		return ret;
	if (v.error)
		fail(0, "without figures of processes. %s",
		     why_no_debugfs(paths) ?: strerror(-v.error));
	else if (v.processes.denied)
		fail(0, "without figures of %zu processes of others: root sees them, too.",
		     v.processes.denied);
	if (output)
		ret = print_to(output, paths, &v, processes);
	else
		print_all(stdout, paths, &v, processes);
	view_free(&v);
	return ret;
}
