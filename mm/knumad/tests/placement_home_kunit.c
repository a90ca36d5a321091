// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: processes that have a home
 *
 * When they keep it, and moves and swaps that are proposed in one run and done in the next.
 */

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/numa.h>
#include <linux/string.h>

#include "../placement.h"
#include "placement_util.h"

/* === One run === */

static const struct place_case place_cases[] = {
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
	knumad_test_place_case(test);
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

static void place_again_test(struct kunit *test)
{
	knumad_test_place_case_again(test);
}

/* === Several runs === */

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
	struct machine *m = knumad_test_machine(test, &incumbent);

	put_pages(m, 0, 1000, 0);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 1, NOWHERE, KNUMAD_V_HOME);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 1, NOWHERE, KNUMAD_V_HOME);
}

static void changed_proposal_test(struct kunit *test)
{
	struct machine *m = knumad_test_machine(test, &incumbent);

	put_pages(m, 0, 1000, 0);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
	put_pages(m, 0, 0, 1000);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 0, 2, KNUMAD_V_PENDING);
	knumad_test_place(test, m);
	knumad_test_expect(test, m, 0, 2, NOWHERE, KNUMAD_V_HOME);
}

static void interrupted_proposal_test(struct kunit *test)
{
	struct machine *m = knumad_test_machine(test, &incumbent);
	int run;

	for (run = 0; run < 3; run++) {
		put_pages(m, 0, 1000, 0);
		knumad_test_place(test, m);
		knumad_test_expect(test, m, 0, 0, 1, KNUMAD_V_PENDING);
		put_pages(m, 1000, 0, 0);
		knumad_test_place(test, m);
		knumad_test_expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	}
}

/* Noise of an eighth, run after run, moves nothing */
static void noise_test(struct kunit *test)
{
	struct machine *m = knumad_test_machine(test, &incumbent);
	int run;

	for (run = 0; run < 8; run++) {
		put_pages(m, 875 + 125 * (run & 1), 1000 - 125 * (run & 1), 0);
		knumad_test_place(test, m);
		knumad_test_expect(test, m, 0, 0, NOWHERE, KNUMAD_V_HOME);
	}
}

/* Runs until both processes have exchanged their homes, 0 if they never do */
static int runs_to_exchange(struct kunit *test, struct machine *m)
{
	int run;

	for (run = 1; run <= 6; run++) {
		knumad_test_place(test, m);
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
	struct machine *m = knumad_test_machine(test, &exchange);

	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);
}

/* One of the two knew a run earlier that it wants to go */
static void exchange_staggered_test(struct kunit *test)
{
	struct machine *m = knumad_test_machine(test, &exchange);

	m->procs[0].pending = 1;
	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);

	m = knumad_test_machine(test, &exchange);
	m->procs[1].pending = 0;
	KUNIT_EXPECT_EQ(test, runs_to_exchange(test, m), 2);
}

/* One of the two comes new, and finds only the wrong node vacant */
static void exchange_fresh_test(struct kunit *test)
{
	struct machine *m = knumad_test_machine(test, &exchange);
	int runs;

	m->procs[1].home = NOWHERE;
	runs = runs_to_exchange(test, m);
	KUNIT_EXPECT_GE(test, runs, 2);
	KUNIT_EXPECT_LE(test, runs, 3);
}

static struct kunit_case placement_home_cases[] = {
	KUNIT_CASE_PARAM(place_test, place_gen_params),
	KUNIT_CASE_PARAM(place_again_test, settled_gen_params),
	KUNIT_CASE(confirm_test),
	KUNIT_CASE(changed_proposal_test),
	KUNIT_CASE(interrupted_proposal_test),
	KUNIT_CASE(noise_test),
	KUNIT_CASE(exchange_test),
	KUNIT_CASE(exchange_staggered_test),
	KUNIT_CASE(exchange_fresh_test),
	{}
};

static struct kunit_suite placement_home_suite = {
	.name = "knumad_placement_home",
	.test_cases = placement_home_cases,
};

kunit_test_suite(placement_home_suite);
