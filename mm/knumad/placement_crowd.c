// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: how many cores a node counts as where threads have to share them
 *
 * Pure: numbers in, cores out. No mm, no task, no lock, no clock. Each worked table
 * below is a KUnit case of the same name in tests/placement_crowd_kunit.c.
 */

/**
 * DOC: More threads than cores
 *
 * If all watched processes together can use more cores than there are, threads have to
 * share them wherever they are placed. Then a node may have its part of all threads, less a
 * quarter of one, but not less than one per core::
 *
 *   crowd = sum of what processes want / all cores
 *   a node of c cores counts as c x crowd - 0.25
 *
 * and half a core comes on top of that as ever: an odd thread has to be a quarter away from
 * fitting, or noise would decide about it. Who has a home already is granted an eighth more,
 * if that is more than half a core: all nodes are full, and loads go up and down.
 *
 * ::
 *
 *   2 nodes of 2 cores:
 *     4 processes of 2 threads	crowd 2	  3.75 + 0.5 per node: two processes on each
 *     3 processes of 2 threads	crowd 1.5 2.75 + 0.5: one on each, one fits nowhere, also
 *					  if two had the same home when a fourth one ended
 *     2 processes of 4 threads	crowd 2	  3.75 + 0.5: one on each
 *     1 process of 8 threads	crowd 2	  fits nowhere
 *
 * A process wants the cores that it can use. But where all wait alike, CPU time tells what
 * that is: of those that have least for what they can use something else is in the way, a
 * quota, a low weight, an affinity, and others must not be packed together for that. So
 * nobody wants more than half as much again as its part of the CPU time, of what all want;
 * if it has a home that is overloaded, of the CPU time that it would have without that. Who
 * got nothing, as far as is known yet, wants nothing.
 *
 * ::
 *
 *   2 nodes of 2 cores, 8 threads that get one core by their quota, and 2 processes of 2
 *   threads that get 1.6 each:
 *     8 + 2 + 2 = 12   -> 12 x 1.5 x 1 / 4.2 = 4.29 instead of 8
 *     4.29 + 4 = 8.29  -> 2.96
 *     2.96 + 4 = 6.96  -> 2.48
 *     2.48 + 4 = 6.48  -> 2.32
 *     2.32 + 4 = 6.32, crowd 1.58, 2.9 + 0.5 per node: one process of 2 threads on each
 *   the same, but these two have one home, and one core each there:
 *     they count with 2 each, 12 -> ... -> 5.76, crowd 1.44, 2.63 + 1: one of them has to go
 */

#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/numa.h>

#include "placement.h"

/**
 * knumad_crowd_cores - as how many cores some count where threads have to share them
 * @crowd: of the machine, see struct knumad_placement
 * @cores: those of a node, or a part of them, thousandths
 *
 * Return: thousandths, see "More threads than cores".
 */
unsigned long knumad_crowd_cores(unsigned int crowd, unsigned long cores)
{
	u64 most = div_u64((u64)cores * crowd, 1000);

	return max_t(u64, cores, most - min(most, (u64)KNUMAD_CPU_SLACK / 2));
}

/* Cores that a process would have got if its home were not overloaded, thousandths */
static u64 got(const struct knumad_placement *pl, const unsigned long *homed,
	       const struct knumad_pl_proc *p)
{
	unsigned long cores, load;

	if (p->home == NUMA_NO_NODE)
		return p->got;
	cores = pl->nodes[p->home].cores;
	load = homed[p->home];
	if (!cores || load <= cores)
		return p->got;
	return min(max(p->load, p->got), mul_u64_u64_div_u64(p->got, load, cores));
}

/**
 * knumad_find_crowd - find out whether threads have to share cores
 * @pl: the problem; @crowd and @steps are updated
 * @homed: zero for each node; gets the load of those who have their home there, thousandths
 *
 * See "More threads than cores". May sleep.
 */
void knumad_find_crowd(struct knumad_placement *pl, unsigned long *homed)
{
	u64 cores = 0, all_got = 0, want = 0, before;
	unsigned int p, round;
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		cores += pl->nodes[i].cores;
	for (p = 0; p < pl->nr_procs; p++) {
		if (pl->procs[p].home != NUMA_NO_NODE)
			homed[pl->procs[p].home] += pl->procs[p].load;
		want += pl->procs[p].load;
	}
	for (p = 0; p < pl->nr_procs; p++)
		all_got += got(pl, homed, &pl->procs[p]);
	if (!cores || !all_got)
		return;
	for (round = 0; round < KNUMAD_CROWD_ROUNDS && want > cores; round++) {
		before = want;
		want = 0;
		for (p = 0; p < pl->nr_procs; p++) {
			knumad_breathe(p);
			want += min(pl->procs[p].load,
				    mul_u64_u64_div_u64(before * 3,
							got(pl, homed, &pl->procs[p]),
							all_got * 2));
		}
		pl->steps += pl->nr_procs;
		if (want >= before - before / 16)
			break;
	}
	if (want > cores)
		pl->crowd = min_t(u64, div64_u64(want * 1000, cores), UINT_MAX);
}
