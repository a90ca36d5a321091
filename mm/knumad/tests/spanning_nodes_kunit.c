// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for processes that span nodes: which nodes they have
 *
 * First the worked tables of spanning_homes.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/numa.h>

#include "../spanning.h"
#include "spanning_util.h"

static const u8 equal[] = {
	10, 20, 20, 20,
	20, 10, 20, 20,
	20, 20, 10, 20,
	20, 20, 20, 10,
};

/* Node 2 is nearer from 0, but farther there and back */
static const u8 asymmetric[] = {
	10, 25, 20,
	25, 10, 30,
	40, 30, 10,
};

static const struct span_case span_cases[] = {
	/*
	 * The worked tables
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
	 * And beyond
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
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

static void span_test(struct kunit *test)
{
	knumad_test_span_case(test);
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
	struct process *p = knumad_test_process(test, &c);
	int i, t;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (t = 0; t < c.threads; t++)
			p->threads[t].load = table[i].load;
		knumad_test_span(test, &p->sp);
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
	struct process *p = knumad_test_process(test, &c);

	p->sp.steps = 4711;
	KUNIT_EXPECT_EQ(test, knumad_span_place(&p->sp), 0);
	KUNIT_EXPECT_EQ(test, p->sp.steps, 0ULL);
	KUNIT_EXPECT_TRUE(test, node_isset(1, p->sp.set));
}

static struct kunit_case spanning_nodes_cases[] = {
	KUNIT_CASE_PARAM(span_test, span_gen_params),
	KUNIT_CASE(load_test),
	KUNIT_CASE(no_threads_test),
	{}
};

static struct kunit_suite spanning_nodes_suite = {
	.name = "knumad_spanning_nodes",
	.test_cases = spanning_nodes_cases,
};

kunit_test_suite(spanning_nodes_suite);
