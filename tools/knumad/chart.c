// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: a recording as text
 *
 * All charts of a process have the same time axis below each other. A column is a span of
 * time; it shows the last sample in it, or where samples are further apart than columns,
 * the one before.
 */

#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "view.h"

#define LABEL		14	/* characters left of the axis */
#define LOCAL_ROWS	6	/* 0, 20, ... 100 % */
#define MEMORY_ROWS	8
#define MOST_ROWS	32	/* of an address space */
#define TICK		8	/* columns from tick to tick, at least */

struct chart {
	FILE *out;
	const struct recording *r;
	const struct track *t;
	int columns;
	double end;
	const struct point **at;	/* of each column */
};

/* A column is as long as */
static double span(const struct chart *c)
{
	return c->end / c->columns;
}

static void find_points(struct chart *c)
{
	/* A sample stands for the time up to the next one, which may be late */
	double stands_for = 1.5 * (c->r->interval > 0 ? c->r->interval : 1);
	double to;
	int i;

	for (i = 0; i < c->columns; i++) {
		to = (i + 1) * span(c);
		c->at[i] = track_at(c->t, to - (span(c) > stands_for ? span(c) : stands_for), to);
	}
}

/* Seconds from tick to tick: the least of 0.1, 0.2, 0.5, 1, 2, ... that leaves room */
static double tick_step(const struct chart *c)
{
	static const double factor[] = { 2, 2.5, 2 };
	double step = 0.1;
	size_t i;

	for (i = 0; step < TICK * span(c); i++)
		step *= factor[i % ARRAY_SIZE(factor)];
	return step;
}

static void axis(const struct chart *c)
{
	double step = tick_step(c);
	int i, column, at = 0;

	fprintf(c->out, "%*s +", LABEL, "");
	for (i = 0, column = 0; column < c->columns; column++) {
		if (column == (int)(i * step / span(c) + 0.5)) {
			putc('+', c->out);
			i++;
		} else {
			putc('-', c->out);
		}
	}
	fprintf(c->out, "\n%*s  ", LABEL, "");
	for (i = 0;; i++) {
		column = i * step / span(c) + 0.5;
		if (column >= c->columns)
			break;
		at += fprintf(c->out, "%*s%g", column - at, "", i * step);
	}
	fputs(" s\n\n", c->out);
}

/* A row: its label, and a character for each column */
static void row(const struct chart *c, const char *label, char (*cell)(const struct chart *c,
								       const struct point *p,
								       const void *data),
		const void *data)
{
	int i;

	fprintf(c->out, "%*.*s |", LABEL, LABEL, label);
	for (i = 0; i < c->columns; i++)
		putc(c->at[i] ? cell(c, c->at[i], data) : ' ', c->out);
	putc('\n', c->out);
}

static char local_cell(const struct chart *c, const struct point *p, const void *data)
{
	double local = point_local(p, c->r->nr_nodes);
	int level = local * (LOCAL_ROWS - 1) / 100 + 0.5, row = *(const int *)data;

	if (local < 0)
		return row ? ' ' : '?';
	return level == row ? '*' : level > row ? ':' : ' ';
}

static void local_chart(const struct chart *c)
{
	char label[16];
	int i;

	fputs("  local share of the memory it uses, %\n", c->out);
	for (i = LOCAL_ROWS - 1; i >= 0; i--) {
		snprintf(label, sizeof(label), "%d", 100 * i / (LOCAL_ROWS - 1));
		row(c, label, local_cell, &i);
	}
	axis(c);
}

/* The node whose share of the stack is at this height */
static char memory_cell(const struct chart *c, const struct point *p, const void *data)
{
	double height = *(const double *)data, so_far = 0;
	size_t i;

	for (i = 0; i < c->r->nr_nodes; i++) {
		so_far += p->pages[i];
		if (height < so_far)
			return node_digit(i);
	}
	return ' ';
}

static void memory_chart(const struct chart *c)
{
	double most = 1, pages, height;
	char label[16] = "";
	int i;

	for (i = 0; i < c->columns; i++) {
		pages = c->at[i] ? sum(c->at[i]->pages, c->r->nr_nodes) : 0;
		most = pages > most ? pages : most;
	}
	fputs("  its memory, MB, stacked: each digit is the node it is on\n", c->out);
	for (i = MEMORY_ROWS - 1; i >= 0; i--) {
		height = (i + 0.5) * most / MEMORY_ROWS;
		*label = '\0';
		if (i == MEMORY_ROWS - 1 || i == MEMORY_ROWS / 2 - 1)
			snprintf(label, sizeof(label), "%.0f",
				 pages_mb(most) * (i + 1) / MEMORY_ROWS);
		row(c, label, memory_cell, &height);
	}
	axis(c);
}

static char majority_digit(const __u64 *v, size_t nr)
{
	int node = majority(v, nr);

	return node >= 0 ? node_digit(node) : node == -1 ? '.' : ' ';
}

static char heat_cell(const struct chart *c, const struct point *p, const void *data)
{
	const struct rows *one = data;
	__u64 *pages = xalloc(c->r->nr_nodes, sizeof(*pages));
	size_t point = p - c->t->points, i, nid;
	char digit;

	for (i = 0; i < c->t->nr_heat; i++) {
		const struct heat *h = &c->t->heat[i];

		if (h->point != point || h->address / one->size * one->size != *one->start)
			continue;
		for (nid = 0; nid < c->r->nr_nodes; nid++)
			pages[nid] += h->pages[nid];
	}
	digit = majority_digit(pages, c->r->nr_nodes);
	free(pages);
	return digit;
}

static void heat_chart(const struct chart *c)
{
	struct rows rows, one;
	char label[32], size[16];
	size_t i;

	rows_find(c->t, MOST_ROWS, &rows);
	format_mb(size, sizeof(size), rows.size / 1048576.0);
	fprintf(c->out, "  its addresses, rows of %s: the node they are on, . = on several\n",
		size);
	for (i = rows.nr; i-- > 0;) {
		one = (struct rows) { .size = rows.size, .start = &rows.start[i] };
		snprintf(label, sizeof(label), "%llx", rows.start[i]);
		row(c, label, heat_cell, &one);
		/* What lies between is not shown */
		if (i && rows.start[i] - rows.start[i - 1] > rows.size)
			fprintf(c->out, "%*s ~\n", LABEL, "");
	}
	axis(c);
	rows_free(&rows);
}

static char cpu_cell(const struct chart *c, const struct point *p, const void *data)
{
	(void)data;
	return majority_digit(p->cpu_ms, c->r->nr_nodes);
}

static char home_cell(const struct chart *c, const struct point *p, const void *data)
{
	(void)c;
	(void)data;
	return p->home >= 0 ? node_digit(p->home) : '-';
}

static char verdict_cell(const struct chart *c, const struct point *p, const void *data)
{
	(void)c;
	return strcmp(p->verdict, data) ? ' ' : '#';
}

static void verdict_chart(const struct chart *c)
{
	const char **verdicts;
	size_t nr = track_verdicts(c->t, &verdicts), i;

	fputs("  the node its threads run on, . = on several; its home, - = none; its verdict\n",
	      c->out);
	row(c, "threads", cpu_cell, NULL);
	row(c, "home", home_cell, NULL);
	for (i = 0; i < nr; i++)
		row(c, verdicts[i], verdict_cell, verdicts[i]);
	axis(c);
	free(verdicts);
}

static int columns_of(int width)
{
	int columns = width - LABEL - 4;

	return columns < TICK ? TICK : columns;
}

/**
 * chart_process - draw a process
 * @out: where to print it
 * @r: the recording
 * @t: the process
 * @width: of a line
 */
void chart_process(FILE *out, const struct recording *r, const struct track *t, int width)
{
	struct chart c = {
		.out = out,
		.r = r,
		.t = t,
		.columns = columns_of(width),
		.end = recording_end(r),
	};
	char comm[64];

	c.at = xalloc(c.columns, sizeof(*c.at));
	find_points(&c);
	printable(comm, sizeof(comm), t->comm);
	fprintf(out, "== process %d (%s)\n\n", t->pid, comm);
	local_chart(&c);
	memory_chart(&c);
	heat_chart(&c);
	verdict_chart(&c);
	free(c.at);
}
