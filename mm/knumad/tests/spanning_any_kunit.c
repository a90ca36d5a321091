// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for processes that span nodes: what holds for any problem,
 * of any size
 */

#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "../placement.h"
#include "../spanning.h"
#include "kunit_util.h"
#include "spanning_util.h"

/* What may be claimed of a node's CPUs beyond what it has, and kept */
#define SLACK		500
#define GRACE		250

/* All of it in one piece, sized for the case */
struct random_process {
	struct knumad_span sp;
	unsigned long *cores;
	unsigned long *pages;
	u8 *distance;
	u32 *seen;
	u32 *shares;
	struct knumad_sp_thread *threads;
	struct knumad_sp_thread *before;
	nodemask_t set_before;
	unsigned long *load;
	struct rnd_state rnd;
};

static struct random_process *new_random(struct kunit *test, int nodes,
					 unsigned int threads)
{
	struct random_process *r = zalloc(test, 1, sizeof(*r));
	size_t n = nodes, t = threads;

	r->cores = zalloc(test, n, sizeof(*r->cores));
	r->pages = zalloc(test, n, sizeof(*r->pages));
	r->distance = zalloc(test, n * n, sizeof(*r->distance));
	r->seen = zalloc(test, t * n, sizeof(*r->seen));
	r->shares = zalloc(test, t * t, sizeof(*r->shares));
	r->threads = zalloc(test, t, sizeof(*r->threads));
	r->before = zalloc(test, t, sizeof(*r->before));
	r->load = zalloc(test, n, sizeof(*r->load));
	prandom_seed_state(&r->rnd, 20240923);
	r->sp = (struct knumad_span) {
		.nr_nodes = nodes,
		.cores = r->cores,
		.pages = r->pages,
		.distance = r->distance,
		.nr_threads = threads,
		.threads = r->threads,
		.shares = r->shares,
	};
	return r;
}

/* 0 <= result < @n */
static u32 below(struct random_process *r, u32 n)
{
	return prandom_u32_state(&r->rnd) % n;
}

static bool one_in(struct random_process *r, u32 n)
{
	return !below(r, n);
}

/* @units: all loads are the same, and every thread may run anywhere */
static void random_problem(struct random_process *r, bool units)
{
	u32 n = r->sp.nr_nodes, threads = r->sp.nr_threads;
	u32 share = threads / n + 1, i, j, t;

	r->sp.shares = one_in(r, 4) ? NULL : r->shares;
	r->sp.resident = below(r, 500 * n);
	nodes_clear(r->sp.set);
	for (i = 0; i < n; i++) {
		r->cores[i] = one_in(r, 8) ? 0 : 1000 * (1 + below(r, 2 * share));
		r->pages[i] = below(r, 2000);
		for (j = 0; j < n; j++)
			r->distance[i * n + j] = i == j ? KNUMAD_LOCAL :
						 KNUMAD_LOCAL + below(r, 90);
		if (one_in(r, 2))
			node_set(i, r->sp.set);
	}
	/* At least one node has cores */
	r->cores[below(r, n)] = 1000 * share;
	memset(r->seen, 0, sizeof(*r->seen) * threads * n);
	memset(r->shares, 0, sizeof(*r->shares) * threads * threads);
	for (t = 0; t < threads; t++) {
		struct knumad_sp_thread *p = &r->threads[t];

		*p = (struct knumad_sp_thread) {
			.seen = r->seen + (size_t)t * n,
			.load = units ? 1000 : below(r, 1200),
			.node = (int)below(r, n + 1) - 1,
			.home = (int)below(r, n + 1) - 1,
		};
		if (!units && one_in(r, 4))
			p->load /= 20;
		for (i = 0; i < n; i++)
			if (units || !one_in(r, 8))
				node_set(i, p->allowed);
		for (i = 0; i < 3; i++)
			r->seen[(size_t)t * n + below(r, n)] += below(r, 100);
		for (i = 0; i < 4; i++) {
			u32 u = below(r, threads), shared = below(r, 60);

			if (u == t)
				continue;
			r->shares[(size_t)t * threads + u] += shared;
			r->shares[(size_t)u * threads + t] += shared;
		}
	}
}

static void keep_before(struct random_process *r)
{
	memcpy(r->before, r->threads, r->sp.nr_threads * sizeof(*r->threads));
	r->set_before = r->sp.set;
}

static s64 hop(const struct random_process *r, int from, int to)
{
	return r->distance[from * r->sp.nr_nodes + to] - KNUMAD_LOCAL;
}

/* As the worked formula has it, in no clever way */
static s64 cost(const struct random_process *r,
		const struct knumad_sp_thread *threads)
{
	u32 n = r->sp.nr_nodes, count = r->sp.nr_threads, t, u, i;
	s64 sum = 0;

	for (t = 0; t < count; t++) {
		int a = threads[t].home;

		if (a == NOWHERE)
			continue;
		for (i = 0; i < n; i++)
			sum += threads[t].seen[i] * hop(r, a, i);
		for (u = 0; u < t && r->sp.shares; u++) {
			int b = threads[u].home;

			if (b != NOWHERE)
				sum += r->shares[(size_t)t * count + u] *
				       (hop(r, a, b) + hop(r, b, a));
		}
	}
	return sum;
}

static void count_load(struct random_process *r)
{
	unsigned int t;

	memset(r->load, 0, r->sp.nr_nodes * sizeof(*r->load));
	for (t = 0; t < r->sp.nr_threads; t++)
		if (r->threads[t].home != NOWHERE)
			r->load[r->threads[t].home] += r->threads[t].load;
}

static bool has_cores(const struct random_process *r,
		      const struct knumad_sp_thread *p)
{
	int nid;

	for_each_node_mask(nid, p->allowed)
		if (r->cores[nid])
			return true;
	return false;
}

/* Homes are where a thread may run, and in the set if that is possible */
static void check_homes(struct kunit *test, struct random_process *r)
{
	unsigned int t;
	int nid;

	KUNIT_EXPECT_FALSE(test, nodes_empty(r->sp.set));
	for_each_node_mask(nid, r->sp.set)
		KUNIT_EXPECT_GT(test, r->cores[nid], 0UL);
	for (t = 0; t < r->sp.nr_threads; t++) {
		const struct knumad_sp_thread *p = &r->threads[t];
		bool in_set;

		if (!has_cores(r, p)) {
			KUNIT_EXPECT_EQ(test, p->home, NOWHERE);
			continue;
		}
		KUNIT_ASSERT_NE(test, p->home, NOWHERE);
		KUNIT_EXPECT_TRUE(test, node_isset(p->home, p->allowed));
		KUNIT_EXPECT_GT(test, r->cores[p->home], 0UL);
		in_set = nodes_intersects(p->allowed, r->sp.set);
		KUNIT_EXPECT_EQ(test, node_isset(p->home, r->sp.set), in_set);
	}
}

/*
 * A node is overloaded only if nobody on it could go to a node that has room.
 * Return: whether any is overloaded.
 */
static bool check_load(struct kunit *test, struct random_process *r)
{
	bool any = false;
	unsigned int t;
	int nid, to;

	count_load(r);
	for (nid = 0; nid < r->sp.nr_nodes; nid++) {
		if (r->load[nid] <= r->cores[nid] + SLACK + GRACE)
			continue;
		any = true;
		for (t = 0; t < r->sp.nr_threads; t++) {
			const struct knumad_sp_thread *p = &r->threads[t];

			if (p->home != nid || !p->load)
				continue;
			for_each_node_mask(to, r->sp.set) {
				if (!node_isset(to, p->allowed) ||
				    !node_isset(nid, r->sp.set) ||
				    r->load[to] + p->load >
				    r->cores[to] + SLACK)
					continue;
				KUNIT_FAIL(test, "thread %u on %d has room on %d",
					   t, nid, to);
				return any;
			}
		}
	}
	return any;
}

/* Who has got all: nothing changes any more; and twice the same is the same */
static void check_fixed(struct kunit *test, struct random_process *r)
{
	u64 steps = r->sp.steps;
	unsigned int t;

	/* The problem again */
	for (t = 0; t < r->sp.nr_threads; t++)
		swap(r->threads[t].home, r->before[t].home);
	swap(r->sp.set, r->set_before);
	knumad_test_span(test, &r->sp);
	KUNIT_EXPECT_EQ(test, r->sp.steps, steps);
	for (t = 0; t < r->sp.nr_threads; t++)
		KUNIT_ASSERT_EQ(test, r->threads[t].home, r->before[t].home);
	KUNIT_EXPECT_TRUE(test, nodes_equal(r->sp.set, r->set_before));

	/* The solution as the problem */
	knumad_test_span(test, &r->sp);
	for (t = 0; t < r->sp.nr_threads; t++)
		KUNIT_ASSERT_EQ(test, r->threads[t].home, r->before[t].home);
	KUNIT_EXPECT_TRUE(test, nodes_equal(r->sp.set, r->set_before));
}

struct random_case {
	const char *name;
	int nodes;
	unsigned int threads;
	int rounds;
	bool units;
};

static const struct random_case random_cases[] = {
	{ "1 node, 4 threads", 1, 4, KN_ROUNDS(50) },
	{ "2 nodes, 4 threads", 2, 4, KN_ROUNDS(300) },
	{ "2 nodes, 4 equal threads", 2, 4, KN_ROUNDS(300), true },
	{ "4 nodes, 16 threads", 4, 16, KN_ROUNDS(200) },
	{ "4 nodes, 16 equal threads", 4, 16, KN_ROUNDS(200), true },
	{ "8 nodes, 60 threads", 8, 60, KN_ROUNDS(20) },
	{ "64 nodes, 100 threads", 64, 100, 1 },
};

KUNIT_ARRAY_PARAM_DESC(random, random_cases, name);

static void random_test(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	unsigned int moved = 0, stayed = 0, overloaded = 0, t;
	struct random_process *r;
	int round;

	if (c->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_random(test, c->nodes, c->threads);
	for (round = 0; round < c->rounds; round++) {
		random_problem(r, c->units);
		keep_before(r);
		knumad_test_span(test, &r->sp);
		check_homes(test, r);
		overloaded += check_load(test, r);
		for (t = 0; t < c->threads; t++) {
			if (r->before[t].home == r->threads[t].home)
				stayed++;
			else
				moved++;
		}
		check_fixed(test, r);
		/* One example is enough */
		if (READ_ONCE(test->status) == KUNIT_FAILURE) {
			kunit_info(test, "in round %d", round);
			return;
		}
	}
	/* Guards the test itself: problems are neither trivial nor hopeless */
	KUNIT_EXPECT_GT(test, stayed, 0U);
	KUNIT_EXPECT_GT(test, moved, 0U);
	KUNIT_EXPECT_LT(test, overloaded, c->rounds / 2U + 2);
}

/*
 * All have homes that they can keep: what changes makes it cheaper, and no node
 * is overloaded by that.
 */
static void cost_test(struct kunit *test)
{
	const struct random_case *c = test->param_value;
	struct random_process *r;
	unsigned int cheaper = 0, t;
	int round, nid;

	if (c->nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_random(test, c->nodes, c->threads);
	for (round = 0; round < c->rounds; round++) {
		s64 before, after;

		random_problem(r, c->units);
		nodes_clear(r->sp.set);
		for (t = 0; t < c->threads; t++) {
			r->threads[t].home = below(r, c->nodes);
			nodes_clear(r->threads[t].allowed);
			for (nid = 0; nid < c->nodes; nid++)
				node_set(nid, r->threads[t].allowed);
		}
		/* As many cores as are used, and one to spare here and there */
		count_load(r);
		for (nid = 0; nid < c->nodes; nid++) {
			node_set(nid, r->sp.set);
			r->cores[nid] = r->load[nid] + 1000 * below(r, 2) + 1;
		}
		/* Memory needs all nodes */
		r->sp.resident = 0;
		for (nid = 0; nid < c->nodes; nid++)
			r->sp.resident += ++r->pages[nid];

		keep_before(r);
		before = cost(r, r->before);
		knumad_test_span(test, &r->sp);
		after = cost(r, r->threads);
		KUNIT_ASSERT_LE(test, after, before);
		cheaper += after < before;
		for (t = 0; t < c->threads; t++)
			if (r->threads[t].home != r->before[t].home)
				break;
		KUNIT_EXPECT_EQ(test, after == before, t == c->threads);
		count_load(r);
		for (nid = 0; nid < c->nodes; nid++)
			KUNIT_ASSERT_LE(test, r->load[nid],
					r->cores[nid] + SLACK);
		check_fixed(test, r);
	}
	if (c->nodes > 1)
		KUNIT_EXPECT_GT(test, cheaper, 0U);
}

/* A machine of equal nodes, threads that are one core each, all at home */
static struct random_process *
new_regular(struct kunit *test, int nodes, unsigned int threads, bool rotated)
{
	struct random_process *r = new_random(test, nodes, threads);
	unsigned int t, cores = threads / nodes;
	int i, j;

	for (i = 0; i < nodes; i++) {
		r->cores[i] = 1000UL * cores;
		r->pages[i] = 1000;
		node_set(i, r->sp.set);
		for (j = 0; j < nodes; j++)
			r->distance[i * nodes + j] = i == j ? 10 : 20;
	}
	for (t = 0; t < threads; t++) {
		r->threads[t] = (struct knumad_sp_thread) {
			.seen = r->seen + (size_t)t * nodes,
			.load = 1000,
			.node = rotated ? t % nodes : t / cores,
			.allowed = r->sp.set,
		};
		r->threads[t].home = r->threads[t].node;
	}
	return r;
}

/* The last worked table of "Improvement" */
static void even_test(struct kunit *test)
{
	struct random_process *r = new_regular(test, 2, 64, true);
	unsigned int t, u;

	for (t = 0; t < 64; t++)
		for (u = 0; u < 64; u++)
			r->shares[t * 64 + u] = t != u && t / 32 == u / 32;
	knumad_test_span(test, &r->sp);
	KUNIT_EXPECT_EQ(test, cost(r, r->threads), 0LL);
	for (t = 0; t < 64; t++)
		KUNIT_EXPECT_EQ(test, r->threads[t].home,
				r->threads[t / 32 * 32].home);
	KUNIT_EXPECT_NE(test, r->threads[0].home, r->threads[32].home);
	keep_before(r);
	knumad_test_span(test, &r->sp);
	for (t = 0; t < 64; t++)
		KUNIT_EXPECT_EQ(test, r->threads[t].home, r->before[t].home);
}

/* Samples that differ by chance, of threads that are all alike, move few */
static void noise_test(struct kunit *test)
{
	struct random_process *r = new_regular(test, 2, 16, false);
	unsigned int t, i, moved = 0;
	int run;

	for (run = 0; run < 100; run++) {
		for (t = 0; t < 16; t++)
			for (i = 0; i < 2; i++)
				r->seen[2 * t + i] = 100 + below(r, 10);
		keep_before(r);
		knumad_test_span(test, &r->sp);
		for (t = 0; t < 16; t++)
			moved += r->threads[t].home != r->before[t].home;
	}
	KUNIT_EXPECT_EQ(test, moved, 0U);
}

/* The largest: every thread uses the next node; and what is only random */
static void large_test(struct kunit *test)
{
	const unsigned int threads = 1024, nodes = 64;
	struct random_process *r;
	unsigned int t, home = 0;
	s64 before;

	if (nodes > MAX_NUMNODES)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	r = new_regular(test, nodes, threads, false);
	for (t = 0; t < threads; t++)
		r->seen[t * nodes + (r->threads[t].home + 1) % nodes] = 100;
	knumad_test_span(test, &r->sp);
	for (t = 0; t < threads; t++)
		home += !!r->threads[t].seen[r->threads[t].home];
	/* The last of each ring has nobody to swap with that gains as well */
	KUNIT_EXPECT_GT(test, home, threads * 3 / 4);

	random_problem(r, true);
	for (t = 0; t < nodes; t++) {
		r->cores[t] = 1000UL * threads / nodes;
		node_set(t, r->sp.set);
	}
	for (t = 0; t < threads; t++)
		r->threads[t].home = t % nodes;
	before = cost(r, r->threads);
	knumad_test_span(test, &r->sp);
	KUNIT_EXPECT_LT(test, cost(r, r->threads), before);
	count_load(r);
	for (t = 0; t < nodes; t++)
		KUNIT_EXPECT_LE(test, r->load[t], r->cores[t] + SLACK);
}

/* The bound itself: threads and nodes, times what is looked at for a change */
static void max_steps_test(struct kunit *test)
{
	u64 n, t;

	for (n = 1; n <= 64; n *= 2)
		for (t = 1; t <= 4096; t *= 4)
			KUNIT_EXPECT_LE(test, knumad_span_max_steps(t, n),
					8 * (t + n) * (t * n + min(t * t, 65536ULL)) +
					16 * n * n * (n + t) + 16 * t * (t + n));
}

static struct kunit_case spanning_any_cases[] = {
	KUNIT_CASE_PARAM(random_test, random_gen_params),
	KUNIT_CASE_PARAM(cost_test, random_gen_params),
	KUNIT_CASE(even_test),
	KUNIT_CASE(noise_test),
	KUNIT_CASE_SLOW(large_test),
	KUNIT_CASE(max_steps_test),
	{}
};

static struct kunit_suite spanning_any_suite = {
	.name = "knumad_spanning_any",
	.test_cases = spanning_any_cases,
};

kunit_test_suite(spanning_any_suite);
