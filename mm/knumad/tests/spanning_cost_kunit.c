// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for processes that span nodes: changes that make homes cost
 * less
 *
 * First the worked tables of spanning_cost.c, then what they leave open. The last of the
 * tables, which has many threads, is even_test() in spanning_any_kunit.c.
 */

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/numa.h>

#include "../spanning.h"
#include "spanning_util.h"

static const struct span_case span_cases[] = {
	/*
	 * The worked tables
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
	 * And beyond
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

static void span_test(struct kunit *test)
{
	knumad_test_span_case(test);
}

static struct kunit_case spanning_cost_cases[] = {
	KUNIT_CASE_PARAM(span_test, span_gen_params),
	{}
};

static struct kunit_suite spanning_cost_suite = {
	.name = "knumad_spanning_cost",
	.test_cases = spanning_cost_cases,
};

kunit_test_suite(spanning_cost_suite);
