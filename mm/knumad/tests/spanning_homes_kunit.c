// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for processes that span nodes: homes of their threads
 *
 * First the worked tables of spanning_homes.c, then what they leave open.
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
	 * And beyond
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
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

static void span_test(struct kunit *test)
{
	knumad_test_span_case(test);
}

static struct kunit_case spanning_homes_cases[] = {
	KUNIT_CASE_PARAM(span_test, span_gen_params),
	{}
};

static struct kunit_suite spanning_homes_suite = {
	.name = "knumad_spanning_homes",
	.test_cases = spanning_homes_cases,
};

kunit_test_suite(spanning_homes_suite);
