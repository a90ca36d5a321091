// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: what fits where
 *
 * First the worked tables of placement.c, then what they leave open: cores, memory, unusual
 * machines, and room that was counted on but that nobody leaves.
 */

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/numa.h>
#include <linux/string.h>

#include "../placement.h"
#include "placement_util.h"

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
		"3 x 2.5 GB on 2 x 4 GB", THREE_ON_TWO,
	}, {
		"three threads on nodes of two cores",
		.nodes = 2, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 666, 333 },
			  .load = 3000, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"one CPU of an idle node",
		.nodes = 2, .procs = 1, .cores = { 4000, 4000 },
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 250, 750 }, .cap = { 1000, 4000 },
			  .load = 3000, FRESH, WANT(1, HOME) },
		},
	}, {
		"nothing free, nearly all there",
		.nodes = 2, .memory = { 990, 10 }, .procs = 1,
		.proc = {
			{ .pages = { 990, 10 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"nothing free, much of it elsewhere",
		.nodes = 2, .memory = { 600, 400 }, .procs = 1,
		.proc = {
			{ .pages = { 600, 400 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, UNPLACED(NO_ROOM) },
		},
	}, {
		"nothing free, a trifle elsewhere",
		.nodes = 2, .memory = { 995, 5 }, .procs = 1,
		.proc = {
			{ .pages = { 995, 5 }, .cpu = { 500, 500 },
			  .load = 1000, AT(0), WANT(0, HOME) },
		},
	}, {
		"nothing free, room for all on the other node",
		.nodes = 2, .memory = { 990, 2010 }, .procs = 1,
		.proc = {
			{ .pages = { 990, 10 }, .cpu = { 1000, 0 }, .horizon = 30,
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"nothing free, two nearly there",
		.nodes = 2, .memory = { 1980, 20 }, .procs = 2,
		.proc = {
			{ .pages = { 990, 10 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
			{ .pages = { 990, 10 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"nothing free, four at home but for a trifle",
		.nodes = 2, .memory = { 3840, 160 }, .procs = 4,
		.proc = {
			{ .pages = { 960, 40 }, .cpu = { 1000, 0 },
			  .load = 500, AT(0), WANT(0, HOME) },
			{ .pages = { 960, 40 }, .cpu = { 1000, 0 },
			  .load = 500, AT(0), WANT(0, HOME) },
			{ .pages = { 960, 40 }, .cpu = { 1000, 0 },
			  .load = 500, AT(0), WANT(0, HOME) },
			{ .pages = { 960, 40 }, .cpu = { 1000, 0 },
			  .load = 500, AT(0), WANT(0, HOME) },
		},
	}, {
		"who claims all his room first does not take that of another",
		.nodes = 2, .memory = { 1100, 100 }, .procs = 2,
		.proc = {
			{ .pages = { 900, 100 }, .cpu = { 1000, 0 },
			  .load = 1000, AT(0), WANT(0, HOME) },
			{ .pages = { 200, 0 }, .cpu = { 1000, 0 },
			  .load = 1000, AT(0), WANT(0, HOME) },
		},
	}, {
		"little free, and one without a home",
		.nodes = 2, .memory = { 990, 60 }, .procs = 2,
		.proc = {
			{ .pages = { 940, 60 }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, WANT(0, HOME) },
			{ .pages = { 30, 0 }, .idle = true,
			  FRESH, UNPLACED(IDLE) },
		},
	}, {
		"who is crammed goes where there is room, the second time",
		.nodes = 2, .memory = { 1100, 1500 }, .procs = 2,
		.proc = {
			{ .pages = { 500, 500 }, .cpu = { 1000, 0 }, .horizon = 1000,
			  .load = 1000, .home = 0, .pending = 1, WANT(1, HOME) },
			{ .pages = { 600, 0 }, .idle = true,
			  FRESH, UNPLACED(IDLE) },
		},
	}, {
		"nothing free, and one without a home",
		.nodes = 2, .memory = { 1090, 10 }, .procs = 2,
		.proc = {
			{ .pages = { 990, 10 }, .cpu = { 500, 500 },
			  .load = 1000, FRESH, WANT(0, HOME) },
			{ .pages = { 100, 0 }, .idle = true,
			  FRESH, UNPLACED(IDLE) },
		},
	},
	/*
	 * CPU capacity
	 */
	{
		"may use too few cores of any node",
		.nodes = 2, .procs = 1, .cores = { 4000, 4000 },
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 500, 500 }, .cap = { 1000, 1000 },
			  .load = 2000, FRESH, UNPLACED(NO_CPUS) },
		},
	}, {
		"who may use fewer cores than before goes where he has more",
		.nodes = 2, .procs = 1, .cores = { 4000, 4000 },
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 250, 750 }, .cap = { 1000, 3000 },
			  .load = 3000, AT(0), WANT(1, HOME) },
		},
	}, {
		"half a core too much has half a core of grace",
		.nodes = 2, .procs = 1, .cores = { 4000, 4000 },
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 }, .cap = { 1000, 4000 },
			  .load = 2000, AT(0), WANT(0, HOME) },
		},
	}, {
		"of two of 64 CPUs no eight are grace",
		.nodes = 2, .procs = 1, .cores = { 64000, 64000 },
		.proc = {
			{ .pages = { GB, 0 }, .cpu = { 1000, 0 }, .cap = { 2000, 2000 },
			  .load = 4000, AT(0), UNPLACED(NO_CPUS) },
		},
	}, {
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
		"an eighth may stay elsewhere",
		.nodes = 2, .memory = { 1792 * MB, GB }, .procs = 1,
		.proc = {
			{ .pages = { GB, GB }, .cpu = { 1000, 0 },
			  .load = 1000, FRESH, WANT(0, HOME) },
		},
	}, {
		"one page too many",
		.nodes = 2, .memory = { 1792 * MB - 1, GB }, .procs = 1,
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

/* 3 x 2.5 GB on 2 x 4 GB, continued: one quits, the third gets its node */
static void quit_test(struct kunit *test)
{
	static const struct place_case c = { "quit", THREE_ON_TWO };
	struct machine *m = knumad_test_machine(test, &c);

	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	knumad_test_expect(test, m, 1, 1, NOWHERE, KNUMAD_V_HOME);
	knumad_test_expect(test, m, 2, NOWHERE, NOWHERE, KNUMAD_V_NO_ROOM);

	knumad_test_settle(m);
	quit(m, 0);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	knumad_test_expect(test, m, 1, 1, NOWHERE, KNUMAD_V_HOME);

	/* And it was the third: the quitter's pages are free */
	knumad_test_settle(m);
	KUNIT_EXPECT_EQ(test, m->nodes[0].free, 1536 * MB);
	KUNIT_EXPECT_EQ(test, m->nodes[1].free, 1536 * MB);
}

static struct kunit_case placement_room_cases[] = {
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(place_again_test, place_gen_params),
	KUNIT_CASE(quit_test),
	{}
};

static struct kunit_suite placement_room_suite = {
	.name = "knumad_placement_room",
	.test_cases = placement_room_cases,
};

kunit_test_suite(placement_room_suite);
