/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy of knumad for processes that do not fit in one node: numbers in,
 * homes of threads and chunks out
 *
 * Nothing here knows an mm, a task or a lock. All node ids are indexes into
 * arrays of @nr_nodes elements.
 */
#ifndef _KNUMAD_SPANNING_H
#define _KNUMAD_SPANNING_H

#include <linux/build_bug.h>
#include <linux/nodemask.h>
#include <linux/types.h>

/* Samples in a row from one node that tell where a chunk belongs */
#define KNUMAD_CHUNK_AGREE		2

/* @mixed from which on a chunk is shared: three disagreements ... */
#define KNUMAD_CHUNK_MIXED		12

/* ... of this weight, each of which is outweighed by as many agreements */
#define KNUMAD_CHUNK_DISAGREE		4

/* Samples in a row from one node after which a chunk is shared no more */
#define KNUMAD_CHUNK_SETTLED		8

/* A chunk is sampled in one of 64 rounds, at least */
#define KNUMAD_CHUNK_MAX_BACKOFF	6

/**
 * struct knumad_sp_thread - what the policy knows of one thread, and its home
 * @seen:	sampled accesses per node of the memory, decayed
 * @load:	thousandths of a core, decayed
 * @node:	where it runs, or ran last; NUMA_NO_NODE if that is not known
 * @allowed:	nodes where it may run
 * @home:	in: its home; out: its new home; NUMA_NO_NODE for none, which is
 *		what a thread gets that may run on no node with cores
 */
struct knumad_sp_thread {
	const u32 *seen;
	unsigned long load;
	int node;
	nodemask_t allowed;
	int home;
};

/**
 * struct knumad_span - one process for knumad_span_place()
 * @nr_nodes:	number of elements of @cores, @pages
 * @cores:	CPU capacity per node that is left to it, thousandths of a core
 * @pages:	pages per node that it has or could have
 * @distance:	@nr_nodes x @nr_nodes, row = from, KNUMAD_LOCAL = local
 * @nr_threads:	number of elements of @threads
 * @threads:	its threads
 * @shares:	@nr_threads x @nr_threads, symmetric: how often a sample of one came
 *		after a sample of the other on the same memory, decayed; NULL if
 *		that is not known
 * @resident:	its pages
 * @set:	in, out: the nodes it lives on, empty if not chosen yet
 * @steps:	out: elementary steps taken, see knumad_span_max_steps()
 */
struct knumad_span {
	int nr_nodes;
	const unsigned long *cores;
	const unsigned long *pages;
	const u8 *distance;
	unsigned int nr_threads;
	struct knumad_sp_thread *threads;
	const u32 *shares;
	unsigned long resident;
	nodemask_t set;
	u64 steps;
};

int knumad_span_place(struct knumad_span *sp);
u64 knumad_span_max_steps(unsigned int nr_threads, int nr_nodes);

/**
 * struct knumad_chunk - what samples tell about 2 MiB of address space
 * @user:	who used it last: index of the thread + 1, 0: nobody yet
 * @node:	home of the last user, + 1, 0: not known
 * @target:	node where it belongs, + 1, 0: not known
 * @agree:	samples in a row from the same node, 31 for more
 * @mixed:	how much samples disagree: up by a disagreement, down by agreements
 * @backoff:	it is sampled in one of 2^backoff rounds
 * @armed:	a sample is under way
 * @touched:	it was armed at any time
 * @spread:	it is used from several nodes: its target is for good. It has
 *		none when this is set, the caller gives it one
 */
struct knumad_chunk {
	u16 user;
	u16 node : 11;
	u16 agree : 5;
	u16 target : 11;
	u16 mixed : 5;
	u16 backoff : 6;
	u16 armed : 1;
	u16 touched : 1;
	u16 spread : 1;
};

/* 4 bytes per MiB of address space */
static_assert(sizeof(struct knumad_chunk) == 8);

void knumad_chunk_sample(struct knumad_chunk *c, unsigned int user, int home);
bool knumad_chunk_due(const struct knumad_chunk *c, unsigned int round,
		      unsigned long nr);
bool knumad_chunk_known(const struct knumad_chunk *c);
int knumad_chunk_spread(unsigned long nr, const nodemask_t *set);

#endif /* _KNUMAD_SPANNING_H */
