/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what knumad knows of processes
 */
#ifndef KNUMADCTL_PROCESS_H
#define KNUMADCTL_PROCESS_H

#include "knumadctl.h"

/**
 * struct process - a process, as knumad sees it
 * @pid: its number
 * @comm: its name
 * @mode: what it said: default, in or out; "" if that is not known
 * @group: what its control groups say: default, always or never; "" if not known
 * @verdict: why it is where it is, one word; also "off" and "unwatched"
 * @reason: the same as the kernel puts it, "" if it does not
 * @home: its home node, -1 for none
 * @local: thousandths of its used memory that are on the node of its threads,
 *	-1 if that is not known
 * @load_mcpu: thousandths of cores that it can use
 * @threads: how many it has
 * @faults: hinting faults that it took since it is watched
 * @moved: pages moved since it is watched
 * @scan_us: CPU time of looking at it, since it is watched
 * @interval_ms: time between two looks at it
 * @nr: how many elements the following have: one per node
 * @resident: pages of anonymous memory
 * @used: of these, those used since the look before
 * @cpu: thousandths of its CPU time
 */
struct process {
	pid_t pid;
	char comm[64];
	char mode[16];
	char group[16];
	char verdict[32];
	char reason[256];
	int home;
	int local;
	__u64 load_mcpu;
	__u64 threads;
	__u64 faults;
	__u64 moved;
	__u64 scan_us;
	__u64 interval_ms;
	size_t nr;
	__u64 *resident;
	__u64 *used;
	__u64 *cpu;
};

/**
 * struct processes - several of them
 * @nr: how many
 * @v: the processes, by pid
 * @denied: how many there are more that we may not look at
 */
struct processes {
	size_t nr;
	struct process *v;
	size_t denied;
};

/**
 * struct spanning - what samples say of a process that spans nodes
 * @pid: its number
 * @nodes: on which it lives, as a list; "" before the first decision
 * @rounds: of sampling
 * @used: chunks that were used
 * @one_node: those of one node
 * @spread: shared ones
 * @armed: chunks with an armed page
 * @local: share of chunks that is local, in thousandths
 */
struct spanning {
	pid_t pid;
	char nodes[128];
	__u64 rounds;
	__u64 used;
	__u64 one_node;
	__u64 spread;
	__u64 armed;
	__u64 local;
};

bool spanning_parse(const char *line, struct spanning *s);
int process_read(const struct paths *paths, size_t nr_nodes, pid_t pid, struct process *p);
bool process_parse(const char *text, size_t nr_nodes, struct process *p);
void process_free(struct process *p);
bool process_watched(const struct process *p);
void process_comm(const struct paths *paths, pid_t pid, char *comm, size_t size);

int processes_read(const struct paths *paths, size_t nr_nodes, struct processes *ps);
bool processes_parse(char *text, size_t nr_nodes, struct processes *ps);
void processes_free(struct processes *ps);
struct process *processes_find(const struct processes *ps, pid_t pid);
bool has_process_files(const struct paths *paths);

#endif /* KNUMADCTL_PROCESS_H */
