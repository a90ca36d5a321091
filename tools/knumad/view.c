// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: the state of things, and how it is shown
 */

#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "tunables.h"
#include "view.h"

/**
 * view_read - look at everything
 * @paths: where the files of the kernel are
 * @v: where to store it
 *
 * Return: 0, or an exit status when the reason has been said. Processes and counters
 * may be missing: @error and @counted tell.
 */
int view_read(const struct paths *paths, struct view *v)
{
	char *threads;
	int ret;

	*v = (struct view) { .time = now_s() };
	ret = machine_read(paths, &v->machine);
	if (ret)
		return ret;
	tunable_read(paths, "enabled", v->mode, sizeof(v->mode));
	tunable_read(paths, "policy", v->policy, sizeof(v->policy));
	v->error = processes_read(paths, v->machine.nr, &v->processes);
	v->counted = counters_read(paths, v->counters);
	threads = read_file("%s/knumad/threads", paths->debugfs);
	traffic_estimate(&v->processes, threads, v->machine.nr, &v->traffic);
	free(threads);
	return 0;
}

/**
 * view_free - forget it
 * @v: a view, or zeroes
 */
void view_free(struct view *v)
{
	machine_free(&v->machine);
	processes_free(&v->processes);
	traffic_free(&v->traffic);
}

/* What was counted in between. A counter that went back began anew. */
static __u64 grown(__u64 now, __u64 before)
{
	return now >= before ? now - before : now;
}

/**
 * process_rates - what happened to a process?
 * @now: a view
 * @before: an earlier one
 * @p: the process, of @now
 *
 * Return: its rates; zeroes if it was not there before.
 */
struct rates process_rates(const struct view *now, const struct view *before,
			   const struct process *p)
{
	const struct process *old = processes_find(&before->processes, p->pid);
	double seconds = now->time - before->time;

	if (!old || seconds <= 0)
		return (struct rates) { 0 };
	return (struct rates) {
		.seconds = seconds,
		.faults = grown(p->faults, old->faults) / seconds,
		.moved_mb = pages_mb(grown(p->moved, old->moved)) / seconds,
		.scan = grown(p->scan_us, old->scan_us) / seconds / 1e4,
	};
}

/**
 * counter_rates - what happened altogether?
 * @now: a view
 * @before: an earlier one
 *
 * Return: the rates; @scan stays 0.
 */
struct rates counter_rates(const struct view *now, const struct view *before)
{
	double seconds = now->time - before->time;

	if (!before->counted || seconds <= 0)
		return (struct rates) { 0 };
	return (struct rates) {
		.seconds = seconds,
		.faults = grown(now->counters[C_HINT_FAULTS],
				before->counters[C_HINT_FAULTS]) / seconds,
		.moved_mb = pages_mb(grown(now->counters[C_PAGES_MIGRATED],
					   before->counters[C_PAGES_MIGRATED])) / seconds,
	};
}

/**
 * format_mb - an amount of memory in at most six characters
 * @to: where to store it
 * @size: of @to
 * @mb: MiB
 */
void format_mb(char *to, size_t size, double mb)
{
	if (mb < 99999.5)
		snprintf(to, size, "%.0fM", mb);
	else if (mb < 99999.5 * 1024)
		snprintf(to, size, "%.0fG", mb / 1024);
	else
		snprintf(to, size, "%.0fT", mb / 1024 / 1024);
}

/**
 * format_local - a share that may be unknown
 * @to: where to store it
 * @size: of @to
 * @percent: the share; negative: unknown
 */
void format_local(char *to, size_t size, double percent)
{
	if (percent < 0)
		snprintf(to, size, "-");
	else
		snprintf(to, size, "%.1f", percent);
}

/**
 * node_digit - a character for a node
 * @node: its number
 *
 * Return: 0 to 9, a to z, then +.
 */
char node_digit(size_t node)
{
	return node < 36 ? "0123456789abcdefghijklmnopqrstuvwxyz"[node] : '+';
}

/**
 * format_bar - shares of nodes as a bar
 * @to: where to store it; @width + 1 characters
 * @width: of the bar
 * @v: a number per node
 * @nr: how many
 *
 * Each node has as many of its digits as its share is of the width; who has a share
 * of a tenth of a character or more is seen. Nothing at all is dots.
 */
void format_bar(char *to, size_t width, const __u64 *v, size_t nr)
{
	double all = sum(v, nr), so_far = 0;
	size_t at = 0, i, end;

	memset(to, '.', width);
	to[width] = '\0';
	for (i = 0; i < nr && all > 0; i++) {
		so_far += v[i];
		end = so_far / all * width + 0.5;
		if (end == at && v[i] / all * width >= 0.1 && at < width)
			end = at + 1;
		for (; at < end; at++)
			to[at] = node_digit(i);
	}
}

static void json_rates(struct json *j, const struct rates *rates)
{
	if (!rates || !rates->seconds)
		return;
	json_real(j, "faults_per_s", rates->faults);
	json_real(j, "moved_mb_per_s", rates->moved_mb);
	json_real(j, "scan_percent", rates->scan);
}

/**
 * json_process - a process
 * @j: where to write it
 * @name: its name there
 * @p: the process
 * @rates: what happened to it, NULL if that is not known
 */
void json_process(struct json *j, const char *name, const struct process *p,
		  const struct rates *rates)
{
	json_open(j, name, '{');
	json_int(j, "pid", p->pid);
	json_string(j, "comm", p->comm);
	if (*p->mode)
		json_string(j, "mode", p->mode);
	if (*p->group)
		json_string(j, "group", p->group);
	json_string(j, "verdict", p->verdict);
	if (*p->reason)
		json_string(j, "reason", p->reason);
	json_int(j, "home", p->home);
	json_share(j, "local_percent", p->local / 10.0);
	json_list(j, "resident_pages", p->resident, p->nr);
	json_list(j, "used_pages", p->used, p->nr);
	json_list(j, "cpu_thousandths", p->cpu, p->nr);
	json_int(j, "load_mcpu", p->load_mcpu);
	json_int(j, "threads", p->threads);
	json_int(j, "faults", p->faults);
	json_int(j, "moved_pages", p->moved);
	json_int(j, "scan_us", p->scan_us);
	json_int(j, "interval_ms", p->interval_ms);
	json_rates(j, rates);
	json_close(j, '}');
}

static void json_node(struct json *j, const struct view *now, const struct view *before,
		      size_t nid)
{
	const struct node *node = &now->machine.nodes[nid], *old = NULL;
	size_t i;

	if (before && nid < before->machine.nr)
		old = &before->machine.nodes[nid];
	json_open(j, NULL, '{');
	json_int(j, "node", nid);
	json_string(j, "cpulist", node->cpulist);
	json_real(j, "busy_percent", machine_busy(node, old));
	json_int(j, "free_kb", node->free_kb);
	json_int(j, "total_kb", node->total_kb);
	json_share(j, "local_percent", traffic_local(&now->traffic, nid));
	json_open(j, "traffic_cores", '[');
	for (i = 0; i < now->machine.nr; i++)
		json_real(j, NULL, now->traffic.share[nid * now->machine.nr + i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void json_processes(struct json *j, const struct view *now, const struct view *before)
{
	size_t i;

	json_open(j, "processes", '[');
	for (i = 0; i < now->processes.nr; i++) {
		const struct process *p = &now->processes.v[i];
		struct rates rates = { 0 };

		if (!process_watched(p))
			continue;
		if (before)
			rates = process_rates(now, before, p);
		json_process(j, NULL, p, &rates);
	}
	json_close(j, ']');
}

/**
 * json_view - members of an object: the state of things
 * @j: where to write them
 * @now: the state
 * @before: an earlier one for rates, or NULL
 */
void json_view(struct json *j, const struct view *now, const struct view *before)
{
	size_t i;

	json_string(j, "enabled", now->mode);
	json_string(j, "policy", now->policy);
	if (now->counted) {
		json_open(j, "counters", '{');
		for (i = 0; i < NR_COUNTERS; i++)
			json_int(j, counter_names[i], now->counters[i]);
		json_close(j, '}');
	}
	json_open(j, "nodes", '[');
	for (i = 0; i < now->machine.nr; i++)
		if (now->machine.nodes[i].online)
			json_node(j, now, before, i);
	json_close(j, ']');
	if (!now->error) {
		json_processes(j, now, before);
		json_int(j, "denied", now->processes.denied);
	}
}
