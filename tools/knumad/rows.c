// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what there is to draw of a process
 */

#include <stdlib.h>
#include <string.h>

#include "report.h"

#define LEAST_MB	4

static int by_address(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Rows of this size; how many */
static size_t fill(const struct track *t, struct rows *rows)
{
	size_t i, nr = 0;

	for (i = 0; i < t->nr_heat; i++)
		rows->start[i] = t->heat[i].address / rows->size * rows->size;
	qsort(rows->start, t->nr_heat, sizeof(*rows->start), by_address);
	for (i = 0; i < t->nr_heat; i++)
		if (!nr || rows->start[i] != rows->start[nr - 1])
			rows->start[nr++] = rows->start[i];
	return nr;
}

/**
 * rows_find - divide an address space into rows
 * @t: a process
 * @most: how many rows there may be
 * @rows: where to store them
 *
 * Blocks may have been of different sizes over time. Rows are as large as the largest one,
 * or larger, if there were too many.
 */
void rows_find(const struct track *t, size_t most, struct rows *rows)
{
	size_t i;

	rows->size = 1;
	rows->start = xalloc(t->nr_heat, sizeof(*rows->start));
	for (i = 0; i < t->nr_heat; i++)
		if (t->heat[i].size > rows->size)
			rows->size = t->heat[i].size;
	while ((rows->nr = fill(t, rows)) > most)
		rows->size *= 2;
}

/**
 * rows_at - the row of an address
 * @rows: the rows
 * @address: the address
 *
 * Return: its number.
 */
size_t rows_at(const struct rows *rows, __u64 address)
{
	size_t i;

	for (i = rows->nr; i-- > 0;)
		if (rows->start[i] <= address)
			break;
	return i;
}

/**
 * rows_pages - pages in each row
 * @rows: the rows
 * @t: the process
 * @p: one of its points
 * @nr_nodes: how many nodes there are
 * @pages: where to store them, pages[row * nr_nodes + node]
 */
void rows_pages(const struct rows *rows, const struct track *t, const struct point *p,
		size_t nr_nodes, __u64 *pages)
{
	size_t point = p - t->points, i, nid, row;

	memset(pages, 0, rows->nr * nr_nodes * sizeof(*pages));
	for (i = 0; i < t->nr_heat; i++) {
		if (t->heat[i].point != point)
			continue;
		row = rows_at(rows, t->heat[i].address);
		for (nid = 0; nid < nr_nodes; nid++)
			pages[row * nr_nodes + nid] += t->heat[i].pages[nid];
	}
}

/**
 * rows_free - forget rows
 * @rows: the rows
 */
void rows_free(struct rows *rows)
{
	free(rows->start);
	*rows = (struct rows) { 0 };
}

/**
 * track_verdicts - which verdicts did a process have?
 * @t: the process
 * @verdicts: where to store them, each one once, to be freed
 *
 * Return: how many.
 */
size_t track_verdicts(const struct track *t, const char ***verdicts)
{
	size_t nr = 0, i, j;

	*verdicts = NULL;
	for (i = 0; i < t->nr_points; i++) {
		for (j = 0; j < nr && strcmp((*verdicts)[j], t->points[i].verdict); j++)
			;
		if (j < nr)
			continue;
		*verdicts = xgrow(*verdicts, nr, sizeof(**verdicts));
		(*verdicts)[nr++] = t->points[i].verdict;
	}
	return nr;
}

/**
 * track_is_chosen - is a process to be drawn?
 * @r: the recording
 * @t: the process
 * @pid: the one that was asked for; 0: all that had memory worth a picture
 *
 * Return: whether it is.
 */
bool track_is_chosen(const struct recording *r, const struct track *t, pid_t pid)
{
	size_t i;

	for (i = 0; !pid && i < t->nr_points; i++)
		if (pages_mb(sum(t->points[i].pages, r->nr_nodes)) >= LEAST_MB)
			return true;
	return pid == t->pid;
}
