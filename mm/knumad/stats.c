// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: counters, and the debugfs files that show them
 */

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/time64.h>
#include <linux/topology.h>
#include <linux/vmstat.h>

#define CREATE_TRACE_POINTS
#include <trace/events/knumad.h>

#include "internal.h"

static const char * const stat_names[] = {
	[KNUMAD_S_PASSES]		= "passes",
	[KNUMAD_S_WAKEUPS]		= "wakeups",
	[KNUMAD_S_MMS_WATCHED]		= "mms_watched",
	[KNUMAD_S_MMS_ENROLLED]		= "mms_enrolled",
	[KNUMAD_S_MMS_DROPPED]		= "mms_dropped",
	[KNUMAD_S_PAGES_SCANNED]	= "pages_scanned",
	[KNUMAD_S_SCAN_NS]		= "scan_ns",
	[KNUMAD_S_HINT_FAULTS]		= "hint_faults",
	[KNUMAD_S_HINT_FAULTS_LOCAL]	= "hint_faults_local",
	[KNUMAD_S_PAGES_ARMED]		= "pages_armed",
	[KNUMAD_S_PAGES_DISARMED]	= "pages_disarmed",
	[KNUMAD_S_SAMPLES_LOST]		= "samples_lost",
	[KNUMAD_S_MMS_SAMPLED]		= "mms_sampled",
	[KNUMAD_S_THREAD_HOMES_SET]	= "thread_homes_set",
	[KNUMAD_S_PAGES_ISOLATED]	= "pages_isolated",
	[KNUMAD_S_PAGES_PUT_BACK]	= "pages_put_back",
	[KNUMAD_S_PAGES_MIGRATED]	= "pages_migrated",
	[KNUMAD_S_THP_MIGRATED]		= "thp_migrated",
	[KNUMAD_S_FOLIOS_MIGRATED]	= "folios_migrated",
	[KNUMAD_S_MIGRATE_FAILED]	= "migrate_failed",
	[KNUMAD_S_MIGRATE_NS]		= "migrate_ns",
	[KNUMAD_S_HOMES_SET]		= "homes_set",
	[KNUMAD_S_HOMES_CLEARED]	= "homes_cleared",
	[KNUMAD_S_TASKS_MOVED]		= "tasks_moved",
	[KNUMAD_S_TASKS_SWAPPED]	= "tasks_swapped",
	[KNUMAD_S_TASKS_CALLED]		= "tasks_called",
	[KNUMAD_S_MMAP_BUSY]		= "mmap_busy",
	[KNUMAD_S_RATE_LIMITED]		= "rate_limited",
	[KNUMAD_S_MMAP_HOLD_MAX_NS]	= "mmap_hold_max_ns",
	[KNUMAD_S_BYTES]		= "bytes",
	[KNUMAD_S_BYTES_MAX]		= "bytes_max",
	[KNUMAD_S_SELF_DISABLED]	= "self_disabled",
};

static_assert(ARRAY_SIZE(stat_names) == KNUMAD_NR_STATS);

static const char * const verdict_names[] = {
	[KNUMAD_V_NONE]			= "none",
	[KNUMAD_V_HOME]			= "home",
	[KNUMAD_V_MOVING]		= "moving",
	[KNUMAD_V_IDLE]			= "idle",
	[KNUMAD_V_NO_ROOM]		= "no_room",
	[KNUMAD_V_NO_CPUS]		= "no_cpus",
	[KNUMAD_V_POLICY_BOUND]		= "policy_bound",
	[KNUMAD_V_CPUSET]		= "cpuset",
	[KNUMAD_V_AFFINITY]		= "affinity",
	[KNUMAD_V_OPTED_OUT]		= "opted_out",
	[KNUMAD_V_GROUP]		= "group",
	[KNUMAD_V_SPREAD]		= "spread",
	[KNUMAD_V_NOT_WORTH]		= "not_worth",
	[KNUMAD_V_PENDING]		= "pending",
	[KNUMAD_V_SHARED]		= "shared",
	[KNUMAD_V_PINNED]		= "pinned",
	[KNUMAD_V_MLOCKED]		= "mlocked",
	[KNUMAD_V_UFFD]			= "uffd",
	[KNUMAD_V_KSM]			= "ksm",
	[KNUMAD_V_VMA_POLICY]		= "vma_policy",
	[KNUMAD_V_PARTIALLY_MAPPED]	= "partially_mapped",
	[KNUMAD_V_ISOLATE_FAILED]	= "isolate_failed",
	[KNUMAD_V_NODE_FULL]		= "node_full",
	[KNUMAD_V_RATE_LIMITED]		= "rate_limited",
	[KNUMAD_V_COPY_FAILED]		= "copy_failed",
	[KNUMAD_V_MMAP_BUSY]		= "mmap_busy",
};

static_assert(ARRAY_SIZE(verdict_names) == KNUMAD_NR_VERDICTS);

/* Those that /proc/vmstat has, too; 0 for the others, which is none of ours */
static const enum vm_event_item events[KNUMAD_NR_STATS] = {
	[KNUMAD_S_PAGES_SCANNED]	= KNUMAD_PAGES_SCANNED,
	[KNUMAD_S_HINT_FAULTS]		= KNUMAD_HINT_FAULTS,
	[KNUMAD_S_HINT_FAULTS_LOCAL]	= KNUMAD_HINT_FAULTS_LOCAL,
	[KNUMAD_S_PAGES_ARMED]		= KNUMAD_PAGES_ARMED,
	[KNUMAD_S_PAGES_MIGRATED]	= KNUMAD_PAGES_MIGRATED,
	[KNUMAD_S_THP_MIGRATED]		= KNUMAD_THP_MIGRATED,
	[KNUMAD_S_MIGRATE_FAILED]	= KNUMAD_MIGRATE_FAILED,
	[KNUMAD_S_TASKS_MOVED]		= KNUMAD_TASKS_MOVED,
	[KNUMAD_S_TASKS_SWAPPED]	= KNUMAD_TASKS_SWAPPED,
};

static atomic64_t stats[KNUMAD_NR_STATS];
static atomic64_t verdicts[KNUMAD_NR_VERDICTS];

/**
 * knumad_stat_add - count
 * @stat: what
 * @nr: how many
 */
void knumad_stat_add(enum knumad_stat stat, u64 nr)
{
	atomic64_add(nr, &stats[stat]);
	if (events[stat])
		count_vm_events(events[stat], nr);
}

/**
 * knumad_stat_add_mm - count for a process, and so for its control group
 * @stat: what
 * @nr: how many
 * @mm: the mm, pinned by mm_count at least
 */
void knumad_stat_add_mm(enum knumad_stat stat, u64 nr, struct mm_struct *mm)
{
	knumad_stat_add(stat, nr);
	if (events[stat])
		count_memcg_events_mm(mm, events[stat], nr);
}

/**
 * knumad_stat_scan - count CPU time spent to walk a process
 * @ns: the time; what monitoring sees is in microseconds, rounded down
 * @mm: the mm, pinned by mm_count at least
 */
void knumad_stat_scan(u64 ns, struct mm_struct *mm)
{
	u64 us = div_u64(ns, NSEC_PER_USEC);

	knumad_stat_add(KNUMAD_S_SCAN_NS, ns);
	count_vm_events(KNUMAD_SCAN_US, us);
	count_memcg_events_mm(mm, KNUMAD_SCAN_US, us);
}

/**
 * knumad_stat_max - keep the largest value
 * @stat: of what
 * @val: a new value
 *
 * Racy on purpose: of two values at the same time the smaller one may stay.
 */
void knumad_stat_max(enum knumad_stat stat, u64 val)
{
	if (val > knumad_stat(stat))
		atomic64_set(&stats[stat], val);
}

/**
 * knumad_stat_bytes - account for memory of knumad's own
 * @bytes: allocated, or if negative, freed
 */
void knumad_stat_bytes(long bytes)
{
	s64 now = atomic64_add_return(bytes, &stats[KNUMAD_S_BYTES]);

	knumad_stat_max(KNUMAD_S_BYTES_MAX, now);
}

/**
 * knumad_stat - a counter
 * @stat: which
 *
 * Return: its value.
 */
u64 knumad_stat(enum knumad_stat stat)
{
	return atomic64_read(&stats[stat]);
}

/**
 * knumad_verdict_add - count refusals
 * @verdict: why
 * @nr: how many
 */
void knumad_verdict_add(enum knumad_verdict verdict, u64 nr)
{
	atomic64_add(nr, &verdicts[verdict]);
}

/**
 * knumad_verdict_count - refusals so far
 * @verdict: why
 *
 * Return: their number.
 */
u64 knumad_verdict_count(enum knumad_verdict verdict)
{
	return atomic64_read(&verdicts[verdict]);
}

/**
 * knumad_verdict_name - the word for a verdict
 * @verdict: the verdict
 *
 * Return: as in statistics and tracepoints.
 */
const char *knumad_verdict_name(enum knumad_verdict verdict)
{
	return verdict_names[verdict];
}

static int stats_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < KNUMAD_NR_STATS; i++)
		seq_printf(m, "%s %llu\n", stat_names[i],
			   knumad_stat(i));
	for (i = 0; i < KNUMAD_NR_VERDICTS; i++)
		seq_printf(m, "verdict_%s %llu\n", verdict_names[i],
			   knumad_verdict_count(i));
	for (i = 0; i < KNUMAD_NR_CHECKS; i++)
		seq_printf(m, "failed_%s %u\n", knumad_check_name(i),
			   knumad_check_failed(i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static void show_list(struct seq_file *m, const unsigned long *val)
{
	int i;

	seq_putc(m, ' ');
	for (i = 0; i < knumad_topo.nr; i++)
		seq_printf(m, "%s%lu", i ? "," : "", READ_ONCE(val[i]));
}

/* A headline, and what there is to say of each process */
static int show_all(struct seq_file *m,
		    void (*show)(struct seq_file *m, const struct knumad_proc *proc),
		    const char *headline)
{
	struct knumad_proc *proc;

	seq_puts(m, headline);
	mutex_lock(&knumad_procs_lock);
	knumad_for_each_proc(proc)
		show(m, proc);
	mutex_unlock(&knumad_procs_lock);
	return 0;
}

static void show_proc(struct seq_file *m, const struct knumad_proc *proc)
{
	int i;

	seq_printf(m, "%d ", pid_nr(proc->pid));
	seq_escape(m, proc->comm, " \t\n\\");
	seq_printf(m, " %d", READ_ONCE(proc->home));
	show_list(m, proc->now.resident);
	show_list(m, proc->now.used);
	seq_putc(m, ' ');
	for (i = 0; i < knumad_topo.nr; i++)
		seq_printf(m, "%s%u", i ? "," : "", READ_ONCE(proc->cpu[i]));
	seq_printf(m, " %lu %u %llu %llu %llu %lu %s\n",
		   READ_ONCE(proc->load), READ_ONCE(proc->threads),
		   READ_ONCE(proc->faults), READ_ONCE(proc->moved),
		   READ_ONCE(proc->scan_ns) / NSEC_PER_USEC,
		   READ_ONCE(proc->interval_ms),
		   knumad_verdict_name(READ_ONCE(proc->verdict)));
}

static int processes_show(struct seq_file *m, void *v)
{
	return show_all(m, show_proc,
			"# pid comm home resident used cpu load_mcpu threads faults moved scan_us interval_ms verdict\n");
}
DEFINE_SHOW_ATTRIBUTE(processes);

/* Threads of a process that spans nodes: home, and samples by node of the memory */
static void show_threads(struct seq_file *m, const struct knumad_proc *proc)
{
	const struct knumad_sampling *s = proc->sampling;
	unsigned int i;
	int nid;

	if (!s)
		return;
	for (i = 0; i < s->nr_threads; i++) {
		const struct knumad_sthread *t = &s->threads[i];
		const u32 *seen = s->seen + i * knumad_topo.nr;

		if (!READ_ONCE(t->tid))
			continue;
		seq_printf(m, "%d %d %d %d %lu ", pid_nr(proc->pid), t->tid,
			   READ_ONCE(t->home), READ_ONCE(t->node), READ_ONCE(t->load));
		for (nid = 0; nid < knumad_topo.nr; nid++)
			seq_printf(m, "%s%u", nid ? "," : "", READ_ONCE(seen[nid]));
		seq_putc(m, '\n');
	}
}

static int threads_show(struct seq_file *m, void *v)
{
	return show_all(m, show_threads,
			"# pid tid home node load_mcpu samples\n");
}
DEFINE_SHOW_ATTRIBUTE(threads);

/* Chunks of a process that spans nodes, by what is known of them */
static void show_spanning(struct seq_file *m, const struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	unsigned long known = 0, spread = 0, armed = 0, all = 0;
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *next;

	if (!s)
		return;
	while ((next = knumad_chunk_next(s, &it))) {
		struct knumad_chunk c = READ_ONCE(*next);

		all += c.user > 0;
		known += knumad_chunk_known(&c) && !c.spread;
		spread += c.spread;
		armed += c.armed > 0;
	}
	seq_printf(m, "%d %*pbl %u %lu %lu %lu %lu %u\n", pid_nr(proc->pid),
		   nodemask_pr_args(&s->set), s->round, all, known, spread, armed,
		   knumad_sampling_local(proc));
}

static int spanning_show(struct seq_file *m, void *v)
{
	return show_all(m, show_spanning,
			"# pid nodes rounds chunks_used chunks_one_node chunks_spread chunks_armed local\n");
}
DEFINE_SHOW_ATTRIBUTE(spanning);

static void show_node(struct seq_file *m, int nid)
{
	unsigned long resident = 0, load = 0;
	struct knumad_proc *proc;
	unsigned int homes = 0;

	knumad_for_each_proc(proc) {
		resident += READ_ONCE(proc->now.resident[nid]);
		if (READ_ONCE(proc->home) == nid) {
			homes++;
			load += READ_ONCE(proc->load);
		}
	}
	seq_printf(m, "%d %u %lu %lu %lu %lu %lu %lu %u %lu\n", nid,
		   cpumask_weight_and(cpumask_of_node(nid), cpu_online_mask),
		   READ_ONCE(knumad_topo.node[nid].cores) / 1000,
		   READ_ONCE(knumad_topo.busy[nid]),
		   READ_ONCE(knumad_topo.node[nid].cores),
		   sum_zone_node_page_state(nid, NR_FREE_PAGES),
		   node_state(nid, N_MEMORY) ? knumad_node_free(nid) : 0,
		   resident, homes, load);
}

static int nodes_show(struct seq_file *m, void *v)
{
	int nid;

	seq_puts(m, "# nid cpus cores busy_mcpu capacity_mcpu free_pages usable_pages resident_pages homes load_mcpu\n");
	mutex_lock(&knumad_procs_lock);
	for_each_online_node(nid)
		if (nid < knumad_topo.nr)
			show_node(m, nid);
	mutex_unlock(&knumad_procs_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nodes);

static int __init knumad_stats_init(void)
{
	struct dentry *dir = debugfs_create_dir("knumad", NULL);

	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	debugfs_create_file("processes", 0444, dir, NULL, &processes_fops);
	debugfs_create_file("threads", 0444, dir, NULL, &threads_fops);
	debugfs_create_file("spanning", 0444, dir, NULL, &spanning_fops);
	debugfs_create_file("nodes", 0444, dir, NULL, &nodes_fops);
	return 0;
}
late_initcall(knumad_stats_init);
