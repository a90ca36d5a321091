/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of knumad's policy for processes that span nodes share: problems as
 * they stand in a table, and the processes made of them
 */
#ifndef _KNUMAD_SPANNING_UTIL_H
#define _KNUMAD_SPANNING_UTIL_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/nodemask.h>
#include <linux/numa.h>

#include "../placement.h"
#include "../spanning.h"

#define MAX_NODES	4
#define MAX_THREADS	12
#define MAX_PAIRS	16

#define NOWHERE		NUMA_NO_NODE

/* Distances. Not every rule needs all of them. */
static const u8 two_nodes[] __maybe_unused = {
	10, 20,
	20, 10,
};

static const u8 three_nodes[] __maybe_unused = {
	10, 20, 20,
	20, 10, 20,
	20, 20, 10,
};

static const u8 uneven[] __maybe_unused = {
	10, 16, 28, 28,
	16, 10, 28, 28,
	28, 28, 10, 16,
	28, 28, 16, 10,
};

/**
 * struct thread_spec - a thread of a case
 * @seen: samples per node
 * @load: in thousandths of a core, 0 for a whole one
 * @node: where it runs
 * @home: before, + 1, so that 0 is none
 * @at_home: @node was its home before
 * @allowed: a bit per node, 0 for all
 * @want: home afterwards
 */
struct thread_spec {
	u32 seen[MAX_NODES];
	unsigned long load;
	int node;
	int home;
	unsigned long allowed;
	bool at_home;
	int want;
};

#define ON(nid, to)	{ .node = (nid), .want = (to) }
#define AT(nid, to)	{ .node = (nid), .at_home = true, .want = (to) }
#define SEES(nid, to, ...) \
	{ .node = (nid), .at_home = true, .want = (to), .seen = { __VA_ARGS__ } }

/**
 * struct span_case - a problem
 * @name: what it is about
 * @nodes: number of nodes
 * @distance: of the nodes
 * @cores: per node, in thousandths, 2000 for all if they are all 0
 * @pages: per node, 1000 for all if they are all 0
 * @resident: pages
 * @set: a bit per node
 * @want_set: a bit per node, 0 for all nodes
 * @keep: a thread has stopped
 * @threads: number of threads
 * @thread: the threads
 * @all: samples that each two threads share
 * @pair: what two threads share, on top of that
 */
struct span_case {
	const char *name;
	int nodes;
	const u8 *distance;
	unsigned long cores[MAX_NODES];
	unsigned long pages[MAX_NODES];
	unsigned long resident;
	unsigned long set;
	unsigned long want_set;
	bool keep;
	int threads;
	struct thread_spec thread[MAX_THREADS];
	u32 all;
	struct {
		u8 a, b;
		u32 n;
	} pair[MAX_PAIRS];
};

#define CORES_4		.cores = { 4000, 4000, 4000, 4000 }

/**
 * struct process - a problem in the form that knumad_span_place() takes
 * @sp: the problem
 * @cores: per node, in thousandths
 * @pages: per node
 * @seen: samples of each thread
 * @shares: samples that two threads share
 * @threads: its threads
 */
struct process {
	struct knumad_span sp;
	unsigned long cores[MAX_NODES];
	unsigned long pages[MAX_NODES];
	u32 seen[MAX_THREADS][MAX_NODES];
	u32 shares[MAX_THREADS * MAX_THREADS];
	struct knumad_sp_thread threads[MAX_THREADS];
};

struct process *knumad_test_process(struct kunit *test, const struct span_case *c);
void knumad_test_span(struct kunit *test, struct knumad_span *sp);
void knumad_test_span_case(struct kunit *test);

#endif /* _KNUMAD_SPANNING_UTIL_H */
