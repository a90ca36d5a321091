// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: which processes are watched
 *
 * There is no hook in fork, exec or exit. A sweep over all processes enrols
 * those that have become large and busy enough, and drops those whose mm has
 * lost its last user. Between two sweeps a dead process costs its mm_struct,
 * which the record pins, and no page of memory.
 */

#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/percpu_counter.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/prctl.h>
#include <linux/sched/coredump.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "internal.h"

#define KNUMAD_HASH_BITS	10

/* For so long those who switch knumad off wait for who does not let go of his mmap_lock */
#define KNUMAD_OFF_PATIENCE_MS	1000

/* Pids looked at in one RCU section of a sweep */
#define KNUMAD_SWEEP_STEPS	128

static DEFINE_HASHTABLE(knumad_hash, KNUMAD_HASH_BITS);

LIST_HEAD(knumad_procs);

/* See the lock order in internal.h */
DEFINE_MUTEX(knumad_procs_lock);

/**
 * knumad_choose - what a process, or somebody for it, says
 * @mm: its mm
 * @choice: PR_KNUMAD_DEFAULT, PR_KNUMAD_IN or PR_KNUMAD_OUT
 *
 * Kept in its flags; these are inherited over fork and kept over exec.
 */
void knumad_choose(struct mm_struct *mm, unsigned long choice)
{
	/* Out first, so that a racing look sees no process that asked for both */
	if (choice != PR_KNUMAD_OUT)
		clear_bit(MMF_KNUMAD_OUT, &mm->flags);
	if (choice != PR_KNUMAD_IN)
		clear_bit(MMF_KNUMAD_IN, &mm->flags);
	if (choice == PR_KNUMAD_IN)
		set_bit(MMF_KNUMAD_IN, &mm->flags);
	if (choice == PR_KNUMAD_OUT)
		set_bit(MMF_KNUMAD_OUT, &mm->flags);
}

/**
 * knumad_choice - what a process said
 * @mm: its mm
 *
 * Return: PR_KNUMAD_DEFAULT, PR_KNUMAD_IN or PR_KNUMAD_OUT.
 */
unsigned long knumad_choice(const struct mm_struct *mm)
{
	if (test_bit(MMF_KNUMAD_OUT, &mm->flags))
		return PR_KNUMAD_OUT;
	if (test_bit(MMF_KNUMAD_IN, &mm->flags))
		return PR_KNUMAD_IN;
	return PR_KNUMAD_DEFAULT;
}

/**
 * knumad_prctl_set - PR_SET_KNUMAD
 * @val: PR_KNUMAD_DEFAULT, PR_KNUMAD_IN or PR_KNUMAD_OUT
 * @arg3: must be 0
 * @arg4: must be 0
 * @arg5: must be 0
 *
 * Of the calling process.
 *
 * Return: 0 or -EINVAL.
 */
int knumad_prctl_set(unsigned long val, unsigned long arg3,
		     unsigned long arg4, unsigned long arg5)
{
	if (val > PR_KNUMAD_OUT || arg3 || arg4 || arg5)
		return -EINVAL;
	knumad_choose(current->mm, val);
	return 0;
}

/**
 * knumad_prctl_get - PR_GET_KNUMAD
 * @arg2: must be 0
 * @arg3: must be 0
 * @arg4: must be 0
 * @arg5: must be 0
 *
 * Return: what was set, or -EINVAL.
 */
int knumad_prctl_get(unsigned long arg2, unsigned long arg3,
		     unsigned long arg4, unsigned long arg5)
{
	if (arg2 || arg3 || arg4 || arg5)
		return -EINVAL;
	return knumad_choice(current->mm);
}

/**
 * knumad_registry_find - the record of an mm
 * @mm: the mm, compared only, never dereferenced
 *
 * Knumad thread, or under knumad_procs_lock.
 *
 * Return: the record or NULL.
 */
struct knumad_proc *knumad_registry_find(struct mm_struct *mm)
{
	struct mm_slot *slot = mm_slot_lookup(knumad_hash, mm);

	return slot ? mm_slot_entry(slot, struct knumad_proc, slot) : NULL;
}

/**
 * knumad_live_thread - a thread of a process that still has its memory, and that
 * @task: any thread of it, or its leader, which may have exited before the others
 * @mm: out: its mm, with an mm_count reference
 *
 * A leader that has exited is no longer moved with its threads from one control group to
 * another, and has no mm that tells who may look at it.
 *
 * Return: @task or another thread, with a reference, NULL if all have exited.
 */
struct task_struct *knumad_live_thread(struct task_struct *task, struct mm_struct **mm)
{
	task = find_lock_task_mm(task);
	if (!task)
		return NULL;
	__acquire(&task->alloc_lock);	/* says to sparse what find_lock_task_mm() does not */
	*mm = task->mm;
	mmgrab(*mm);
	get_task_struct(task);
	task_unlock(task);
	return task;
}

/**
 * knumad_proc_task - a live thread of a watched process
 * @proc: the process
 *
 * Return: its leader, or, if that has exited, another, with a reference; NULL if all have
 * exited or it runs another program by now.
 */
struct task_struct *knumad_proc_task(struct knumad_proc *proc)
{
	struct task_struct *leader, *task;
	struct mm_struct *mm;

	leader = get_pid_task(proc->pid, PIDTYPE_TGID);
	if (!leader)
		return NULL;
	task = knumad_live_thread(leader, &mm);
	put_task_struct(leader);
	if (!task)
		return NULL;
	mmdrop(mm);
	if (mm == proc->slot.mm)
		return task;
	put_task_struct(task);
	return NULL;
}

/**
 * knumad_registry_begin_at - let the list of processes begin at one of them
 * @proc: the process
 *
 * Knumad thread only.
 */
void knumad_registry_begin_at(struct knumad_proc *proc)
{
	mutex_lock(&knumad_procs_lock);
	list_rotate_to_front(&proc->slot.mm_node, &knumad_procs);
	mutex_unlock(&knumad_procs_lock);
}

static size_t proc_size(int nr)
{
	return sizeof(struct knumad_proc) +
	       nr * (6 * sizeof(unsigned long) + 2 * sizeof(unsigned int));
}

/* Takes over the caller's mm_count reference if it succeeds */
static bool enrol(struct task_struct *leader, struct mm_struct *mm)
{
	int nr = knumad_topo.nr;
	struct knumad_proc *proc = kzalloc(proc_size(nr), KNUMAD_GFP);
	unsigned long *counts;

	if (!proc)
		return false;
	proc->pid = get_task_pid(leader, PIDTYPE_TGID);
	if (!proc->pid) {
		kfree(proc);
		return false;
	}
	counts = (unsigned long *)(proc + 1);
	proc->now = (struct knumad_counts) {
		.resident = counts,
		.used = counts + nr,
		.fixed = counts + 2 * nr,
	};
	proc->acc = (struct knumad_counts) {
		.resident = counts + 3 * nr,
		.used = counts + 4 * nr,
		.fixed = counts + 5 * nr,
	};
	proc->cpu = (unsigned int *)(counts + 6 * nr);
	proc->cap = proc->cpu + nr;
	mutex_init(&proc->move_lock);
	proc->home = NUMA_NO_NODE;
	proc->pending = NUMA_NO_NODE;
	proc->born_ns = knumad_topo.stamp;
	proc->next_walk = jiffies;
	proc->interval_ms = READ_ONCE(knumad_tun.scan_interval_ms);
	get_task_comm(proc->comm, leader);

	mutex_lock(&knumad_procs_lock);
	mm_slot_insert(knumad_hash, mm, (&proc->slot));
	list_add_tail(&proc->slot.mm_node, &knumad_procs);
	mutex_unlock(&knumad_procs_lock);
	knumad_stat_bytes(proc_size(nr));
	knumad_stat_add(KNUMAD_S_MMS_WATCHED, 1);
	knumad_stat_add(KNUMAD_S_MMS_ENROLLED, 1);
	return true;
}

static void drop(struct knumad_proc *proc)
{
	knumad_sampling_end(proc);
	/* Also after exec: the new program starts without a home */
	knumad_tasks_forget(proc);
	mutex_lock(&knumad_procs_lock);
	hash_del(&proc->slot.hash);
	list_del(&proc->slot.mm_node);
	mutex_unlock(&knumad_procs_lock);
	knumad_stat_bytes(-(long)proc_size(knumad_topo.nr));
	knumad_stat_add(KNUMAD_S_MMS_WATCHED, -1);
	knumad_stat_add(KNUMAD_S_MMS_DROPPED, 1);
	put_pid(proc->pid);
	mmdrop(proc->slot.mm);
	kfree(proc);
}

/* Those that must be left alone are watched, too, so that they are told so */
static bool is_wanted(struct mm_struct *mm)
{
	return knumad_mode() != KNUMAD_OPT_IN || test_bit(MMF_KNUMAD_IN, &mm->flags) ||
	       knumad_group(mm) == KNUMAD_GROUP_ALWAYS;
}

static unsigned long min_resident(void)
{
	return READ_ONCE(knumad_tun.min_resident_mb) << (20 - PAGE_SHIFT);
}

/**
 * knumad_registry_wants - may anything of a process be moved, watched or not?
 * @mm: its mm, which does not go away meanwhile
 *
 * Return: whether that is so by what it and its control group say.
 */
bool knumad_registry_wants(struct mm_struct *mm)
{
	return is_wanted(mm) && !test_bit(MMF_KNUMAD_OUT, &mm->flags) &&
	       knumad_group(mm) != KNUMAD_GROUP_NEVER;
}

/* Of many CPUs each keeps some pages to itself: those are asked only near the limit */
static bool has_pages(struct mm_struct *mm, unsigned long nr)
{
	return percpu_counter_compare(&mm->rss_stat[MM_ANONPAGES], nr) >= 0;
}

/* Drop who has exited, become small, or withdrew. Return: whether any was. */
static bool sweep_watched(void)
{
	struct knumad_proc *proc, *next;
	bool dropped = false;

	list_for_each_entry_safe(proc, next, &knumad_procs, slot.mm_node) {
		struct mm_struct *mm = proc->slot.mm;
		struct task_struct *task = NULL;

		cond_resched();
		if (atomic_read(&mm->mm_users) && is_wanted(mm) &&
		    has_pages(mm, min_resident() / 2))
			task = knumad_proc_task(proc);
		if (task) {
			put_task_struct(task);
			continue;
		}
		drop(proc);
		dropped = true;
	}
	return dropped;
}

static u64 min_cpu_ns(void)
{
	return (u64)READ_ONCE(knumad_tun.min_cpu_ms) * NSEC_PER_MSEC;
}

/*
 * Not worth a closer look: a kernel thread, or a process that never had threads
 * and has not used enough CPU time. Most processes are done with here, by a look
 * at their leader alone, which may have exited before its threads.
 */
static bool is_nobody(struct task_struct *leader)
{
	if (READ_ONCE(leader->flags) & PF_KTHREAD)
		return true;
	return thread_group_empty(leader) &&
	       READ_ONCE(leader->se.sum_exec_runtime) +
	       READ_ONCE(leader->signal->sum_sched_runtime) < min_cpu_ns();
}

/*
 * The next process at or after @nr, with a reference. Threads and nobodies are
 * skipped, some of them per call: NULL with *@nr > 0 means that
 * there may be more, *@nr == 0 is the end.
 */
static struct task_struct *next_process(int *nr)
{
	struct task_struct *task = NULL;
	int steps = KNUMAD_SWEEP_STEPS;
	struct pid *pid;

	rcu_read_lock();
	while (!task && steps--) {
		pid = find_ge_pid(*nr, &init_pid_ns);
		*nr = pid ? pid_nr(pid) + 1 : 0;
		if (!pid)
			break;
		task = pid_task(pid, PIDTYPE_TGID);
		if (task && is_nobody(task))
			task = NULL;
	}
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

/* Has it used enough CPU time? */
static bool is_busy(struct task_struct *leader)
{
	struct task_cputime times;

	thread_group_cputime(leader, &times);
	return times.sum_exec_runtime >= min_cpu_ns();
}

/* The mm of a process that should be watched, with an mm_count reference */
static struct mm_struct *candidate(struct task_struct *leader)
{
	struct task_struct *task;
	struct mm_struct *mm;

	task = knumad_live_thread(leader, &mm);
	if (!task)
		return NULL;
	put_task_struct(task);
	if (has_pages(mm, min_resident()) && is_wanted(mm) &&
	    !knumad_registry_find(mm) && is_busy(leader))
		return mm;
	mmdrop(mm);
	return NULL;
}

/**
 * knumad_registry_why_not - why a process is not watched
 * @leader: the process
 * @mm: its mm
 *
 * Return: a sentence, without a full stop.
 */
const char *knumad_registry_why_not(struct task_struct *leader, struct mm_struct *mm)
{
	if (knumad_mode() == KNUMAD_NEVER)
		return "knumad is off";
	if (!is_wanted(mm))
		return "neither it nor its control group asked for it";
	if (!has_pages(mm, min_resident()))
		return "it has less memory of its own than min_resident_mb";
	if (!is_busy(leader))
		return "it has used less CPU time than min_cpu_ms";
	return "it has not been looked at yet";
}

/**
 * knumad_registry_sweep - enrol and drop processes
 *
 * Knumad thread only; sleeps. O(threads), in short RCU sections.
 *
 * Return: true if the set of watched processes changed.
 */
bool knumad_registry_sweep(void)
{
	bool changed = sweep_watched();
	struct task_struct *leader;
	struct mm_struct *mm;
	int nr = 1;

	while (nr && !knumad_should_stop()) {
		cond_resched();
		leader = next_process(&nr);
		if (!leader)
			continue;
		mm = candidate(leader);
		if (mm) {
			if (enrol(leader, mm))
				changed = true;
			else
				mmdrop(mm);
		}
		put_task_struct(leader);
	}
	return changed;
}

/**
 * knumad_registry_release - drop everything
 *
 * After the knumad thread has gone, under knumad_ctl_lock.
 */
void knumad_registry_release(void)
{
	struct knumad_proc *proc, *next;

	knumad_chunks_patience(KNUMAD_OFF_PATIENCE_MS);
	list_for_each_entry_safe(proc, next, &knumad_procs, slot.mm_node)
		drop(proc);
}
