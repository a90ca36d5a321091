// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the policy for processes that do not fit in one node
 *
 * Pure: numbers in, homes out. No mm, no task, no lock, no clock. Each worked
 * table below is a KUnit case of the same name in tests/spanning_kunit.c.
 *
 * DOC: Nodes of a process
 *
 * It lives on the smallest set of near nodes that holds it: cores for the load
 * of all its threads, half a core less will do, and pages for its memory. The
 * set begins with the node where most of its load is now; the node nearest to
 * those it has is added, both ways counted, until it holds.
 *
 *   4 nodes of 2 cores, distances from node 0: 10 16 28 28, 4 threads on 0:
 *     {0} has 2 cores for 4 threads; 1 is nearest           -> {0,1}
 *     6 threads: {0,1} has 4 cores; 2 and 3 are equally far -> {0,1,2}
 *     9 threads: nothing holds them                         -> {0,1,2,3}
 *
 * It keeps the set, and grows it if it does not hold it any more. That less
 * might be enough now is no reason to move memory: threads that share something
 * come together where there is room, see "Improvement", and a process that fits
 * in one node is not for us.
 *
 *   3 nodes of 4 cores, set {0,1}:
 *     load 8.5 cores        -> {0,1}, half a core too much
 *     load 8.6 cores        -> {0,1,2}
 *   set {0,1,2}:
 *     load 6.4 cores        -> {0,1,2}, though {0,1} would hold it
 *
 * Nodes without cores, and those where none of the threads may run, are never
 * in the set. A thread that may run on no node of the set gets a home outside.
 *
 * DOC: Homes of the threads
 *
 * The loads of the threads of a node are its cores at most, and half a core: so
 * there is place for helpers that wake now and then.
 *
 * 1. Who has a home in the set keeps it. Who has none gets the node where it
 *    runs, if that has room, else the one with room where it costs least, else
 *    the least overloaded, of equals the first: as long as nothing is known,
 *    threads stay beside their neighbours. The larger load chooses first.
 * 2. If a node is overloaded by more than a quarter of a core, who does not
 *    fit, counted from the largest load, goes where there is room, or at least
 *    to a node that is the less overloaded by a quarter of a core even then.
 *
 *   2 nodes of 2 cores, 4 threads on node 0, all memory there:
 *     threads 0, 1 stay, 2, 3 have no room                  -> 0 0 1 1
 *     and so it remains: a swap gains nothing, a move has no room
 *   5 threads on them: the fifth waits anywhere             -> 0 0 1 1 0
 *   2 threads and 8 helpers of a twentieth of a core, memory on node 0:
 *     all on node 0. A third thread does not displace them, nor they it.
 *
 * DOC: Threads that stop
 *
 * When one ends, or sleeps, others often do so soon: all at the end of a
 * program, or those of a pool until there is work again. For the next looks who
 * has a home keeps it, and the process its nodes: what the rest of it needs is
 * decided then.
 *
 *   2 nodes of 2 cores, 2 threads of 4 go on, all share with all; homes 0 1:
 *     at once                                               -> 0 1
 *     later: a move brings them together                    -> 1 1
 *
 * DOC: Cost of homes
 *
 *   sum over threads t, nodes i of
 *       samples of t on i x (d(home(t),i) - 10)
 * + sum over pairs of threads t, u of
 *       samples they share x (d(home(t),home(u)) - 10 + d(home(u),home(t)) - 10)
 *
 * in sample-distances. What two threads share counts both ways, twice as much
 * as what one uses alone: its memory can be near one of them only, and what one
 * writes the other has to fetch from there, so that both of them wait; and
 * memory follows threads, so that what is remote now need not remain so, but
 * two threads that share will do so wherever the memory is.
 *
 * DOC: Improvement
 *
 * The best of all moves of a thread to a node with room and of all swaps of two
 * threads is done, and again, until none is worth it: it must gain an eighth of
 * what the threads involved cost now, and four samples that are shared between
 * the two nodes, or eight that are not, and more than chance: of n samples, nearly
 * three times the root of n. In a swap the gains of both count. A
 * helper, less than a tenth of a core, does not swap with another thread.
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
 *   2 nodes of 32 cores; threads 0-31 share with each other, 32-63 too; the
 *   even ones are on node 0, the odd ones on node 1:
 *     a swap takes 2 of 32 shares off, a sixteenth, but 16 swaps all 1024
 *     -> each half on one node
 */

#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "placement.h"
#include "spanning.h"

/* Overload by a quarter of a core more is no reason to leave a home */
#define KNUMAD_SPAN_GRACE	250

/* A change must gain so many shared samples over the distance of its nodes */
#define KNUMAD_SPAN_SAMPLES	4

/* ... and one part in so many of what the threads cost now */
#define KNUMAD_SPAN_PART	8

/* Candidate swaps looked at before a change */
#define KNUMAD_SPAN_PAIRS	65536

/* One thread in an order, the greatest key first */
struct span_rank {
	s64 key;
	unsigned int idx;
};

/*
 * The state of one run. Of a thread t on node n, at [t x nodes + n], @own is
 * what its memory costs it, and @link what sharing with the others does, where
 * these are now. @both is the distance there and back over that of two local
 * accesses. @may: nodes that a thread can have as its home. @load: of the
 * threads that have their home on a node. @by_load: all threads, @by_cost:
 * those with a home. @share: scratch, per node.
 */
struct span_state {
	struct knumad_span *sp;
	s64 *own;
	s64 *link;
	u16 *both;
	nodemask_t *may;
	unsigned long *load;
	u64 *share;
	struct span_rank *by_load;
	struct span_rank *by_cost;
	int *old;
	unsigned int rounds;
};

/* The best change found so far: thread @t goes to @to, @u to where @t was */
struct span_change {
	s64 gain;
	unsigned int t;
	unsigned int u;
	int to;
	bool swap;
};

/* What an access from @from to @to costs over a local one */
static int extra(const struct knumad_span *sp, int from, int to)
{
	return max(sp->distance[from * sp->nr_nodes + to] - KNUMAD_LOCAL, 0);
}

static int both_ways(const struct span_state *s, int a, int b)
{
	return s->both[a * s->sp->nr_nodes + b];
}

static s64 cost_of(const struct span_state *s, unsigned int t, int nid)
{
	size_t at = (size_t)t * s->sp->nr_nodes + nid;

	return s->own[at] + s->link[at];
}

static u32 shared(const struct knumad_span *sp, unsigned int t, unsigned int u)
{
	if (!sp->shares || t == u)
		return 0;
	return sp->shares[(size_t)t * sp->nr_threads + u];
}

static bool is_helper(const struct knumad_sp_thread *t)
{
	return t->load < KNUMAD_SPAN_HELPER;
}

static int by_key(const void *a, const void *b)
{
	const struct span_rank *x = a, *y = b;

	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->idx < y->idx ? -1 : 1;
}

/* === The nodes === */

/* Do these nodes hold the process? */
static bool holds(const struct knumad_span *sp, const nodemask_t *set)
{
	u64 load = 0, cores = 0, pages = 0;
	unsigned int t;
	int nid;

	for (t = 0; t < sp->nr_threads; t++)
		load += sp->threads[t].load;
	for_each_node_mask(nid, *set) {
		cores += sp->cores[nid];
		pages += sp->pages[nid];
	}
	return load <= cores + KNUMAD_CPU_SLACK && sp->resident <= pages;
}

/* Of some nodes, the one where most of the load is now; the first of equals */
static int busiest(struct span_state *s, const nodemask_t *of)
{
	struct knumad_span *sp = s->sp;
	int nid, best = NUMA_NO_NODE;
	unsigned int t;

	memset(s->share, 0, sp->nr_nodes * sizeof(*s->share));
	for (t = 0; t < sp->nr_threads; t++)
		if (knumad_is_node(sp->threads[t].node, sp->nr_nodes))
			s->share[sp->threads[t].node] += sp->threads[t].load;
	for_each_node_mask(nid, *of)
		if (best == NUMA_NO_NODE || s->share[nid] > s->share[best])
			best = nid;
	sp->steps += sp->nr_threads + sp->nr_nodes;
	return best;
}

/*
 * Of some nodes, the one nearest to all of a set; among equals the one with
 * most cores, then the first
 */
static int nearest(struct span_state *s, const nodemask_t *set,
		   const nodemask_t *of)
{
	struct knumad_span *sp = s->sp;
	int nid, in, best = NUMA_NO_NODE;
	unsigned int best_far = 0;

	for_each_node_mask(nid, *of) {
		unsigned int far = 0;

		if (node_isset(nid, *set))
			continue;
		for_each_node_mask(in, *set)
			far += both_ways(s, in, nid);
		if (best == NUMA_NO_NODE || far < best_far ||
		    (far == best_far && sp->cores[nid] > sp->cores[best])) {
			best = nid;
			best_far = far;
		}
	}
	sp->steps += (u64)sp->nr_nodes * sp->nr_nodes;
	return best;
}

/* Add nodes to a set until it holds the process, or there are no more */
static void grow(struct span_state *s, nodemask_t *set, const nodemask_t *of)
{
	int nid;

	if (nodes_empty(*set)) {
		nid = busiest(s, of);
		if (nid == NUMA_NO_NODE)
			return;
		node_set(nid, *set);
	}
	while (!holds(s->sp, set)) {
		s->sp->steps += s->sp->nr_threads;
		nid = nearest(s, set, of);
		if (nid == NUMA_NO_NODE)
			break;
		node_set(nid, *set);
	}
}

/* The nodes with cores, but only those where any of the threads may run */
static void usable_nodes(const struct knumad_span *sp, nodemask_t *usable)
{
	nodemask_t any = NODE_MASK_NONE;
	unsigned int t;
	int nid;

	nodes_clear(*usable);
	for (nid = 0; nid < sp->nr_nodes; nid++)
		if (sp->cores[nid])
			node_set(nid, *usable);
	for (t = 0; t < sp->nr_threads; t++)
		nodes_or(any, any, sp->threads[t].allowed);
	if (nodes_intersects(any, *usable))
		nodes_and(*usable, *usable, any);
}

static void choose_set(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	nodemask_t usable;

	usable_nodes(sp, &usable);
	nodes_and(sp->set, sp->set, usable);
	grow(s, &sp->set, &usable);
}

/* === Homes === */

/* By how much a node would be overloaded with @load more, thousandths */
static s64 over(const struct span_state *s, int nid, unsigned long load)
{
	return (s64)s->load[nid] + load - s->sp->cores[nid] - KNUMAD_CPU_SLACK;
}

static bool fits(const struct span_state *s, int nid, unsigned long load)
{
	return over(s, nid, load) <= 0;
}

/* What sharing costs a thread on each node, with the others where they are */
static void link_thread(struct span_state *s, unsigned int t)
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

static void init_nodes(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	int i, j;

	for (i = 0; i < sp->nr_nodes; i++)
		for (j = 0; j < sp->nr_nodes; j++)
			s->both[i * sp->nr_nodes + j] =
				i == j ? 0 : extra(sp, i, j) + extra(sp, j, i);
	sp->steps += (u64)sp->nr_nodes * sp->nr_nodes;
}

static void init_threads(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int t;
	int i, nid;

	for (t = 0; t < sp->nr_threads; t++) {
		struct knumad_sp_thread *p = &sp->threads[t];
		s64 *own = s->own + (size_t)t * sp->nr_nodes;
		nodemask_t *may = &s->may[t];

		nodes_and(*may, p->allowed, sp->set);
		if (nodes_empty(*may))
			for (nid = 0; nid < sp->nr_nodes; nid++)
				if (sp->cores[nid] &&
				    node_isset(nid, p->allowed))
					node_set(nid, *may);

		for (i = 0; i < sp->nr_nodes; i++)
			if (p->seen[i])
				for (nid = 0; nid < sp->nr_nodes; nid++)
					own[nid] += (s64)p->seen[i] *
						    extra(sp, nid, i);

		if (!knumad_is_node(p->home, sp->nr_nodes) || !node_isset(p->home, *may))
			p->home = NUMA_NO_NODE;
		else
			s->load[p->home] += p->load;
		s->by_load[t] = (struct span_rank) { p->load, t };
		sp->steps += (u64)sp->nr_nodes * sp->nr_nodes;
	}
	sort(s->by_load, sp->nr_threads, sizeof(*s->by_load), by_key, NULL);
}

/* Is thread @t better off on @a than on @b? First room, then cost */
static bool is_better(const struct span_state *s, unsigned int t, int a, int b)
{
	unsigned long load = s->sp->threads[t].load;
	s64 over_a = over(s, a, load), over_b = over(s, b, load);

	if ((over_a > 0 || over_b > 0) && over_a != over_b)
		return over_a < over_b;
	return cost_of(s, t, a) < cost_of(s, t, b);
}

/* Where a thread goes if it cannot be where it was, or runs */
static int best_node(struct span_state *s, unsigned int t, int except)
{
	int nid, best = NUMA_NO_NODE;

	for_each_node_mask(nid, s->may[t])
		if (nid != except &&
		    (best == NUMA_NO_NODE || is_better(s, t, nid, best)))
			best = nid;
	s->sp->steps += s->sp->nr_nodes;
	return best;
}

/* Step 1: homes for those who have none */
static void place_homeless(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int k;

	for (k = 0; k < sp->nr_threads; k++) {
		unsigned int t = s->by_load[k].idx;
		struct knumad_sp_thread *p = &sp->threads[t];

		if (p->home != NUMA_NO_NODE)
			continue;
		if (knumad_is_node(p->node, sp->nr_nodes) && node_isset(p->node, s->may[t]) &&
		    fits(s, p->node, p->load)) {
			p->home = p->node;
		} else {
			link_thread(s, t);
			p->home = best_node(s, t, NUMA_NO_NODE);
		}
		if (p->home != NUMA_NO_NODE)
			s->load[p->home] += p->load;
	}
}

/* Give a thread another home, and let the others know */
static void set_home(struct span_state *s, unsigned int t, int to)
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

/*
 * Step 2: one thread leaves an overloaded node. First choice: one that does not
 * fit beside those of larger load, to a node with room. Return: whether any did.
 */
static bool leave(struct span_state *s, int from)
{
	struct knumad_span *sp = s->sp;
	s64 most = over(s, from, 0) - KNUMAD_SPAN_GRACE;
	s64 left = (s64)sp->cores[from] + KNUMAD_CPU_SLACK;
	int to = NUMA_NO_NODE, best_rank = 0;
	unsigned int k, best = 0;

	for (k = 0; k < sp->nr_threads; k++) {
		unsigned int t = s->by_load[k].idx;
		const struct knumad_sp_thread *p = &sp->threads[t];
		bool beside;
		int nid, rank;

		sp->steps++;
		if (p->home != from || !p->load)
			continue;
		beside = (s64)p->load <= left;
		if (beside)
			left -= p->load;
		nid = best_node(s, t, from);
		if (nid == NUMA_NO_NODE || over(s, nid, p->load) > most)
			continue;
		rank = 1 + !beside + 2 * fits(s, nid, p->load);
		if (rank > best_rank) {
			best_rank = rank;
			best = t;
			to = nid;
		}
	}
	if (to == NUMA_NO_NODE)
		return false;
	set_home(s, best, to);
	return true;
}

static bool relieve(struct span_state *s)
{
	int nid;

	s->sp->steps += s->sp->nr_nodes;
	for (nid = 0; nid < s->sp->nr_nodes; nid++)
		if (s->load[nid] && over(s, nid, 0) > KNUMAD_SPAN_GRACE &&
		    leave(s, nid))
			return true;
	return false;
}

/* === Improvement === */

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

/* Do the best change. Return: whether there was one. */
static bool improve(struct span_state *s, bool strict)
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
	set_home(s, best.t, best.to);
	if (best.swap)
		set_home(s, best.u, from);
	return true;
}

/*
 * Changes that are worth it each, while there are any. No change overloads a
 * node or makes it cost more, so that it ends.
 */
static void settle(struct span_state *s)
{
	while (s->rounds) {
		s->rounds--;
		cond_resched();
		if (!relieve(s) && !improve(s, true))
			break;
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

/* Changes that are worth it all together. Return: whether they were. */
static bool venture(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int t, moved = 0;
	s64 before = total_cost(s), gain;

	for (t = 0; t < sp->nr_threads; t++)
		s->old[t] = sp->threads[t].home;
	while (s->rounds) {
		s->rounds--;
		cond_resched();
		if (!improve(s, false))
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

/**
 * knumad_span_max_steps - upper bound of the steps of knumad_span_place()
 * @nr_threads: threads
 * @nr_nodes: nodes
 *
 * Return: O((T + N) x T x N) for up to 256 threads, and for more O((T + N) x
 * (T x N + 65536)); KUnit holds knumad_span_place() to it.
 */
u64 knumad_span_max_steps(unsigned int nr_threads, int nr_nodes)
{
	u64 t = nr_threads, n = nr_nodes;
	u64 set = n * n + 2 * (n + 1) * (n * n + t) + 2 * (t + n);
	u64 init = t * (3 * n * n + 2 * t + n);
	u64 search = n + 4 * t * n + t + min_t(u64, t * t, KNUMAD_SPAN_PAIRS + t);
	u64 change = 2 * t * (n + 1);

	return set + init + (t + n) * (search + change + 5 * t) + 5 * t;
}

static void free_state(struct span_state *s)
{
	kvfree(s->own);
	kvfree(s->link);
	kvfree(s->both);
	kvfree(s->may);
	kvfree(s->load);
	kvfree(s->share);
	kvfree(s->by_load);
	kvfree(s->by_cost);
	kvfree(s->old);
}

static int alloc_state(struct span_state *s)
{
	size_t t = s->sp->nr_threads, n = s->sp->nr_nodes;

	s->own = kvcalloc(t * n, sizeof(*s->own), GFP_KERNEL);
	s->link = kvcalloc(t * n, sizeof(*s->link), GFP_KERNEL);
	s->both = kvcalloc(n * n, sizeof(*s->both), GFP_KERNEL);
	s->may = kvcalloc(t, sizeof(*s->may), GFP_KERNEL);
	s->load = kvcalloc(n, sizeof(*s->load), GFP_KERNEL);
	s->share = kvcalloc(n, sizeof(*s->share), GFP_KERNEL);
	s->by_load = kvcalloc(t, sizeof(*s->by_load), GFP_KERNEL);
	s->by_cost = kvcalloc(t, sizeof(*s->by_cost), GFP_KERNEL);
	s->old = kvcalloc(t, sizeof(*s->old), GFP_KERNEL);
	if (s->own && s->link && s->both && s->may && s->load && s->share &&
	    s->by_load && s->by_cost && s->old)
		return 0;
	return -ENOMEM;
}

/**
 * knumad_span_place - choose the nodes of a process and the homes of its threads
 * @sp: the problem; @set, @steps, and @home of its threads are updated
 *
 * The same problem has the same solution; and with its solution as the problem
 * nothing changes, unless the search was cut short after as many changes as it
 * has threads and nodes.
 *
 * May sleep, also to allocate (O(T x N + N x N) words). On failure nothing is
 * changed.
 *
 * Return: 0 or -ENOMEM.
 */
int knumad_span_place(struct knumad_span *sp)
{
	struct span_state s = { .sp = sp };
	unsigned int t;
	int ret;

	sp->steps = 0;
	if (!sp->nr_threads)
		return 0;
	ret = alloc_state(&s);
	if (ret)
		goto out;

	init_nodes(&s);
	choose_set(&s);
	init_threads(&s);
	place_homeless(&s);
	if (sp->keep)
		goto out;
	for (t = 0; t < sp->nr_threads; t++)
		link_thread(&s, t);

	s.rounds = sp->nr_threads + sp->nr_nodes;
	do {
		settle(&s);
	} while (venture(&s));
out:
	free_state(&s);
	return ret;
}
