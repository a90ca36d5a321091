/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: the nodes of the machine, and what goes on there
 */
#ifndef KNUMADCTL_MACHINE_H
#define KNUMADCTL_MACHINE_H

#include "knumadctl.h"

/**
 * struct node - a NUMA node
 * @online: there is such a node; numbers may have gaps
 * @cpus: how many CPUs it has
 * @cpulist: which, as the kernel writes it
 * @total_kb: its memory
 * @free_kb: what is free of it
 * @busy: time its CPUs worked since boot, in ticks
 * @ticks: time that passed on its CPUs since boot, in ticks
 */
struct node {
	bool online;
	unsigned int cpus;
	char cpulist[128];
	__u64 total_kb;
	__u64 free_kb;
	__u64 busy;
	__u64 ticks;
};

/**
 * struct machine - all nodes
 * @nr: the highest number of a node, plus one
 * @nodes: by number
 * @nr_cpus: the highest number of a CPU, plus one
 * @cpu_node: the node of each CPU, -1 for none
 */
struct machine {
	size_t nr;
	struct node *nodes;
	size_t nr_cpus;
	int *cpu_node;
};

int machine_read(const struct paths *paths, struct machine *m);
void machine_update(const struct paths *paths, struct machine *m);
void machine_free(struct machine *m);
int machine_node_of(const struct machine *m, long cpu);
double machine_busy(const struct node *now, const struct node *before);

#endif /* KNUMADCTL_MACHINE_H */
