// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl status: is it on, what has it done, whom does it watch?
 */

#include <stdlib.h>
#include <string.h>

#include "observe.h"
#include "options.h"
#include "read.h"
#include "tunables.h"
#include "view.h"

#define BAR		12
#define MOST_MISPLACED	10	/* of those that are not watched */

static void print_mode(const struct paths *paths, const struct view *v)
{
	const char *who = "nobody is balanced. 'knumadctl on' switches it on";
	char *stats = read_file("%s/knumad/stats", paths->debugfs);
	__u64 times;

	if (!strcmp(v->mode, "always"))
		who = "all processes are balanced but those that are out";
	else if (!strcmp(v->mode, "opt-in"))
		who = "only processes that are in are balanced";
	printf("knumad is %s: %s. Policy %s.\n", v->mode, who, v->policy);
	times = number_of(stats, "self_disabled", 0);
	if (times)
		printf("It found itself inconsistent and switched itself off (%llu): see dmesg.\n",
		       times);
	free(stats);
}

static void print_tunables(const struct paths *paths, const struct machine *machine)
{
	const char *separator = "Changed: ";
	char value[64], preset[64];
	unsigned int cpus = 0;
	size_t i;

	for (i = 0; i < machine->nr; i++)
		cpus += machine->nodes[i].cpus;
	for (i = 0; i < nr_tunables; i++) {
		const struct tunable *t = &tunables[i];

		if (t->words || !tunable_read(paths, t->name, value, sizeof(value)))
			continue;
		tunable_preset(t, cpus, preset, sizeof(preset));
		if (!strcmp(value, preset))
			continue;
		printf("%s%s = %s (%s)", separator, t->name, value, preset);
		separator = ", ";
	}
	if (*separator == ',')
		puts(".");
}

static void print_counters(const struct view *v)
{
	const __u64 *c = v->counters;

	if (!v->counted)
		return;
	printf("Since boot: moved %.0f MB, %llu huge pages whole; %llu threads, exchanged %llu;\n",
	       pages_mb(c[C_PAGES_MIGRATED]), c[C_THP_MIGRATED], c[C_TASKS_MOVED],
	       c[C_TASKS_SWAPPED]);
	printf("            %llu hinting faults, %.0f %% of them local.\n", c[C_HINT_FAULTS],
	       percent(c[C_HINT_FAULTS_LOCAL], c[C_HINT_FAULTS]));
}

static void print_nodes(const struct view *v)
{
	char local[16];
	size_t i;

	printf("\n%4s %5s %6s %10s %10s %7s\n", "NODE", "CPUS", "CPU%", "FREE MB", "TOTAL MB",
	       "LOCAL%");
	for (i = 0; i < v->machine.nr; i++) {
		const struct node *node = &v->machine.nodes[i];

		if (!node->online)
			continue;
		format_local(local, sizeof(local), traffic_local(&v->traffic, i));
		printf("%4zu %5u %6.1f %10llu %10llu %7s\n", i, node->cpus,
		       machine_busy(node, NULL), node->free_kb >> 10, node->total_kb >> 10, local);
	}
}

static void print_process(const struct process *p)
{
	char home[16] = "-", local[16], bar[BAR + 1], comm[16];

	if (p->home >= 0)
		snprintf(home, sizeof(home), "%d", p->home);
	format_local(local, sizeof(local), p->local / 10.0);
	format_bar(bar, BAR, p->resident, p->nr);
	printable(comm, sizeof(comm), p->comm);
	printf("%7d %-15s %4s %-*s %9.0f %7s %9.0f %s\n", p->pid, comm, home, BAR, bar,
	       pages_mb(sum(p->resident, p->nr)), local, pages_mb(p->moved), p->verdict);
}

static void print_heading(void)
{
	printf("%7s %-15s %4s %-*s %9s %7s %9s %s\n", "PID", "COMMAND", "HOME", BAR, "BY NODE",
	       "MB", "LOCAL%", "MOVED MB", "VERDICT");
}

/* Those that there is something to gain from, if knumad is not to look at all of them */
static size_t print_misplaced(const struct paths *paths, struct view *v)
{
	struct process **order;
	size_t nr, i;

	if (!strcmp(v->mode, "always"))
		return 0;
	nr = observe_misplaced(paths, &v->machine, &v->processes, &order);
	if (!nr)
		return 0;
	puts("\nNot watched, and much of their memory is not where their threads ran last:");
	print_heading();
	for (i = 0; i < nr && i < MOST_MISPLACED; i++)
		print_process(order[i]);
	if (nr > MOST_MISPLACED)
		printf("and %zu more\n", nr - MOST_MISPLACED);
	free(order);
	return nr;
}

static void json_misplaced(struct json *j, const struct paths *paths, struct view *v)
{
	struct process **order;
	size_t nr, i;

	nr = observe_misplaced(paths, &v->machine, &v->processes, &order);
	json_open(j, "misplaced", '[');
	for (i = 0; i < nr; i++)
		json_process(j, NULL, order[i], NULL);
	json_close(j, ']');
	free(order);
}

static void print_processes(const struct paths *paths, struct view *v)
{
	size_t i, watched = 0;

	for (i = 0; i < v->processes.nr; i++) {
		if (!process_watched(&v->processes.v[i]))
			continue;
		if (!watched++) {
			puts("");
			print_heading();
		}
		print_process(&v->processes.v[i]);
	}
	if (!(watched + print_misplaced(paths, v)))
		printf("\nNo process%s is watched. 'knumadctl explain PID' tells where any is.\n",
		       v->processes.denied ? " of yours" : "");
	else
		puts("\n'knumadctl explain PID' tells more about one of them.");
}

/* What is not shown, and how to see it */
static void print_missing(const struct paths *paths, const struct view *v)
{
	if (v->error)
		printf("\nWhich processes it watches is not known: %s\n",
		       why_no_debugfs(paths) ?: strerror(-v->error));
	else if (v->processes.denied)
		printf("\n%zu processes of others are not shown: root sees them, too.\n",
		       v->processes.denied);
}

static void print_json(const struct paths *paths, struct view *v)
{
	struct json j = { .out = stdout };
	char value[64];
	size_t i;

	json_open(&j, NULL, '{');
	json_open(&j, "tunables", '{');
	for (i = 0; i < nr_tunables; i++)
		if (!tunables[i].words &&
		    tunable_read(paths, tunables[i].name, value, sizeof(value)))
			json_int(&j, tunables[i].name, strtoll(value, NULL, 10));
	json_close(&j, '}');
	json_view(&j, v, NULL);
	/* The last one: it fills in what the kernel does not tell of these */
	if (!v->error && strcmp(v->mode, "always"))
		json_misplaced(&j, paths, v);
	json_close(&j, '}');
	puts("");
}

static const char help[] =
	"Usage: knumadctl status [--json]\n"
	"\n"
	"Tell whether knumad is on, what it has done since boot, and whom it watches.\n"
	"CPU% is the average since boot, LOCAL% an estimate: see knumadctl(8).\n";

/**
 * cmd_status - is it on, what has it done, whom does it watch?
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_status(const struct paths *paths, int argc, char **argv)
{
	bool json = false;
	struct view v;
	int ret;

	ret = common_options(argc, argv, help, &json);
	if (ret >= 0)
		return ret;
	if (optind < argc) {
		fail(EXIT_USAGE, "status: takes no argument, such as '%s'.", argv[optind]);
		return usage_error(argv[0]);
	}
	ret = need_knumad(paths) ?: view_read(paths, &v);
	if (ret)
		return ret;
	if (json) {
		print_json(paths, &v);
	} else {
		print_mode(paths, &v);
		print_tunables(paths, &v.machine);
		print_counters(&v);
		print_nodes(&v);
		if (!v.error)
			print_processes(paths, &v);
		print_missing(paths, &v);
	}
	view_free(&v);
	return EXIT_SUCCESS;
}
