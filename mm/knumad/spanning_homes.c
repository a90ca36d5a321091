// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the nodes of a process that does not fit in one, and the homes of its threads
 * there: who gets which, as there is room
 *
 * Pure: numbers in, homes out. No mm, no task, no lock, no clock. What a home costs, and
 * which changes make it less, is for spanning_cost.c to say. Each worked table below is a
 * KUnit case of the same name in tests/spanning_nodes_kunit.c or
 * tests/spanning_homes_kunit.c.
 */

/**
 * DOC: Nodes of a process
 *
 * It lives on the smallest set of near nodes that holds it: cores for the load
 * of all its threads, half a core less will do, and pages for its memory. The
 * set begins with the node where most of its load is now; the node nearest to
 * those it has is added, both ways counted, until it holds.
 *
 * ::
 *
 *   4 nodes of 2 cores, distances from node 0: 10 16 28 28, 4 threads on 0:
 *     {0} has 2 cores for 4 threads; 1 is nearest           -> {0,1}
 *     6 threads: {0,1} has 4 cores; 2 and 3 are equally far -> {0,1,2}
 *     9 threads: nothing holds them                         -> {0,1,2,3}
 *
 * It keeps the set, and grows it if it does not hold it any more. That less
 * might be enough now is no reason to move memory: threads that share something
 * come together where there is room, see "Improvement" in spanning_cost.c, and a
 * process that fits in one node is not for us.
 *
 * ::
 *
 *   3 nodes of 4 cores, set {0,1}:
 *     load 8.5 cores        -> {0,1}, half a core too much
 *     load 8.6 cores        -> {0,1,2}
 *   set {0,1,2}:
 *     load 6.4 cores        -> {0,1,2}, though {0,1} would hold it
 *
 * Nodes without cores, and those where none of the threads may run, are never
 * in the set. A thread that may run on no node of the set gets a home outside.
 */

/**
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
 * ::
 *
 *   2 nodes of 2 cores, 4 threads on node 0, all memory there:
 *     threads 0, 1 stay, 2, 3 have no room                  -> 0 0 1 1
 *     and so it remains: a swap gains nothing, a move has no room
 *   5 threads on them: the fifth waits anywhere             -> 0 0 1 1 0
 *   2 threads and 8 helpers of a twentieth of a core, memory on node 0:
 *     all on node 0. A third thread does not displace them, nor they it.
 */

/**
 * DOC: Threads that stop
 *
 * When one ends, or sleeps, others often do so soon: all at the end of a
 * program, or those of a pool until there is work again. For the next looks who
 * has a home keeps it, and the process its nodes: what the rest of it needs is
 * decided then.
 *
 * ::
 *
 *   2 nodes of 2 cores, 2 threads of 4 go on, all share with all; homes 0 1:
 *     at once                                               -> 0 1
 *     later: a move brings them together                    -> 1 1
 */

#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "placement.h"
#include "spanning.h"
#include "spanning_state.h"

/* Overload by a quarter of a core more is no reason to leave a home */
#define KNUMAD_SPAN_GRACE	250

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

static void init_threads(struct span_state *s)
{
	struct knumad_span *sp = s->sp;
	unsigned int t;
	int nid;

	for (t = 0; t < sp->nr_threads; t++) {
		struct knumad_sp_thread *p = &sp->threads[t];
		nodemask_t *may = &s->may[t];

		nodes_and(*may, p->allowed, sp->set);
		if (nodes_empty(*may))
			for (nid = 0; nid < sp->nr_nodes; nid++)
				if (sp->cores[nid] &&
				    node_isset(nid, p->allowed))
					node_set(nid, *may);

		knumad_span_own(s, t);
		if (!knumad_is_node(p->home, sp->nr_nodes) || !node_isset(p->home, *may))
			p->home = NUMA_NO_NODE;
		else
			s->load[p->home] += p->load;
		s->by_load[t] = (struct span_rank) { p->load, t };
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
			knumad_span_link(s, t);
			p->home = best_node(s, t, NUMA_NO_NODE);
		}
		if (p->home != NUMA_NO_NODE)
			s->load[p->home] += p->load;
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
	knumad_span_set_home(s, best, to);
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

/* === All of it === */

/*
 * Changes that are worth it each, while there are any. No change overloads a
 * node or makes it cost more, so that it ends.
 */
static void settle(struct span_state *s)
{
	while (s->rounds) {
		s->rounds--;
		cond_resched();
		if (!relieve(s) && !knumad_span_improve(s, true))
			break;
	}
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

	s->own = kvcalloc(t * n, sizeof(*s->own), KNUMAD_GFP);
	s->link = kvcalloc(t * n, sizeof(*s->link), KNUMAD_GFP);
	s->both = kvcalloc(n * n, sizeof(*s->both), KNUMAD_GFP);
	s->may = kvcalloc(t, sizeof(*s->may), KNUMAD_GFP);
	s->load = kvcalloc(n, sizeof(*s->load), KNUMAD_GFP);
	s->share = kvcalloc(n, sizeof(*s->share), KNUMAD_GFP);
	s->by_load = kvcalloc(t, sizeof(*s->by_load), KNUMAD_GFP);
	s->by_cost = kvcalloc(t, sizeof(*s->by_cost), KNUMAD_GFP);
	s->old = kvcalloc(t, sizeof(*s->old), KNUMAD_GFP);
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

	knumad_span_both(&s);
	choose_set(&s);
	init_threads(&s);
	place_homeless(&s);
	if (sp->keep)
		goto out;
	for (t = 0; t < sp->nr_threads; t++)
		knumad_span_link(&s, t);

	s.rounds = sp->nr_threads + sp->nr_nodes;
	do {
		settle(&s);
	} while (knumad_span_venture(&s));
out:
	free_state(&s);
	return ret;
}
