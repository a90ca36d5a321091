// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: a snapshot of the nodes for the policy
 *
 * Distances, cores that knumad may use, and free pages. Taken anew at every
 * pass, so CPUs, memory and nodes may come and go.
 */

#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/kernel_stat.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mmzone.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "internal.h"

struct knumad_topology knumad_topo = { .crowd = KNUMAD_NO_CROWD };

/* CPU time of each CPU at the last snapshot, ns, and those it is known of */
static DEFINE_PER_CPU(u64, busy_seen);
static struct cpumask cpus_seen;

/**
 * knumad_topology_usable - is there anything to balance?
 *
 * Return: true with at least two nodes with memory and one with CPUs.
 */
bool knumad_topology_usable(void)
{
	return num_node_state(N_MEMORY) > 1 && num_node_state(N_CPU) > 0;
}

/**
 * knumad_cpu_usable - may knumad put threads on a CPU?
 * @cpu: the CPU
 *
 * Isolated and nohz_full CPUs are their owner's, also those of an isolated cpuset.
 *
 * Return: true if it may.
 */
bool knumad_cpu_usable(int cpu)
{
	return cpu_active(cpu) && !cpu_is_isolated(cpu);
}

/**
 * knumad_housekeeping_cpus - the CPUs that a thread of knumad may use
 * @thread: the thread
 * @cpus: out: of those that its cpuset leaves to it, all but the isolated ones; if none of
 *	  these is active, isolated ones, too
 */
void knumad_housekeeping_cpus(struct task_struct *thread, struct cpumask *cpus)
{
	unsigned int cpu;

	cpuset_cpus_allowed(thread, cpus);
	cpumask_and(cpus, cpus, housekeeping_cpumask(HK_TYPE_KTHREAD));
	for_each_cpu(cpu, cpus)
		if (cpu_is_isolated(cpu))
			cpumask_clear_cpu(cpu, cpus);
	if (!cpumask_intersects(cpus, cpu_active_mask))
		cpuset_cpus_allowed(thread, cpus);
}

/**
 * knumad_count_cores - cores among CPUs, SMT siblings count once
 * @cpus: the CPUs
 * @siblings: tells the CPUs of the same core, itself included
 *
 *   CPUs 0-3, siblings {0,2} {1,3}  -> 2
 *   CPUs 0,1, siblings {0,2} {1,3}  -> 2 (their siblings are not in the set)
 *   CPUs 0,2, siblings {0,2} {1,3}  -> 1
 *
 * Return: number of cores.
 */
unsigned long knumad_count_cores(const struct cpumask *cpus,
				 const struct cpumask *(*siblings)(int cpu))
{
	unsigned long cores = 0;
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		if (cpumask_first_and(siblings(cpu), cpus) == cpu)
			cores++;
	return cores;
}

static const struct cpumask *smt_siblings(int cpu)
{
	return topology_sibling_cpumask(cpu);
}

/**
 * knumad_node_free - pages that may be taken from a node
 * @nid: the node
 *
 * Return: free pages above the high watermarks, what zones keep for those who can use no
 * higher one, and the reserve.
 */
unsigned long knumad_node_free(int nid)
{
	unsigned long managed = 0, room = 0, reserve;
	struct zone *zone;
	int z;

	for (z = 0; z < MAX_NR_ZONES; z++) {
		unsigned long free, kept;

		zone = &NODE_DATA(nid)->node_zones[z];
		if (!managed_zone(zone))
			continue;
		managed += zone_managed_pages(zone);
		free = zone_page_state(zone, NR_FREE_PAGES);
		/* As the allocator will have it: what we move may be in any zone */
		kept = high_wmark_pages(zone) + zone->lowmem_reserve[ZONE_MOVABLE];
		room += free - min(free, kept);
	}
	reserve = managed / 100 * READ_ONCE(knumad_tun.reserve_percent);
	return room - min(room, reserve);
}

/* CPU time used on @cpu, ns */
static u64 cpu_busy_ns(int cpu)
{
	struct kernel_cpustat stat;

	kcpustat_cpu_fetch(&stat, cpu);
	return stat.cpustat[CPUTIME_USER] + stat.cpustat[CPUTIME_NICE] +
	       stat.cpustat[CPUTIME_SYSTEM] + stat.cpustat[CPUTIME_IRQ] +
	       stat.cpustat[CPUTIME_SOFTIRQ];
}

/* CPU time used on a node since the last snapshot, ns */
static u64 recent_busy_ns(int nid)
{
	u64 ns = 0;
	int cpu;

	for_each_cpu_and(cpu, cpumask_of_node(nid), cpu_online_mask) {
		u64 now = cpu_busy_ns(cpu);
		u64 *then = per_cpu_ptr(&busy_seen, cpu);

		/* What it has done before it came on line is long past */
		if (cpumask_test_cpu(cpu, &cpus_seen))
			ns += now - min(now, *then);
		cpumask_set_cpu(cpu, &cpus_seen);
		*then = now;
	}
	return ns;
}

static void update_busy(struct knumad_topology *topo, int nid, u64 elapsed)
{
	u64 ns = recent_busy_ns(nid);

	if (elapsed)
		WRITE_ONCE(topo->busy[nid], div64_u64(ns * 1000, elapsed));
	topo->busy_ns += ns;
}

/**
 * knumad_node_cores - cores of a node that knumad may use
 * @nid: the node
 * @of: of these CPUs only, NULL for all
 *
 * Knumad thread only.
 *
 * Return: thousandths of a core.
 */
unsigned long knumad_node_cores(int nid, const struct cpumask *of)
{
	static struct cpumask cpus;	/* of the one thread */
	unsigned int cpu;

	cpumask_clear(&cpus);
	for_each_cpu(cpu, cpumask_of_node(nid))
		if (knumad_cpu_usable(cpu) && (!of || cpumask_test_cpu(cpu, of)))
			cpumask_set_cpu(cpu, &cpus);
	return knumad_count_cores(&cpus, smt_siblings) * 1000;
}

/**
 * knumad_topology_update - take the snapshot
 * @topo: where to
 *
 * Knumad thread only; may sleep. @topo->generation changes if capacities,
 * distances or the set of nodes did.
 */
void knumad_topology_update(struct knumad_topology *topo)
{
	u64 now = ktime_get_ns(), elapsed = now - topo->stamp;
	bool changed = false;
	int i, j;

	if (!topo->stamp)
		elapsed = 0;
	topo->stamp = now;
	topo->busy_ns = 0;
	cpumask_and(&cpus_seen, &cpus_seen, cpu_online_mask);

	for (i = 0; i < topo->nr; i++) {
		bool online = node_state(i, N_MEMORY) || node_state(i, N_CPU);
		unsigned long cores = 0;

		WRITE_ONCE(topo->node[i].free,
			   node_state(i, N_MEMORY) ? knumad_node_free(i) : 0);
		if (online) {
			cores = knumad_node_cores(i, NULL);
			update_busy(topo, i, elapsed);
		}
		/* A home needs memory as well as cores */
		if (!node_state(i, N_MEMORY))
			cores = 0;
		if (topo->node[i].cores != cores) {
			WRITE_ONCE(topo->node[i].cores, cores);
			changed = true;
		}
		for (j = 0; j < topo->nr; j++) {
			u8 d = online ? node_distance(i, j) : U8_MAX;

			if (topo->distance[i * topo->nr + j] != d) {
				topo->distance[i * topo->nr + j] = d;
				changed = true;
			}
		}
	}
	if (changed)
		topo->generation++;
}

/**
 * knumad_topology_init - allocate the snapshot
 *
 * Return: 0 or -ENOMEM.
 */
int __init knumad_topology_init(void)
{
	struct knumad_topology *topo = &knumad_topo;

	topo->nr = nr_node_ids;
	topo->node = kcalloc(topo->nr, sizeof(*topo->node), GFP_KERNEL);
	topo->busy = kcalloc(topo->nr, sizeof(*topo->busy), GFP_KERNEL);
	topo->distance = kcalloc(topo->nr * topo->nr, 1, GFP_KERNEL);
	if (topo->node && topo->busy && topo->distance)
		return 0;
	kfree(topo->node);
	kfree(topo->busy);
	kfree(topo->distance);
	*topo = (struct knumad_topology){ .crowd = KNUMAD_NO_CROWD };
	return -ENOMEM;
}
