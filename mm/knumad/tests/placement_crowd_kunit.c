// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: more threads than cores
 *
 * First the worked tables of placement_crowd.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/numa.h>

#include "../placement.h"
#include "placement_util.h"

/* First touched on node 0, and running anywhere */
#define SWEEPER(cores, cores_got) \
	.pages = { 512 * MB, 0 }, .cpu = { 500, 500 }, .horizon = 20, \
	.load = (cores), .got = (cores_got)

static const struct place_case place_cases[] = {
	{
		"four of two threads",
		.nodes = 2, .crowd = 2000, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 1000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(1, HOME) },
		},
	}, {
		"three of two threads",
		.nodes = 2, .crowd = 1500, .procs = 3,
		.proc = {
			{ SWEEPER(2000, 1333), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1333), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 1333), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"three of two threads, two with the same home",
		.nodes = 2, .crowd = 1500, .procs = 3,
		.proc = {
			{ SWEEPER(2000, 1000), AT(0), WANT(0, HOME) },
			{ SWEEPER(2000, 1000), AT(0), UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 2000), AT(1), WANT(1, HOME) },
		},
	}, {
		"two of four threads",
		.nodes = 2, .crowd = 2000, .procs = 2,
		.proc = {
			{ SWEEPER(4000, 2000), FRESH, WANT(0, HOME) },
			{ SWEEPER(4000, 2000), FRESH, WANT(1, HOME) },
		},
	}, {
		"one of eight threads",
		.nodes = 2, .crowd = 2000, .procs = 1,
		.proc = {
			{ SWEEPER(8000, 4000), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"eight threads that get one core, and two of two threads",
		.nodes = 2, .crowd = 1579, .procs = 3,
		.proc = {
			{ SWEEPER(8000, 1000), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 1600), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1600), FRESH, WANT(1, HOME) },
		},
	}, {
		"the same, but these two have one home, and one core each",
		.nodes = 2, .procs = 3,
		.proc = {
			{ SWEEPER(8000, 1000), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 1000), AT(0), WANT(0, HOME) },
			{ SWEEPER(2000, 1000), AT(0), WANT(1, HOME) },
		},
	},
	/*
	 * What they leave open
	 */
	{
		"eight threads that get their part",
		.nodes = 2, .crowd = 3000, .procs = 3,
		.proc = {
			{ SWEEPER(8000, 2666), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 667), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 667), FRESH, WANT(0, HOME) },
		},
	}, {
		"six threads pinned to one CPU do not push others together",
		.nodes = 2, .procs = 3,
		.proc = {
			{ SWEEPER(6000, 1000), .cap = { 1000, 0 }, FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 1500), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1500), FRESH, WANT(1, HOME) },
		},
	}, {
		"four of two threads, luckier and unluckier ones",
		.nodes = 2, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 1400), AT(0), WANT(0, HOME) },
			{ SWEEPER(2000, 600), AT(0), WANT(0, HOME) },
			{ SWEEPER(2000, 1100), AT(1), WANT(1, HOME) },
			{ SWEEPER(2000, 900), AT(1), WANT(1, HOME) },
		},
	}, {
		"what they get is not known yet",
		.nodes = 2, .crowd = KNUMAD_NO_CROWD, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 0), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 0), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 0), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 0), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"what the last one gets is not known yet",
		.nodes = 2, .crowd = 1500, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 1333), AT(0), WANT(0, HOME) },
			{ SWEEPER(2000, 1333), AT(1), WANT(1, HOME) },
			{ SWEEPER(2000, 1333), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 0), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"many cores: an eighth more is no reason to go",
		.nodes = 2, .cores = { 32000, 32000 }, .crowd = 1500, .procs = 4,
		.proc = {
			{ SWEEPER(26000, 16000), AT(0), WANT(0, HOME) },
			{ SWEEPER(26000, 16000), AT(0), WANT(0, HOME) },
			{ SWEEPER(22000, 16000), AT(1), WANT(1, HOME) },
			{ SWEEPER(22000, 16000), AT(1), WANT(1, HOME) },
		},
	}, {
		"what the out use is none of the others' part",
		.nodes = 2, .crowd = 1500, .procs = 3,
		.proc = {
			{ .pages = { 512 * MB, 0 }, .cpu = { 1000, 0 }, .load = 2000,
			  .got = 1333, .stays = true, FRESH, UNPLACED(NONE) },
			{ SWEEPER(2000, 1333), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 1333), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"the part of a node is by its cores",
		.nodes = 2, .cores = { 1000, 3000 }, .crowd = 2000, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 1000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(1, HOME) },
		},
	}, {
		"all cores on one node",
		.nodes = 2, .cores = { 2000, 0 }, .crowd = 2000, .procs = 2,
		.proc = {
			{ SWEEPER(2000, 1000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 1000), FRESH, WANT(0, HOME) },
		},
	}, {
		"others take as much of a node as ever",
		.nodes = 2, .crowd = KNUMAD_NO_CROWD, .others = 2600, .procs = 2,
		.proc = {
			{ SWEEPER(2000, 700), FRESH, UNPLACED(NO_CPUS) },
			{ SWEEPER(2000, 700), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"SMT: as many get more than there are cores",
		.nodes = 2, .crowd = 2000, .procs = 4,
		.proc = {
			{ SWEEPER(2000, 2000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 2000), FRESH, WANT(0, HOME) },
			{ SWEEPER(2000, 2000), FRESH, WANT(1, HOME) },
			{ SWEEPER(2000, 2000), FRESH, WANT(1, HOME) },
		},
	}, {
		"the odd one",
		.nodes = 2, .crowd = 1250, .procs = 5,
		.proc = {
			{ SWEEPER(1000, 800), FRESH, WANT(0, HOME) },
			{ SWEEPER(1000, 800), FRESH, WANT(0, HOME) },
			{ SWEEPER(1000, 800), FRESH, WANT(1, HOME) },
			{ SWEEPER(1000, 800), FRESH, WANT(1, HOME) },
			{ SWEEPER(1000, 800), FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"the odd one keeps a home",
		.nodes = 2, .procs = 5,
		.proc = {
			{ SWEEPER(1000, 800), AT(0), WANT(0, HOME) },
			{ SWEEPER(1000, 800), AT(0), WANT(0, HOME) },
			{ SWEEPER(1000, 800), AT(0), WANT(0, HOME) },
			{ SWEEPER(1000, 800), FRESH, WANT(1, HOME) },
			{ SWEEPER(1000, 800), FRESH, WANT(1, HOME) },
		},
	}, {
		"may use one CPU of node 0: three threads do not share that",
		.nodes = 2, .procs = 2,
		.proc = {
			{ SWEEPER(3000, 2000), .cap = { 1000, 2000 }, FRESH, WANT(1, HOME) },
			{ SWEEPER(3000, 2000), FRESH, WANT(0, HOME) },
		},
	}, {
		"one more thread than cores moves nobody",
		.nodes = 2, .procs = 2,
		.proc = {
			{ SWEEPER(2000, 1600), FRESH, WANT(0, HOME) },
			{ SWEEPER(3000, 2400), FRESH, UNPLACED(NO_CPUS) },
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

struct crowd_case {
	const char *name;
	unsigned int crowd;
	unsigned long cores;
	unsigned long count_as;
};

static const struct crowd_case crowd_cases[] = {
	{ "no crowd", KNUMAD_NO_CROWD, 2000, 2000 },
	{ "twice as many threads", 2000, 2000, 3750 },
	{ "a tenth more threads", 1100, 2000, 2000 },
	{ "a tenth more threads on many cores", 1100, 64000, 70150 },
	{ "no core", 2000, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(crowd, crowd_cases, name);

static void crowd_cores(struct kunit *test)
{
	const struct crowd_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, knumad_crowd_cores(c->crowd, c->cores), c->count_as);
}

static struct kunit_case placement_crowd_cases[] = {
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(place_again_test, place_gen_params),
	KUNIT_CASE_PARAM(crowd_cores, crowd_gen_params),
	{}
};

static struct kunit_suite placement_crowd_suite = {
	.name = "knumad_placement_crowd",
	.test_cases = placement_crowd_cases,
};

kunit_test_suite(placement_crowd_suite);
