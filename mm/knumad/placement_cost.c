// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: what homes cost, and what exchanges of threads gain
 *
 * Pure: numbers in, costs out. No mm, no task, no lock, no clock. Each worked table
 * below is a KUnit case of the same name in tests/placement_cost_kunit.c.
 */

/**
 * DOC: Units
 *
 * Memory is counted in pages, CPU in thousandths of a core. Costs are counted
 * in page-distances: to read one page once over distance d costs d, so reading
 * it locally costs 10 and reading it over a 20 hop 20. A page that was used in
 * a pass is taken to be read once per pass.
 */

/**
 * DOC: Cost of a home
 *
 * ::
 *
 *   cost(p, h) = sum over nodes i of
 *                    used and movable pages on i x (d(h,i) - d(h,h))
 *                  + movable pages on i, i != h   x KNUMAD_MOVE_COST
 *                  + used pages fixed on i        x (d(h,i) - d(h,h)) x horizon
 *              + cores' worth of threads not on h x KNUMAD_THREAD_COST
 *
 * that is: what is remote is read remotely for one pass until it has moved, it
 * is copied once, and what cannot move stays remote for as long as we look
 * ahead. So does what has no room at home, see knumad_left_cost(). To stay homeless costs
 *
 * ::
 *
 *   stay(p) = horizon x sum over j, i of share of threads on j
 *                    x used pages on i x (d(j,i) - d(j,j))
 *
 * A process gets a home only if that is no dearer than to stay.
 *
 * ::
 *
 *   2 nodes at 10/20, 1000 used pages on node 0, both threads on node 1,
 *   horizon 10:
 *     home 0: two threads move                 2 x 2560             =   5120
 *     home 1: 1000 x 10 + 1000 x 40                                 =  50000
 *     stay:   10 x 1000 x 10                                        = 100000
 *   -> node 0. If it has no core left: node 1, which still beats staying.
 *
 *   2 nodes at 10/11, the same:
 *     home 1: 1000 x 1 + 1000 x 40                                  =  41000
 *     stay:   10 x 1000 x 1                                         =  10000
 *   -> node 1 is "not_worth" it.
 */

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/numa.h>

#include "placement.h"

/* To move one page: four local reads (read, write, unmap, flush and remap) */
#define KNUMAD_MOVE_COST	(4 * KNUMAD_LOCAL)

/* To move one thread: refill 1 MiB of cache */
#define KNUMAD_THREAD_COST	(256 * KNUMAD_LOCAL)

static int dist(const struct knumad_placement *pl, int from, int to)
{
	return pl->distance[from * pl->nr_nodes + to];
}

/* What an access from @from to @to costs over a local one */
static int extra(const struct knumad_placement *pl, int from, int to)
{
	return max(dist(pl, from, to) - dist(pl, from, from), 0);
}

/**
 * knumad_place_cost - what it costs to make a node the home of a process
 * @pl: the problem, for its distances
 * @p: the process
 * @home: the node
 *
 * Return: page-distances, see "Cost of a home".
 */
s64 knumad_place_cost(const struct knumad_placement *pl,
		      const struct knumad_pl_proc *p, int home)
{
	s64 cost = 0;
	int i;

	for (i = 0; i < pl->nr_nodes; i++) {
		unsigned long used_fixed = min(p->fixed[i], p->used[i]);
		s64 used = p->used[i] - used_fixed;
		s64 hop = extra(pl, home, i);

		cost += used * hop + (s64)used_fixed * hop * p->horizon;
		if (i != home)
			cost += (s64)knumad_movable(p, i) * KNUMAD_MOVE_COST;
	}
	if (p->cpu[home] < 1000)
		cost += (s64)p->load * (1000 - p->cpu[home]) *
			KNUMAD_THREAD_COST / (1000 * 1000);
	return cost;
}

/**
 * knumad_left_cost - what it costs not to move pages that have no room at home
 * @pl: the problem, for its distances
 * @p: the process
 * @home: its home
 * @left: pages, on the first nodes that have some that could move
 *
 * They are remote as long as we look ahead, not for one pass, but nobody copies them.
 *
 *   3 nodes at 10/16/22, horizon 30, home 0, 5 and 100 pages used on nodes 1 and 2:
 *     5 left	5 x 6 x 29 - 5 x 40				=  670
 *     15 left	670 + 10 x 12 x 29 - 10 x 40			= 3750
 *
 * Return: page-distances, to be added to the "Cost of a home".
 */
s64 knumad_left_cost(const struct knumad_placement *pl, const struct knumad_pl_proc *p,
		     int home, unsigned long left)
{
	s64 cost = 0;
	int i;

	for (i = 0; left && i < pl->nr_nodes; i++) {
		unsigned long part = knumad_left_on(p, home, i, left);
		unsigned long used = p->used[i] - min(p->fixed[i], p->used[i]);

		cost += (s64)min(part, used) * extra(pl, home, i) * ((s64)p->horizon - 1) -
			(s64)part * KNUMAD_MOVE_COST;
		left -= part;
	}
	return cost;
}

/**
 * knumad_stay_cost - what it costs to leave a process where it is
 * @pl: the problem, for its distances
 * @p: the process
 *
 * Any thread is taken to use any memory, unless samples know better: what they found
 * local costs nothing.
 *
 *   1000 pages used on either of two nodes at 10/20, threads on both, 10 passes:
 *     not sampled		10 x (1000 x 10 / 2 + 1000 x 10 / 2)	= 100000
 *     990 of 1000 local	1 % of that				=   1000
 *
 * Return: page-distances over the horizon of @p, see "Cost of a home".
 */
s64 knumad_stay_cost(const struct knumad_placement *pl,
		     const struct knumad_pl_proc *p)
{
	s64 cost = 0;
	int i, j;

	for (j = 0; j < pl->nr_nodes; j++) {
		s64 from_j = 0;

		if (!p->cpu[j])
			continue;
		for (i = 0; i < pl->nr_nodes; i++)
			from_j += (s64)p->used[i] * extra(pl, j, i);
		cost += from_j * p->cpu[j] / 1000;
	}
	cost *= p->horizon;
	return p->local ? div_s64(cost, 1000) * (1000 - p->local) : cost;
}

/* Cost of one core's worth of threads of @p on node @nid, once it is at home */
static s64 thread_cost(const struct knumad_placement *pl,
		       const struct knumad_pl_proc *p, int nid)
{
	unsigned long cores = max(p->load / 1000, 1UL);
	s64 cost = 0;
	int i;

	for (i = 0; i < pl->nr_nodes; i++) {
		int at = p->home != NUMA_NO_NODE ? p->home : i;

		cost += (s64)p->used[i] * dist(pl, nid, at);
	}
	return cost / cores;
}

/**
 * knumad_swap_gain - gain of exchanging the places of two running threads
 * @pl: the problem, for its distances
 * @p: process of the thread that runs on @p_from and belongs on @p_to
 * @p_from: node where the thread of @p runs
 * @p_to: node where the other thread runs
 * @q: process of the other thread, NULL if it is not watched
 *
 * Both sides count: what @q loses is subtracted from what @p gains. A thread
 * that nobody watches has too little memory to lose.
 *
 *   p at home on 1, q at home on 0, each on the other's node: both gain.
 *   p at home on 1, q too: q loses what p gains, so the sum is not positive
 *   unless p uses more memory per thread than q.
 *
 * Return: page-distances per pass; swap only if positive.
 */
s64 knumad_swap_gain(const struct knumad_placement *pl,
		     const struct knumad_pl_proc *p, int p_from, int p_to,
		     const struct knumad_pl_proc *q)
{
	s64 gain = thread_cost(pl, p, p_from) - thread_cost(pl, p, p_to);

	if (q)
		gain += thread_cost(pl, q, p_to) - thread_cost(pl, q, p_from);
	return gain;
}

/**
 * knumad_may_join - may a thread go home although no CPU is idle there?
 * @own: how much it runs or waits, of itself
 * @from: the sum of that for all on the CPU where it is, itself included
 * @to: the same for the CPU at home with the least
 *
 * In units of which a thread that never sleeps has 1024, or by the weight of each: the caller
 * asks for both. Yes if there are not more there afterwards than there were here. A quarter of the
 * thread less is close enough, since these are averages.
 *
 *   own	from	to
 *   1024	2048	1024	there are two here and one there: yes
 *   1024	3072	2048	yes
 *   1024	2048	2048	two each: somebody would have to go in exchange
 *   1024	1024	1024	it would leave its CPU idle
 *   1024	1200	1024	so it would: who else is here has a trifle to do
 *   1024	1900	1100	yes, these are two and one
 *   1024	1024	2048	there are more than here
 *    256	1280	1024	it sleeps for the most of the time, and so needs less room: yes
 *      0	1024	1024	it has not run yet: yes
 *
 * Return: true if so.
 */
bool knumad_may_join(unsigned long own, unsigned long from, unsigned long to)
{
	return to + own - own / 4 <= from;
}
