// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what verdicts mean
 *
 * See "Why did this process not move?" in Documentation/admin-guide/mm/knumad.rst.
 */

#include <string.h>

#include "verdict.h"

static const struct verdict verdicts[] = {
	{
		"none",
		"knumad has begun to watch it and has not looked at its memory yet.",
		"Wait for the next look.",
	}, {
		"home",
		"It has a home node, and its threads and its memory are there, but for what may not move, and up to an eighth for which there is no room.",
		NULL,
	}, {
		"moving",
		"It has a home node, and its memory or its threads are on their way there, or more than an eighth of its memory has no room there.",
		"Wait. If this does not change, the node is full (free memory there, or lower reserve_percent), its CPUs are busy, or some of its memory may not be moved.",
	}, {
		"idle",
		"It has used no memory since the last look, so there is nothing to gain by moving it.",
		NULL,
	}, {
		"no_room",
		"No node has room for seven eighths of its memory, so it lives on several: its threads and its memory get homes piece by piece.",
		"Free memory on a node, or lower reserve_percent, if it should live on one.",
	}, {
		"no_cpus",
		"It can use more cores than any node has left, or more threads would share them than elsewhere, so it lives on several: its threads and its memory get homes piece by piece.",
		"Use fewer threads, or free cores on a node, if it should live on one.",
	}, {
		"policy_bound",
		"One of its threads has a memory policy that names nodes (set_mempolicy, numactl), and knumad does not overrule that.",
		"Start it without numactl if knumad should place it.",
	}, {
		"cpuset",
		"Its cpuset allows memory on one node only, or those of its threads have no two nodes in common, so there is nothing to choose.",
		"Widen cpuset.mems of its control group, or of those of its threads, if knumad should place it.",
	}, {
		"affinity",
		"There is no node whose CPUs all of its running threads may use: somebody has placed the threads, and knumad does not overrule that.",
		"Widen the CPU affinity of its threads (taskset -ap) if knumad should place it.",
	}, {
		"opted_out",
		"It is to be left alone: it, or who started it, said so.",
		"'knumadctl set PID default' takes that back.",
	}, {
		"group",
		"It is to be left alone: its control group, or one above, says so.",
		"Write default or always to memory.knumad of that control group if knumad should place it.",
	}, {
		"spread",
		"The policy is spread, and it has its nodes to itself: it stays on several for their memory bandwidth.",
		"'echo pack >/sys/kernel/mm/knumad/policy' if it should be packed into one node.",
	}, {
		"not_worth",
		"It could be placed better, but moving it would cost more than it gains.",
		NULL,
	}, {
		"pending",
		"A better home was found for it; the next look must confirm it before anything moves.",
		"Wait for the next look.",
	},
};

/* Why memory stays behind, as counted in debugfs as verdict_* */
const struct verdict refusals[] = {
	{ "shared", "mapped by more than one process (fork without exec)", NULL },
	{ "pinned", "pinned for DMA or referenced (io_uring, RDMA, vfio, vmsplice)", NULL },
	{ "mlocked", "locked by mlock", NULL },
	{ "uffd", "watched by a userfaultfd", NULL },
	{ "ksm", "merged by KSM", NULL },
	{ "vma_policy", "bound to nodes by mbind", NULL },
	{ "partially_mapped", "part of a large folio, which would have to be split", NULL },
	{ "isolate_failed", "fresh, or being reclaimed", NULL },
	{ "node_full", "the node where it should go has no room above its reserve", NULL },
	{ "rate_limited", "migrate_mb_per_s was used up for the moment", NULL },
	{ "copy_failed", "in use at that moment, or no free huge page where it should go", NULL },
	{ "mmap_busy", "the process was changing its address space", NULL },
};

const size_t nr_refusals = ARRAY_SIZE(refusals);

/**
 * verdict_find - what does a verdict mean?
 * @word: the verdict on a process
 *
 * Return: its meaning, or NULL for one that is not known here.
 */
const struct verdict *verdict_find(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (!strcmp(verdicts[i].word, word))
			return &verdicts[i];
	return NULL;
}
