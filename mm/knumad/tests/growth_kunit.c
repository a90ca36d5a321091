// SPDX-License-Identifier: GPL-2.0
/*
 * What the policy costs as the machine grows: each case prints what it measured
 *
 * Times mean something where the clock counts instructions (scripts/guest.py --mode
 * deterministic); steps are the same everywhere, and are what is bounded.
 */

#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>

#include "../placement.h"
#include "../spanning.h"
#include "kunit_util.h"

#define MB		(SZ_1M / PAGE_SIZE)

struct size {
	unsigned int number;	/* of processes, or of threads of one */
	int nodes;
};

static void size_to_desc(const struct size *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u on %d nodes", size->number, size->nodes);
}

static u8 *new_distances(struct kunit *test, int nodes)
{
	u8 *distance = zalloc(test, nodes, nodes);
	int i, j;

	/* Two boards: near and far nodes */
	for (i = 0; i < nodes; i++)
		for (j = 0; j < nodes; j++)
			distance[i * nodes + j] = i == j ? KNUMAD_LOCAL :
						  (i ^ j) < (nodes + 1) / 2 ? 16 : 28;
	return distance;
}

/* Half of the machine's memory and CPUs, all over the nodes */
static struct knumad_pl_proc *new_procs(struct kunit *test, const struct size *size)
{
	size_t nodes = size->nodes;
	struct knumad_pl_proc *procs = zalloc(test, size->number, sizeof(*procs));
	unsigned long *resident = zalloc(test, size->number * nodes, sizeof(*resident));
	unsigned int *cpu = zalloc(test, size->number * nodes, sizeof(*cpu));
	unsigned long *fixed = zalloc(test, nodes, sizeof(*fixed));
	unsigned int p;

	for (p = 0; p < size->number; p++, resident += nodes, cpu += nodes) {
		int i;

		procs[p] = (struct knumad_pl_proc) {
			.resident = resident,
			.used = resident,
			.fixed = fixed,
			.cpu = cpu,
			.load = 1000,
			.horizon = 10,
			.home = NUMA_NO_NODE,
			.pending = NUMA_NO_NODE,
		};
		for (i = 0; i < size->nodes; i++) {
			resident[i] = (p * 7 + i * 13) % 64 * MB;
			node_set(i, procs[p].allowed);
		}
		cpu[p % size->nodes] = 500;
		cpu[p / 2 % size->nodes] += 500;
	}
	return procs;
}

static struct knumad_pl_node *new_nodes(struct kunit *test, const struct size *size)
{
	struct knumad_pl_node *nodes = zalloc(test, size->nodes, sizeof(*nodes));
	int i;

	for (i = 0; i < size->nodes; i++)
		nodes[i] = (struct knumad_pl_node) {
			.cores = 2000UL * size->number / size->nodes,
			.free = 64UL * size->number * MB,
		};
	return nodes;
}

static u64 place(struct kunit *test, struct knumad_placement *pl)
{
	u64 start = local_clock();

	KUNIT_ASSERT_EQ(test, knumad_place(pl), 0);
	start = local_clock() - start;
	KUNIT_EXPECT_LE(test, pl->steps, knumad_place_max_steps(pl->nr_procs, pl->nr_nodes));
	return start;
}

/* First nobody has a home, then all have the wrong one */
static void processes_test(struct kunit *test)
{
	const struct size *size = test->param_value;
	struct knumad_placement pl = {
		.nr_nodes = size->nodes,
		.distance = new_distances(test, size->nodes),
		.nr_procs = size->number,
	};
	unsigned int p, homes = 0;
	u64 first, again;

	if (size->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes", MAX_NUMNODES);
	pl.nodes = new_nodes(test, size);
	pl.procs = new_procs(test, size);
	first = place(test, &pl);
	for (p = 0; p < size->number; p++) {
		homes += pl.procs[p].home != NUMA_NO_NODE;
		pl.procs[p].home = (pl.procs[p].home + 1) % size->nodes;
	}
	KUNIT_EXPECT_EQ(test, homes, size->number);
	again = place(test, &pl);
	kunit_info(test, "growth: processes %u nodes %d ns %llu steps %llu bytes %zu\n",
		   size->number, size->nodes, max(first, again), pl.steps, pl.bytes);
}

static const struct size process_sizes[] = {
	{    100,  2 }, {    100, 4 }, {    100, 8 }, {    100, 16 },
	{   1000,  2 }, {   1000, 4 }, {   1000, 8 }, {   1000, 16 },
	{  10000,  2 }, {  10000, 4 }, {  10000, 8 }, {  10000, 16 },
};

KUNIT_ARRAY_PARAM(process, process_sizes, size_to_desc);

/* Threads in groups of eight, each with memory of its own, all homes by chance */
static void threads_test(struct kunit *test)
{
	const struct size *size = test->param_value;
	unsigned int n = size->nodes, nr = size->number, t, u;
	unsigned long *cores, *pages;
	struct rnd_state rnd;
	struct knumad_span sp = {
		.nr_nodes = n,
		.distance = new_distances(test, n),
		.nr_threads = nr,
		.resident = 1024 * MB,
	};
	u32 *seen, *shares;
	u64 start;
	int i;

	if (n > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes", MAX_NUMNODES);
	prandom_seed_state(&rnd, 1);
	cores = zalloc(test, n, sizeof(*cores));
	pages = zalloc(test, n, sizeof(*pages));
	sp.threads = zalloc(test, nr, sizeof(*sp.threads));
	seen = zalloc(test, (size_t)nr * n, sizeof(*seen));
	shares = zalloc(test, (size_t)nr * nr, sizeof(*shares));
	sp.cores = cores;
	sp.pages = pages;
	sp.shares = shares;
	for (i = 0; i < n; i++) {
		cores[i] = 1000UL * DIV_ROUND_UP(nr, n);
		pages[i] = 4096 * MB;
	}
	for (t = 0; t < nr; t++) {
		sp.threads[t] = (struct knumad_sp_thread) {
			.seen = seen + (size_t)t * n,
			.load = 1000,
			.node = t % n,
			.home = t % n,
		};
		for (i = 0; i < n; i++)
			node_set(i, sp.threads[t].allowed);
		seen[(size_t)t * n + prandom_u32_state(&rnd) % n] = 100;
		for (u = 0; u < nr; u++)
			shares[(size_t)t * nr + u] = t != u && t / 8 == u / 8 ? 50 : 0;
	}
	start = local_clock();
	KUNIT_ASSERT_EQ(test, knumad_span_place(&sp), 0);
	start = local_clock() - start;
	KUNIT_EXPECT_LE(test, sp.steps, knumad_span_max_steps(nr, n));
	kunit_info(test, "growth: threads %u nodes %d ns %llu steps %llu\n", nr, n, start,
		   sp.steps);
}

static const struct size thread_sizes[] = {
	{   16, 2 }, {   16, 4 }, {   16, 8 }, {   16, 16 },
	{   64, 2 }, {   64, 4 }, {   64, 8 }, {   64, 16 },
	{  256, 2 }, {  256, 4 }, {  256, 8 }, {  256, 16 },
	{ 1024, 2 }, { 1024, 4 }, { 1024, 8 }, { 1024, 16 },
};

KUNIT_ARRAY_PARAM(thread, thread_sizes, size_to_desc);

static struct kunit_case growth_cases[] = {
	KUNIT_CASE_PARAM_ATTR(processes_test, process_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(threads_test, thread_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite growth_suite = {
	.name = "knumad_growth",
	.test_cases = growth_cases,
};

kunit_test_suite(growth_suite);
