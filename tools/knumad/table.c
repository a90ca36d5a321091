// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what top shows, line by line
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "read.h"
#include "table.h"

#define WIDE		80	/* all columns but CORES fit in */
#define WIDER		86	/* CORES, too */
#define NODE_WIDTH	40	/* columns of a node up to its local share */
#define USES_WIDTH	13	/* then words, then its use of each node */
#define LEAST_BAR	4
#define MOST_BAR	40

static struct line *__printf(3, 4)
add(struct table *table, enum style style, const char *fmt, ...)
{
	struct line *line;
	va_list ap;

	table->v = xgrow(table->v, table->nr, sizeof(*table->v));
	line = &table->v[table->nr++];
	line->style = style;
	va_start(ap, fmt);
	vsnprintf(line->text, sizeof(line->text), fmt, ap);
	va_end(ap);
	return line;
}

/* More text for the same line */
static void __printf(2, 3) append(struct line *line, const char *fmt, ...)
{
	size_t len = strlen(line->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line->text + len, sizeof(line->text) - len, fmt, ap);
	va_end(ap);
}

/**
 * table_free - forget lines
 * @table: the lines
 */
void table_free(struct table *table)
{
	free(table->v);
	*table = (struct table) { 0 };
}

static bool has_before(const struct top *top)
{
	return top->before.time;
}

/**
 * table_head - the first lines: how it goes altogether
 * @top: what is shown
 * @table: where to add them
 */
void table_head(const struct top *top, struct table *table)
{
	const struct view *now = &top->now;
	size_t i, watched = 0, home = 0;
	struct rates rates = { 0 };
	struct line *line;
	char local[16];

	for (i = 0; i < now->processes.nr; i++) {
		watched += process_watched(&now->processes.v[i]);
		home += !strcmp(now->processes.v[i].verdict, "home");
	}
	if (has_before(top))
		rates = counter_rates(now, &top->before);
	line = add(table, PLAIN, "knumad %s, %s", now->mode, now->policy);
	if (now->error)
		append(line, "; processes are not known");
	else
		append(line, "; %zu watched, %zu at home", watched, home);
	format_local(local, sizeof(local), traffic_local(&now->traffic, -1));
	append(line, "; local %s %%", local);
	if (rates.seconds)
		append(line, "; %.1f MB/s, %.1f faults/s", rates.moved_mb, rates.faults);
}

/* How many nodes fit into the columns for traffic */
static size_t traffic_columns(const struct top *top)
{
	size_t most = (top->width - NODE_WIDTH - USES_WIDTH - 2) / 6;

	return top->now.machine.nr < most ? top->now.machine.nr : most;
}

static void add_node(const struct top *top, size_t nid, struct table *table)
{
	const struct view *now = &top->now;
	const struct node *node = &now->machine.nodes[nid], *old = NULL;
	double from = traffic_from(&now->traffic, nid);
	struct line *line;
	char local[16];
	size_t i;

	if (has_before(top) && nid < top->before.machine.nr)
		old = &top->before.machine.nodes[nid];
	format_local(local, sizeof(local), traffic_local(&now->traffic, nid));
	line = add(table, PLAIN, "%4zu %4u %5.1f %8llu %8llu %6s", nid, node->cpus,
		   machine_busy(node, old), node->free_kb >> 10, node->total_kb >> 10, local);
	append(line, "%*s", USES_WIDTH, "");
	for (i = 0; i < traffic_columns(top); i++) {
		if (from > 0)
			append(line, "%6.1f", percent(now->traffic.share[nid * now->machine.nr + i],
						      from));
		else
			append(line, "%6s", "-");
	}
}

/**
 * table_nodes - a line for each node
 * @top: what is shown
 * @most: how many lines there may be at most
 * @table: where to add them
 */
void table_nodes(const struct top *top, size_t most, struct table *table)
{
	const struct machine *m = &top->now.machine;
	size_t i, online = 0, shown = 0;
	struct line *line;

	for (i = 0; i < m->nr; i++)
		online += m->nodes[i].online;
	line = add(table, HEADING, "%4s %4s %5s %8s %8s %6s%*s", "NODE", "CPUS", "CPU%",
		   "FREE MB", "TOTAL MB", "LOCAL%", USES_WIDTH, "USES NODE%:");
	for (i = 0; i < traffic_columns(top); i++)
		append(line, "%6zu", i);
	if (i < m->nr)
		append(line, " +");
	for (i = 0; i < m->nr; i++) {
		if (!m->nodes[i].online)
			continue;
		if (shown + 1 == most && online > most) {
			add(table, PLAIN, "     %zu more nodes: n shows them", online - shown);
			return;
		}
		add_node(top, i, table);
		shown++;
	}
}

/* Columns by the width that there is */
static bool is_wide(const struct top *top)
{
	return top->width >= WIDE;
}

static bool has_cores(const struct top *top)
{
	return top->width >= WIDER;
}

static int bar_width(const struct top *top)
{
	/* What the other columns take, blanks included */
	int others = 56 + (is_wide(top) ? 15 : 0) + (has_cores(top) ? 6 : 0);
	int left = (int)top->width - others;

	return left < LEAST_BAR ? LEAST_BAR : left > MOST_BAR ? MOST_BAR : left;
}

static int comm_width(const struct top *top)
{
	return is_wide(top) ? 10 : 8;
}

/**
 * table_heading - names of the columns of processes
 * @top: what is shown
 * @table: where to add them
 */
void table_heading(const struct top *top, struct table *table)
{
	struct line *line;

	line = add(table, HEADING, "%7s %-*s %4s %-*s %6s %6s %6s", "PID", comm_width(top),
		   "COMMAND", "HOME", bar_width(top), is_wide(top) ? "BY NODE" : "NODE",
		   "MEMORY", "LOCAL%", "MB/s");
	if (is_wide(top))
		append(line, " %6s %5s", "FLT/s", "SCAN%");
	if (has_cores(top))
		append(line, " %5s", "CORES");
	append(line, " VERDICT");
}

/* A rate, in at most six characters; a dash if there is none yet */
static void append_rate(struct line *line, int width, double value, bool known)
{
	if (known)
		append(line, " %*.*f", width, value < 1000 ? 1 : 0, value);
	else
		append(line, " %*s", width, "-");
}

static enum style style_of(const struct top *top, const struct process *p)
{
	if (p->pid == top->selected)
		return SELECTED;
	return process_watched(p) && strcmp(p->verdict, "home") && strcmp(p->verdict, "idle") ?
		STRONG : PLAIN;
}

static void add_process(const struct top *top, const struct process *p, struct table *table)
{
	char comm[64], home[16] = "-", bar[MOST_BAR + 1], memory[16], local[16];
	struct rates rates = { 0 };
	struct line *line;

	if (has_before(top))
		rates = process_rates(&top->now, &top->before, p);
	printable(comm, sizeof(comm), p->comm);
	if (p->home >= 0)
		snprintf(home, sizeof(home), "%d", p->home);
	format_bar(bar, bar_width(top), p->resident, p->nr);
	format_mb(memory, sizeof(memory), pages_mb(sum(p->resident, p->nr)));
	format_local(local, sizeof(local), p->local / 10.0);
	line = add(table, style_of(top, p), "%7d %-*.*s %4s %s %6s %6s", p->pid, comm_width(top),
		   comm_width(top), comm, home, bar, memory, local);
	append_rate(line, 6, rates.moved_mb, rates.seconds);
	if (is_wide(top)) {
		append_rate(line, 6, rates.faults, rates.seconds);
		append_rate(line, 5, rates.scan, rates.seconds);
	}
	if (has_cores(top))
		append(line, " %5.1f", p->load_mcpu / 1000.0);
	append(line, " %s", p->verdict);
}

static void add_thread(const struct top *top, const struct task *t, struct table *table)
{
	const struct task *old = tasks_find(&top->tasks_before, t->tid);
	double seconds = top->tasks.time - top->tasks_before.time;
	char comm[64], home[16] = "-";
	struct line *line;
	int nid;

	printable(comm, sizeof(comm), t->comm);
	nid = task_home(top->paths, top->selected, t->tid);
	if (nid >= 0)
		snprintf(home, sizeof(home), "%d", nid);
	line = add(table, PLAIN, "%9d %-*.*s %2s   on node %d, CPU %d", t->tid, comm_width(top),
		   comm_width(top), comm, home, machine_node_of(&top->now.machine, t->cpu), t->cpu);
	if (old && t->ticks >= old->ticks)
		append(line, ", using %.1f %% of it",
		       percent(t->ticks - old->ticks, seconds * sysconf(_SC_CLK_TCK)));
}

/* What to sort by; see the help of top.c */
static double key(const struct top *top, const struct process *p)
{
	struct rates rates = { 0 };

	if (has_before(top))
		rates = process_rates(&top->now, &top->before, p);
	switch (top->sort) {
	case 'M':
		return sum(p->resident, p->nr);
	case 'L':
		/* The least local ones first: they are what one looks for */
		return p->local < 0 ? -2000 : -p->local;
	case 'F':
		return rates.faults;
	case 'V':
		return rates.moved_mb;
	case 'N':
		return -p->pid;
	default:
		return p->load_mcpu;
	}
}

struct keyed {
	const struct process *process;
	double key;
};

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return (x->process->pid > y->process->pid) - (x->process->pid < y->process->pid);
}

/**
 * top_order - which processes are shown, in which order?
 * @top: what is shown
 * @order: where to store them, to be freed
 *
 * Return: how many.
 */
size_t top_order(const struct top *top, const struct process ***order)
{
	const struct processes *ps = &top->now.processes;
	struct keyed *v = xalloc(ps->nr, sizeof(*v));
	size_t i, nr = 0;

	for (i = 0; i < ps->nr; i++) {
		if (!top->all && !process_watched(&ps->v[i]))
			continue;
		v[nr].process = &ps->v[i];
		v[nr].key = key(top, v[nr].process) * (top->reverse ? -1 : 1);
		nr++;
	}
	qsort(v, nr, sizeof(*v), by_key);
	*order = xalloc(nr, sizeof(**order));
	for (i = 0; i < nr; i++)
		(*order)[i] = v[i].process;
	free(v);
	return nr;
}

/**
 * table_processes - a line for each process, and for threads of the selected one
 * @top: what is shown
 * @table: where to add them
 */
void table_processes(const struct top *top, struct table *table)
{
	const struct process **order;
	size_t nr = top_order(top, &order), i, j;

	for (i = 0; i < nr; i++) {
		add_process(top, order[i], table);
		if (!top->threads || order[i]->pid != top->selected)
			continue;
		for (j = 0; j < top->tasks.nr; j++)
			add_thread(top, &top->tasks.v[j], table);
	}
	free(order);
}
