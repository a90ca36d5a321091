// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: from which nodes memory is used
 *
 * Nobody counts accesses. What is known: of a process that spans nodes, samples of
 * each thread by node of the memory. Of any other, how much each node's CPUs run
 * its threads, and how much of the memory it uses is on each node. Weighted by the
 * cores that threads can use, both give a picture of the traffic between nodes.
 */

#include <stdlib.h>

#include "read.h"
#include "traffic.h"

static void add_thread(struct traffic *t, size_t node, double load, const __u64 *samples)
{
	double all = sum(samples, t->nr);
	size_t i;

	for (i = 0; i < t->nr && all > 0; i++)
		t->share[node * t->nr + i] += load * samples[i] / all;
}

static int by_number(const void *a, const void *b)
{
	const pid_t *p = a, *q = b;

	return (*p > *q) - (*p < *q);
}

/* "pid tid home node load_mcpu samples", by process; the pids that have such lines, sorted */
static size_t add_threads(struct traffic *t, char *text, pid_t **pids)
{
	__u64 *samples = xalloc(t->nr, sizeof(__u64));
	size_t nr = 0;
	char *line;
	__u64 load;
	int pid, node, at;

	*pids = NULL;
	while ((line = next_line(&text))) {
		if (sscanf(line, "%d %*d %*d %d %llu %n", &pid, &node, &load, &at) != 3)
			continue;
		if (!parse_list(line + at, samples, t->nr) || node < 0 || (size_t)node >= t->nr ||
		    !sum(samples, t->nr))
			continue;
		add_thread(t, node, load / 1000.0, samples);
		if (nr && (*pids)[nr - 1] == pid)
			continue;
		*pids = xgrow(*pids, nr, sizeof(**pids));
		(*pids)[nr++] = pid;
	}
	free(samples);
	if (nr)
		qsort(*pids, nr, sizeof(**pids), by_number);
	return nr;
}

static void add_process(struct traffic *t, const struct process *p)
{
	double cpu = sum(p->cpu, p->nr);
	size_t i;

	for (i = 0; i < t->nr && cpu > 0; i++)
		add_thread(t, i, p->load_mcpu / 1000.0 * p->cpu[i] / cpu, p->used);
}

/**
 * traffic_estimate - who uses memory of which node?
 * @ps: all processes
 * @threads: what debugfs says of threads, changed; NULL if that cannot be read
 * @nr_nodes: how many nodes there are
 * @t: where to store it
 */
void traffic_estimate(const struct processes *ps, char *threads, size_t nr_nodes,
		      struct traffic *t)
{
	pid_t *sampled;
	size_t nr, i;

	t->nr = nr_nodes;
	t->share = xalloc(nr_nodes * nr_nodes, sizeof(double));
	nr = add_threads(t, threads, &sampled);
	for (i = 0; i < ps->nr; i++)
		if (!nr || !bsearch(&ps->v[i].pid, sampled, nr, sizeof(*sampled), by_number))
			add_process(t, &ps->v[i]);
	free(sampled);
}

/**
 * traffic_from - how much do the threads of a node use memory?
 * @t: the traffic
 * @node: the node
 *
 * Return: cores.
 */
double traffic_from(const struct traffic *t, size_t node)
{
	double all = 0;
	size_t i;

	for (i = 0; i < t->nr; i++)
		all += t->share[node * t->nr + i];
	return all;
}

/**
 * traffic_local - how much of the use of memory is local?
 * @t: the traffic
 * @node: the node of the threads; -1: all of them
 *
 * Return: percent, negative if there is no traffic.
 */
double traffic_local(const struct traffic *t, ssize_t node)
{
	double all = 0, local = 0;
	size_t i;

	for (i = 0; i < t->nr; i++) {
		if (node >= 0 && i != (size_t)node)
			continue;
		all += traffic_from(t, i);
		local += t->share[i * t->nr + i];
	}
	return all > 0 ? percent(local, all) : -1;
}

/**
 * traffic_free - forget it
 * @t: the traffic
 */
void traffic_free(struct traffic *t)
{
	free(t->share);
	*t = (struct traffic) { 0 };
}
