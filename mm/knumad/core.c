// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the thread, the pass loop
 */

/**
 * DOC: Overview
 *
 * One kernel thread looks and decides. At every look it sweeps the processes
 * (registry.c), looks at the threads of those it watches (tasks.c), walks the
 * page tables of those that are due (scan.c), and if anything came of it, asks
 * the policy for homes (placement.c), tells the scheduler (tasks.c) and has
 * pages moved (migrate.c).
 *
 * A process that fits in no node is sampled (sample.c): rounds, at and between
 * looks, arm a few of its pages (arm.c), hinting faults tell who used them
 * (fault.c), and the policy gives homes to its threads and to chunks of its
 * memory (spanning_homes.c). Scheduler and movers are told as above.
 *
 * A process that is where it should be is walked at intervals that double up to
 * scan_max_interval_ms; a change in its size, its home or its machine resets
 * the interval. Sweeps go on at scan_interval_ms while something unknown uses
 * CPU time, and up to KNUMAD_SWEEP_BACKOFF times as rarely while nothing does.
 */

#include <linux/cpumask.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/cputime.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <trace/events/knumad.h>

#include "internal.h"

/* How much rarer sweeps become on a machine where nothing unknown runs */
#define KNUMAD_SWEEP_BACKOFF	4

/* How many intervals later a process is walked while its memory moves */
#define KNUMAD_MOVING_BACKOFF	8

/* Looks after which a process that could fit on its own still does not */
#define KNUMAD_MISFIT_LOOKS	4

/* Unknown CPU use, in thousandths of a core, below which sweeps back off */
#define KNUMAD_QUIET_MCPU	50

/* Intervals whose share of CPU time may be saved up */
#define KNUMAD_SAVED_INTERVALS	4

/* Shortest time to move before the thread looks around again */
#define KNUMAD_MIN_TURN_MS	100

/* Longest time to move at a stretch; the freezer waits for it for up to 20 s */
#define KNUMAD_MAX_TURN_MS	1000

/* For so long a look waits for those who do not let go of their mmap_lock */
#define KNUMAD_LOOK_PATIENCE_MS	100

/* Pause before moving goes on when something held it up */
#define KNUMAD_MOVE_PAUSE_MS	20

static DECLARE_WAIT_QUEUE_HEAD(knumad_wait);
static bool knumad_kicked;

/**
 * struct cpu_account - CPU time that may be spent
 * @ns: so much now; may be owed, too
 * @stamp: ktime_get_ns() when it was last added to
 */
struct cpu_account {
	s64 ns;
	u64 stamp;
};

/**
 * struct pass_state - what the thread remembers between wake-ups
 * @next_look: jiffies at which the next look at everything is due
 * @next_round: jiffies at which the next round of sampling is due
 * @look_ms: present interval between looks
 * @generation: of the topology at the last placement
 * @own_ns: the thread's own CPU time at the last look
 * @watched_ns: CPU time that watched processes used since the last look
 * @others: CPU use outside watched processes, thousandths of a core, decayed
 * @stamp: time of the last look
 * @undecided: there was no memory to place processes
 * @isolate_failed: folios that could not be isolated, at the last look
 * @cpu: CPU time for looks and rounds of sampling
 * @looks: CPU time that looks have at least, half of it
 */
struct pass_state {
	unsigned long next_look;
	unsigned long next_round;
	unsigned long look_ms;
	u32 generation;
	u64 own_ns;
	u64 watched_ns;
	unsigned long others;
	u64 stamp;
	bool undecided;
	u64 isolate_failed;
	struct cpu_account cpu;
	struct cpu_account looks;
};

/**
 * knumad_kick - look around now: something was changed by the admin
 */
void knumad_kick(void)
{
	WRITE_ONCE(knumad_kicked, true);
	wake_up_interruptible(&knumad_wait);
}

/* Something changed: walk again at the shortest interval */
static void walk_soon(struct knumad_proc *proc)
{
	unsigned long soon = jiffies +
		msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms));

	proc->changed = true;
	if (time_after(proc->next_walk, soon))
		proc->next_walk = soon;
}

static void set_verdict(struct knumad_proc *proc, enum knumad_verdict verdict)
{
	if (proc->verdict == verdict)
		return;
	trace_knumad_verdict(pid_nr(proc->pid),
			     knumad_verdict_name(proc->verdict),
			     knumad_verdict_name(verdict));
	WRITE_ONCE(proc->verdict, verdict);
	knumad_verdict_add(verdict, 1);
	walk_soon(proc);
}

static void set_home(struct knumad_proc *proc, int nid,
		     enum knumad_verdict verdict)
{
	if (proc->home == nid)
		return;
	trace_knumad_home(pid_nr(proc->pid), proc->home, nid,
			  knumad_verdict_name(verdict));
	WRITE_ONCE(proc->home, nid);
	knumad_tasks_set_home(proc, nid);
	knumad_stat_add(nid == NUMA_NO_NODE ? KNUMAD_S_HOMES_CLEARED :
					      KNUMAD_S_HOMES_SET, 1);
	walk_soon(proc);
	proc->moving = nid != NUMA_NO_NODE;
	proc->move_cursor = 0;
}

static bool may_sample(const struct knumad_proc *proc)
{
	return READ_ONCE(knumad_tun.samples_per_s) && proc->home == NUMA_NO_NODE &&
	       proc->bound == KNUMAD_V_NONE;
}

/* No node has the cores for it, whatever the others do */
static bool is_too_big(const struct knumad_proc *proc)
{
	unsigned long most = 0;
	int nid;

	for_each_node_mask(nid, proc->mems)
		most = max(most, min_t(unsigned long, knumad_topo.node[nid].cores,
				       proc->cap[nid]));
	return proc->load > knumad_crowd_cores(knumad_topo.crowd, most) + KNUMAD_CPU_SLACK;
}

/*
 * Does it need several nodes? Then learn which thread uses which memory. If it is only
 * for others that it does not fit, they may be about to be placed themselves: wait.
 */
static void set_sampling(struct knumad_proc *proc, enum knumad_verdict verdict)
{
	unsigned long patience = KNUMAD_MISFIT_LOOKS *
		msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms));

	if (!may_sample(proc) || verdict == KNUMAD_V_SPREAD) {
		proc->misfit = false;
		if (!proc->sampling)
			return;
		knumad_sampling_end(proc);
		proc->moving = proc->home != NUMA_NO_NODE;
		knumad_tasks_set_home(proc, proc->home);
	} else if (verdict == KNUMAD_V_NO_CPUS || verdict == KNUMAD_V_NO_ROOM) {
		if (!proc->misfit)
			proc->misfit_since = jiffies;
		proc->misfit = true;
		if (is_too_big(proc) ||
		    time_after_eq(jiffies, proc->misfit_since + patience))
			knumad_sampling_begin(proc);
	}
}

/* === Looking === */

static void drain_work(struct work_struct *work)
{
	lru_add_drain_all();
}

static DECLARE_WORK(knumad_drain_work, drain_work);

/*
 * Pages that were touched last wait in a per-CPU batch on their way to the LRU
 * lists, and cannot be isolated from there. On a CPU that has gone quiet they
 * would wait for ever; and so would who wants to drain that of a CPU which a real-time
 * task never gives away. That must hold up neither us nor who switches us off.
 */
static void drain_batches(struct pass_state *ps)
{
	u64 failed = knumad_verdict_count(KNUMAD_V_ISOLATE_FAILED);

	if (failed == ps->isolate_failed)
		return;
	ps->isolate_failed = failed;
	queue_work(system_unbound_wq, &knumad_drain_work);
}

/* CPU use that belongs neither to a watched process nor to ourselves */
static void look_at_others(struct pass_state *ps)
{
	u64 own = task_sched_runtime(current), used = knumad_topo.busy_ns;
	u64 elapsed = knumad_topo.stamp - ps->stamp;
	u64 known = ps->watched_ns + own - ps->own_ns;
	unsigned long sample;

	if (ps->stamp && elapsed) {
		sample = knumad_load_sample(used - min(used, known), elapsed, 0);
		/* Time that is told late is none that a CPU could have used meanwhile */
		ps->others = knumad_decay(ps->others,
					  min(sample, 1000UL * num_online_cpus()));
	}
	ps->own_ns = own;
	ps->stamp = knumad_topo.stamp;
}

/* Has the process changed so much that it must be walked before its time? */
static bool is_due(struct knumad_proc *proc)
{
	unsigned long rss = get_mm_counter(proc->slot.mm, MM_ANONPAGES);
	unsigned long due = proc->next_walk;

	if (proc->walking || !proc->walked)
		return true;
	/* Moving keeps the counts up to date, but may take long */
	if (proc->moving && proc->pending == NUMA_NO_NODE)
		due += KNUMAD_MOVING_BACKOFF *
		       msecs_to_jiffies(proc->interval_ms);
	if (time_after_eq(jiffies, due))
		return true;
	return max(rss, proc->rss) - min(rss, proc->rss) > proc->rss / 8;
}

static void schedule_walk(struct knumad_proc *proc)
{
	unsigned long least = READ_ONCE(knumad_tun.scan_interval_ms);
	unsigned long most = READ_ONCE(knumad_tun.scan_max_interval_ms);
	unsigned long ms = proc->changed ? least : 2 * proc->interval_ms;

	WRITE_ONCE(proc->interval_ms, clamp(ms, least, max(least, most)));
	proc->next_walk = jiffies + msecs_to_jiffies(proc->interval_ms);
	proc->changed = false;
}

static void publish(struct knumad_proc *proc)
{
	int nr = knumad_topo.nr;

	if (!proc->walked || knumad_counts_differ(&proc->now, &proc->acc, nr))
		proc->changed = true;
	memcpy(proc->now.resident, proc->acc.resident, nr * sizeof(long));
	memcpy(proc->now.used, proc->acc.used, nr * sizeof(long));
	memcpy(proc->now.fixed, proc->acc.fixed, nr * sizeof(long));
	proc->walking = false;
	proc->walked = true;
	proc->fresh = true;
	proc->moving = proc->sampling ? !nodes_empty(proc->sampling->moving) :
					proc->home != NUMA_NO_NODE;
	schedule_walk(proc);
}

/* Return: true if a walk was completed */
static bool walk(struct knumad_proc *proc, struct knumad_budget *budget)
{
	int nr = knumad_topo.nr;

	if (!proc->walking) {
		memset(proc->acc.resident, 0, nr * sizeof(long));
		memset(proc->acc.used, 0, nr * sizeof(long));
		memset(proc->acc.fixed, 0, nr * sizeof(long));
		proc->rss = get_mm_counter(proc->slot.mm, MM_ANONPAGES);
		proc->cursor = 0;
		proc->walking = true;
	}
	if (knumad_scan(proc, budget) != KNUMAD_WALK_DONE)
		return false;
	publish(proc);
	return true;
}

/* Look at the threads of a process. Return: true for news for the policy. */
static bool look_at(struct knumad_proc *proc, struct pass_state *ps)
{
	enum knumad_verdict bound = proc->bound;
	unsigned long load = proc->load;
	u64 cpu_ns = proc->cpu_ns;
	bool soon = false, measured = proc->got;

	if (knumad_tasks_look(proc)) {
		walk_soon(proc);
		soon = true;
	}
	if (cpu_ns)
		ps->watched_ns += proc->cpu_ns - min(proc->cpu_ns, cpu_ns);
	if (proc->misfit || proc->sampling)
		set_sampling(proc, proc->verdict);
	if (proc->sampling)
		soon |= knumad_threads_look(proc);
	if (proc->bound != KNUMAD_V_NONE) {
		set_home(proc, NUMA_NO_NODE, proc->bound);
		set_verdict(proc, proc->bound);
		return proc->bound != bound;
	}
	/* What forbade it does so no longer */
	if (bound != KNUMAD_V_NONE)
		set_verdict(proc, KNUMAD_V_NONE);
	/* More, or fewer, cores than it had: it may fit now, or no longer */
	return soon || proc->bound != bound || measured != !!proc->got ||
	       DIV_ROUND_CLOSEST(load, 1000) != DIV_ROUND_CLOSEST(proc->load, 1000);
}

/*
 * Walk the processes that are due, while the budget lasts. Who did not get his
 * turn, or not all of it, is the first in the next pass.
 */
static bool walk_all(struct knumad_budget *budget)
{
	struct knumad_proc *proc, *next = NULL;
	bool news = false;

	knumad_for_each_proc(proc) {
		if (knumad_should_stop())
			return news;
		/* Bound: left alone, not even looked at its page tables */
		if (proc->bound != KNUMAD_V_NONE || !is_due(proc))
			continue;
		if (budget->entries && task_sched_runtime(current) < budget->deadline)
			news |= walk(proc, budget);
		if (!next && is_due(proc))
			next = proc;
	}
	if (next)
		knumad_registry_begin_at(next);
	return news;
}

/* === Deciding === */

/* Return: how many; no more than there is room for, @nr, are filled in */
static unsigned int fill_procs(struct knumad_pl_proc *pp, unsigned int nr)
{
	struct knumad_proc *proc;
	unsigned int filled = 0;

	knumad_for_each_proc(proc) {
		if (filled++ >= nr)
			continue;
		*pp = (struct knumad_pl_proc) {
			.resident = proc->now.resident,
			.used = proc->now.used,
			.fixed = proc->now.fixed,
			.cpu = proc->cpu,
			.cap = proc->cap,
			.load = proc->load,
			.got = proc->got,
			.local = knumad_sampling_local(proc),
			.horizon = knumad_horizon(knumad_topo.stamp -
						  proc->born_ns,
						  READ_ONCE(knumad_tun.scan_interval_ms)),
			.allowed = proc->allowed,
			.bound = proc->one_node,
			.skip = proc->bound != KNUMAD_V_NONE || !proc->walked ||
				(proc->sampling && proc->sampling->waiting),
			.stays = proc->bound != KNUMAD_V_NONE,
			.home = proc->home,
			/* Confirmed by what the next walk finds, not by this one */
			.pending = proc->fresh ? proc->pending : NUMA_NO_NODE,
		};
		pp++;
	}
	return filled;
}

/* Are all homes nodes that somebody could run on? */
static bool is_sane(const struct knumad_placement *pl)
{
	unsigned int i;

	for (i = 0; i < pl->nr_procs; i++) {
		int home = pl->procs[i].home;

		if (!pl->procs[i].skip && home != NUMA_NO_NODE &&
		    (!knumad_is_node(home, pl->nr_nodes) || !pl->nodes[home].cores))
			return false;
	}
	return true;
}

/* Pages or threads still away? */
static bool is_on_its_way(const struct knumad_proc *proc)
{
	unsigned long home = proc->now.resident[proc->home], away = knumad_away_from_home(proc);
	unsigned long left = min(proc->left, (home + away) / KNUMAD_LEFT_PART);

	return proc->displaced || away > home / 100 + left;
}

static void judge_home(struct knumad_proc *proc)
{
	if (proc->pending != NUMA_NO_NODE)
		return;
	set_verdict(proc, is_on_its_way(proc) ? KNUMAD_V_MOVING : KNUMAD_V_HOME);
}

static void apply(const struct knumad_pl_proc *pp)
{
	struct knumad_proc *proc;

	knumad_for_each_proc(proc) {
		if (!pp->skip) {
			proc->pending = pp->pending;
			proc->left = pp->left;
			proc->fresh = false;
			if (proc->pending != NUMA_NO_NODE)
				proc->next_walk = jiffies;
			set_home(proc, pp->home, pp->verdict);
			set_sampling(proc, pp->verdict);
			if (pp->verdict != KNUMAD_V_HOME)
				set_verdict(proc, pp->verdict);
			else if (proc->home != NUMA_NO_NODE && is_on_its_way(proc))
				/* At home it is when movers have found no more */
				set_verdict(proc, KNUMAD_V_MOVING);
		}
		pp++;
	}
}

/* Return: false without memory for it */
static bool decide(struct pass_state *ps)
{
	struct knumad_placement pl = {
		.nr_nodes = knumad_topo.nr,
		.nodes = knumad_topo.node,
		.distance = knumad_topo.distance,
		.nr_procs = knumad_stat(KNUMAD_S_MMS_WATCHED),
		.others = ps->others,
		.spread = READ_ONCE(knumad_tun.spread),
	};
	unsigned int nr;
	int ret = 0;
	long bytes;

	if (!pl.nr_procs)
		return true;
	pl.procs = kvcalloc(pl.nr_procs, sizeof(*pl.procs), KNUMAD_GFP);
	if (!pl.procs)
		return false;
	nr = fill_procs(pl.procs, pl.nr_procs);
	if (knumad_inconsistent(KNUMAD_C_WATCHED, nr != pl.nr_procs))
		goto out;
	ret = knumad_place(&pl);
	if (!ret && !knumad_inconsistent(KNUMAD_C_HOME, !is_sane(&pl))) {
		knumad_topo.crowd = pl.crowd;
		apply(pl.procs);
	}
out:
	kvfree(pl.procs);
	/* It was needed for a moment only, but counts for the maximum */
	bytes = pl.bytes + pl.nr_procs * sizeof(*pl.procs);
	knumad_stat_bytes(bytes);
	knumad_stat_bytes(-bytes);
	return !ret;
}

/* === Moving === */

/* Jiffies at which the thread has something else to do than moving */
static unsigned long until_next(const struct pass_state *ps)
{
	return time_before(ps->next_round, ps->next_look) ? ps->next_round :
							    ps->next_look;
}

/*
 * Move pages of all processes, until it is time to look around again, or to let the
 * system be suspended, which must not wait. Return: true if there is more to do soon.
 */
static bool move_pages_home(const struct pass_state *ps)
{
	unsigned long until = jiffies + msecs_to_jiffies(KNUMAD_MIN_TURN_MS);
	unsigned long last = jiffies + msecs_to_jiffies(KNUMAD_MAX_TURN_MS);
	struct knumad_proc *proc;
	bool more;

	if (time_before(until, until_next(ps)))
		until = until_next(ps);
	if (time_before(last, until))
		until = last;
	more = knumad_migrate_all(until);
	knumad_for_each_proc(proc) {
		if (proc->sampling)
			knumad_threads_settle(proc);
		if (proc->home == NUMA_NO_NODE)
			continue;
		/* All there was is moved: look whether it is so */
		if (proc->walk_moved && !proc->moving) {
			proc->walk_moved = 0;
			walk_soon(proc);
		}
		judge_home(proc);
	}
	return more;
}

/* === The loop === */

/*
 * CPU time that may be spent now, ns: of the time that has passed, cpu_percent / @part. What
 * was not needed is saved up, so that processes that come together need not wait for each other.
 * Who owes something gets a quarter of what he earns: nothing may stand still for ever.
 */
static u64 allow_cpu(struct cpu_account *account, unsigned int part)
{
	u64 percent = READ_ONCE(knumad_tun.cpu_percent);
	u64 most = (u64)READ_ONCE(knumad_tun.scan_interval_ms) * NSEC_PER_MSEC *
		   KNUMAD_SAVED_INTERVALS;
	u64 now = ktime_get_ns(), elapsed = min(now - account->stamp, most);
	s64 save = most * percent / 100 / part, earned = elapsed * percent / 100 / part;

	account->stamp = now;
	/* Nor is more owed: one long look must not end walks for long */
	account->ns = min(max(account->ns, -save) + earned, save);
	return max(account->ns, earned / 4);
}

/* Threads go where they belong */
static void settle(struct knumad_proc *proc)
{
	if (proc->sampling)
		knumad_threads_place(proc);
	knumad_tasks_settle(proc);
}

/* The set changes, and cpusets that are made or CPUs that go set another one for all threads */
static void stay_on_housekeeping_cpus(void)
{
	static struct cpumask mask;	/* of the one thread */

	knumad_housekeeping_cpus(current, &mask);
	set_cpus_allowed_ptr(current, &mask);
}

static void look_around(struct pass_state *ps)
{
	unsigned long interval = READ_ONCE(knumad_tun.scan_interval_ms);
	unsigned long entries = READ_ONCE(knumad_tun.scan_pages);
	u64 start = task_sched_runtime(current), allowed, used;
	u64 scanned = knumad_stat(KNUMAD_S_PAGES_SCANNED);
	struct knumad_budget budget = { .entries = entries };
	struct knumad_proc *proc;
	bool news;

	stay_on_housekeeping_cpus();
	knumad_chunks_patience(KNUMAD_LOOK_PATIENCE_MS);
	knumad_topology_update(&knumad_topo);
	allowed = max(allow_cpu(&ps->cpu, 1), allow_cpu(&ps->looks, 2));
	news = knumad_registry_sweep() || ps->undecided;
	if (ps->generation != knumad_topo.generation) {
		ps->generation = knumad_topo.generation;
		news = true;
	}
	drain_batches(ps);
	ps->watched_ns = 0;
	knumad_for_each_proc(proc) {
		news |= look_at(proc, ps);
		cond_resched();
	}
	look_at_others(ps);
	/* Walks get on, however long it took to look at threads */
	budget.deadline = max(start + allowed, task_sched_runtime(current) + allowed / 4);
	news |= walk_all(&budget);
	ps->undecided = news && !decide(ps);
	knumad_for_each_proc(proc) {
		if (proc->home != NUMA_NO_NODE || proc->sampling)
			settle(proc);
		cond_resched();
	}

	if (news || ps->others > KNUMAD_QUIET_MCPU)
		ps->look_ms = interval;
	else
		ps->look_ms = min(2 * ps->look_ms,
				  KNUMAD_SWEEP_BACKOFF * interval);
	ps->look_ms = max(ps->look_ms, interval);
	ps->next_look = jiffies + msecs_to_jiffies(ps->look_ms);

	used = task_sched_runtime(current) - start;
	ps->cpu.ns -= used;
	ps->looks.ns -= used;
	knumad_stat_add(KNUMAD_S_PASSES, 1);
	trace_knumad_pass(knumad_stat(KNUMAD_S_MMS_WATCHED),
			  knumad_stat(KNUMAD_S_PAGES_SCANNED) - scanned, used);
}

/* Return: jiffies until the next round of sampling is due */
static long sample(struct pass_state *ps)
{
	u64 start = task_sched_runtime(current);
	long pause = knumad_sampling_rounds(start + allow_cpu(&ps->cpu, 1));

	ps->cpu.ns -= task_sched_runtime(current) - start;
	return pause;
}

/* Return: jiffies to sleep */
static long wake_up_once(struct pass_state *ps)
{
	long pause;
	bool more;

	knumad_stat_add(KNUMAD_S_WAKEUPS, 1);
	if (READ_ONCE(knumad_kicked) || time_after_eq(jiffies, ps->next_look)) {
		WRITE_ONCE(knumad_kicked, false);
		look_around(ps);
	}
	pause = sample(ps);
	ps->next_round = ps->next_look;
	if (pause != MAX_SCHEDULE_TIMEOUT)
		ps->next_round = jiffies + pause;
	more = move_pages_home(ps);
	pause = max_t(long, until_next(ps) - jiffies, 1);
	if (more)
		pause = min_t(long, pause,
			      msecs_to_jiffies(KNUMAD_MOVE_PAUSE_MS) ?: 1);
	return pause;
}

/**
 * knumad_loop - what the knumad thread runs
 * @unused: nothing
 *
 * Return: 0, when the thread is told to stop.
 */
int knumad_loop(void *unused)
{
	struct pass_state ps = { .next_look = jiffies };
	long pause;

	set_user_nice(current, KNUMAD_NICE);
	set_freezable();
	while (!kthread_should_stop()) {
		pause = MAX_SCHEDULE_TIMEOUT;
		if (!knumad_should_stop())
			pause = wake_up_once(&ps);
		wait_event_freezable_timeout(knumad_wait,
					     kthread_should_stop() ||
					     (READ_ONCE(knumad_kicked) &&
					      !knumad_should_stop()),
					     pause);
	}
	return 0;
}
