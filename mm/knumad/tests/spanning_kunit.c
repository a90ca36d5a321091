// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for processes that span nodes
 *
 * First the worked tables of spanning_homes.c and spanning_cost.c, then what they
 * leave open, then properties that hold for any problem.
 */

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "../placement.h"
#include "../spanning.h"
#include "kunit_util.h"

#define MAX_NODES	4
#define MAX_THREADS	12
#define MAX_PAIRS	16

#define NOWHERE		NUMA_NO_NODE

/* What may be claimed of a node's CPUs beyond what it has, and kept */
#define SLACK		500
#define GRACE		250

static const u8 two_nodes[] = {
	10, 20,
	20, 10,
};

static const u8 equal[] = {
	10, 20, 20, 20,
	20, 10, 20, 20,
	20, 20, 10, 20,
	20, 20, 20, 10,
};

static const u8 three_nodes[] = {
	10, 20, 20,
	20, 10, 20,
	20, 20, 10,
};

static const u8 uneven[] = {
	10, 16, 28, 28,
	16, 10, 28, 28,
	28, 28, 10, 16,
	28, 28, 16, 10,
};

/* Node 2 is nearer from 0, but farther there and back */
static const u8 asymmetric[] = {
	10, 25, 20,
	25, 10, 30,
	40, 30, 10,
};

/* === Tables === */

/**
 * struct thread_spec - a thread of a case
 * @seen: samples per node
 * @load: in thousandths of a core, 0 for a whole one
 * @node: where it runs
 * @home: before, + 1, so that 0 is none
 * @at_home: @node was its home before
 * @allowed: a bit per node, 0 for all
 * @want: home afterwards
 */
struct thread_spec {
	u32 seen[MAX_NODES];
	unsigned long load;
	int node;
	int home;
	unsigned long allowed;
	bool at_home;
	int want;
};

#define ON(nid, to)	{ .node = (nid), .want = (to) }
#define AT(nid, to)	{ .node = (nid), .at_home = true, .want = (to) }
#define SEES(nid, to, ...) \
	{ .node = (nid), .at_home = true, .want = (to), .seen = { __VA_ARGS__ } }

/**
 * struct span_case - a problem
 * @name: what it is about
 * @nodes: number of nodes
 * @distance: of the nodes
 * @cores: per node, in thousandths, 2000 for all if they are all 0
 * @pages: per node, 1000 for all if they are all 0
 * @resident: pages
 * @set: a bit per node
 * @want_set: a bit per node, 0 for all nodes
 * @keep: a thread has stopped
 * @threads: number of threads
 * @thread: the threads
 * @all: samples that each two threads share
 * @pair: what two threads share, on top of that
 */
struct span_case {
	const char *name;
	int nodes;
	const u8 *distance;
	unsigned long cores[MAX_NODES];
	unsigned long pages[MAX_NODES];
	unsigned long resident;
	unsigned long set;
	unsigned long want_set;
	bool keep;
	int threads;
	struct thread_spec thread[MAX_THREADS];
	u32 all;
	struct {
		u8 a, b;
		u32 n;
	} pair[MAX_PAIRS];
};

#define CORES_4		.cores = { 4000, 4000, 4000, 4000 }

static const struct span_case span_cases[] = {
	/*
	 * The worked tables: nodes
	 */
	{
		"4 threads on two near nodes of four",
		4, uneven, .threads = 4, .want_set = 0x3,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 1), ON(0, 1) },
	}, {
		"6 threads on three",
		4, uneven, .threads = 6, .want_set = 0x7,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 1), ON(0, 1), ON(0, 2),
			    ON(0, 2) },
	}, {
		"9 threads on all, which do not hold them",
		4, uneven, .threads = 9, .want_set = 0xf,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 1), ON(0, 1), ON(0, 2),
			    ON(0, 2), ON(0, 3), ON(0, 3), ON(0, 0) },
	}, {
		"half a core too much is held",
		3, three_nodes, CORES_4, .set = 0x3, .want_set = 0x3,
		.threads = 3,
		.thread = { { .load = 4250, .node = 0, .home = 1, .want = 0 },
			    { .load = 2000, .node = 1, .home = 2, .want = 1 },
			    { .load = 2250, .node = 1, .home = 2, .want = 1 } },
	}, {
		"more is not",
		3, three_nodes, CORES_4, .set = 0x3, .want_set = 0x7,
		.threads = 3,
		.thread = { { .load = 4300, .node = 0, .home = 1, .want = 0 },
			    { .load = 2000, .node = 1, .home = 2, .want = 1 },
			    { .load = 2300, .node = 1, .home = 2, .want = 1 } },
	}, {
		"a smaller set is no reason to move",
		3, three_nodes, CORES_4, .set = 0x7, .want_set = 0x7,
		.threads = 3,
		.thread = { { .load = 4000, .node = 0, .home = 1, .want = 0 },
			    { .load = 1200, .node = 1, .home = 2, .want = 1 },
			    { .load = 1200, .node = 2, .home = 3, .want = 2 } },
	},
	/*
	 * The worked tables: homes
	 */
	{
		"four threads on node 0, memory there",
		2, two_nodes, .threads = 4,
		.thread = {
			{ { 100 }, .node = 0, .want = 0 },
			{ { 100 }, .node = 0, .want = 0 },
			{ { 100 }, .node = 0, .want = 1 },
			{ { 100 }, .node = 0, .want = 1 },
		},
	}, {
		"and so it remains",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 0, 100), SEES(0, 0, 100), SEES(1, 1, 100),
			    SEES(1, 1, 100) },
	}, {
		"one thread more than cores",
		2, two_nodes, .threads = 5,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 1), ON(0, 1), ON(0, 0) },
	}, {
		"helpers follow the memory",
		2, two_nodes, .cores = { 2000, 2000 }, .set = 0x3,
		.resident = 1500, .threads = 10,
		.thread = {
			SEES(0, 0, 100), SEES(0, 0, 100),
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
			{ { 9 }, 50, 1, 2, .want = 0 },
		},
	}, {
		"a third thread does not displace them",
		2, two_nodes, .threads = 11,
		.thread = {
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			{ { 9 }, 50, 0, 1, .want = 0 },
			SEES(0, 0, 100), SEES(0, 0, 100),
			{ { 100 }, .node = 0, .want = 1 },
		},
	}, {
		"nor they it",
		2, two_nodes, .threads = 4,
		.thread = {
			{ .load = 1250, .node = 0, .home = 1, .want = 0 },
			{ .load = 1240, .node = 0, .home = 1, .want = 0 },
			{ { 900 }, 50, 1, 2, .want = 1 },
			{ { 900 }, 99, 1, 2, .want = 1 },
		},
	},
	/*
	 * The worked tables: threads that stop
	 */
	{
		"two of four have stopped",
		2, two_nodes, .set = 0x3, .keep = true, .threads = 2, .all = 100,
		.thread = { AT(0, 0), AT(1, 1) },
	}, {
		"the other two go on",
		2, two_nodes, .set = 0x3, .threads = 2, .all = 100,
		.thread = { AT(0, 1), AT(1, 1) },
	}, {
		"two of four have stopped, and another one is new",
		2, two_nodes, .set = 0x3, .keep = true, .threads = 3, .all = 100,
		.thread = { AT(0, 0), AT(1, 1), ON(1, 1) },
	},
	/*
	 * The worked tables: improvement
	 */
	{
		"two pairs share",
		2, two_nodes, .threads = 4,
		.thread = { AT(0, 1), AT(1, 1), AT(0, 0), AT(1, 0) },
		.pair = { { 0, 1, 100 }, { 2, 3, 100 } },
	}, {
		"all share with all",
		2, two_nodes, .threads = 4, .all = 100,
		.thread = { AT(0, 0), AT(1, 1), AT(0, 0), AT(1, 1) },
	}, {
		"slices are rotated",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 1, 0, 100), SEES(0, 0, 100),
			    SEES(1, 0, 100), SEES(1, 1, 0, 100) },
	}, {
		"all use the same node",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 0, 0, 100), SEES(0, 0, 0, 100),
			    SEES(1, 1, 0, 100), SEES(1, 1, 0, 100) },
	},
	/*
	 * Nodes
	 */
	{
		"begins where most of the load is",
		4, uneven, .threads = 4, .want_set = 0xc,
		.thread = { ON(3, 3), ON(3, 3), ON(3, 2), ON(0, 2) },
	}, {
		"of two as busy the first",
		4, uneven, .threads = 4, .want_set = 0x3,
		.thread = { ON(3, 0), ON(3, 0), ON(1, 1), ON(1, 1) },
	}, {
		"of two as far the one with more cores",
		4, equal, .cores = { 2000, 2000, 3000, 2000 }, .threads = 4,
		.want_set = 0x5,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 2), ON(0, 2) },
	}, {
		"both ways count",
		3, asymmetric, .threads = 4, .want_set = 0x3,
		.thread = { ON(0, 0), ON(0, 0), ON(0, 1), ON(0, 1) },
	}, {
		"one node is a set",
		4, uneven, .threads = 2, .want_set = 0x4,
		.thread = { ON(2, 2), ON(2, 2) },
	}, {
		"memory needs a second node",
		4, uneven, .threads = 2, .resident = 1001, .want_set = 0xc,
		.thread = { ON(2, 2), ON(2, 2) },
	}, {
		"memory that no node has",
		2, two_nodes, .threads = 2, .resident = 9999,
		.thread = { ON(1, 1), ON(1, 1) },
	}, {
		"one thread that is left stays where it is",
		2, two_nodes, .threads = 1, .resident = 800, .set = 0x3,
		.thread = { AT(1, 1) },
	}, {
		"grows from what it has",
		4, uneven, .threads = 4, .set = 0x4, .want_set = 0xc,
		.thread = { AT(2, 2), AT(2, 2), ON(0, 3), ON(0, 3) },
	}, {
		"keeps far nodes that hold it",
		4, uneven, .threads = 4, .set = 0x5, .want_set = 0x5,
		.thread = { AT(0, 0), AT(0, 0), AT(2, 2), AT(2, 2) },
	}, {
		"who shares comes together where there is room",
		4, equal, .cores = { 4000, 4000, 4000, 9000 }, .set = 0x7,
		.want_set = 0x7, .threads = 3,
		.thread = { AT(0, 0), AT(0, 0), AT(2, 0) },
		.all = 100,
	}, {
		"a node has lost its cores",
		4, uneven, .cores = { 2000, 0, 2000, 2000 }, .set = 0x3,
		.want_set = 0x5, .threads = 3,
		.thread = { AT(0, 0), AT(0, 0), AT(1, 2) },
	}, {
		"all nodes have lost their cores",
		2, two_nodes, .cores = { 0, 0, 1 }, .set = 0x3,
		.want_set = BIT(MAX_NODES), .threads = 2,
		.thread = { AT(0, NOWHERE), ON(1, NOWHERE) },
	}, {
		"not where none may run",
		4, uneven, .threads = 4, .want_set = 0xd,
		.cores = { 2000, 2000, 1000, 1000 },
		.thread = {
			{ .node = 0, .allowed = 0xd, .want = 0 },
			{ .node = 0, .allowed = 0xd, .want = 0 },
			{ .node = 1, .allowed = 0xd, .want = 2 },
			{ .node = 1, .allowed = 0xd, .want = 3 },
		},
	},
	/*
	 * Homes
	 */
	{
		"a home outside of the set",
		4, uneven, .threads = 5, .want_set = 0x7, .set = 0x3,
		.thread = { AT(0, 0), AT(0, 0), AT(1, 1), AT(1, 1),
			    { .node = 3, .allowed = BIT(3), .want = 3 } },
	}, {
		"no home at all",
		2, two_nodes, .cores = { 4000, 0 }, .threads = 2,
		.want_set = 0x1,
		.thread = { AT(0, 0), { .node = 1, .home = 2,
					.allowed = BIT(1), .want = NOWHERE } },
	}, {
		"who runs nowhere goes where it costs least",
		2, two_nodes, .threads = 3,
		.thread = { AT(0, 0), AT(1, 1),
			    { { 0, 100 }, .node = NOWHERE, .want = 1 } },
	}, {
		"or where it shares",
		2, two_nodes, .threads = 3, .set = 0x3,
		.thread = { AT(0, 0), AT(1, 1),
			    { .node = NOWHERE, .want = 1 } },
		.pair = { { 1, 2, 100 } },
	}, {
		"or else on the first with room",
		3, three_nodes, .threads = 5,
		.thread = { AT(0, 0), AT(0, 0),
			    { .node = NOWHERE, .want = 1 },
			    { .node = NOWHERE, .want = 1 },
			    { .node = NOWHERE, .want = 2 } },
	}, {
		"the larger load chooses first",
		2, two_nodes, .threads = 3,
		.thread = {
			{ .load = 900, .node = 0, .want = 1 },
			{ .load = 1500, .node = 0, .want = 0 },
			{ .load = 1000, .node = 0, .want = 0 },
		},
	}, {
		"a home is not left for where it runs",
		2, two_nodes, .threads = 3,
		.thread = { { .node = 1, .home = 1, .want = 0 }, AT(0, 0),
			    AT(1, 1) },
	}, {
		"home no longer allowed",
		2, two_nodes, .threads = 3,
		.thread = { { .node = 0, .home = 1, .allowed = BIT(1),
			      .want = 1 }, AT(0, 0), AT(1, 1) },
	}, {
		"homes on an overloaded node",
		2, two_nodes, .threads = 4,
		.thread = { AT(0, 0), AT(0, 0), AT(0, 1), AT(0, 1) },
	}, {
		"overloaded by three quarters of a core",
		2, two_nodes, .threads = 4,
		.thread = {
			{ .load = 950, .home = 1, .want = 0 },
			{ .load = 900, .home = 1, .want = 0 },
			{ .load = 900, .home = 1, .want = 0 },
			AT(1, 1),
		},
	}, {
		"by more",
		2, two_nodes, .threads = 4,
		.thread = {
			{ .load = 951, .home = 1, .want = 0 },
			{ .load = 900, .home = 1, .want = 0 },
			{ .load = 900, .home = 1, .want = 1 },
			AT(1, 1),
		},
	}, {
		"one who may leaves for one who may not",
		2, two_nodes, .threads = 4,
		.thread = {
			AT(0, 1), AT(0, 0),
			{ .home = 1, .allowed = BIT(0), .want = 0 },
			AT(1, 1),
		},
	}, {
		"helpers leave, not threads",
		2, two_nodes, .cores = { 1000, 1000 }, .threads = 12,
		.thread = {
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 1 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			{ .load = 90, .home = 1, .want = 0 },
			SEES(0, 0, 1),
			{ .load = 90, .node = 1, .home = 2, .want = 1 },
			{ .load = 90, .node = 1, .home = 2, .want = 1 },
		},
	}, {
		"two too many, shared evenly",
		2, two_nodes, .threads = 6,
		.thread = { AT(0, 0), AT(0, 0), AT(0, 1), AT(0, 1), AT(0, 0),
			    AT(1, 1) },
	},
	/*
	 * Improvement
	 */
	{
		"a move to a node with room",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { SEES(0, 1, 50, 100), AT(0, 0), AT(0, 0), AT(1, 1),
			    AT(1, 1) },
	}, {
		"not where it may not run",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { { { 50, 100 }, .home = 1, .allowed = BIT(0),
			      .want = 0 },
			    AT(0, 0), AT(0, 0), AT(1, 1), AT(1, 1) },
	}, {
		/* 1000 now, 880 there */
		"a gain of less than an eighth",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { SEES(0, 0, 88, 100), AT(0, 0), AT(0, 0), AT(1, 1),
			    AT(1, 1) },
	}, {
		"a gain of more",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { SEES(0, 1, 87, 100), AT(0, 0), AT(0, 0), AT(1, 1),
			    AT(1, 1) },
	}, {
		"seven samples move nobody",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { SEES(0, 0, 0, 7), AT(0, 0), AT(0, 0), AT(1, 1),
			    AT(1, 1) },
	}, {
		"eight do",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { SEES(0, 1, 0, 8), AT(0, 0), AT(0, 0), AT(1, 1),
			    AT(1, 1) },
	}, {
		"three that are shared do not",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { AT(0, 0), AT(0, 0), AT(0, 0), AT(1, 1), AT(1, 1) },
		.pair = { { 0, 3, 3 } },
	}, {
		"four do",
		2, two_nodes, CORES_4, .threads = 5, .set = 0x3,
		.thread = { AT(0, 1), AT(0, 0), AT(0, 0), AT(1, 1), AT(1, 1) },
		.pair = { { 0, 3, 4 } },
	}, {
		"one loses less than the other gains",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 1, 0, 100), SEES(0, 0, 200),
			    SEES(1, 0, 0, 50), SEES(1, 1, 0, 200) },
	}, {
		"who pays is not who may",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 0, 0, 100), SEES(0, 0, 100),
			    { { 100 }, .node = 1, .home = 2, .allowed = BIT(1),
			      .want = 1 }, SEES(1, 1, 0, 100) },
	}, {
		/* A swap would be worth it to both, but they share: no gain */
		"two that share swap for nothing",
		2, two_nodes, .cores = { 1000, 1000 }, .threads = 2,
		.thread = { AT(0, 0), AT(1, 1) },
		.pair = { { 0, 1, 100 } },
	}, {
		"sharing counts for more than memory",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 1, 100), SEES(1, 1, 0, 100),
			    SEES(0, 0, 100), SEES(1, 0, 0, 100) },
		.pair = { { 0, 1, 80 }, { 2, 3, 80 } },
	}, {
		"less sharing does not",
		2, two_nodes, .threads = 4,
		.thread = { SEES(0, 0, 100), SEES(1, 1, 0, 100),
			    SEES(0, 0, 100), SEES(1, 1, 0, 100) },
		.pair = { { 0, 1, 40 }, { 2, 3, 40 } },
	}, {
		"too large for a swap",
		2, two_nodes, .threads = 4,
		.thread = { { { 0, 100 }, 1500, 0, 1, .want = 0 },
			    SEES(0, 0, 100),
			    { { 100 }, 900, 1, 2, .want = 1 },
			    { { 0, 100 }, 1400, 1, 2, .want = 1 } },
	}, {
		"a swap on overloaded nodes",
		2, two_nodes, .threads = 6,
		.thread = { AT(0, 0), AT(1, 0), AT(0, 0), AT(1, 1), AT(0, 1),
			    AT(1, 1) },
		.pair = { { 0, 1, 100 }, { 1, 2, 100 }, { 0, 2, 100 },
			  { 3, 4, 100 }, { 4, 5, 100 }, { 3, 5, 100 } },
	}, {
		"four pairs, each on far nodes",
		4, uneven, .threads = 8,
		.thread = { AT(0, 2), AT(2, 2), AT(0, 0), AT(2, 0), AT(1, 3),
			    AT(1, 1), AT(3, 3), AT(3, 1) },
		.pair = { { 0, 1, 100 }, { 2, 3, 100 }, { 4, 6, 100 },
			  { 5, 7, 100 } },
	}, {
		"one node",
		1, two_nodes, .threads = 3,
		.thread = { SEES(0, 0, 100), AT(0, 0), ON(0, 0) },
		.all = 9,
	},
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

/* A problem in the form that knumad_span_place() takes */
struct process {
	struct knumad_span sp;
	unsigned long cores[MAX_NODES];
	unsigned long pages[MAX_NODES];
	u32 seen[MAX_THREADS][MAX_NODES];
	u32 shares[MAX_THREADS * MAX_THREADS];
	struct knumad_sp_thread threads[MAX_THREADS];
};

static nodemask_t to_nodes(unsigned long bits, int nr)
{
	nodemask_t mask = NODE_MASK_NONE;
	int nid;

	for (nid = 0; nid < nr; nid++)
		if (bits & BIT(nid))
			node_set(nid, mask);
	return mask;
}

static struct process *new_process(struct kunit *test,
				   const struct span_case *c)
{
	bool any_cores = memchr_inv(c->cores, 0, sizeof(c->cores));
	bool any_pages = memchr_inv(c->pages, 0, sizeof(c->pages));
	struct process *p = zalloc(test, 1, sizeof(*p));
	bool sharing = c->all;
	int i, j;

	for (i = 0; i < c->nodes; i++) {
		p->cores[i] = any_cores ? c->cores[i] : 2000;
		p->pages[i] = any_pages ? c->pages[i] : 1000;
	}
	for (i = 0; i < c->threads; i++) {
		const struct thread_spec *t = &c->thread[i];

		memcpy(p->seen[i], t->seen, sizeof(t->seen));
		p->threads[i] = (struct knumad_sp_thread) {
			.seen = p->seen[i],
			.load = t->load ?: 1000,
			.node = t->node,
			.allowed = to_nodes(t->allowed ?: ~0UL, c->nodes),
			.home = t->at_home ? t->node :
				t->home ? t->home - 1 : NOWHERE,
		};
		for (j = 0; j < c->threads; j++)
			p->shares[i * c->threads + j] = i == j ? 0 : c->all;
	}
	for (i = 0; i < MAX_PAIRS; i++) {
		int a = c->pair[i].a, b = c->pair[i].b;

		if (!c->pair[i].n)
			break;
		p->shares[a * c->threads + b] += c->pair[i].n;
		p->shares[b * c->threads + a] += c->pair[i].n;
		sharing = true;
	}
	p->sp = (struct knumad_span) {
		.nr_nodes = c->nodes,
		.cores = p->cores,
		.pages = p->pages,
		.distance = c->distance,
		.nr_threads = c->threads,
		.threads = p->threads,
		.shares = sharing ? p->shares : NULL,
		.resident = c->resident,
		.set = to_nodes(c->set, c->nodes),
		.keep = c->keep,
	};
	return p;
}

static void place(struct kunit *test, struct knumad_span *sp)
{
	KUNIT_ASSERT_EQ(test, knumad_span_place(sp), 0);
	KUNIT_EXPECT_LE(test, sp->steps,
			knumad_span_max_steps(sp->nr_threads, sp->nr_nodes));
}

static void expect(struct kunit *test, const struct process *p,
		   const struct span_case *c)
{
	unsigned long want_set = c->want_set ?: ~0UL;
	int i;

	for (i = 0; i < c->nodes; i++)
		KUNIT_EXPECT_EQ_MSG(test, node_isset(i, p->sp.set),
				    !!(want_set & BIT(i)), "node %d", i);
	for (i = 0; i < c->threads; i++)
		KUNIT_EXPECT_EQ_MSG(test, p->threads[i].home, c->thread[i].want,
				    "thread %d", i);
}

/* And who went home stays there */
static void span_test(struct kunit *test)
{
	const struct span_case *c = test->param_value;
	struct process *p = new_process(test, c);
	int run, i;

	for (run = 0; run < 3; run++) {
		place(test, &p->sp);
		expect(test, p, c);
		for (i = 0; i < c->threads && run; i++)
			if (p->threads[i].home != NOWHERE)
				p->threads[i].node = p->threads[i].home;
	}
}

/* The set follows the load up, never down */
static void load_test(struct kunit *test)
{
	static const struct {
		unsigned long load;
		int nodes;
	} table[] = {
		{ 1000, 1 }, { 1125, 1 }, { 1126, 2 }, { 800, 2 }, { 2125, 2 },
		{ 2126, 3 }, { 100, 3 }, { 9000, 4 }, { 0, 4 },
	};
	static const struct span_case c = {
		"load", 4, uneven, .threads = 4, CORES_4,
	};
	struct process *p = new_process(test, &c);
	int i, t;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (t = 0; t < c.threads; t++)
			p->threads[t].load = table[i].load;
		place(test, &p->sp);
		KUNIT_EXPECT_EQ_MSG(test, nodes_weight(p->sp.set),
				    table[i].nodes, "step %d: load %lu", i,
				    table[i].load);
		for (t = 0; t < c.threads; t++)
			KUNIT_EXPECT_TRUE(test, node_isset(p->threads[t].home,
							   p->sp.set));
	}
}

static void no_threads_test(struct kunit *test)
{
	static const struct span_case c = { "none", 2, two_nodes, .set = 0x2 };
	struct process *p = new_process(test, &c);

	p->sp.steps = 4711;
	KUNIT_EXPECT_EQ(test, knumad_span_place(&p->sp), 0);
	KUNIT_EXPECT_EQ(test, p->sp.steps, 0ULL);
	KUNIT_EXPECT_TRUE(test, node_isset(1, p->sp.set));
}

/* === Any problem === */

/* All of it in one piece, sized for the case */
struct random_process {
	struct knumad_span sp;
	unsigned long *cores;
	unsigned long *pages;
	u8 *distance;
	u32 *seen;
	u32 *shares;
	struct knumad_sp_thread *threads;
	struct knumad_sp_thread *before;
	nodemask_t set_before;
	unsigned long *load;
	struct rnd_state rnd;
};

static struct random_process *new_random(struct kunit *test, int nodes,
					 unsigned int threads)
{
	struct random_process *r = zalloc(test, 1, sizeof(*r));
	size_t n = nodes, t = threads;

	r->cores = zalloc(test, n, sizeof(*r->cores));
	r->pages = zalloc(test, n, sizeof(*r->pages));
	r->distance = zalloc(test, n * n, sizeof(*r->distance));
	r->seen = zalloc(test, t * n, sizeof(*r->seen));
	r->shares = zalloc(test, t * t, sizeof(*r->shares));
	r->threads = zalloc(test, t, sizeof(*r->threads));
	r->before = zalloc(test, t, sizeof(*r->before));
	r->load = zalloc(test, n, sizeof(*r->load));
	prandom_seed_state(&r->rnd, 20240923);
	r->sp = (struct knumad_span) {
		.nr_nodes = nodes,
		.cores = r->cores,
		.pages = r->pages,
		.distance = r->distance,
		.nr_threads = threads,
		.threads = r->threads,
		.shares = r->shares,
	};
	return r;
}

/* 0 <= result < @n */
static u32 below(struct random_process *r, u32 n)
{
	return prandom_u32_state(&r->rnd) % n;
}

static bool one_in(struct random_process *r, u32 n)
{
	return !below(r, n);
}

/* @units: all loads are the same, and every thread may run anywhere */
static void random_problem(struct random_process *r, bool units)
{
	u32 n = r->sp.nr_nodes, threads = r->sp.nr_threads;
	u32 share = threads / n + 1, i, j, t;

	r->sp.shares = one_in(r, 4) ? NULL : r->shares;
	r->sp.resident = below(r, 500 * n);
	nodes_clear(r->sp.set);
	for (i = 0; i < n; i++) {
		r->cores[i] = one_in(r, 8) ? 0 : 1000 * (1 + below(r, 2 * share));
		r->pages[i] = below(r, 2000);
		for (j = 0; j < n; j++)
			r->distance[i * n + j] = i == j ? KNUMAD_LOCAL :
						 KNUMAD_LOCAL + below(r, 90);
		if (one_in(r, 2))
			node_set(i, r->sp.set);
	}
	/* At least one node has cores */
	r->cores[below(r, n)] = 1000 * share;
	memset(r->seen, 0, sizeof(*r->seen) * threads * n);
	memset(r->shares, 0, sizeof(*r->shares) * threads * threads);
	for (t = 0; t < threads; t++) {
		struct knumad_sp_thread *p = &r->threads[t];

		*p = (struct knumad_sp_thread) {
			.seen = r->seen + (size_t)t * n,
			.load = units ? 1000 : below(r, 1200),
			.node = (int)below(r, n + 1) - 1,
			.home = (int)below(r, n + 1) - 1,
		};
		if (!units && one_in(r, 4))
			p->load /= 20;
		for (i = 0; i < n; i++)
			if (units || !one_in(r, 8))
				node_set(i, p->allowed);
		for (i = 0; i < 3; i++)
			r->seen[(size_t)t * n + below(r, n)] += below(r, 100);
		for (i = 0; i < 4; i++) {
			u32 u = below(r, threads), shared = below(r, 60);

			if (u == t)
				continue;
			r->shares[(size_t)t * threads + u] += shared;
			r->shares[(size_t)u * threads + t] += shared;
		}
	}
}

static void keep_before(struct random_process *r)
{
	memcpy(r->before, r->threads, r->sp.nr_threads * sizeof(*r->threads));
	r->set_before = r->sp.set;
}

static s64 hop(const struct random_process *r, int from, int to)
{
	return r->distance[from * r->sp.nr_nodes + to] - KNUMAD_LOCAL;
}

/* As the worked formula has it, in no clever way */
static s64 cost(const struct random_process *r,
		const struct knumad_sp_thread *threads)
{
	u32 n = r->sp.nr_nodes, count = r->sp.nr_threads, t, u, i;
	s64 sum = 0;

	for (t = 0; t < count; t++) {
		int a = threads[t].home;

		if (a == NOWHERE)
			continue;
		for (i = 0; i < n; i++)
			sum += threads[t].seen[i] * hop(r, a, i);
		for (u = 0; u < t && r->sp.shares; u++) {
			int b = threads[u].home;

			if (b != NOWHERE)
				sum += r->shares[(size_t)t * count + u] *
				       (hop(r, a, b) + hop(r, b, a));
		}
	}
	return sum;
}

static void count_load(struct random_process *r)
{
	unsigned int t;

	memset(r->load, 0, r->sp.nr_nodes * sizeof(*r->load));
	for (t = 0; t < r->sp.nr_threads; t++)
		if (r->threads[t].home != NOWHERE)
			r->load[r->threads[t].home] += r->threads[t].load;
}

static bool has_cores(const struct random_process *r,
		      const struct knumad_sp_thread *p)
{
	int nid;

	for_each_node_mask(nid, p->allowed)
		if (r->cores[nid])
			return true;
	return false;
}

/* Homes are where a thread may run, and in the set if that is possible */
static void check_homes(struct kunit *test, struct random_process *r)
{
	unsigned int t;
	int nid;

	KUNIT_EXPECT_FALSE(test, nodes_empty(r->sp.set));
	for_each_node_mask(nid, r->sp.set)
		KUNIT_EXPECT_GT(test, r->cores[nid], 0UL);
	for (t = 0; t < r->sp.nr_threads; t++) {
		const struct knumad_sp_thread *p = &r->threads[t];
		bool in_set;

		if (!has_cores(r, p)) {
			KUNIT_EXPECT_EQ(test, p->home, NOWHERE);
			continue;
		}
		KUNIT_ASSERT_NE(test, p->home, NOWHERE);
		KUNIT_EXPECT_TRUE(test, node_isset(p->home, p->allowed));
		KUNIT_EXPECT_GT(test, r->cores[p->home], 0UL);
		in_set = nodes_intersects(p->allowed, r->sp.set);
		KUNIT_EXPECT_EQ(test, node_isset(p->home, r->sp.set), in_set);
	}
}

/*
 * A node is overloaded only if nobody on it could go to a node that has room.
 * Return: whether any is overloaded.
 */
static bool check_load(struct kunit *test, struct random_process *r)
{
	bool any = false;
	unsigned int t;
	int nid, to;

	count_load(r);
	for (nid = 0; nid < r->sp.nr_nodes; nid++) {
		if (r->load[nid] <= r->cores[nid] + SLACK + GRACE)
			continue;
		any = true;
		for (t = 0; t < r->sp.nr_threads; t++) {
			const struct knumad_sp_thread *p = &r->threads[t];

			if (p->home != nid || !p->load)
				continue;
			for_each_node_mask(to, r->sp.set) {
				if (!node_isset(to, p->allowed) ||
				    !node_isset(nid, r->sp.set) ||
				    r->load[to] + p->load >
				    r->cores[to] + SLACK)
					continue;
				KUNIT_FAIL(test, "thread %u on %d has room on %d",
					   t, nid, to);
				return any;
			}
		}
	}
	return any;
}

/* Who has got all: nothing changes any more; and twice the same is the same */
static void check_fixed(struct kunit *test, struct random_process *r)
{
	u64 steps = r->sp.steps;
	unsigned int t;

	/* The problem again */
	for (t = 0; t < r->sp.nr_threads; t++)
		swap(r->threads[t].home, r->before[t].home);
	swap(r->sp.set, r->set_before);
	place(test, &r->sp);
	KUNIT_EXPECT_EQ(test, r->sp.steps, steps);
	for (t = 0; t < r->sp.nr_threads; t++)
		KUNIT_ASSERT_EQ(test, r->threads[t].home, r->before[t].home);
	KUNIT_EXPECT_TRUE(test, nodes_equal(r->sp.set, r->set_before));

	/* The solution as the problem */
	place(test, &r->sp);
	for (t = 0; t < r->sp.nr_threads; t++)
		KUNIT_ASSERT_EQ(test, r->threads[t].home, r->before[t].home);
	KUNIT_EXPECT_TRUE(test, nodes_equal(r->sp.set, r->set_before));
}

struct random_case {
	const char *name;
	int nodes;
	unsigned int threads;
	int rounds;
	bool units;
};

static const struct random_case random_cases[] = {
	{ "1 node, 4 threads", 1, 4, 50 },
	{ "2 nodes, 4 threads", 2, 4, 300 },
	{ "2 nodes, 4 equal threads", 2, 4, 300, true },
	{ "4 nodes, 16 threads", 4, 16, 200 },
	{ "4 nodes, 16 equal threads", 4, 16, 200, true },
	{ "8 nodes, 60 threads", 8, 60, 20 },
	{ "64 nodes, 100 threads", 64, 100, 1 },
};

KUNIT_ARRAY_PARAM_DESC(random, random_cases, name);

static void random_test(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	unsigned int moved = 0, stayed = 0, overloaded = 0, t;
	struct random_process *r;
	int round;

	if (c->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_random(test, c->nodes, c->threads);
	for (round = 0; round < c->rounds; round++) {
		random_problem(r, c->units);
		keep_before(r);
		place(test, &r->sp);
		check_homes(test, r);
		overloaded += check_load(test, r);
		for (t = 0; t < c->threads; t++) {
			if (r->before[t].home == r->threads[t].home)
				stayed++;
			else
				moved++;
		}
		check_fixed(test, r);
		/* One example is enough */
		if (READ_ONCE(test->status) == KUNIT_FAILURE) {
			kunit_info(test, "in round %d", round);
			return;
		}
	}
	/* Guards the test itself: problems are neither trivial nor hopeless */
	KUNIT_EXPECT_GT(test, stayed, 0U);
	KUNIT_EXPECT_GT(test, moved, 0U);
	KUNIT_EXPECT_LT(test, overloaded, c->rounds / 2U + 2);
}

/*
 * All have homes that they can keep: what changes makes it cheaper, and no node
 * is overloaded by that.
 */
static void cost_test(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	struct random_process *r;
	unsigned int cheaper = 0, t;
	int round, nid;

	if (c->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_random(test, c->nodes, c->threads);
	for (round = 0; round < c->rounds; round++) {
		s64 before, after;

		random_problem(r, c->units);
		nodes_clear(r->sp.set);
		for (t = 0; t < c->threads; t++) {
			r->threads[t].home = below(r, c->nodes);
			nodes_clear(r->threads[t].allowed);
			for (nid = 0; nid < c->nodes; nid++)
				node_set(nid, r->threads[t].allowed);
		}
		/* As many cores as are used, and one to spare here and there */
		count_load(r);
		for (nid = 0; nid < c->nodes; nid++) {
			node_set(nid, r->sp.set);
			r->cores[nid] = r->load[nid] + 1000 * below(r, 2) + 1;
		}
		/* Memory needs all nodes */
		r->sp.resident = 0;
		for (nid = 0; nid < c->nodes; nid++)
			r->sp.resident += ++r->pages[nid];

		keep_before(r);
		before = cost(r, r->before);
		place(test, &r->sp);
		after = cost(r, r->threads);
		KUNIT_ASSERT_LE(test, after, before);
		cheaper += after < before;
		for (t = 0; t < c->threads; t++)
			if (r->threads[t].home != r->before[t].home)
				break;
		KUNIT_EXPECT_EQ(test, after == before, t == c->threads);
		count_load(r);
		for (nid = 0; nid < c->nodes; nid++)
			KUNIT_ASSERT_LE(test, r->load[nid],
					r->cores[nid] + SLACK);
		check_fixed(test, r);
	}
	if (c->nodes > 1)
		KUNIT_EXPECT_GT(test, cheaper, 0U);
}

/* A machine of equal nodes, threads that are one core each, all at home */
static struct random_process *
new_regular(struct kunit *test, int nodes, unsigned int threads, bool rotated)
{
	struct random_process *r = new_random(test, nodes, threads);
	unsigned int t, cores = threads / nodes;
	int i, j;

	for (i = 0; i < nodes; i++) {
		r->cores[i] = 1000UL * cores;
		r->pages[i] = 1000;
		node_set(i, r->sp.set);
		for (j = 0; j < nodes; j++)
			r->distance[i * nodes + j] = i == j ? 10 : 20;
	}
	for (t = 0; t < threads; t++) {
		r->threads[t] = (struct knumad_sp_thread) {
			.seen = r->seen + (size_t)t * nodes,
			.load = 1000,
			.node = rotated ? t % nodes : t / cores,
			.allowed = r->sp.set,
		};
		r->threads[t].home = r->threads[t].node;
	}
	return r;
}

/* The last worked table of "Improvement" */
static void even_test(struct kunit *test)
{
	struct random_process *r = new_regular(test, 2, 64, true);
	unsigned int t, u;

	for (t = 0; t < 64; t++)
		for (u = 0; u < 64; u++)
			r->shares[t * 64 + u] = t != u && t / 32 == u / 32;
	place(test, &r->sp);
	KUNIT_EXPECT_EQ(test, cost(r, r->threads), 0LL);
	for (t = 0; t < 64; t++)
		KUNIT_EXPECT_EQ(test, r->threads[t].home,
				r->threads[t / 32 * 32].home);
	keep_before(r);
	place(test, &r->sp);
	for (t = 0; t < 64; t++)
		KUNIT_EXPECT_EQ(test, r->threads[t].home, r->before[t].home);
}

/* Samples that differ by chance, of threads that are all alike, move few */
static void noise_test(struct kunit *test)
{
	struct random_process *r = new_regular(test, 2, 16, false);
	unsigned int t, i, moved = 0;
	int run;

	for (run = 0; run < 100; run++) {
		for (t = 0; t < 16; t++)
			for (i = 0; i < 2; i++)
				r->seen[2 * t + i] = 100 + below(r, 10);
		keep_before(r);
		place(test, &r->sp);
		for (t = 0; t < 16; t++)
			moved += r->threads[t].home != r->before[t].home;
	}
	KUNIT_EXPECT_EQ(test, moved, 0U);
}

/* The largest: every thread uses the next node; and what is only random */
static void large_test(struct kunit *test)
{
	const unsigned int threads = 1024, nodes = 64;
	struct random_process *r;
	unsigned int t, home = 0;
	s64 before;

	if (nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_regular(test, nodes, threads, false);
	for (t = 0; t < threads; t++)
		r->seen[t * nodes + (r->threads[t].home + 1) % nodes] = 100;
	place(test, &r->sp);
	for (t = 0; t < threads; t++)
		home += !!r->threads[t].seen[r->threads[t].home];
	/* The last of each ring has nobody to swap with that gains as well */
	KUNIT_EXPECT_GT(test, home, threads * 3 / 4);

	random_problem(r, true);
	for (t = 0; t < nodes; t++) {
		r->cores[t] = 1000UL * threads / nodes;
		node_set(t, r->sp.set);
	}
	for (t = 0; t < threads; t++)
		r->threads[t].home = t % nodes;
	before = cost(r, r->threads);
	place(test, &r->sp);
	KUNIT_EXPECT_LT(test, cost(r, r->threads), before);
	count_load(r);
	for (t = 0; t < nodes; t++)
		KUNIT_EXPECT_LE(test, r->load[t], r->cores[t] + SLACK);
}

/* The bound itself: threads and nodes, times what is looked at for a change */
static void max_steps_test(struct kunit *test)
{
	u64 n, t;

	for (n = 1; n <= 64; n *= 2)
		for (t = 1; t <= 4096; t *= 4)
			KUNIT_EXPECT_LE(test, knumad_span_max_steps(t, n),
					8 * (t + n) * (t * n + min(t * t, 65536ULL)) +
					16 * n * n * (n + t) + 16 * t * (t + n));
}

static struct kunit_case spanning_cases[] = {
	KUNIT_CASE_PARAM(span_test, span_gen_params),
	KUNIT_CASE(load_test),
	KUNIT_CASE(no_threads_test),
	KUNIT_CASE_PARAM(random_test, random_gen_params),
	KUNIT_CASE_PARAM(cost_test, random_gen_params),
	KUNIT_CASE(even_test),
	KUNIT_CASE(noise_test),
	KUNIT_CASE_SLOW(large_test),
	KUNIT_CASE(max_steps_test),
	{}
};

static struct kunit_suite spanning_suite = {
	.name = "knumad_spanning",
	.test_cases = spanning_cases,
};

kunit_test_suite(spanning_suite);
