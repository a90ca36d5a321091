/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a process, or a folio, was not moved
 *
 * The words for statistics, tracepoints and the processes file stand in
 * stats.c. Policy code includes this header, so it must not need any other.
 */
#ifndef _KNUMAD_VERDICT_H
#define _KNUMAD_VERDICT_H

/**
 * enum knumad_verdict - one reason per refusal
 * @KNUMAD_V_NONE: not judged yet
 * @KNUMAD_V_HOME: at home, but for what may not move or has no room
 * @KNUMAD_V_MOVING: on its way home, or more than an eighth has no room there
 * @KNUMAD_V_IDLE: used no memory since the last walk
 * @KNUMAD_V_NO_ROOM: no node has room for seven eighths of it
 * @KNUMAD_V_NO_CPUS: no node has the cores
 * @KNUMAD_V_POLICY_BOUND: a thread has a mempolicy
 * @KNUMAD_V_CPUSET: the cpusets of its threads have not two nodes in common
 * @KNUMAD_V_AFFINITY: no node all threads may use
 * @KNUMAD_V_OPTED_OUT: asked to be left alone
 * @KNUMAD_V_GROUP: its control group says never
 * @KNUMAD_V_SPREAD: policy spread, and alone
 * @KNUMAD_V_NOT_WORTH: gain below the cost
 * @KNUMAD_V_PENDING: waits for a second pass
 * @KNUMAD_V_SHARED: mapped more than once
 * @KNUMAD_V_PINNED: pinned or referenced
 * @KNUMAD_V_MLOCKED: mlock
 * @KNUMAD_V_UFFD: userfaultfd
 * @KNUMAD_V_KSM: merged by KSM
 * @KNUMAD_V_VMA_POLICY: mbind
 * @KNUMAD_V_PARTIALLY_MAPPED: would be split
 * @KNUMAD_V_ISOLATE_FAILED: not on the LRU
 * @KNUMAD_V_NODE_FULL: target at its reserve
 * @KNUMAD_V_RATE_LIMITED: out of MB per second
 * @KNUMAD_V_COPY_FAILED: migrate_pages() gave up
 * @KNUMAD_V_MMAP_BUSY: mmap_lock was contended
 * @KNUMAD_NR_VERDICTS: their number
 *
 * Up to @KNUMAD_V_PENDING on a process, from @KNUMAD_V_SHARED on one folio or
 * one batch.
 */
enum knumad_verdict {
	KNUMAD_V_NONE,
	KNUMAD_V_HOME,
	KNUMAD_V_MOVING,
	KNUMAD_V_IDLE,
	KNUMAD_V_NO_ROOM,
	KNUMAD_V_NO_CPUS,
	KNUMAD_V_POLICY_BOUND,
	KNUMAD_V_CPUSET,
	KNUMAD_V_AFFINITY,
	KNUMAD_V_OPTED_OUT,
	KNUMAD_V_GROUP,
	KNUMAD_V_SPREAD,
	KNUMAD_V_NOT_WORTH,
	KNUMAD_V_PENDING,
	KNUMAD_V_SHARED,
	KNUMAD_V_PINNED,
	KNUMAD_V_MLOCKED,
	KNUMAD_V_UFFD,
	KNUMAD_V_KSM,
	KNUMAD_V_VMA_POLICY,
	KNUMAD_V_PARTIALLY_MAPPED,
	KNUMAD_V_ISOLATE_FAILED,
	KNUMAD_V_NODE_FULL,
	KNUMAD_V_RATE_LIMITED,
	KNUMAD_V_COPY_FAILED,
	KNUMAD_V_MMAP_BUSY,
	KNUMAD_NR_VERDICTS
};

#endif /* _KNUMAD_VERDICT_H */
