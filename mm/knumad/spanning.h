/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy of knumad for processes that do not fit in one node: numbers in,
 * homes of threads out
 *
 * Nothing here knows an mm, a task or a lock. All node ids are indexes into
 * arrays of @nr_nodes elements.
 */
#ifndef _KNUMAD_SPANNING_H
#define _KNUMAD_SPANNING_H

#include <linux/nodemask.h>
#include <linux/types.h>

/* A thread that uses less than a tenth of a core is a helper */
#define KNUMAD_SPAN_HELPER	100

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
 * @keep:	who has a home keeps it, see "Threads that stop"
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
	bool keep;
	u64 steps;
};

int knumad_span_place(struct knumad_span *sp);
u64 knumad_span_max_steps(unsigned int nr_threads, int nr_nodes);

#endif /* _KNUMAD_SPANNING_H */
