// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: where a process is that knumad does not look at
 *
 * Of a process that it does not watch, or whose memory it leaves alone, the kernel tells
 * nothing; see for ourselves where its memory is and where its threads ran last.
 */

#include <stdlib.h>
#include <string.h>

#include "observe.h"
#include "read.h"
#include "residence.h"
#include "tasks.h"
#include "tunables.h"

/* Thousandths of its memory that is local: what has more is not misplaced */
#define WELL_PLACED	900

/**
 * observe - find out where the memory and the threads of a process are
 * @paths: where the files of the kernel are
 * @machine: its nodes
 * @p: the process; its resident, cpu, threads and local are filled in
 *
 * Return: whether that could be found out.
 */
bool observe(const struct paths *paths, const struct machine *machine, struct process *p)
{
	double used, cpu, local = 0;
	struct residence r;
	struct tasks ts;
	size_t i;

	if (residence_read(paths, p->pid, machine->nr, &r))
		return false;
	memcpy(p->resident, r.pages, p->nr * sizeof(__u64));
	residence_free(&r);
	tasks_read(paths, p->pid, &ts);
	memset(p->cpu, 0, p->nr * sizeof(__u64));
	tasks_by_node(&ts, NULL, machine, p->cpu);
	p->threads = ts.nr;
	tasks_free(&ts);
	used = sum(p->resident, p->nr);
	cpu = sum(p->cpu, p->nr);
	for (i = 0; i < p->nr && used > 0 && cpu > 0; i++)
		local += p->resident[i] / used * p->cpu[i] / cpu;
	p->local = used > 0 && cpu > 0 ? (int)(1000 * local + 0.5) : -1;
	return true;
}

static double remote_pages(const struct process *p)
{
	return sum(p->resident, p->nr) * (1000.0 - p->local);
}

static int by_remote(const void *a, const void *b)
{
	const struct process *const *p = a, *const *q = b;
	double x = remote_pages(*p), y = remote_pages(*q);

	return (x < y) - (x > y);
}

/* So much that knumad would watch it, by the file that costs least to read */
static bool is_large(const struct paths *paths, pid_t pid, __u64 least_mb)
{
	char *status = read_file("%s/%d/status", paths->proc, pid);
	bool large = status && number_of(status, "RssAnon", 0) >= least_mb << 10;

	free(status);
	return large;
}

/**
 * observe_misplaced - which processes that knumad does not look at are not where they should be?
 * @paths: where the files of the kernel are
 * @machine: its nodes
 * @ps: all processes; those that are not watched, and large enough to be, are observed
 * @order: where to store those that are misplaced, most remote memory first; to be freed
 *
 * Return: how many.
 */
size_t observe_misplaced(const struct paths *paths, const struct machine *machine,
			 struct processes *ps, struct process ***order)
{
	char value[32];
	__u64 least_mb = 0;
	size_t i, nr = 0;

	if (tunable_read(paths, "min_resident_mb", value, sizeof(value)))
		least_mb = strtoull(value, NULL, 10);
	*order = NULL;
	for (i = 0; i < ps->nr; i++) {
		struct process *p = &ps->v[i];

		if (process_watched(p) || !is_large(paths, p->pid, least_mb) ||
		    !observe(paths, machine, p) || p->local < 0 || p->local >= WELL_PLACED)
			continue;
		*order = xgrow(*order, nr, sizeof(**order));
		(*order)[nr++] = p;
	}
	qsort(*order, nr, sizeof(**order), by_remote);
	return nr;
}
