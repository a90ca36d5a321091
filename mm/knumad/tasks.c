// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the scheduler's side
 *
 * Looks at the threads of a process, tells the scheduler their preferred node
 * and moves those that run elsewhere: to an idle CPU at home, else in exchange
 * for a thread that loses less than this one gains, else to a CPU at home with
 * fewer threads than the one where it runs. CPU affinity set by the
 * user always wins, here and in the scheduler functions called.
 */

#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/sched/cputime.h>
#include <linux/sched/numa_balancing.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include <trace/events/knumad.h>

#include "internal.h"

/* Threads moved per process and look; the rest is found again at the next */
#define KNUMAD_MAX_MOVES	32

/*
 * The CPU affinity of a thread counts unless it is known to be a bystander: it is
 * older than so many intervals, and used less than this part of the CPU time.
 */
#define KNUMAD_YOUNG_INTERVALS	32
#define KNUMAD_ACTIVE_SHARE	1024

/* A thread needs cores if it uses more than this part of what threads use on average */
#define KNUMAD_WORKER_SHARE	8

/* It works, and is worth a place, if it uses more than this part of a core, too */
#define KNUMAD_WORKING_PART	1000

/**
 * knumad_keeps_home - may the load balancer not take a thread from its home?
 * @p: the thread, queued on @src_cpu
 * @src_cpu: where it is
 * @dst_cpu: where it would go
 * @dst_idle: @dst_cpu is idle
 * @others: there are others on @src_cpu that may go, or it is taken for a moment only
 *
 * Scheduler hook, under the runqueue lock of @src_cpu, of a thread that does not run
 * and so keeps its mm. A thread stays at home unless a CPU would stay idle for it: while
 * others could go in its place, or a CPU at home is idle and will have it soon, that is
 * not so. A preferred node alone is no home: vfork copies it, exec keeps it, and mainline's
 * balancing leaves it behind.
 *
 * Return: true to keep it.
 */
bool knumad_keeps_home(struct task_struct *p, int src_cpu, int dst_cpu,
		       bool dst_idle, bool others)
{
	int home = READ_ONCE(p->numa_preferred_nid);
	int cpu;

	if (home == NUMA_NO_NODE || cpu_to_node(src_cpu) != home ||
	    cpu_to_node(dst_cpu) == home)
		return false;
	if (!p->mm || !test_bit(MMF_KNUMAD_HOME, &p->mm->flags))
		return false;
	if (others || !dst_idle)
		return true;
	/* An isolated one would not take it */
	for_each_cpu_and(cpu, cpumask_of_node(home), p->cpus_ptr)
		if (idle_cpu(cpu) && knumad_cpu_usable(cpu))
			return true;
	return false;
}

/* A thread that the fair scheduler runs for a user, and that will go on */
static bool is_movable(struct task_struct *t)
{
	return !(READ_ONCE(t->flags) & (PF_EXITING | PF_KTHREAD)) && knumad_task_is_fair(t);
}

/* A mempolicy that names nodes: the user has placed the memory */
static bool has_mempolicy(struct task_struct *t)
{
	bool bound = false;

	if (!READ_ONCE(t->mempolicy))
		return false;
	task_lock(t);
	if (t->mempolicy)
		bound = t->mempolicy->mode != MPOL_DEFAULT &&
			t->mempolicy->mode != MPOL_LOCAL;
	task_unlock(t);
	return bound;
}

/**
 * struct look - what one look at the threads of a process finds
 * @elapsed_ns: in: time since the last look, 0 if there was none
 * @nodes: nodes with CPUs that all threads may use, but for bystanders
 * @mems: nodes of memory that they may use
 * @cpus: CPUs that any of those that need cores may use; of the one thread that looks
 * @before_ns: in: @cpu_ns of the last look
 * @few_ns: CPU time since then of a thread that needs no core
 * @cpu_ns: CPU time of all threads, the dead included
 * @late_ns: of that, what was used before the last look, but told after it
 * @threads: number of threads
 * @running: of those, running or waiting for a CPU
 * @policy: a thread has a mempolicy
 * @per_node: CPU time since the last look, by the node where the thread is, or
 *            was last
 */
struct look {
	u64 elapsed_ns;
	nodemask_t nodes;
	nodemask_t mems;
	struct cpumask *cpus;
	u64 before_ns;
	u64 few_ns;
	u64 cpu_ns;
	u64 late_ns;
	unsigned int threads;
	unsigned int running;
	bool policy;
	u64 *per_node;
};

/* CPU time of a thread since the last look */
static u64 recent_ns(struct task_struct *t)
{
	u64 now = READ_ONCE(t->se.sum_exec_runtime);
	u64 then = READ_ONCE(t->node_stamp);

	return now - min(now, then);
}

/* Old enough to be known, and with a trifle of all the CPU time */
static bool is_bystander(struct task_struct *t, u64 all_ns)
{
	u64 young = (u64)READ_ONCE(knumad_tun.scan_interval_ms) *
		    NSEC_PER_MSEC * KNUMAD_YOUNG_INTERVALS;

	return ktime_get_ns() - t->start_time > young &&
	       READ_ONCE(t->se.sum_exec_runtime) < all_ns / KNUMAD_ACTIVE_SHARE;
}

/*
 * One of those that need cores: it runs at the first look, and used more than a trifle
 * between two looks. Workers of io_uring may run wherever the cpuset lets them.
 */
static bool is_worker(struct task_struct *t, const struct look *look, u64 recent)
{
	if (READ_ONCE(t->flags) & (PF_IO_WORKER | PF_USER_WORKER))
		return false;
	return look->elapsed_ns ? recent > look->few_ns : task_is_running(t);
}

/* Nodes that it may not use are no home for its process */
static void restrict_nodes(struct task_struct *t, struct look *look)
{
	int nid;

	/* Not cpus_ptr, which is one CPU while migration is disabled */
	if (cpumask_subset(cpu_online_mask, &t->cpus_mask))
		return;
	for_each_node_mask(nid, look->nodes)
		if (!cpumask_intersects(cpumask_of_node(nid), &t->cpus_mask))
			node_clear(nid, look->nodes);
}

/* Threads may have cpusets of their own, and memory goes to nodes that none of them forbids */
static void restrict_mems(struct task_struct *t, struct look *look)
{
#ifdef CONFIG_CPUSETS
	/* What changes meanwhile is seen at the next look */
	nodemask_t mems = data_race(t->mems_allowed);

	nodes_and(look->mems, look->mems, mems);
#endif
}

/*
 * The time of a thread that runs is brought up to date by the tick. Where there is none for
 * long, or the hypervisor had the CPU, it comes late, and all at once. No thread has used
 * more than the time that has passed; it counted as running when its time was missing.
 */
static void look_at_threads(struct task_struct *task, struct look *look)
{
	struct task_cputime times;
	struct task_struct *t;

	/* Counts each thread that exits meanwhile once */
	thread_group_cputime(task, &times);
	look->cpu_ns = times.sum_exec_runtime;
	/* All may have exited, and been reaped, by now */
	look->few_ns = (look->cpu_ns - min(look->cpu_ns, look->before_ns)) /
		       (KNUMAD_WORKER_SHARE * max(get_nr_threads(task), 1));
	rcu_read_lock();
	for_each_thread(task, t) {
		u64 recent = recent_ns(t), sum = READ_ONCE(t->se.sum_exec_runtime);

		look->threads++;
		if (is_worker(t, look, recent))
			cpumask_or(look->cpus, look->cpus, &t->cpus_mask);
		look->running += task_is_running(t);
		look->late_ns += recent - min(recent, look->elapsed_ns);
		look->per_node[cpu_to_node(task_cpu(t))] += recent;
		/* What it did before the first look says nothing */
		WRITE_ONCE(t->last_sum_exec_runtime,
			   look->elapsed_ns ? min(READ_ONCE(t->node_stamp), sum) : sum);
		WRITE_ONCE(t->node_stamp, sum);
		if (has_mempolicy(t))
			look->policy = true;
	}
	for_each_thread(task, t) {
		if (is_bystander(t, look->cpu_ns))
			continue;
		restrict_nodes(t, look);
		restrict_mems(t, look);
	}
	rcu_read_unlock();
}

/* Can it use more than @cap cores of a node, thousandths? */
static bool is_short(const struct knumad_proc *proc, unsigned int cap)
{
	return knumad_crowd_cores(knumad_topo.crowd, cap) < proc->load;
}

/*
 * May all that need cores run on one node only? Then it is there that they share its cores, as
 * they were told to. One pinned thread among others leaves one node for a home, too, but they
 * can have the cores of other nodes, and go without that home if they need them.
 */
static bool is_on_one_node(const struct look *look)
{
	int nid;

	if (nodes_weight(look->nodes) != 1)
		return false;
	for_each_node_state(nid, N_CPU)
		if (!node_isset(nid, look->nodes) &&
		    cpumask_intersects(look->cpus, cpumask_of_node(nid)))
			return false;
	return true;
}

/*
 * Nodes that a process may call home, and how many of their cores it may use. If it may use
 * none but isolated ones, these are not ours to fill. Return: whether that is news.
 */
static bool update_allowed(struct knumad_proc *proc, const struct look *look)
{
	const struct cpumask *cpus = cpumask_empty(look->cpus) ? NULL : look->cpus;
	bool news = false;
	nodemask_t allowed;
	int nid;

	proc->one_node = is_on_one_node(look);
	nodes_and(allowed, look->nodes, proc->mems);
	for (nid = 0; nid < knumad_topo.nr; nid++) {
		unsigned int cap = proc->cap[nid];

		/* Who needs none now is taken for what it was, if that is known */
		if (cpus || !look->elapsed_ns)
			cap = knumad_node_cores(nid, cpus);
		news |= is_short(proc, cap) != is_short(proc, proc->cap[nid]);
		proc->cap[nid] = cap;
		if (!cap && !proc->one_node)
			node_clear(nid, allowed);
	}
	news |= !nodes_equal(allowed, proc->allowed);
	proc->allowed = allowed;
	return news;
}

/* The name of a process is that of its leader, also of one that has exited */
static void update_comm(struct knumad_proc *proc)
{
	struct task_struct *leader;

	rcu_read_lock();
	leader = pid_task(proc->pid, PIDTYPE_TGID);
	if (leader)
		get_task_comm(proc->comm, leader);
	rcu_read_unlock();
}

static enum knumad_verdict judge(const struct knumad_proc *proc, bool policy)
{
	if (test_bit(MMF_KNUMAD_OUT, &proc->slot.mm->flags))
		return KNUMAD_V_OPTED_OUT;
	if (knumad_group(proc->slot.mm) == KNUMAD_GROUP_NEVER)
		return KNUMAD_V_GROUP;
	if (nodes_weight(proc->mems) < 2)
		return KNUMAD_V_CPUSET;
	if (policy)
		return KNUMAD_V_POLICY_BOUND;
	if (nodes_empty(proc->allowed))
		return KNUMAD_V_AFFINITY;
	return KNUMAD_V_NONE;
}

/**
 * knumad_tasks_look - sample the threads of a process
 * @proc: the process; load, use and shares of CPUs, allowed nodes and cores, bound are updated
 *
 * Knumad thread only; may sleep.
 *
 * Return: true if it may run elsewhere than at the last look.
 */
bool knumad_tasks_look(struct knumad_proc *proc)
{
	static struct cpumask cpus;	/* of the one thread */
	struct task_struct *task = knumad_proc_task(proc);
	bool first = !proc->look_ns;
	u64 now = knumad_topo.stamp;
	struct look look = {
		.elapsed_ns = first ? 0 : now - proc->look_ns,
		.nodes = node_states[N_CPU],
		.cpus = &cpus,
		.before_ns = proc->cpu_ns,
	};
	unsigned long sample, got;
	u64 used_ns;
	bool news = false;

	if (!task)
		return false;
	cpumask_clear(&cpus);
	look.per_node = kcalloc(knumad_topo.nr, sizeof(*look.per_node),
				KNUMAD_GFP);
	if (!look.per_node)
		goto put;

	look.mems = cpuset_mems_allowed(task);
	nodes_and(look.mems, look.mems, node_states[N_MEMORY]);
	look_at_threads(task, &look);
	proc->mems = look.mems;
	news = update_allowed(proc, &look);

	used_ns = look.cpu_ns - min(proc->cpu_ns + look.late_ns, look.cpu_ns);
	sample = knumad_load_sample(used_ns, look.elapsed_ns, look.running);
	WRITE_ONCE(proc->load,
		   first ? sample : knumad_decay(proc->load, sample));
	got = knumad_load_sample(used_ns, look.elapsed_ns, 0);
	got = min(got, 1000UL * look.threads);
	proc->got = proc->got ? knumad_decay_for(proc->got, got, look.elapsed_ns) : got;
	knumad_shares(proc->cpu, look.per_node, knumad_topo.nr, first);
	WRITE_ONCE(proc->threads, look.threads);
	proc->cpu_ns = look.cpu_ns;
	proc->few_ns = first ? 0 : max(look.few_ns, look.elapsed_ns / KNUMAD_WORKING_PART);
	proc->look_ns = now;
	proc->bound = judge(proc, look.policy);
	update_comm(proc);
	kfree(look.per_node);
put:
	put_task_struct(task);
	return news;
}

/**
 * knumad_task_works - does a thread need a core?
 * @proc: its process
 * @t: the thread
 *
 * Knumad thread only, after knumad_tasks_look(). A thread started since then has not run.
 *
 * Return: true if it used more than a trifle between the last two looks; after the first
 * one, if it runs.
 */
bool knumad_task_works(const struct knumad_proc *proc, struct task_struct *t)
{
	u64 now = min(READ_ONCE(t->node_stamp), READ_ONCE(t->se.sum_exec_runtime));
	u64 then = READ_ONCE(t->last_sum_exec_runtime);

	if (!proc->few_ns)
		return task_is_running(t);
	return now - min(now, then) > proc->few_ns;
}

static void prefer(struct task_struct *t, int nid)
{
	if (READ_ONCE(t->numa_preferred_nid) != nid)
		knumad_set_preferred(t, nid);
}

static void set_preferred(struct task_struct *task, int nid)
{
	struct task_struct *t;

	rcu_read_lock();
	for_each_thread(task, t)
		prefer(t, nid);
	rcu_read_unlock();
}

/**
 * knumad_tasks_forget - no thread of a process has a home any more
 * @proc: the process, which may have exited, or run another program by now
 */
void knumad_tasks_forget(struct knumad_proc *proc)
{
	struct task_struct *leader = get_pid_task(proc->pid, PIDTYPE_TGID);

	clear_bit(MMF_KNUMAD_HOME, &proc->slot.mm->flags);
	if (!leader)
		return;
	set_preferred(leader, NUMA_NO_NODE);
	put_task_struct(leader);
}

/**
 * knumad_tasks_set_home - tell the scheduler the home of a process
 * @proc: the process
 * @nid: the node, NUMA_NO_NODE for none
 *
 * Knumad thread only.
 */
void knumad_tasks_set_home(struct knumad_proc *proc, int nid)
{
	struct task_struct *task = knumad_proc_task(proc);

	if (nid == NUMA_NO_NODE)
		clear_bit(MMF_KNUMAD_HOME, &proc->slot.mm->flags);
	if (!task)
		return;
	set_preferred(task, nid);
	put_task_struct(task);
}

/* Real-time tasks run there for more than half of the time */
static bool is_taken(int cpu)
{
	return knumad_cpu_taken(cpu) > SCHED_CAPACITY_SCALE / 2;
}

/* May threads be sent there? */
static bool is_open(int cpu)
{
	return knumad_cpu_usable(cpu) && !is_taken(cpu);
}

/* Idle, or busy with ourselves only: we will go to sleep again */
static bool is_free(int cpu)
{
	return idle_cpu(cpu) ||
	       (cpu == raw_smp_processor_id() && single_task_running());
}

/* An idle CPU of a node that @t may use, with idle siblings if there is one */
static int find_idle_cpu(struct task_struct *t, int nid)
{
	int cpu, sibling, found = -1;

	for_each_cpu_and(cpu, cpumask_of_node(nid), t->cpus_ptr) {
		bool whole = true;

		if (!is_open(cpu) || !is_free(cpu))
			continue;
		for_each_cpu(sibling, topology_sibling_cpumask(cpu))
			whole &= is_free(sibling);
		if (whole)
			return cpu;
		found = cpu;
	}
	return found;
}

/* May @t join who is on a CPU of its home? By number, and by weight: nice 19 is no company. */
static bool may_join(struct task_struct *t, int cpu)
{
	int from = task_cpu(t);
	unsigned long own;

	/* Anything is better */
	if (is_taken(from))
		return true;
	if (!knumad_may_join(READ_ONCE(t->se.avg.runnable_avg),
			     knumad_cpu_runnable(from, true), knumad_cpu_runnable(cpu, false)))
		return false;
	rcu_read_lock();
	own = knumad_task_load(t);
	rcu_read_unlock();
	return knumad_may_join(own, knumad_cpu_load(from), knumad_cpu_load(cpu));
}

/*
 * The CPU of a node with the fewest threads of those where @t may join them. The load balancer
 * would take it there in time, but that looks at groups of nodes, which may overlap, and sees
 * no difference between groups that both have nodes with many threads and with few.
 */
static int find_emptier_cpu(struct task_struct *t, int nid)
{
	unsigned long least = ULONG_MAX;
	int cpu, found = -1;

	for_each_cpu_and(cpu, cpumask_of_node(nid), t->cpus_ptr) {
		unsigned long runnable = knumad_cpu_runnable(cpu, false);

		if (!is_open(cpu) || runnable >= least || !may_join(t, cpu))
			continue;
		least = runnable;
		found = cpu;
	}
	return found;
}

static void fill_policy_proc(struct knumad_pl_proc *pp,
			     const struct knumad_proc *proc)
{
	*pp = (struct knumad_pl_proc) {
		.used = proc->now.used,
		.load = proc->load,
		.home = proc->home,
	};
}

/* The gain of exchanging @t of @proc with @other, both sides counted */
static s64 swap_gain(const struct knumad_proc *proc, int from, int to,
		     struct task_struct *other)
{
	struct knumad_placement pl = {
		.nr_nodes = knumad_topo.nr,
		.distance = knumad_topo.distance,
	};
	struct knumad_pl_proc p, q;
	struct knumad_proc *owner;

	fill_policy_proc(&p, proc);
	owner = knumad_registry_find(READ_ONCE(other->mm));
	if (owner)
		fill_policy_proc(&q, owner);
	return knumad_swap_gain(&pl, &p, from, to, owner ? &q : NULL);
}

/*
 * The gain of exchanging a thread of a process that spans nodes, whose samples were
 * weighed when it was given its home, with @other: who belongs where it comes from
 * goes first, who is at home stays.
 */
static s64 span_gain(int from, int to, struct task_struct *other)
{
	int home = READ_ONCE(other->numa_preferred_nid);

	if (home == to)
		return 0;
	return home == from ? 2 : 1;
}

/* May a thread be sent elsewhere? Not if its process is to be left alone. */
static bool may_displace(struct task_struct *other)
{
	struct knumad_proc *owner;
	struct mm_struct *mm;
	bool may = false;

	/* Keeps the mm */
	task_lock(other);
	mm = other->mm;
	if (mm) {
		owner = knumad_registry_find(mm);
		may = owner ? owner->bound == KNUMAD_V_NONE : knumad_registry_wants(mm);
	}
	task_unlock(other);
	return may;
}

/*
 * The running thread at @home whose exchange with @t gains most, with a
 * reference; NULL if none gains.
 */
static struct task_struct *find_partner(const struct knumad_proc *proc,
					struct task_struct *t, int home,
					int *partner_cpu)
{
	struct task_struct *best = NULL;
	int from = task_cpu(t), cpu;
	s64 best_gain = 0;

	/* Whoever it is must not go to a CPU that is not ours, or where it would not run */
	if (!is_open(from))
		return NULL;
	rcu_read_lock();
	for_each_cpu_and(cpu, cpumask_of_node(home), t->cpus_ptr) {
		struct task_struct *other;
		s64 gain;

		if (!is_open(cpu))
			continue;
		other = knumad_cpu_curr(cpu);
		/* It may have come home meanwhile, and cannot be exchanged with itself */
		if (!other || other == t || is_idle_task(other) || !is_movable(other) ||
		    !cpumask_test_cpu(from, other->cpus_ptr) || !may_displace(other))
			continue;
		gain = proc->sampling ? span_gain(cpu_to_node(from), home, other) :
			swap_gain(proc, cpu_to_node(from), home, other);
		if (gain <= best_gain)
			continue;
		best_gain = gain;
		best = other;
		*partner_cpu = cpu;
	}
	if (best)
		get_task_struct(best);
	rcu_read_unlock();
	return best;
}

/* Return: false if there is nobody to change places with */
static bool exchange(struct knumad_proc *proc, struct task_struct *t, int home)
{
	int from = task_cpu(t), cpu, ret;
	struct task_struct *partner;

	partner = find_partner(proc, t, home, &cpu);
	if (!partner)
		return false;
	ret = migrate_swap(t, partner, cpu, from);
	trace_knumad_task_move(task_pid_nr(t), from, cpu, task_pid_nr(partner),
			       ret);
	if (!ret)
		knumad_stat_add(KNUMAD_S_TASKS_SWAPPED, 1);
	put_task_struct(partner);
	return true;
}

static void bring_home(struct knumad_proc *proc, struct task_struct *t, int home)
{
	int from = task_cpu(t), cpu, ret;

	cpu = find_idle_cpu(t, home);
	if (cpu < 0) {
		if (exchange(proc, t, home))
			return;
		cpu = find_emptier_cpu(t, home);
	}
	if (cpu < 0)
		return;
	ret = migrate_task_to(t, cpu);
	trace_knumad_task_move(task_pid_nr(t), from, cpu, 0, ret);
	if (!ret)
		knumad_stat_add(KNUMAD_S_TASKS_MOVED, 1);
}

/* A sleeping thread wakes up at home; it may be moved to an idle CPU then */
static void call_home(struct task_struct *t, int home)
{
	int cpu;

	for_each_cpu_and(cpu, cpumask_of_node(home), t->cpus_ptr) {
		if (!is_open(cpu))
			continue;
		if (!migrate_task_to(t, cpu))
			knumad_stat_add(KNUMAD_S_TASKS_CALLED, 1);
		return;
	}
}

/* Runs, or will wake up, on another node than its home, and may run at home */
static bool is_away(struct task_struct *t, int home)
{
	int cpu;

	if (home == NUMA_NO_NODE)
		return false;
	cpu = task_is_running(t) ? task_cpu(t) : READ_ONCE(t->wake_cpu);

	return cpu_to_node(cpu) != home && is_movable(t) &&
	       cpumask_intersects(cpumask_of_node(home), t->cpus_ptr);
}

/**
 * knumad_tasks_settle - bring the threads of a process home
 * @proc: the process, with a home or being sampled
 *
 * Knumad thread only; sleeps until the threads have moved. Threads started
 * since the last call get their preferred node.
 */
void knumad_tasks_settle(struct knumad_proc *proc)
{
	struct task_struct *task = knumad_proc_task(proc);
	struct task_struct *away[KNUMAD_MAX_MOVES], *t;
	int homes[KNUMAD_MAX_MOVES];
	unsigned int nr = 0, i;

	if (!task)
		return;

	proc->displaced = 0;
	rcu_read_lock();
	for_each_thread(task, t) {
		int home = knumad_thread_home(proc, t->pid);

		prefer(t, home);
		if (nr == KNUMAD_MAX_MOVES || !is_away(t, home))
			continue;
		proc->displaced += task_is_running(t);
		get_task_struct(t);
		homes[nr] = home;
		away[nr++] = t;
	}
	rcu_read_unlock();
	/* Now that none has a home of long ago; pairs with knumad_keeps_home() */
	set_bit(MMF_KNUMAD_HOME, &proc->slot.mm->flags);

	for (i = 0; i < nr; i++) {
		if (task_is_running(away[i]))
			bring_home(proc, away[i], homes[i]);
		else
			call_home(away[i], homes[i]);
		put_task_struct(away[i]);
	}
	put_task_struct(task);
}
