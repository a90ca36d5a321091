/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The placement policy of knumad: numbers in, verdicts out
 *
 * Nothing here knows an mm, a task or a lock. All node ids are indexes into
 * arrays of @nr_nodes elements.
 */
#ifndef _KNUMAD_PLACEMENT_H
#define _KNUMAD_PLACEMENT_H

#include <linux/gfp_types.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "verdict.h"

/*
 * No process is worth killing for what knumad remembers: an allocation that fails is tried
 * again later. vmalloc() heeds that for the pages that it maps, not for its page tables.
 */
#define KNUMAD_GFP	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

/* Distance of a node to itself, as in ACPI's SLIT */
#define KNUMAD_LOCAL	10

/*
 * Half a core may be claimed twice: helper threads that wake now and then, and
 * the rounding of loads, must not make a process homeless.
 */
#define KNUMAD_CPU_SLACK	500

/* A core for each thread, see "More threads than cores" */
#define KNUMAD_NO_CROWD		1000

/* Rounds in which is found what all want, at most; each must change a sixteenth of it */
#define KNUMAD_CROWD_ROUNDS	8

/* One part of so many of a process may have no room at its home */
#define KNUMAD_LEFT_PART	8

/**
 * struct knumad_pl_node - what the policy knows of one node
 * @cores:	CPU capacity in thousandths of a core (SMT siblings count once),
 *		0 for a node without usable CPUs
 * @free:	free pages above the high watermark and the reserve
 */
struct knumad_pl_node {
	unsigned long cores;
	unsigned long free;
};

/**
 * struct knumad_pl_proc - what the policy knows of one process, and its verdict
 * @resident:	pages per node
 * @used:	pages per node used since the last pass
 * @fixed:	the part of @resident that must not move (mlock, mbind, pins, ...)
 * @cpu:	share of its running threads per node, in thousandths
 * @cap:	cores per node that its threads may use, in thousandths, NULL for all
 * @load:	cores it can use, in thousandths
 * @got:	cores it had the use of lately, in thousandths, 0 if that is not known yet
 * @local:	thousandths of its memory that is local where it belongs, by
 *		samples; 0 if it is not sampled
 * @horizon:	passes for which its present behaviour is expected to last
 * @allowed:	nodes on which all its threads may run and its memory may live
 * @bound:	its threads cannot run but on one node: CPU capacity is no reason
 *		to refuse it there
 * @skip:	left alone: it is not placed, but its memory takes room where it is
 * @stays:	so it will be: nobody gets a new home on the cores that it uses
 * @home:	in: its home node; out: its new home; NUMA_NO_NODE for none
 * @left:	out: pages that have no room at its home, and stay where they are, on
 *		the first nodes that have some
 * @pending:	in, out: the home proposed in the last pass but not yet taken
 * @verdict:	out: why it has the home it has
 */
struct knumad_pl_proc {
	const unsigned long *resident;
	const unsigned long *used;
	const unsigned long *fixed;
	const unsigned int *cpu;
	const unsigned int *cap;
	unsigned long load;
	unsigned int got;
	unsigned int local;
	unsigned int horizon;
	nodemask_t allowed;
	bool bound;
	bool skip;
	bool stays;
	unsigned long left;
	int home;
	int pending;
	enum knumad_verdict verdict;
};

/**
 * struct knumad_placement - one problem for knumad_place()
 * @nr_nodes:	number of elements of @nodes
 * @nodes:	the nodes
 * @distance:	@nr_nodes x @nr_nodes, row = from, KNUMAD_LOCAL = local
 * @nr_procs:	number of elements of @procs
 * @procs:	the processes
 * @others:	CPU time used outside @procs, in thousandths of a core
 * @spread:	leave lone processes spread over idle nodes
 * @crowd:	out: cores that @procs want together, in thousandths of those there are;
 *		KNUMAD_NO_CROWD if there are enough
 * @steps:	out: elementary steps taken, see knumad_place_max_steps()
 * @bytes:	out: memory that was used to solve it
 */
struct knumad_placement {
	int nr_nodes;
	const struct knumad_pl_node *nodes;
	const u8 *distance;
	unsigned int nr_procs;
	struct knumad_pl_proc *procs;
	unsigned long others;
	bool spread;
	unsigned int crowd;
	u64 steps;
	size_t bytes;
};

static inline bool knumad_is_node(int nid, int nr_nodes)
{
	return nid >= 0 && nid < nr_nodes;
}

/* Pages of a process on a node that may move */
static inline unsigned long knumad_movable(const struct knumad_pl_proc *p, int nid)
{
	return p->resident[nid] - min(p->fixed[nid], p->resident[nid]);
}

/* Of @left pages that have no room at home: those on @nid, if nodes before it have no more */
static inline unsigned long knumad_left_on(const struct knumad_pl_proc *p, int home, int nid,
					   unsigned long left)
{
	return nid == home ? 0 : min(left, knumad_movable(p, nid));
}

/* Of many processes let others have the CPU now and then */
static inline void knumad_breathe(unsigned int idx)
{
	if (idx % 64 == 63)
		cond_resched();
}

/* placement.c */
int knumad_place(struct knumad_placement *pl);
u64 knumad_place_max_steps(unsigned int nr_procs, int nr_nodes);

/* placement_cost.c */
s64 knumad_place_cost(const struct knumad_placement *pl,
		      const struct knumad_pl_proc *p, int home);
s64 knumad_left_cost(const struct knumad_placement *pl, const struct knumad_pl_proc *p,
		     int home, unsigned long left);
s64 knumad_stay_cost(const struct knumad_placement *pl,
		     const struct knumad_pl_proc *p);
s64 knumad_swap_gain(const struct knumad_placement *pl,
		     const struct knumad_pl_proc *p, int p_from, int p_to,
		     const struct knumad_pl_proc *q);
bool knumad_may_join(unsigned long own, unsigned long from, unsigned long to);

/* placement_crowd.c */
unsigned long knumad_crowd_cores(unsigned int crowd, unsigned long cores);
void knumad_find_crowd(struct knumad_placement *pl, unsigned long *homed);

#endif /* _KNUMAD_PLACEMENT_H */
