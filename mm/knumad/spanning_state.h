/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy of knumad for processes that do not fit in one node: the state of one run
 *
 * spanning_homes.c sets it up and gives homes where there is room, spanning_cost.c counts
 * what they cost and changes them. No mm, no task, no lock: nobody else knows of it.
 */
#ifndef _KNUMAD_SPANNING_STATE_H
#define _KNUMAD_SPANNING_STATE_H

#include <linux/nodemask.h>
#include <linux/types.h>

#include "placement.h"
#include "spanning.h"

/* Candidate swaps looked at before a change */
#define KNUMAD_SPAN_PAIRS	65536

/**
 * struct span_rank - one thread in an order, the greatest key first
 * @key:	load in thousandths of a core, or cost in sample-distances
 * @idx:	the thread
 */
struct span_rank {
	s64 key;
	unsigned int idx;
};

/**
 * struct span_state - the state of one run
 * @sp:		the problem
 * @own:	of thread t on node n, at [t x nodes + n]: what its memory costs it,
 *		sample-distances
 * @link:	the same: what sharing with the others does, where these are now
 * @both:	of nodes a and b, at [a x nodes + b]: the distance there and back over
 *		that of two local accesses
 * @may:	per thread: nodes that it can have as its home
 * @load:	per node: load of the threads that have their home there, thousandths
 *		of a core
 * @share:	per node: scratch
 * @by_load:	all threads, the largest load first
 * @by_cost:	those with a home, who costs most first
 * @old:	per thread: scratch of knumad_span_venture()
 * @rounds:	changes that are left to it
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

/* The distance between two nodes, there and back, over that of two local accesses */
static inline int both_ways(const struct span_state *s, int a, int b)
{
	return s->both[a * s->sp->nr_nodes + b];
}

/* What a thread costs if a node is its home, sample-distances */
static inline s64 cost_of(const struct span_state *s, unsigned int t, int nid)
{
	size_t at = (size_t)t * s->sp->nr_nodes + nid;

	return s->own[at] + s->link[at];
}

/* By how much a node would be overloaded with @load more, thousandths */
static inline s64 over(const struct span_state *s, int nid, unsigned long load)
{
	return (s64)s->load[nid] + load - s->sp->cores[nid] - KNUMAD_CPU_SLACK;
}

/* Has a node room for @load more, thousandths? */
static inline bool fits(const struct span_state *s, int nid, unsigned long load)
{
	return over(s, nid, load) <= 0;
}

/* Compares two struct span_rank for sort() */
static inline int by_key(const void *a, const void *b)
{
	const struct span_rank *x = a, *y = b;

	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->idx < y->idx ? -1 : 1;
}

void knumad_span_both(struct span_state *s);
void knumad_span_own(struct span_state *s, unsigned int t);
void knumad_span_link(struct span_state *s, unsigned int t);
void knumad_span_set_home(struct span_state *s, unsigned int t, int to);
bool knumad_span_improve(struct span_state *s, bool strict);
bool knumad_span_venture(struct span_state *s);

#endif /* _KNUMAD_SPANNING_STATE_H */
