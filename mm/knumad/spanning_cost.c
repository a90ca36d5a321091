// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: what the homes of the threads of a process that does not fit in one node cost,
 * and which changes make it less: who shares comes together
 *
 * Pure: numbers in, homes out. No mm, no task, no lock, no clock. Where there is room is
 * for spanning_homes.c to say. Each worked table below is a KUnit case of the same name in
 * tests/spanning_cost_kunit.c.
 */

/**
 * DOC: Cost of homes
 *
 * ::
 *
 *     sum over threads t, nodes i of
 *         samples of t on i x (d(home(t),i) - 10)
 *   + sum over pairs of threads t, u of
 *         samples they share x (d(home(t),home(u)) - 10 + d(home(u),home(t)) - 10)
 *
 * in sample-distances. What two threads share counts both ways, twice as much
 * as what one uses alone: its memory can be near one of them only, and what one
 * writes the other has to fetch from there, so that both of them wait; and
 * memory follows threads, so that what is remote now need not remain so, but
 * two threads that share will do so wherever the memory is.
 */

/**
 * DOC: Improvement
 *
 * The best of all moves of a thread to a node with room and of all swaps of two
 * threads is done, and again, until none is worth it: it must gain an eighth of
 * what the threads involved cost now, and four samples that are shared between
 * the two nodes, or eight that are not, and more than chance: of n samples, nearly
 * three times the root of n. In a swap the gains of both count. A
 * helper, less than a tenth of a core, does not swap with another thread.
 *
 * ::
 *
 *   2 nodes of 2 cores at 10/20; threads 0,1 share 100 samples, 2,3 too; homes
 *   0 1 0 1:
 *     swap 0 and 3: 2 x 100 x (10 + 10) = 4000 before, 0 after  -> 1 1 0 0
 *   the same, all share with all:
 *     any swap has as many pairs across as before               -> 0 1 0 1
 *   homes 0 0 1 1, nothing is shared, 0 uses node 1, 2 uses node 0:
 *     swap 0 and 2: each gains 100 x 10                         -> 1 0 0 1
 *   the same, but 1, 2, 3 use node 0 as 0 does:
 *     what one gains the other loses                            -> 0 0 1 1
 *
 * Many threads that share may stand so evenly that no single swap is worth it,
 * though all together are. So in the end swaps are tried that gain anything;
 * they are done if all together gain an eighth of what the process costs, and
 * eight samples at 10/20 for each thread that moves.
 *
 * ::
 *
 *   2 nodes of 32 cores; threads 0-31 share with each other, 32-63 too; the
 *   even ones are on node 0, the odd ones on node 1:
 *     a swap takes 2 of 32 shares off, a sixteenth, but 16 swaps all 1024
 *     -> each half on one node
 */

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "placement.h"
#include "spanning.h"
#include "spanning_state.h"

/* A change must gain so many shared samples over the distance of its nodes */
#define KNUMAD_SPAN_SAMPLES	4

/* ... and one part in so many of what the threads cost now */
#define KNUMAD_SPAN_PART	8

/* Threads of which it is not tried what could be gained by changes that lose at first */
#define KNUMAD_SPAN_MANY	128

/* The best change found so far: thread @t goes to @to, @u to where @t was */
struct span_change {
	s64 gain;
	unsigned int t;
	unsigned int u;
	int to;
	bool swap;
};

/* === Costs === */

/* What an access from @from to @to costs over a local one */
static int extra(const struct knumad_span *sp, int from, int to)
{
	return max(sp->distance[from * sp->nr_nodes + to] - KNUMAD_LOCAL, 0);
}

static u32 shared(const struct knumad_span *sp, unsigned int t, unsigned int u)
{
	if (!sp->shares || t == u)
		return 0;
	return sp->shares[(size_t)t * sp->nr_threads + u];
}

/**
 * knumad_span_both - how far the nodes are apart
 * @s: the state; @both is set, in distances
 */
void knumad_span_both(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	int i, j;

	for (i = 0; i < sp->nr_nodes; i++)
		for (j = 0; j < sp->nr_nodes; j++)
			s->both[i * sp->nr_nodes + j] =
				i == j ? 0 : extra(sp, i, j) + extra(sp, j, i);
	sp->steps += (u64)sp->nr_nodes * sp->nr_nodes;
}

/**
 * knumad_span_own - what its memory costs a thread on each node
 * @s: the state; @own of the thread, zero so far, is set, in sample-distances
 * @t: the thread
 */
void knumad_span_own(struct span_state *s, unsigned int t)
{
	struct knumad_span *sp = s->sp;
	const struct knumad_sp_thread *p = &sp->threads[t];
	s64 *own = s->own + (size_t)t * sp->nr_nodes;
	int i, nid;

	for (i = 0; i < sp->nr_nodes; i++)
		if (p->seen[i])
			for (nid = 0; nid < sp->nr_nodes; nid++)
				own[nid] += (s64)p->seen[i] *
					    extra(sp, nid, i);
	sp->steps += (u64)sp->nr_nodes * sp->nr_nodes;
}

/**
 * knumad_span_link - what sharing costs a thread on each node
 * @s: the state, with @both; @link of the thread is set, in sample-distances
 * @t: the thread
 *
 * With the others where they are now. Who has no home yet does not count.
 */
void knumad_span_link(struct span_state *s, unsigned int t)
{
	struct knumad_span *sp = s->sp;
	s64 *link = s->link + (size_t)t * sp->nr_nodes;
	unsigned int u;
	int nid, at;

	if (!sp->shares)
		return;
	memset(link, 0, sp->nr_nodes * sizeof(*link));
	memset(s->share, 0, sp->nr_nodes * sizeof(*s->share));
	for (u = 0; u < sp->nr_threads; u++)
		if (sp->threads[u].home != NUMA_NO_NODE)
			s->share[sp->threads[u].home] += shared(sp, t, u);
	for (at = 0; at < sp->nr_nodes; at++)
		if (s->share[at])
			for (nid = 0; nid < sp->nr_nodes; nid++)
				link[nid] += s->share[at] *
					     both_ways(s, nid, at);
	sp->steps += sp->nr_threads + (u64)sp->nr_nodes * sp->nr_nodes;
}

/**
 * knumad_span_set_home - give a thread another home, and let the others know
 * @s: the state; @load, and @link of all threads, are brought up to date
 * @t: the thread, which has a home
 * @to: its new home
 */
void knumad_span_set_home(struct span_state *s, unsigned int t, int to)
{
	struct knumad_span *sp = s->sp;
	struct knumad_sp_thread *p = &sp->threads[t];
	int from = p->home, nid;
	unsigned int u;

	s->load[from] -= p->load;
	s->load[to] += p->load;
	p->home = to;
	for (u = 0; u < sp->nr_threads && sp->shares; u++) {
		s64 *link = s->link + (size_t)u * sp->nr_nodes;
		s64 share = shared(sp, t, u);

		sp->steps++;
		if (!share)
			continue;
		for (nid = 0; nid < sp->nr_nodes; nid++)
			link[nid] += share * (both_ways(s, nid, to) -
					      both_ways(s, nid, from));
		sp->steps += sp->nr_nodes;
	}
}

/* What the process costs: a pair of threads is in the link of both of them */
static s64 total_cost(const struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	s64 own = 0, link = 0;
	unsigned int t;

	for (t = 0; t < sp->nr_threads; t++) {
		size_t at = (size_t)t * sp->nr_nodes;

		if (sp->threads[t].home == NUMA_NO_NODE)
			continue;
		own += s->own[at + sp->threads[t].home];
		link += s->link[at + sp->threads[t].home];
	}
	sp->steps += sp->nr_threads;
	return own + link / 2;
}

/* === Improvement === */

static bool is_helper(const struct knumad_sp_thread *t)
{
	return t->load < KNUMAD_SPAN_HELPER;
}

/*
 * Of samples that are as likely on one side as on the other, the difference is about
 * the root of their number, and seldom three times that.
 */
static bool is_chance(s64 gain, s64 before, s64 sample)
{
	s64 samples = div64_s64(gain, max(sample, 1LL));

	return samples * samples < 8 * div64_s64(before, max(sample, 1LL)) ||
	       samples < KNUMAD_SPAN_SAMPLES;
}

/* Is a change between two nodes no noise? Or, if not @strict, any gain */
static bool is_worth(const struct span_state *s, s64 gain, s64 before, int a,
		     int b, bool strict)
{
	if (gain <= 0)
		return false;
	return !strict || (gain * KNUMAD_SPAN_PART >= before &&
			   !is_chance(gain, before, both_ways(s, a, b)));
}

/* No node may be overloaded by the swap, or more than it is */
static bool swap_fits(const struct span_state *s,
		      const struct knumad_sp_thread *p,
		      const struct knumad_sp_thread *q)
{
	s64 more = (s64)q->load - (s64)p->load;
	s64 over_p = over(s, p->home, 0), over_q = over(s, q->home, 0);

	return over_p + more <= max(over_p, 0LL) &&
	       over_q - more <= max(over_q, 0LL);
}

/* Those with a home, who costs most first. Return: how many. */
static unsigned int rank_by_cost(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int t, n = 0;

	for (t = 0; t < sp->nr_threads; t++) {
		int home = sp->threads[t].home;

		if (home != NUMA_NO_NODE)
			s->by_cost[n++] = (struct span_rank) {
				cost_of(s, t, home), t
			};
	}
	sort(s->by_cost, n, sizeof(*s->by_cost), by_key, NULL);
	sp->steps += sp->nr_threads;
	return n;
}

/* A move gains no more than what the thread costs now: the rest is not tried */
static void find_move(struct span_state *s, unsigned int n, bool strict,
		      struct span_change *best)
{
	struct knumad_span *sp = s->sp;
	unsigned int i;
	int nid;

	for (i = 0; i < n && s->by_cost[i].key > best->gain; i++) {
		unsigned int t = s->by_cost[i].idx;
		const struct knumad_sp_thread *p = &sp->threads[t];

		sp->steps += sp->nr_nodes;
		for_each_node_mask(nid, s->may[t]) {
			s64 gain = s->by_cost[i].key - cost_of(s, t, nid);

			if (nid == p->home || gain <= best->gain ||
			    !fits(s, nid, p->load) ||
			    !is_worth(s, gain, s->by_cost[i].key, p->home, nid,
				      strict))
				continue;
			*best = (struct span_change) {
				.gain = gain, .t = t, .to = nid,
			};
		}
	}
}

/*
 * Of two that swap with a gain, one pays at least half of it: who costs least
 * need not be tried as the first of the two. Nor need those two who together
 * cost less than what can be gained elsewhere.
 */
static void find_swap(struct span_state *s, unsigned int n, bool strict,
		      struct span_change *best)
{
	struct knumad_span *sp = s->sp;
	unsigned int first = clamp(KNUMAD_SPAN_PAIRS / max(n, 1U), 1U, n);
	unsigned int i, j;

	for (i = 0; i < first && 2 * s->by_cost[i].key > best->gain; i++) {
		unsigned int t = s->by_cost[i].idx;
		const struct knumad_sp_thread *p = &sp->threads[t];

		for (j = i + 1; j < n; j++) {
			s64 both = s->by_cost[i].key + s->by_cost[j].key;
			unsigned int u = s->by_cost[j].idx;
			const struct knumad_sp_thread *q = &sp->threads[u];
			s64 gain;

			if (both <= best->gain)
				break;
			sp->steps++;
			if (p->home == q->home || is_helper(p) != is_helper(q))
				continue;
			/* What they share they share afterwards, so far apart */
			both -= (s64)shared(sp, t, u) *
				both_ways(s, p->home, q->home);
			gain = both - cost_of(s, t, q->home) -
			       cost_of(s, u, p->home) -
			       (s64)shared(sp, t, u) *
			       both_ways(s, p->home, q->home);
			if (gain <= best->gain ||
			    !is_worth(s, gain, both, p->home, q->home,
				      strict) ||
			    !node_isset(q->home, s->may[t]) ||
			    !node_isset(p->home, s->may[u]) ||
			    !swap_fits(s, p, q))
				continue;
			*best = (struct span_change) {
				.gain = gain, .t = t, .u = u, .to = q->home,
				.swap = true,
			};
		}
	}
}

/**
 * knumad_span_improve - do the best change, a move of a thread or a swap of two
 * @s: the state, with @own and @link of all threads
 * @strict: only if it is worth it; else if it gains anything
 *
 * Return: whether there was one.
 */
bool knumad_span_improve(struct span_state *s, bool strict)
{
	struct span_change best = {};
	unsigned int n = rank_by_cost(s);
	int from;

	if (!n)
		return false;
	find_move(s, n, strict, &best);
	find_swap(s, n, strict, &best);
	if (!best.gain)
		return false;
	from = s->sp->threads[best.t].home;
	knumad_span_set_home(s, best.t, best.to);
	if (best.swap)
		knumad_span_set_home(s, best.u, from);
	return true;
}

/**
 * knumad_span_venture - do changes that are worth it all together
 * @s: the state, with @own and @link of all threads
 *
 * May sleep. If they were not worth it, homes are what they were, but the rest of the
 * state is not: it is of no use any more.
 *
 * Where it is not known who shares, gains add up, and most of what is worth it was done one
 * by one: of so many threads there would be hundreds of changes to try in vain each time.
 *
 * Return: whether they were.
 */
bool knumad_span_venture(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int t, moved = 0;
	s64 before, gain;

	if (!sp->shares && sp->nr_threads > KNUMAD_SPAN_MANY)
		return false;
	before = total_cost(s);
	for (t = 0; t < sp->nr_threads; t++)
		s->old[t] = sp->threads[t].home;
	while (s->rounds) {
		s->rounds--;
		cond_resched();
		if (!knumad_span_improve(s, false))
			break;
	}
	for (t = 0; t < sp->nr_threads; t++)
		moved += sp->threads[t].home != s->old[t];
	sp->steps += 2 * sp->nr_threads;
	if (!moved)
		return false;
	gain = before - total_cost(s);
	if (gain * KNUMAD_SPAN_PART >= before &&
	    gain >= 2LL * KNUMAD_SPAN_SAMPLES * KNUMAD_LOCAL * moved)
		return true;
	/* Nobody looks at the rest of the state any more */
	for (t = 0; t < sp->nr_threads; t++)
		sp->threads[t].home = s->old[t];
	sp->steps += sp->nr_threads;
	return false;
}
