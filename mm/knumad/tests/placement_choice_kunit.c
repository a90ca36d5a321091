// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: who chooses which node, and who is left alone
 *
 * First the worked tables of placement.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/numa.h>

#include "../placement.h"
#include "placement_util.h"

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
		"out, and keeps the cores that it uses",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 2000, .stays = true, FRESH, UNPLACED(NONE) },
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 2000, FRESH, WANT(0, HOME) },
		},
	}, {
		"the same, only skipped",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 2000, .skip = true, FRESH, UNPLACED(NONE) },
			{ .pages = { 0, GB }, .cpu = { 1000, 0 },
			  .load = 2000, FRESH, WANT(1, HOME) },
		},
	}, {
		"the same, and the other is at home there already",
		.nodes = 2, .procs = 2,
		.proc = {
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 2000, .stays = true, FRESH, UNPLACED(NONE) },
			{ .pages = { 0, GB }, .cpu = { 0, 1000 },
			  .load = 2000, AT(1), WANT(1, HOME) },
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
};

KUNIT_ARRAY_PARAM_DESC(place, place_cases, name);

static void place_test(struct kunit *test)
{
	knumad_test_place_case(test);
}

static void place_again_test(struct kunit *test)
{
	knumad_test_place_case_again(test);
}

static struct kunit_case placement_choice_cases[] = {
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(place_again_test, place_gen_params),
	{}
};

static struct kunit_suite placement_choice_suite = {
	.name = "knumad_placement_choice",
	.test_cases = placement_choice_cases,
};

kunit_test_suite(placement_choice_suite);
