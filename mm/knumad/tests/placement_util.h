/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of knumad's placement policy share: problems as they stand in a
 * table, and the machines made of them
 */
#ifndef _KNUMAD_PLACEMENT_UTIL_H
#define _KNUMAD_PLACEMENT_UTIL_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/sizes.h>

#include "../placement.h"

#define MAX_NODES	4
#define MAX_PROCS	6

#define NOWHERE		NUMA_NO_NODE

#define MB		(SZ_1M / PAGE_SIZE)
#define GB		(1024 * MB)

/* Distances. Not every rule needs all of them. */
static const u8 near_nodes[] __maybe_unused = {
	10, 11,
	11, 10,
};

static const u8 two_nodes[] __maybe_unused = {
	10, 20,
	20, 10,
};

static const u8 line[] __maybe_unused = {
	10, 15, 25, 35,
	15, 10, 15, 25,
	25, 15, 10, 15,
	35, 25, 15, 10,
};

/* From node 0 to node 3 is farther than from 1 to 3, and nearer back */
static const u8 asymmetric[] __maybe_unused = {
	10, 21, 31, 40,
	21, 10, 21, 30,
	31, 21, 10, 21,
	20, 50, 21, 10,
};

/**
 * struct proc_spec - a process of a case, and what shall become of it
 * @pages: resident, and used unless @idle
 * @fixed: of those, must not move
 * @cpu: share of its threads per node, in thousandths
 * @cap: cores per node that it may use, in thousandths, all if they are all 0
 * @load: in thousandths of a core
 * @got: cores that it had, in thousandths
 * @horizon: 0 for the least, 10
 * @allowed: a bit per node, 0 for all
 * @idle: uses none of its memory
 * @bound: see struct knumad_pl_proc
 * @skip: see struct knumad_pl_proc
 * @stays: the same; it is skipped, too
 * @home: before
 * @pending: before
 * @want_home: after
 * @want_pending: after
 * @want: verdict
 */
struct proc_spec {
	unsigned long pages[MAX_NODES];
	unsigned long fixed[MAX_NODES];
	unsigned int cpu[MAX_NODES];
	unsigned int cap[MAX_NODES];
	unsigned long load;
	unsigned int got;
	unsigned int horizon;
	unsigned long allowed;
	bool idle;
	bool bound;
	bool skip;
	bool stays;
	int home;
	int pending;
	int want_home;
	int want_pending;
	enum knumad_verdict want;
};

#define FRESH		.home = NOWHERE, .pending = NOWHERE
#define AT(nid)		.home = (nid), .pending = NOWHERE
#define WANT(nid, verdict) \
	.want_home = (nid), .want_pending = NOWHERE, .want = KNUMAD_V_##verdict
#define UNPLACED(verdict) WANT(NOWHERE, verdict)
#define PROPOSED(from, to) \
	.want_home = (from), .want_pending = (to), .want = KNUMAD_V_PENDING

/**
 * struct place_case - a problem
 * @name: what it is about
 * @nodes: number of nodes
 * @distance: of the nodes, NULL for 10/20
 * @cores: per node, in thousandths, 2000 for all if they are all 0
 * @memory: per node, with what the processes have, 4 GB for all if all 0
 * @others: CPU time used by others, in thousandths of a core
 * @spread: policy
 * @crowd: that comes of it, 0 for any
 * @procs: number of processes
 * @proc: the processes
 */
struct place_case {
	const char *name;
	int nodes;
	const u8 *distance;
	unsigned long cores[MAX_NODES];
	unsigned long memory[MAX_NODES];
	unsigned long others;
	bool spread;
	unsigned int crowd;
	int procs;
	struct proc_spec proc[MAX_PROCS];
};

/**
 * struct machine - a problem in the form that knumad_place() takes
 * @pl: the problem
 * @nodes: its nodes
 * @distance: 10/20, for a case that names no distances
 * @procs: its processes
 * @resident: pages of each process
 * @used: of those, used
 * @fixed: of those, must not move
 * @cpu: share of its threads per node, in thousandths
 */
struct machine {
	struct knumad_placement pl;
	struct knumad_pl_node nodes[MAX_NODES];
	u8 distance[MAX_NODES * MAX_NODES];
	struct knumad_pl_proc procs[MAX_PROCS];
	unsigned long resident[MAX_PROCS][MAX_NODES];
	unsigned long used[MAX_PROCS][MAX_NODES];
	unsigned long fixed[MAX_PROCS][MAX_NODES];
	unsigned int cpu[MAX_PROCS][MAX_NODES];
};

/* A bit per node, 0 for all */
static inline nodemask_t to_nodes(unsigned long bits)
{
	nodemask_t mask = NODE_MASK_NONE;
	int nid;

	for (nid = 0; nid < MAX_NODES; nid++)
		if (!bits || bits & BIT(nid))
			node_set(nid, mask);
	return mask;
}

struct machine *knumad_test_machine(struct kunit *test, const struct place_case *c);
void knumad_test_place(struct kunit *test, struct machine *m);
void knumad_test_settle(struct machine *m);
void knumad_test_expect(struct kunit *test, const struct machine *m, int idx, int home,
			int pending, enum knumad_verdict verdict);
void knumad_test_place_case(struct kunit *test);
void knumad_test_place_case_again(struct kunit *test);
s64 knumad_test_room_left(const struct knumad_placement *pl, int nid);

#endif /* _KNUMAD_PLACEMENT_UTIL_H */
