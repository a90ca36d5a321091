// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy
 *
 * First the worked tables of placement.c, then what they leave open, then
 * properties that hold for any problem.
 */

#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../placement.h"
#include "kunit_util.h"

#define MAX_NODES	4
#define MAX_PROCS	4

#define NOWHERE		NUMA_NO_NODE

#define MB		(SZ_1M / PAGE_SIZE)
#define GB		(1024 * MB)

/* What may be claimed of a node's CPUs beyond what it has */
#define SLACK		500

/* === Costs === */

struct cost_case {
	const char *name;
	int nodes;
	const u8 *distance;
	unsigned long resident[MAX_NODES];
	unsigned long used[MAX_NODES];
	unsigned long fixed[MAX_NODES];
	unsigned int cpu[MAX_NODES];
	unsigned long load;
	unsigned int horizon;
	s64 cost[MAX_NODES];
	s64 stay;
};

static const u8 near_nodes[] = {
	10, 11,
	11, 10,
};

static const u8 two_nodes[] = {
	10, 20,
	20, 10,
};

static const u8 line[] = {
	10, 15, 25, 35,
	15, 10, 15, 25,
	25, 15, 10, 15,
	35, 25, 15, 10,
};

/* From node 0 to node 3 is farther than from 1 to 3, and nearer back */
static const u8 asymmetric[] = {
	10, 21, 31, 40,
	21, 10, 21, 30,
	31, 21, 10, 21,
	20, 50, 21, 10,
};

/* Firmware that takes a neighbour for nearer than the node itself */
static const u8 broken[] = {
	10,  5,
	 5, 10,
};

static const struct cost_case cost_cases[] = {
	{
		"worked table 10/20", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.cpu = { 0, 1000 }, .load = 2000, .horizon = 10,
		.cost = { 2 * 2560, 1000 * 10 + 1000 * 40 },
		.stay = 10 * 1000 * 10,
	}, {
		"worked table 10/11", 2, near_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.cpu = { 0, 1000 }, .load = 2000, .horizon = 10,
		.cost = { 2 * 2560, 1000 * 1 + 1000 * 40 },
		.stay = 10 * 1000 * 1,
	}, {
		"nothing", 2, two_nodes,
		.horizon = 10,
		.cost = { 0, 0 }, .stay = 0,
	}, {
		"all at one place", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.cpu = { 1000, 0 }, .load = 1000, .horizon = 1000,
		.cost = { 0, 1000 * 50 + 2560 }, .stay = 0,
	}, {
		"threads on both nodes", 2, two_nodes,
		.resident = { 1000, 500 }, .used = { 1000, 500 },
		.cpu = { 500, 500 }, .load = 4000, .horizon = 10,
		.cost = { 500 * 50 + 2 * 2560, 1000 * 50 + 2 * 2560 },
		.stay = 10 * (500 * 10 / 2 + 1000 * 10 / 2),
	}, {
		"thousandths of threads", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.cpu = { 400, 600 }, .load = 1500, .horizon = 20,
		.cost = { 2304, 1000 * 50 + 1536 },
		.stay = 20 * 6000,
	}, {
		"unused pages cost their copy only", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 100, 0 },
		.cpu = { 0, 1000 }, .horizon = 10,
		.cost = { 0, 100 * 10 + 1000 * 40 },
		.stay = 10 * 100 * 10,
	}, {
		"used fixed pages stay remote", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.fixed = { 400, 0 },
		.cpu = { 0, 1000 }, .horizon = 30,
		.cost = { 0, 600 * 50 + 30 * 400 * 10 },
		.stay = 30 * 1000 * 10,
	}, {
		"unused fixed pages cost nothing", 2, two_nodes,
		.resident = { 1000, 0 }, .fixed = { 1000, 0 },
		.cpu = { 0, 1000 }, .horizon = 30,
		.cost = { 0, 0 }, .stay = 0,
	}, {
		"fixed pages that were counted twice", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.fixed = { 1100, 0 },
		.cpu = { 0, 1000 }, .horizon = 10,
		.cost = { 0, 10 * 1000 * 10 }, .stay = 10 * 1000 * 10,
	}, {
		"not seen running", 2, two_nodes,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.load = 1000, .horizon = 10,
		.cost = { 2560, 1000 * 50 + 2560 }, .stay = 0,
	}, {
		"four nodes in a line", 4, line,
		.resident = { 0, 1000 }, .used = { 0, 1000 },
		.cpu = { 0, 0, 0, 1000 }, .horizon = 10,
		.cost = { 1000 * 45, 0, 1000 * 45, 1000 * 55 },
		.stay = 10 * 1000 * 15,
	}, {
		"from home to memory, from thread to memory", 4, asymmetric,
		.resident = { 0, 0, 0, 1000 }, .used = { 0, 0, 0, 1000 },
		.cpu = { 1000 }, .horizon = 10,
		.cost = { 1000 * 70, 1000 * 60, 1000 * 51, 0 },
		.stay = 10 * 1000 * 30,
	}, {
		"and the other way", 4, asymmetric,
		.resident = { 1000 }, .used = { 1000 },
		.cpu = { 0, 0, 0, 1000 }, .horizon = 10,
		.cost = { 0, 1000 * 51, 1000 * 61, 1000 * 50 },
		.stay = 10 * 1000 * 10,
	}, {
		"a gain by distance is none", 2, broken,
		.resident = { 1000, 0 }, .used = { 1000, 0 },
		.cpu = { 0, 1000 }, .horizon = 10,
		.cost = { 0, 1000 * 40 }, .stay = 0,
	}, {
		"64 TB for a long time", 2, two_nodes,
		.resident = { 65536 * GB, 0 }, .used = { 65536 * GB, 0 },
		.fixed = { 65536 * GB, 0 },
		.cpu = { 0, 1000 }, .load = 8192000, .horizon = 1000,
		.cost = { 8192LL * 2560, 1000LL * 65536 * GB * 10 },
		.stay = 1000LL * 65536 * GB * 10,
	},
};

KUNIT_ARRAY_PARAM_DESC(cost, cost_cases, name);

static void cost_test(struct kunit *test)
{
	const struct cost_case *c = test->param_value;
	struct knumad_placement pl = {
		.nr_nodes = c->nodes,
		.distance = c->distance,
	};
	struct knumad_pl_proc p = {
		.resident = c->resident,
		.used = c->used,
		.fixed = c->fixed,
		.cpu = c->cpu,
		.load = c->load,
		.horizon = c->horizon,
		.home = NOWHERE,
	};
	int nid;

	for (nid = 0; nid < c->nodes; nid++)
		KUNIT_EXPECT_EQ_MSG(test, knumad_place_cost(&pl, &p, nid),
				    c->cost[nid], "home %d", nid);
	KUNIT_EXPECT_EQ(test, knumad_stay_cost(&pl, &p), c->stay);
}

/* === Swaps of threads === */

struct side {
	unsigned long used[MAX_NODES];
	unsigned long load;
	int home;
};

struct gain_case {
	const char *name;
	int nodes;
	const u8 *distance;
	int p_from;
	int p_to;
	struct side p;
	bool unknown;		/* nobody watches the other process */
	struct side q;
	s64 gain;
};

static const struct gain_case gain_cases[] = {
	{
		/* The worked table */
		"each at the other's home", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 0, 600 }, 1000, 0 },
		.gain = 1000 * 10 + 600 * 10,
	}, {
		"same home, same memory per thread", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 500, 500 }, 1000, 1 },
		.gain = 0,
	}, {
		"same home, less memory per thread", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 1000, 1000 }, 1000, 1 },
		.gain = 1000 * 10 - 2000 * 10,
	}, {
		"same home, more memory per thread", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 1000, 0 }, 2000, 1 },
		.gain = 1000 * 10 - 1000 * 10 / 2,
	}, {
		/* And beyond */
		"nobody watches the other", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.unknown = true,
		.gain = 1000 * 10,
	}, {
		"away from home", 2, two_nodes, 1, 0,
		.p = { { 1000, 0 }, 1000, 1 },
		.unknown = true,
		.gain = -1000 * 10,
	}, {
		"the other has no home, and its memory here", 2, two_nodes,
		0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 300, 700 }, 1000, NOWHERE },
		.gain = 1000 * 10 - 400 * 10,
	}, {
		"the other has no home, and its memory there", 2, two_nodes,
		0, 1,
		.p = { { 1000, 0 }, 1000, 1 },
		.q = { { 700, 300 }, 1000, NOWHERE },
		.gain = 1000 * 10 + 400 * 10,
	}, {
		"less than a core is one thread", 2, two_nodes, 0, 1,
		.p = { { 1000, 0 }, 100, 1 },
		.unknown = true,
		.gain = 1000 * 10,
	}, {
		"neither uses memory", 2, two_nodes, 0, 1,
		.p = { { 0, 0 }, 1000, 1 },
		.q = { { 0, 0 }, 1000, 0 },
		.gain = 0,
	}, {
		/* p: 40 to 10; q: from 3 to 0 is 20 against 10 */
		"asymmetric distances", 4, asymmetric, 0, 3,
		.p = { { 1000 }, 1000, 3 },
		.q = { { 500 }, 1000, 0 },
		.gain = 1000 * 30 + 500 * 10,
	}, {
		"from far to near, not home", 4, line, 3, 1,
		.p = { { 1000 }, 1000, 0 },
		.q = { { 0, 0, 0, 1000 }, 1000, 2 },
		.gain = 1000 * 20 + 1000 * 0,
	},
};

KUNIT_ARRAY_PARAM_DESC(gain, gain_cases, name);

static void set_side(struct knumad_pl_proc *p, const struct side *side)
{
	*p = (struct knumad_pl_proc) {
		.used = side->used,
		.load = side->load,
		.home = side->home,
	};
}

static void swap_gain_test(struct kunit *test)
{
	const struct gain_case *c = test->param_value;
	struct knumad_placement pl = {
		.nr_nodes = c->nodes,
		.distance = c->distance,
	};
	struct knumad_pl_proc p, q;

	set_side(&p, &c->p);
	set_side(&q, &c->q);
	KUNIT_EXPECT_EQ(test,
			knumad_swap_gain(&pl, &p, c->p_from, c->p_to,
					 c->unknown ? NULL : &q),
			c->gain);
	/* It is the same swap seen from the other thread */
	if (!c->unknown)
		KUNIT_EXPECT_EQ(test,
				knumad_swap_gain(&pl, &q, c->p_to, c->p_from,
						 &p),
				c->gain);
}

/* === Placement: one run === */

/**
 * struct proc_spec - a process of a case, and what shall become of it
 * @pages: resident, and used unless @idle
 * @fixed: of those, must not move
 * @cpu: share of its threads per node, in thousandths
 * @load: in thousandths of a core
 * @horizon: 0 for the least, 10
 * @allowed: a bit per node, 0 for all
 * @idle: uses none of its memory
 * @bound: see struct knumad_pl_proc
 * @skip: see struct knumad_pl_proc
 * @home: before
 * @pending: before
 * @want_home: after
 * @want_pending: after
 * @want: verdict
 */
struct proc_spec {
	unsigned long pages[MAX_NODES];
	unsigned long fixed[MAX_NODES];
	unsigned int cpu[MAX_NODES];
	unsigned long load;
	unsigned int horizon;
	unsigned long allowed;
	bool idle;
	bool bound;
	bool skip;
	int home;
	int pending;
	int want_home;
	int want_pending;
	enum knumad_verdict want;
};

#define FRESH		.home = NOWHERE, .pending = NOWHERE
#define AT(nid)		.home = (nid), .pending = NOWHERE
#define WANT(nid, verdict) \
	.want_home = (nid), .want_pending = NOWHERE, .want = KNUMAD_V_##verdict
#define UNPLACED(verdict) WANT(NOWHERE, verdict)
#define PROPOSED(from, to) \
	.want_home = (from), .want_pending = (to), .want = KNUMAD_V_PENDING

/**
 * struct place_case - a problem
 * @name: what it is about
 * @nodes: number of nodes
 * @distance: of the nodes, NULL for 10/20
 * @cores: per node, in thousandths, 2000 for all if they are all 0
 * @memory: per node, with what the processes have, 4 GB for all if all 0
 * @others: CPU time used by others, in thousandths of a core
 * @spread: policy
 * @procs: number of processes
 * @proc: the processes
 */
struct place_case {
	const char *name;
	int nodes;
	const u8 *distance;
	unsigned long cores[MAX_NODES];
	unsigned long memory[MAX_NODES];
	unsigned long others;
	bool spread;
	int procs;
	struct proc_spec proc[MAX_PROCS];
};

/* A problem in the form that knumad_place() takes */
struct machine {
	struct knumad_placement pl;
	struct knumad_pl_node nodes[MAX_NODES];
	u8 distance[MAX_NODES * MAX_NODES];
	struct knumad_pl_proc procs[MAX_PROCS];
	unsigned long resident[MAX_PROCS][MAX_NODES];
	unsigned long used[MAX_PROCS][MAX_NODES];
	unsigned long fixed[MAX_PROCS][MAX_NODES];
	unsigned int cpu[MAX_PROCS][MAX_NODES];
};

static nodemask_t to_nodes(unsigned long bits)
{
	nodemask_t mask = NODE_MASK_NONE;
	int nid;

	for (nid = 0; nid < MAX_NODES; nid++)
		if (!bits || bits & BIT(nid))
			node_set(nid, mask);
	return mask;
}

static void add_proc(struct machine *m, const struct proc_spec *spec)
{
	unsigned int n = m->pl.nr_procs++;

	memcpy(m->resident[n], spec->pages, sizeof(spec->pages));
	memcpy(m->fixed[n], spec->fixed, sizeof(spec->fixed));
	memcpy(m->cpu[n], spec->cpu, sizeof(spec->cpu));
	if (!spec->idle)
		memcpy(m->used[n], spec->pages, sizeof(spec->pages));
	m->procs[n] = (struct knumad_pl_proc) {
		.resident = m->resident[n],
		.used = m->used[n],
		.fixed = m->fixed[n],
		.cpu = m->cpu[n],
		.load = spec->load,
		.horizon = spec->horizon ?: 10,
		.allowed = to_nodes(spec->allowed),
		.bound = spec->bound,
		.skip = spec->skip,
		.home = spec->home,
		.pending = spec->pending,
		/* To be overwritten */
		.verdict = KNUMAD_NR_VERDICTS,
	};
}

static struct machine *new_machine(struct kunit *test,
				   const struct place_case *c)
{
	bool any_cores = memchr_inv(c->cores, 0, sizeof(c->cores));
	bool any_memory = memchr_inv(c->memory, 0, sizeof(c->memory));
	struct machine *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->pl = (struct knumad_placement) {
		.nr_nodes = c->nodes,
		.nodes = m->nodes,
		.distance = c->distance ?: m->distance,
		.procs = m->procs,
		.others = c->others,
		.spread = c->spread,
	};
	for (i = 0; i < c->nodes; i++)
		for (j = 0; j < c->nodes; j++)
			m->distance[i * c->nodes + j] = i == j ? 10 : 20;
	for (i = 0; i < c->procs; i++)
		add_proc(m, &c->proc[i]);
	for (i = 0; i < c->nodes; i++) {
		unsigned long memory = any_memory ? c->memory[i] : 4 * GB;

		for (j = 0; j < c->procs; j++) {
			KUNIT_ASSERT_GE_MSG(test, memory, m->resident[j][i],
					    "more pages than node %d has", i);
			memory -= m->resident[j][i];
		}
		m->nodes[i].free = memory;
		m->nodes[i].cores = any_cores ? c->cores[i] : 2000;
	}
	return m;
}

static unsigned long movable(const struct knumad_pl_proc *p, int nid)
{
	return p->resident[nid] - min(p->fixed[nid], p->resident[nid]);
}

static unsigned long all_movable(const struct knumad_placement *pl,
				 const struct knumad_pl_proc *p)
{
	unsigned long pages = 0;
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		pages += movable(p, i);
	return pages;
}

/*
 * Once everybody is at home, and all others are where they were, what would be
 * free on a node? Below zero: the policy gave away room that is not there.
 */
static s64 room_left(const struct knumad_placement *pl, int nid)
{
	s64 room = pl->nodes[nid].free;
	unsigned int i;

	for (i = 0; i < pl->nr_procs; i++) {
		const struct knumad_pl_proc *p = &pl->procs[i];

		if (p->skip || p->home == NOWHERE)
			continue;
		room += movable(p, nid);
		if (p->home == nid)
			room -= all_movable(pl, p);
	}
	return room;
}

static void place(struct kunit *test, struct machine *m)
{
	int nid;

	KUNIT_ASSERT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_EXPECT_LE(test, m->pl.steps,
			knumad_place_max_steps(m->pl.nr_procs, m->pl.nr_nodes));
	for (nid = 0; nid < m->pl.nr_nodes; nid++)
		KUNIT_EXPECT_GE_MSG(test, room_left(&m->pl, nid), 0,
				    "node %d is overfilled", nid);
}

/* Everybody goes home: threads, and all pages that may */
static void settle(struct machine *m)
{
	int i, nid;

	for (i = 0; i < m->pl.nr_procs; i++) {
		struct knumad_pl_proc *p = &m->procs[i];
		int home = p->home;

		if (p->skip || home == NOWHERE)
			continue;
		for (nid = 0; nid < m->pl.nr_nodes; nid++) {
			unsigned long pages = movable(p, nid);
			unsigned long used = min(m->used[i][nid], pages);

			m->cpu[i][nid] = nid == home ? 1000 : 0;
			if (nid == home)
				continue;
			m->resident[i][nid] -= pages;
			m->resident[i][home] += pages;
			m->used[i][nid] -= used;
			m->used[i][home] += used;
			m->nodes[nid].free += pages;
			m->nodes[home].free -= pages;
		}
	}
}

/* Process @idx exits; the last one takes its index */
static void quit(struct machine *m, int idx)
{
	int last = --m->pl.nr_procs, nid;

	for (nid = 0; nid < m->pl.nr_nodes; nid++)
		m->nodes[nid].free += m->resident[idx][nid];
	m->procs[idx] = m->procs[last];
	m->procs[idx].resident = m->resident[idx];
	m->procs[idx].used = m->used[idx];
	m->procs[idx].fixed = m->fixed[idx];
	m->procs[idx].cpu = m->cpu[idx];
	memcpy(m->resident[idx], m->resident[last], sizeof(m->resident[0]));
	memcpy(m->used[idx], m->used[last], sizeof(m->used[0]));
	memcpy(m->fixed[idx], m->fixed[last], sizeof(m->fixed[0]));
	memcpy(m->cpu[idx], m->cpu[last], sizeof(m->cpu[0]));
}

static void expect(struct kunit *test, const struct machine *m, int idx,
		   int home, int pending, enum knumad_verdict verdict)
{
	const struct knumad_pl_proc *p = &m->procs[idx];

	KUNIT_EXPECT_EQ_MSG(test, p->home, home, "process %d", idx);
	KUNIT_EXPECT_EQ_MSG(test, p->pending, pending, "process %d", idx);
	KUNIT_EXPECT_EQ_MSG(test, p->verdict, verdict, "process %d", idx);
}

/* The first worked example of "Order of decisions" */
#define THREE_ON_TWO							\
	.nodes = 2, .procs = 3,						\
	.proc = {							\
		{ .pages = { 1280 * MB, 1280 * MB }, .cpu = { 500, 500 }, \
		  .load = 1000, FRESH, WANT(0, HOME) },			\
		{ .pages = { 1280 * MB, 1280 * MB }, .cpu = { 500, 500 }, \
		  .load = 1000, FRESH, WANT(1, HOME) },			\
		{ .pages = { 1280 * MB, 1280 * MB }, .cpu = { 500, 500 }, \
		  .load = 1000, FRESH, UNPLACED(NO_ROOM) },		\
	}

static const struct place_case place_cases[] = {
	/*
	 * The worked tables
	 */
	{
		"1000 pages on node 0, threads on node 1, 10/20",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 1000, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(0, HOME) },
		},
	}, {
		"the same, and no core left on node 0",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 1000, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(1, HOME) },
			{ .pages = { 1000, 0 }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), WANT(0, HOME) },
		},
	}, {
		"1000 pages on node 0, threads on node 1, 10/11",
		.nodes = 2, .distance = near_nodes, .procs = 1,
		.proc = {
			{ .pages = { 1000, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(0, HOME) },
		},
	}, {
		"the same, and node 1 is not worth it",
		.nodes = 2, .distance = near_nodes, .procs = 2,
		.proc = {
			{ .pages = { 1000, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, UNPLACED(NOT_WORTH) },
			{ .pages = { 1000, 0 }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), WANT(0, HOME) },
		},
	}, {
		"3 x 2.5 GB on 2 x 4 GB", THREE_ON_TWO,
	}, {
		"two of two threads, both first on node 0",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .horizon = 20, FRESH, WANT(0, HOME) },
			{ .pages = { 512 * MB, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .horizon = 20, FRESH, WANT(1, HOME) },
		},
	}, {
		"the same in the other order",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 512 * MB, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .horizon = 20, FRESH, WANT(1, HOME) },
			{ .pages = { GB, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .horizon = 20, FRESH, WANT(0, HOME) },
		},
	}, {
		"three threads on nodes of two cores",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 666, 333 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	},
	/*
	 * CPU capacity
	 */
	{
		"half a core too much fits",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 2500, FRESH, WANT(0, HOME) },
		},
	}, {
		"more does not",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 2501, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"half a core too much is given once per node",
		.nodes = 2, .procs = 3,
		.proc = {
			{ .pages = { 300 * MB, 0 }, .cpu = { 0, 1000 },
			  .load = 1500, FRESH, WANT(0, HOME) },
			{ .pages = { 200 * MB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, FRESH, WANT(0, HOME) },
			{ .pages = { 100 * MB, 0 }, .cpu = { 0, 1000 },
			  .load = 500, FRESH, WANT(1, HOME) },
		},
	}, {
		"others take what is not theirs elsewhere",
		.nodes = 2, .others = 3000, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 1501, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"others leave one core and the slack",
		.nodes = 2, .others = 3000, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 1500, FRESH, WANT(0, HOME) },
		},
	}, {
		"others fit on the other node",
		.nodes = 2, .others = 2000, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 2000, FRESH, WANT(0, HOME) },
		},
	}, {
		"others take more than there is",
		.nodes = 2, .others = 9000, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 100, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"bound to a node with too few cores",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 }, .load = 8000,
			  .allowed = BIT(1), .bound = true,
			  FRESH, WANT(1, HOME) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 }, .load = 8000,
			  .allowed = BIT(1), .bound = true,
			  FRESH, WANT(1, HOME) },
		},
	}, {
		"the same, not bound",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 }, .load = 8000,
			  .allowed = BIT(1), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"the bound take cores from others",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, 1000 }, .cpu = { 1000, 0 },
			  .load = 2000, FRESH, WANT(0, HOME) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 }, .load = 2000,
			  .allowed = BIT(1), .bound = true,
			  FRESH, WANT(1, HOME) },
		},
	}, {
		"the bound need memory as well",
		.nodes = 2, .memory = { 8 * GB, 4 * GB }, .procs = 1,
		.proc = {
			{ .pages = { 5 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1), .bound = true,
			  FRESH, UNPLACED(NO_ROOM) },
		},
	},
	/*
	 * Memory
	 */
	{
		"full node, the other is chosen",
		.nodes = 2, .memory = { 1536 * MB, 4 * GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		"two full nodes",
		.nodes = 2, .memory = { 1536 * MB, 1536 * MB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"fills the node to the last page",
		.nodes = 2, .memory = { 2 * GB, GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"one page too many",
		.nodes = 2, .memory = { 2 * GB - 1, GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"no room is said before no CPUs",
		.nodes = 2, .memory = { 1536 * MB, 1536 * MB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 4000, FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"two full nodes, exchanged",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 4 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, WANT(1, HOME) },
			{ .pages = { 0, 4 * GB }, .cpu = { 1000, 0 },
			  .load = 1000, .allowed = BIT(0),
			  FRESH, WANT(0, HOME) },
		},
	}, {
		"threads go where the memory is",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 4 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(0, HOME) },
			{ .pages = { 0, 4 * GB }, .cpu = { 1000, 0 },
			  .load = 2000, FRESH, WANT(1, HOME) },
		},
	}, {
		"fixed memory attracts",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 400, 600 }, .fixed = { 400, 0 },
			  .cpu = { 500, 500 }, .load = 1000,
			  FRESH, WANT(0, HOME) },
		},
	}, {
		"the same, movable",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 400, 600 },
			  .cpu = { 500, 500 }, .load = 1000,
			  FRESH, WANT(1, HOME) },
		},
	}, {
		"fixed memory leaves no room",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 3 * GB, 0 }, .fixed = { 3 * GB, 0 },
			  .cpu = { 1000, 0 }, .load = 1000,
			  FRESH, WANT(0, HOME) },
			{ .pages = { 0, 2 * GB }, .cpu = { 1000, 0 },
			  .load = 1000, .allowed = BIT(0),
			  FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"fixed memory needs no room",
		.nodes = 2, .memory = { 4 * GB, GB }, .procs = 1,
		.proc = {
			{ .pages = { 3 * GB, 512 * MB },
			  .fixed = { 3 * GB, 0 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	},
	/*
	 * Which node
	 */
	{
		"tie: most cores",
		.nodes = 2, .cores = { 2000, 4000 },
		.memory = { 5 * GB, 4 * GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		"tie: then most room",
		.nodes = 2, .memory = { 4 * GB, 5 * GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		"tie: then the first",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"tie: of all but the dearest",
		.nodes = 4, .cores = { 8000, 2000, 2000, 4000 }, .procs = 1,
		.proc = {
			{ .pages = { 100 * MB, 200 * MB, 200 * MB, 200 * MB },
			  .cpu = { 250, 250, 250, 250 }, .load = 1000,
			  FRESH, WANT(3, HOME) },
		},
	}, {
		"no cores left: the nearest neighbour",
		.nodes = 4, .distance = line, .procs = 2,
		.proc = {
			{ .pages = { GB }, .cpu = { 1000 }, .load = 2000,
			  AT(0), WANT(0, HOME) },
			{ .pages = { 1000 }, .cpu = { 0, 0, 0, 1000 },
			  .load = 2000, FRESH, WANT(1, HOME) },
		},
	}, {
		"asymmetric: from the home to the memory",
		.nodes = 4, .distance = asymmetric, .procs = 1,
		.proc = {
			{ .pages = { 0, 0, 0, 1000 }, .cpu = { 1000 },
			  .load = 1000, .allowed = BIT(0) | BIT(1),
			  FRESH, WANT(1, HOME) },
		},
	}, {
		"who has no alternative chooses first",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .horizon = 20, FRESH, WANT(1, HOME) },
			{ .pages = { 1000, 0 }, .cpu = { 500, 500 },
			  .load = 2000, .allowed = BIT(0),
			  FRESH, WANT(0, HOME) },
		},
	}, {
		"of two without a preference the larger chooses first",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { MB, MB }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(1, HOME) },
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"not seen running, all in one place",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 0, 1000 }, FRESH, WANT(1, HOME) },
		},
	}, {
		"not seen running, in two places",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 1000, 1000 }, FRESH,
			  UNPLACED(NOT_WORTH) },
		},
	},
	/*
	 * Unusual machines
	 */
	{
		"a node without CPUs is no home",
		.nodes = 2, .cores = { 2000, 0 }, .procs = 1,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"but its memory counts",
		.nodes = 2, .cores = { 2000, 0 },
		.memory = { 4 * GB, 8 * GB }, .procs = 1,
		.proc = {
			{ .pages = { 3 * GB, 2 * GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"even for the bound",
		.nodes = 2, .cores = { 2000, 0 }, .procs = 1,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 1000, .allowed = BIT(1), .bound = true,
			  FRESH, UNPLACED(AFFINITY) },
		},
	}, {
		"one node",
		.nodes = 1, .procs = 2,
		.proc = {
			{ .pages = { GB }, .cpu = { 1000 }, .load = 1000,
			  FRESH, WANT(0, HOME) },
			{ .pages = { GB }, .cpu = { 1000 }, .load = 2000,
			  FRESH, UNPLACED(NO_CPUS) },
		},
	},
	/*
	 * Left alone
	 */
	{
		"skipped, and its memory stays",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 3 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .skip = true, FRESH, UNPLACED(NONE) },
			{ .pages = { GB, 512 * MB }, .cpu = { 0, 1000 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		"the same, not skipped",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 3 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, WANT(1, HOME) },
			{ .pages = { GB, 512 * MB }, .cpu = { 0, 1000 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"skipped, and loses its home",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 1000, .skip = true, .home = 0, .pending = 1,
			  UNPLACED(NONE) },
		},
	}, {
		"idle",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 1000, .idle = true, FRESH, UNPLACED(IDLE) },
		},
	}, {
		"idle at home",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .idle = true, AT(1), WANT(1, HOME) },
		},
	}, {
		"spread: alone",
		.nodes = 2, .spread = true, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 2000, FRESH, UNPLACED(SPREAD) },
		},
	}, {
		"spread: the same with policy pack",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 2000, FRESH, WANT(0, HOME) },
		},
	}, {
		"spread: alone on one node",
		.nodes = 2, .spread = true, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(1, HOME) },
		},
	}, {
		"spread: less than a tenth of it elsewhere",
		.nodes = 2, .spread = true, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 99, 901 },
			  .load = 2000, FRESH, WANT(1, HOME) },
		},
	}, {
		"spread: not alone",
		.nodes = 2, .spread = true, .procs = 2,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 2000, FRESH, WANT(0, HOME) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		"spread: hardly anybody else",
		.nodes = 2, .spread = true, .procs = 2,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 2000, FRESH, UNPLACED(SPREAD) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 500, FRESH, WANT(1, HOME) },
		},
	}, {
		"spread: alone on two of three nodes",
		.nodes = 3, .spread = true, .procs = 2,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 500, 500 },
			  .load = 2000, FRESH, UNPLACED(SPREAD) },
			{ .pages = { 0, 0, GB }, .cpu = { 0, 0, 1000 },
			  .load = 2000, FRESH, WANT(2, HOME) },
		},
	},
	/*
	 * Room that nobody leaves
	 */
	{
		"given up: nobody left",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 2 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 0, 3 * GB }, .cpu = { 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"given up: not if there is room for both",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, WANT(1, HOME) },
			{ .pages = { 0, 3 * GB }, .cpu = { 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"given up: for the idle",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 2 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 0, 3 * GB }, .idle = true,
			  FRESH, UNPLACED(IDLE) },
		},
	}, {
		"given up: not who brings nothing",
		.nodes = 2, .procs = 3,
		.proc = {
			{ .pages = { 2 * GB, 0 }, .cpu = { 0, 1000 },
			  .load = 500, .allowed = BIT(1),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 0, 2560 * MB }, .cpu = { 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 1000, FRESH, WANT(1, HOME) },
		},
	}, {
		/* The dearer of two without a choice is placed last */
		"given up: the last placed",
		.nodes = 2, .procs = 3,
		.proc = {
			{ .pages = { 0, 2 * GB }, .cpu = { 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
			{ .pages = { 1536 * MB, 0 }, .cpu = { 0, 1000 },
			  .load = 500, .allowed = BIT(1),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 500, .allowed = BIT(1),
			  FRESH, WANT(1, HOME) },
		},
	}, {
		/* Process 1 counts on 0 that counts on 2 that does not leave */
		"given up: one after the other",
		.nodes = 3, .procs = 3,
		.proc = {
			{ .pages = { 3 * GB, 0, 0 }, .cpu = { 0, 1000, 0 },
			  .load = 1000, .allowed = BIT(1),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 0, 0, 3 * GB }, .cpu = { 1000, 0, 0 },
			  .load = 1000, .allowed = BIT(0),
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 0, 3 * GB, 0 }, .cpu = { 0, 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		/* 0 is placed on node 1, since 1 has taken the cores of node 0 */
		"given up: and another takes its cores at once",
		.nodes = 2, .procs = 3,
		.proc = {
			{ .pages = { 100 * MB, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, FRESH, WANT(0, HOME) },
			{ .pages = { 0, 2 * GB }, .cpu = { 1000, 0 },
			  .load = 2000, .allowed = BIT(0), .bound = true,
			  FRESH, UNPLACED(NO_ROOM) },
			{ .pages = { 3 * GB, 0 }, .cpu = { 500, 500 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	},
	/*
	 * Processes that have a home
	 */
	{
		"incumbent: a core too much",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 500, 500 },
			  .load = 3000, AT(0), WANT(0, HOME) },
		},
	}, {
		"incumbent: more",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 500, 500 },
			  .load = 3001, AT(0), UNPLACED(NO_CPUS) },
		},
	}, {
		"incumbents: a core too much together",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), WANT(0, HOME) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, AT(0), WANT(0, HOME) },
		},
	}, {
		"incumbents: more together",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), WANT(0, HOME) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1001, AT(0), WANT(1, HOME) },
		},
	}, {
		"incumbent: bound with too few cores",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 },
			  .load = 8000, .bound = true, .allowed = BIT(0),
			  AT(0), WANT(0, HOME) },
		},
	}, {
		"incumbent: has outgrown its node",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 3 * GB, 2 * GB }, .cpu = { 1000, 0 },
			  .load = 1000, AT(0), UNPLACED(NO_ROOM) },
		},
	}, {
		"incumbent: home no longer allowed",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, .allowed = BIT(1),
			  AT(0), WANT(1, HOME) },
		},
	}, {
		"incumbent: home has lost its CPUs",
		.nodes = 2, .cores = { 0, 2000 }, .procs = 1,
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 1000, AT(0), WANT(1, HOME) },
		},
	}, {
		/* 50000 against 43750, an eighth less */
		"incumbent: gain of an eighth",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 875, 1000 }, AT(0), WANT(0, HOME) },
		},
	}, {
		"incumbent: gain of more",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 874, 1000 }, AT(0), PROPOSED(0, 1) },
		},
	}, {
		"incumbent: confirmed",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 874, 1000 }, .home = 0, .pending = 1,
			  WANT(1, HOME) },
		},
	}, {
		"incumbent: not confirmed",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { 875, 1000 }, .home = 0, .pending = 1,
			  WANT(0, HOME) },
		},
	}, {
		"incumbent: another proposal",
		.nodes = 3, .procs = 1,
		.proc = {
			{ .pages = { 0, 1000, 500 }, .home = 0, .pending = 2,
			  PROPOSED(0, 1) },
		},
	}, {
		/* 0 would exchange with 1, but 1 goes where it was to go */
		"incumbent: confirmed, in spite of another proposal",
		.nodes = 3, .procs = 2,
		.proc = {
			{ .pages = { 1000, 0, 0 }, .cpu = { 0, 0, 1000 },
			  .load = 2000, AT(2), PROPOSED(2, 0) },
			{ .pages = { 0, 1000, 0 }, .cpu = { 1000, 0, 0 },
			  .load = 2000, .home = 0, .pending = 1,
			  WANT(1, HOME) },
		},
	}, {
		"incumbent: the better node is full",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, 1000 }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), WANT(0, HOME) },
			{ .pages = { 0, 1000 }, .cpu = { 0, 1000 },
			  .load = 2000, AT(1), WANT(1, HOME) },
		},
	}, {
		"incumbents: an exchange is proposed",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 2000, AT(0), PROPOSED(0, 1) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, AT(1), PROPOSED(1, 0) },
		},
	}, {
		"incumbents: an exchange is confirmed",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 2000, .home = 0, .pending = 1,
			  WANT(1, HOME) },
			{ .pages = { GB, 0 }, .cpu = { 0, 1000 },
			  .load = 2000, .home = 1, .pending = 0,
			  WANT(0, HOME) },
		},
	}, {
		/* q loses less by going than p gains */
		"incumbents: an exchange that one of them pays for",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, 2 * GB }, .cpu = { 1000, 0 },
			  .load = 2000, .home = 0, .pending = 1,
			  WANT(1, HOME) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 2000, .home = 1, .pending = 0,
			  WANT(0, HOME) },
		},
	}, {
		"incumbents: and one that does not pay",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 2000, .home = 0, .pending = 1,
			  WANT(0, HOME) },
			{ .pages = { 0, 2 * GB }, .cpu = { 0, 1000 },
			  .load = 2000, .home = 1, .pending = 0,
			  WANT(1, HOME) },
		},
	},
};

KUNIT_ARRAY_PARAM_DESC(place, place_cases, name);

static void place_test(struct kunit *test)
{
	const struct place_case *c = test->param_value;
	struct machine *m = new_machine(test, c);
	int i;

	place(test, m);
	for (i = 0; i < c->procs; i++)
		expect(test, m, i, c->proc[i].want_home,
		       c->proc[i].want_pending, c->proc[i].want);
}

static bool is_pending(const struct place_case *c)
{
	int i;

	for (i = 0; i < c->procs; i++)
		if (c->proc[i].want == KNUMAD_V_PENDING)
			return true;
	return false;
}

/* The cases of place_test() that are not about to change */
static const void *settled_gen_params(const void *prev, char *desc)
{
	do {
		prev = place_gen_params(prev, desc);
	} while (prev && is_pending(prev));
	return prev;
}

/* Who went home stays there: the same machine once everybody is where he goes */
static void place_again_test(struct kunit *test)
{
	const struct place_case *c = test->param_value;
	struct machine *m = new_machine(test, c);
	int i, run;

	place(test, m);
	for (run = 0; run < 3; run++) {
		settle(m);
		place(test, m);
		for (i = 0; i < c->procs; i++)
			expect(test, m, i, c->proc[i].want_home,
			       c->proc[i].want_pending, c->proc[i].want);
	}
}

/* === Placement: several runs === */

/* 3 x 2.5 GB on 2 x 4 GB, continued: one quits, the third gets its node */
static void quit_test(struct kunit *test)
{
	static const struct place_case c = { "quit", THREE_ON_TWO };
	struct machine *m = new_machine(test, &c);

	place(test, m);
	expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	expect(test, m, 1, 1, NOWHERE, KNUMAD_V_HOME);
	expect(test, m, 2, NOWHERE, NOWHERE, KNUMAD_V_NO_ROOM);

	settle(m);
	quit(m, 0);
	place(test, m);
	expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	expect(test, m, 1, 1, NOWHERE, KNUMAD_V_HOME);

	/* And it was the third: the quitter's pages are free */
	settle(m);
	KUNIT_EXPECT_EQ(test, m->nodes[0].free, 1536 * MB);
	KUNIT_EXPECT_EQ(test, m->nodes[1].free, 1536 * MB);
}

/* An incumbent of node 0 without threads, so that only its pages count */
static const struct place_case incumbent = {
	"incumbent", .nodes = 3, .procs = 1,
	.proc = {
		{ AT(0) },
	},
};

static void put_pages(struct machine *m, unsigned long on_0, unsigned long on_1,
		      unsigned long on_2)
{
	const unsigned long pages[MAX_NODES] = { on_0, on_1, on_2 };

	memcpy(m->resident[0], pages, sizeof(pages));
	memcpy(m->used[0], pages, sizeof(pages));
}

static void confirm_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &incumbent);

	put_pages(m, 0, 1000, 0);
	place(test, m);
	expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
	place(test, m);
	expect(test, m, 0, 1, NOWHERE, KNUMAD_V_HOME);
	place(test, m);
	expect(test, m, 0, 1, NOWHERE, KNUMAD_V_HOME);
}

static void changed_proposal_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &incumbent);

	put_pages(m, 0, 1000, 0);
	place(test, m);
	expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
	put_pages(m, 0, 0, 1000);
	place(test, m);
	expect(test, m, 0, 0, 2, KNUMAD_V_PENDING);
	place(test, m);
	expect(test, m, 0, 2, NOWHERE, KNUMAD_V_HOME);
}

static void interrupted_proposal_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &incumbent);
	int run;

	for (run = 0; run < 3; run++) {
		put_pages(m, 0, 1000, 0);
		place(test, m);
		expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
		put_pages(m, 1000, 0, 0);
		place(test, m);
		expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	}
}

/* Noise of an eighth, run after run, moves nothing */
static void noise_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &incumbent);
	int run;

	for (run = 0; run < 8; run++) {
		put_pages(m, 875 + 125 * (run & 1), 1000 - 125 * (run & 1), 0);
		place(test, m);
		expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	}
}

/* Runs until both processes have exchanged their homes, 0 if they never do */
static int runs_to_exchange(struct kunit *test, struct machine *m)
{
	int run;

	for (run = 1; run <= 6; run++) {
		place(test, m);
		if (m->procs[0].home == 1 && m->procs[1].home == 0)
			return run;
	}
	return 0;
}

static const struct place_case exchange = {
	"exchange", .nodes = 2, .procs = 2,
	.proc = {
		{ .pages = { 0, GB }, .cpu = { 1000, 0 }, .load = 2000, AT(0) },
		{ .pages = { GB, 0 }, .cpu = { 0, 1000 }, .load = 2000, AT(1) },
	},
};

static void exchange_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &exchange);

	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);
}

/* One of the two knew a run earlier that it wants to go */
static void exchange_staggered_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &exchange);

	m->procs[0].pending = 1;
	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);

	m = new_machine(test, &exchange);
	m->procs[1].pending = 0;
	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);
}

/* One of the two comes new, and finds only the wrong node vacant */
static void exchange_fresh_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &exchange);
	int runs;

	m->procs[1].home = NOWHERE;
	runs = runs_to_exchange(test, m);
	KUNIT_EXPECT_GE(test, runs, 2);
	KUNIT_EXPECT_LE(test, runs, 3);
}

static void no_procs_test(struct kunit *test)
{
	struct machine *m = new_machine(test, &incumbent);

	m->pl.nr_procs = 0;
	m->pl.steps = 4711;
	KUNIT_EXPECT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_EXPECT_EQ(test, m->pl.steps, 0);
}

/* === Any problem === */

struct random_case {
	const char *name;
	int nodes;
	unsigned int procs;
	int rounds;
	bool spread;
};

static const struct random_case random_cases[] = {
	{ "1 node, 4 processes", 1, 4, 100 },
	{ "2 nodes, 4 processes", 2, 4, 500 },
	{ "4 nodes, 16 processes", 4, 16, 500 },
	{ "4 nodes, 16 processes, spread", 4, 16, 500, true },
	{ "8 nodes, 100 processes", 8, 100, 50 },
	{ "64 nodes, 4096 processes", 64, 4096, 1 },
};

KUNIT_ARRAY_PARAM_DESC(random, random_cases, name);

/* All of it in one piece, sized for the case */
struct random_machine {
	struct knumad_placement pl;
	struct knumad_pl_node *nodes;
	u8 *distance;
	struct knumad_pl_proc *procs;
	struct knumad_pl_proc *before;
	unsigned long *resident;
	unsigned long *used;
	unsigned long *fixed;
	unsigned int *cpu;
	struct rnd_state rnd;
};

static struct random_machine *new_random_machine(struct kunit *test, int nodes,
						 unsigned int procs, u64 seed)
{
	struct random_machine *m = zalloc(test, 1, sizeof(*m));
	size_t n = nodes, p = procs;

	m->nodes = zalloc(test, n, sizeof(*m->nodes));
	m->distance = zalloc(test, n * n, sizeof(*m->distance));
	m->procs = zalloc(test, p, sizeof(*m->procs));
	m->before = zalloc(test, p, sizeof(*m->before));
	m->resident = zalloc(test, p * n, sizeof(*m->resident));
	m->used = zalloc(test, p * n, sizeof(*m->used));
	m->fixed = zalloc(test, p * n, sizeof(*m->fixed));
	m->cpu = zalloc(test, p * n, sizeof(*m->cpu));
	m->pl = (struct knumad_placement) {
		.nr_nodes = nodes,
		.nodes = m->nodes,
		.distance = m->distance,
		.nr_procs = procs,
		.procs = m->procs,
	};
	prandom_seed_state(&m->rnd, seed);
	return m;
}

/* 0 <= result < @n */
static u32 below(struct random_machine *m, u32 n)
{
	return prandom_u32_state(&m->rnd) % n;
}

static bool one_in(struct random_machine *m, u32 n)
{
	return !below(m, n);
}

static int random_node(struct random_machine *m)
{
	return below(m, m->pl.nr_nodes);
}

static void random_distances(struct random_machine *m, u32 most)
{
	int i, j, n = m->pl.nr_nodes;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			m->distance[i * n + j] = KNUMAD_LOCAL +
				(i == j ? 0 : 1 + below(m, most));
}

static void random_proc(struct random_machine *m, unsigned int idx)
{
	size_t first = (size_t)idx * m->pl.nr_nodes;
	struct knumad_pl_proc *p = &m->procs[idx];
	bool idle = one_in(m, 16);
	int i, pieces, nid;

	*p = (struct knumad_pl_proc) {
		.resident = m->resident + first,
		.used = m->used + first,
		.fixed = m->fixed + first,
		.cpu = m->cpu + first,
		.load = below(m, 1500),
		.horizon = 10 + below(m, 991),
		.skip = one_in(m, 16),
		.home = NOWHERE,
		.pending = NOWHERE,
	};
	for (i = 0; i < m->pl.nr_nodes; i++) {
		m->resident[first + i] = 0;
		m->used[first + i] = 0;
		m->fixed[first + i] = 0;
		m->cpu[first + i] = 0;
	}

	pieces = 1 + below(m, 3);
	for (i = 0; i < pieces; i++) {
		unsigned long pages = below(m, GB / 2);

		nid = random_node(m);
		m->resident[first + nid] += pages;
		if (!idle)
			m->used[first + nid] += below(m, pages + 1);
		if (one_in(m, 8))
			m->fixed[first + nid] += below(m, pages + 1);
	}

	i = below(m, 1001);
	m->cpu[first + random_node(m)] += i;
	m->cpu[first + random_node(m)] += 1000 - i;

	for (i = 0; i < m->pl.nr_nodes; i++)
		node_set(i, p->allowed);
	if (one_in(m, 4)) {
		p->load *= 4;
		for (i = 0; i < m->pl.nr_nodes; i++)
			if (one_in(m, 2))
				node_clear(i, p->allowed);
	} else if (one_in(m, 8)) {
		p->bound = true;
		nid = random_node(m);
		p->allowed = nodemask_of_node(nid);
	}
}

static void random_problem(struct random_machine *m)
{
	unsigned int p;
	int i;

	/* With as much memory and CPU again as is used, on an average */
	u32 share = m->pl.nr_procs / m->pl.nr_nodes + 1;

	random_distances(m, 90);
	for (i = 0; i < m->pl.nr_nodes; i++) {
		m->nodes[i].free = below(m, share * (u32)(GB / 2));
		m->nodes[i].cores = one_in(m, 8) ? 0 :
				    1000 * (1 + below(m, 2 * share));
	}
	for (p = 0; p < m->pl.nr_procs; p++)
		random_proc(m, p);
	m->pl.others = one_in(m, 4) ? below(m, 1000 * m->pl.nr_nodes * share) :
				      0;
}

static void random_homes(struct random_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->pl.nr_procs; i++) {
		if (one_in(m, 2))
			m->procs[i].home = random_node(m);
		if (m->procs[i].home != NOWHERE && one_in(m, 2))
			m->procs[i].pending = random_node(m);
	}
}

static void place_random(struct kunit *test, struct random_machine *m)
{
	memcpy(m->before, m->procs, m->pl.nr_procs * sizeof(*m->procs));
	KUNIT_ASSERT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_ASSERT_LE(test, m->pl.steps,
			knumad_place_max_steps(m->pl.nr_procs, m->pl.nr_nodes));
}

/* Homes are where a process may live, and verdicts say so */
static bool is_sane(const struct random_machine *m, unsigned int idx)
{
	const struct knumad_pl_proc *p = &m->procs[idx];

	if (p->skip)
		return p->home == NOWHERE && p->pending == NOWHERE &&
		       p->verdict == KNUMAD_V_NONE;
	if (p->home == NOWHERE)
		return p->pending == NOWHERE &&
		       (p->verdict == KNUMAD_V_IDLE ||
			p->verdict == KNUMAD_V_NO_ROOM ||
			p->verdict == KNUMAD_V_NO_CPUS ||
			p->verdict == KNUMAD_V_AFFINITY ||
			p->verdict == KNUMAD_V_NOT_WORTH ||
			(p->verdict == KNUMAD_V_SPREAD && m->pl.spread));
	if (!node_isset(p->home, p->allowed) || !m->nodes[p->home].cores)
		return false;
	if (p->verdict == KNUMAD_V_PENDING)
		return p->pending != NOWHERE && p->pending != p->home;
	return p->verdict == KNUMAD_V_HOME && p->pending == NOWHERE;
}

/* Load of those that CPU capacity matters for, in thousandths */
static unsigned long load_on(const struct random_machine *m, int nid)
{
	unsigned long load = 0;
	unsigned int i;

	for (i = 0; i < m->pl.nr_procs; i++)
		if (m->procs[i].home == nid && !m->procs[i].bound)
			load += m->procs[i].load;
	return load;
}

static void check_random(struct kunit *test, struct random_machine *m,
			 bool fresh)
{
	s64 cost = 0, stay = 0;
	unsigned int i;
	int nid;

	for (i = 0; i < m->pl.nr_procs; i++) {
		struct knumad_pl_proc *p = &m->procs[i];

		if (!is_sane(m, i))
			KUNIT_FAIL(test,
				   "process %u: home %d to %d, pending %d to %d, verdict %d",
				   i, m->before[i].home, p->home,
				   m->before[i].pending, p->pending,
				   p->verdict);
		if (p->home == NOWHERE)
			continue;
		cost += knumad_place_cost(&m->pl, p, p->home);
		stay += knumad_stay_cost(&m->pl, p);
	}
	/* In a swap, one of both may pay for the other */
	if (fresh)
		KUNIT_EXPECT_LE(test, cost, stay);
	for (nid = 0; nid < m->pl.nr_nodes; nid++) {
		unsigned long cores = m->nodes[nid].cores, load;

		/* Incumbents do not give way to what appears at their home */
		if (fresh && room_left(&m->pl, nid) < 0)
			KUNIT_FAIL(test, "node %d: %lld pages too many", nid,
				   -room_left(&m->pl, nid));
		if (!cores)
			continue;
		load = load_on(m, nid);
		/* An incumbent is spared another half a core */
		if (load > cores + (fresh ? 1 : 2) * SLACK)
			KUNIT_FAIL(test, "node %d: load %lu on %lu", nid, load,
				   cores);
	}
}

/* The same problem has the same solution */
static void check_repeatable(struct kunit *test, struct random_machine *m)
{
	unsigned int i, n = m->pl.nr_procs;
	u64 steps = m->pl.steps;

	/* @before holds the problem, @procs the solution: exchange them */
	for (i = 0; i < n; i++)
		swap(m->before[i], m->procs[i]);
	KUNIT_ASSERT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_EXPECT_EQ(test, m->pl.steps, steps);
	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_EQ(test, m->procs[i].home, m->before[i].home);
		KUNIT_ASSERT_EQ(test, m->procs[i].pending,
				m->before[i].pending);
		KUNIT_ASSERT_EQ(test, m->procs[i].verdict,
				m->before[i].verdict);
	}
}

/* Guards the tests themselves: problems are neither trivial nor hopeless */
static void check_mixture(struct kunit *test, const unsigned int *verdicts,
			  const struct random_case *c)
{
	unsigned int all = c->procs * c->rounds;

	KUNIT_EXPECT_GT(test, verdicts[KNUMAD_V_HOME], all / 8);
	KUNIT_EXPECT_GT(test, verdicts[KNUMAD_V_NO_ROOM] +
			      verdicts[KNUMAD_V_NO_CPUS], all / 64);
}

static void run_random(struct kunit *test, bool fresh)
{
	const struct random_case *c = test->param_value;
	unsigned int verdicts[KNUMAD_NR_VERDICTS] = {};
	struct random_machine *m;
	unsigned int i;
	int round;

	if (c->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	m = new_random_machine(test, c->nodes, c->procs, 20240611);
	m->pl.spread = c->spread;
	for (round = 0; round < c->rounds; round++) {
		random_problem(m);
		if (!fresh)
			random_homes(m);
		place_random(test, m);
		check_random(test, m, fresh);
		for (i = 0; i < c->procs; i++)
			verdicts[m->procs[i].verdict]++;
		check_repeatable(test, m);
		/* One example is enough */
		if (READ_ONCE(test->status) == KUNIT_FAILURE) {
			kunit_info(test, "in round %d", round);
			return;
		}
	}
	check_mixture(test, verdicts, c);
}

static void random_fresh_test(struct kunit *test)
{
	run_random(test, true);
}

static void random_incumbents_test(struct kunit *test)
{
	run_random(test, false);
}

/*
 * Half of the processes would be better off in the places of the others, and
 * none of these agrees: the search for swaps is given up in time.
 */
static void hopeless_swaps_test(struct kunit *test)
{
	const unsigned int procs = 1024;
	struct random_machine *m = new_random_machine(test, 2, procs, 0);
	unsigned int i;

	for (i = 0; i < 2; i++)
		m->nodes[i] = (struct knumad_pl_node) { procs * 500, 4 * GB };
	for (i = 0; i < 4; i++)
		m->distance[i] = two_nodes[i];
	for (i = 0; i < procs; i++) {
		m->resident[2 * i + 1] = 1000;
		m->used[2 * i + 1] = 1000;
		m->cpu[2 * i + i % 2] = 1000;
		m->procs[i] = (struct knumad_pl_proc) {
			.resident = m->resident + 2 * i,
			.used = m->used + 2 * i,
			.fixed = m->fixed + 2 * i,
			.cpu = m->cpu + 2 * i,
			.load = 1000,
			.horizon = 10,
			.allowed = to_nodes(0),
			.home = i % 2,
			.pending = 1 - i % 2,
		};
	}
	place_random(test, m);
	for (i = 0; i < procs; i++)
		KUNIT_ASSERT_EQ(test, m->procs[i].home, i % 2);
}

/* The bound itself grows with processes x nodes x (nodes + 1) only */
static void max_steps_test(struct kunit *test)
{
	int n;
	unsigned int p;

	for (n = 1; n <= 64; n *= 2)
		for (p = 1; p <= 4096; p *= 4)
			KUNIT_EXPECT_LE(test, knumad_place_max_steps(p, n),
					16ULL * p * n * (n + 1));
	KUNIT_EXPECT_EQ(test, knumad_place_max_steps(0, 64), 0);
}

/*
 * The farther the nodes are apart, the more there is to gain: who was given a
 * home gets one also if each hop costs twice, three times, ... as much.
 */
static void scaling_test(struct kunit *test)
{
	struct random_machine *m = new_random_machine(test, 4, 1, 4711);
	unsigned int homes = 0, changes = 0;
	u8 hops[4 * 4];
	int round, factor, i;

	for (round = 0; round < 1000; round++) {
		bool was_home = false;

		random_distances(m, 20);
		memcpy(hops, m->distance, sizeof(hops));
		for (i = 0; i < 4; i++)
			m->nodes[i] = (struct knumad_pl_node) { 8000, 4 * GB };
		random_proc(m, 0);
		m->procs[0].skip = false;
		m->procs[0].horizon = 10;

		for (factor = 1; factor <= 4; factor++) {
			bool is_home;

			for (i = 0; i < ARRAY_SIZE(hops); i++)
				m->distance[i] = KNUMAD_LOCAL + factor *
						 (hops[i] - KNUMAD_LOCAL);
			m->procs[0].home = NOWHERE;
			m->procs[0].pending = NOWHERE;
			KUNIT_ASSERT_EQ(test, knumad_place(&m->pl), 0);
			is_home = m->procs[0].home != NOWHERE;
			if (was_home && !is_home)
				KUNIT_FAIL(test, "round %d: no home at factor %d",
					   round, factor);
			changes += factor > 1 && is_home != was_home;
			homes += is_home;
			was_home = is_home;
		}
	}
	/* The test saw both sides of the edge */
	KUNIT_EXPECT_GT(test, homes, 0);
	KUNIT_EXPECT_GT(test, changes, 0);
}

static struct kunit_case placement_cases[] = {
	KUNIT_CASE_PARAM(cost_test, cost_gen_params),
	KUNIT_CASE_PARAM(swap_gain_test, gain_gen_params),
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(place_again_test, settled_gen_params),
	KUNIT_CASE(quit_test),
	KUNIT_CASE(confirm_test),
	KUNIT_CASE(changed_proposal_test),
	KUNIT_CASE(interrupted_proposal_test),
	KUNIT_CASE(noise_test),
	KUNIT_CASE(exchange_test),
	KUNIT_CASE(exchange_staggered_test),
	KUNIT_CASE(exchange_fresh_test),
	KUNIT_CASE(no_procs_test),
	KUNIT_CASE_PARAM(random_fresh_test, random_gen_params),
	KUNIT_CASE_PARAM(random_incumbents_test, random_gen_params),
	KUNIT_CASE(hopeless_swaps_test),
	KUNIT_CASE(max_steps_test),
	KUNIT_CASE(scaling_test),
	{}
};

static struct kunit_suite placement_suite = {
	.name = "knumad_placement",
	.test_cases = placement_cases,
};

kunit_test_suite(placement_suite);
