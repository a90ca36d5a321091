// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's placement policy: what holds for any problem, of any size
 */

#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "../placement.h"
#include "kunit_util.h"
#include "placement_util.h"

/* What may be claimed of a node's CPUs beyond what it has */
#define SLACK		500

struct random_case {
	const char *name;
	int nodes;
	unsigned int procs;
	int rounds;
	bool spread;
};

static const struct random_case random_cases[] = {
	{ "1 node, 4 processes", 1, 4, KN_ROUNDS(100) },
	{ "2 nodes, 4 processes", 2, 4, KN_ROUNDS(500) },
	{ "4 nodes, 16 processes", 4, 16, KN_ROUNDS(500) },
	{ "4 nodes, 16 processes, spread", 4, 16, KN_ROUNDS(500), true },
	{ "8 nodes, 100 processes", 8, 100, KN_ROUNDS(50) },
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
		.got = below(m, 1500),
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
	u64 want = 0, all = 0;
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
		want += p->load;
		if (p->home == NOWHERE)
			continue;
		cost += knumad_place_cost(&m->pl, p, p->home);
		stay += knumad_stay_cost(&m->pl, p);
	}
	/* In a swap, one of both may pay for the other */
	if (fresh)
		KUNIT_EXPECT_LE(test, cost, stay);
	for (nid = 0; nid < m->pl.nr_nodes; nid++)
		all += m->nodes[nid].cores;
	KUNIT_EXPECT_GE(test, m->pl.crowd, KNUMAD_NO_CROWD);
	if (m->pl.crowd > KNUMAD_NO_CROWD)
		KUNIT_EXPECT_LE(test, m->pl.crowd * all, want * 1000);
	for (nid = 0; nid < m->pl.nr_nodes; nid++) {
		unsigned long cores = knumad_crowd_cores(m->pl.crowd, m->nodes[nid].cores);
		unsigned long load;

		/* Incumbents do not give way to what appears at their home */
		if (fresh && knumad_test_room_left(&m->pl, nid) < 0)
			KUNIT_FAIL(test, "node %d: %lld pages too many", nid,
				   -knumad_test_room_left(&m->pl, nid));
		if (!cores)
			continue;
		load = load_on(m, nid);
		/* An incumbent is spared another half a core, in a crowd an eighth if more */
		if (load > cores + SLACK + (fresh ? 0 : max(SLACK, cores / 8)))
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

static void no_procs_test(struct kunit *test)
{
	static const struct place_case c = { "nobody", .nodes = 3 };
	struct machine *m = knumad_test_machine(test, &c);

	m->pl.steps = 4711;
	KUNIT_EXPECT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_EXPECT_EQ(test, m->pl.steps, 0);
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

	for (round = 0; round < KN_ROUNDS(1000); round++) {
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

static struct kunit_case placement_any_cases[] = {
	KUNIT_CASE_PARAM(random_fresh_test, random_gen_params),
	KUNIT_CASE_PARAM(random_incumbents_test, random_gen_params),
	KUNIT_CASE(hopeless_swaps_test),
	KUNIT_CASE(no_procs_test),
	KUNIT_CASE(max_steps_test),
	KUNIT_CASE(scaling_test),
	{}
};

static struct kunit_suite placement_any_suite = {
	.name = "knumad_placement_any",
	.test_cases = placement_any_cases,
};

kunit_test_suite(placement_any_suite);
