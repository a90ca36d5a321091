// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: what a home costs, what it costs to have none,
 * and what a swap of two threads gains
 *
 * First the worked tables of placement_cost.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/numa.h>

#include "../placement.h"
#include "placement_util.h"

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
	unsigned int local;
	s64 cost[MAX_NODES];
	s64 stay;
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
		"not sampled", 2, two_nodes,
		.resident = { 1000, 1000 }, .used = { 1000, 1000 },
		.cpu = { 500, 500 }, .horizon = 10,
		.cost = { 1000 * 50, 1000 * 50 }, .stay = 100000,
	}, {
		"990 of 1000 local", 2, two_nodes,
		.resident = { 1000, 1000 }, .used = { 1000, 1000 },
		.cpu = { 500, 500 }, .horizon = 10, .local = 990,
		.cost = { 1000 * 50, 1000 * 50 }, .stay = 1000,
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
		.local = c->local,
		.home = NOWHERE,
	};
	int nid;

	for (nid = 0; nid < c->nodes; nid++)
		KUNIT_EXPECT_EQ_MSG(test, knumad_place_cost(&pl, &p, nid),
				    c->cost[nid], "home %d", nid);
	KUNIT_EXPECT_EQ(test, knumad_stay_cost(&pl, &p), c->stay);
}

/* The worked table of knumad_left_cost() */
static void left_cost_test(struct kunit *test)
{
	static const u8 distance[] = {
		10, 16, 22,
		16, 10, 16,
		22, 16, 10,
	};
	static const unsigned long resident[] = { 1000, 5, 100 }, fixed[3], idle[3];
	const struct knumad_placement pl = { .nr_nodes = 3, .distance = distance };
	struct knumad_pl_proc p = {
		.resident = resident,
		.used = resident,
		.fixed = fixed,
		.horizon = 30,
	};

	KUNIT_EXPECT_EQ(test, knumad_left_cost(&pl, &p, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, knumad_left_cost(&pl, &p, 0, 5), 670);
	KUNIT_EXPECT_EQ(test, knumad_left_cost(&pl, &p, 0, 15), 3750);
	/* Nobody uses them: it is cheaper not to move them */
	p.used = idle;
	KUNIT_EXPECT_EQ(test, knumad_left_cost(&pl, &p, 0, 15), -15 * 40);
	/* And for what has not been there it costs nothing */
	p.used = resident;
	p.fixed = resident;
	KUNIT_EXPECT_EQ(test, knumad_left_cost(&pl, &p, 0, 15), 0);
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

/* The table at knumad_may_join() */
static const struct join_case {
	const char *name;
	unsigned long own;
	unsigned long from;
	unsigned long to;
	bool may;
} join_cases[] = {
	{ "two here, one there", 1024, 2048, 1024, true },
	{ "three here, two there", 1024, 3072, 2048, true },
	{ "two each", 1024, 2048, 2048, false },
	{ "one each", 1024, 1024, 1024, false },
	{ "one each, and a trifle", 1024, 1200, 1024, false },
	{ "two and one, averages", 1024, 1900, 1100, true },
	{ "fewer here", 1024, 1024, 2048, false },
	{ "it sleeps for the most", 256, 1280, 1024, true },
	{ "it has not run yet", 0, 1024, 1024, true },
};

KUNIT_ARRAY_PARAM_DESC(join, join_cases, name);

static void may_join_test(struct kunit *test)
{
	const struct join_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, c->may, knumad_may_join(c->own, c->from, c->to));
}

static struct kunit_case placement_cost_cases[] = {
	KUNIT_CASE_PARAM(cost_test, cost_gen_params),
	KUNIT_CASE(left_cost_test),
	KUNIT_CASE_PARAM(swap_gain_test, gain_gen_params),
	KUNIT_CASE_PARAM(may_join_test, join_gen_params),
	{}
};

static struct kunit_suite placement_cost_suite = {
	.name = "knumad_placement_cost",
	.test_cases = placement_cost_cases,
};

kunit_test_suite(placement_cost_suite);
