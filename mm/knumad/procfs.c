// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: /proc/PID/knumad
 *
 * Of one process, to whoever may see its memory: what it said, where knumad thinks it
 * belongs and why it is where it is. To be written: what it says from now on.
 *
 * See Documentation/ABI/testing/procfs-pid-knumad.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include "internal.h"

/* Longest word, and a newline */
#define KNUMAD_WORD	16

static const char * const choice_names[] = {
	[PR_KNUMAD_DEFAULT]	= "default",
	[PR_KNUMAD_IN]		= "in",
	[PR_KNUMAD_OUT]		= "out",
};

/* Verdicts on a process; those on folios are in the statistics only */
static const char * const reasons[] = {
	[KNUMAD_V_NONE]		= "it has not been judged yet",
	[KNUMAD_V_HOME]		= "its threads are at home, and its memory if it may move",
	[KNUMAD_V_MOVING]	= "its memory or its threads are on their way, or not all has room",
	[KNUMAD_V_IDLE]		= "it used none of its memory since the last walk",
	[KNUMAD_V_NO_ROOM]	= "no node has room for nearly all of its memory",
	[KNUMAD_V_NO_CPUS]	= "no node has enough cores for its threads",
	[KNUMAD_V_POLICY_BOUND]	= "one of its threads has a memory policy",
	[KNUMAD_V_CPUSET]	= "its cpuset allows memory of one node only",
	[KNUMAD_V_AFFINITY]	= "there is no node that all of its threads may use",
	[KNUMAD_V_OPTED_OUT]	= "it asked to be left alone",
	[KNUMAD_V_GROUP]	= "its control group says never",
	[KNUMAD_V_SPREAD]	= "the policy is spread, and it is alone on its nodes",
	[KNUMAD_V_NOT_WORTH]	= "it would gain less than its move costs",
	[KNUMAD_V_PENDING]	= "a better home was found, and has to be found once more",
};

static const char *reason_of(enum knumad_verdict verdict)
{
	return verdict < ARRAY_SIZE(reasons) ? reasons[verdict] : NULL;
}

static void show_zeroes(struct seq_file *m, const char *name)
{
	int i;

	seq_puts(m, name);
	for (i = 0; i < knumad_topo.nr; i++)
		seq_puts(m, i ? ",0" : " 0");
	seq_putc(m, '\n');
}

/* Not watched: why not, and the same lines as of one that is */
static void show_unwatched(struct seq_file *m, struct task_struct *task,
			   struct mm_struct *mm)
{
	const char *reason = knumad_registry_why_not(task, mm);

	seq_printf(m, "verdict %s\nreason %s\nhome -1\nlocal -1\n",
		   knumad_enabled() ? "unwatched" : "off", reason);
	show_zeroes(m, "resident");
	show_zeroes(m, "used");
	show_zeroes(m, "cpu");
	seq_puts(m, "load_mcpu 0\nthreads 0\nfaults 0\nmoved 0\nscan_us 0\ninterval_ms 0\n");
}

static void show_pages(struct seq_file *m, const char *name, const unsigned long *pages)
{
	int i;

	seq_puts(m, name);
	for (i = 0; i < knumad_topo.nr; i++)
		seq_printf(m, "%c%lu", i ? ',' : ' ', READ_ONCE(pages[i]));
	seq_putc(m, '\n');
}

/* Thousandths of what it uses that is where its threads are, -1 if that is not known */
static int local_share(const struct knumad_proc *proc)
{
	u64 used = 0, local = 0;
	int i;

	if (proc->sampling)
		return knumad_threads_local(proc->sampling);
	for (i = 0; i < knumad_topo.nr; i++) {
		u64 nr = READ_ONCE(proc->now.used[i]);

		used += nr;
		local += nr * READ_ONCE(proc->cpu[i]);
	}
	return used ? div64_u64(local, used) : -1;
}

static void show_watched(struct seq_file *m, const struct knumad_proc *proc)
{
	enum knumad_verdict verdict = READ_ONCE(proc->verdict);
	int i;

	seq_printf(m, "verdict %s\nreason %s\nhome %d\nlocal %d\n",
		   knumad_verdict_name(verdict), reason_of(verdict),
		   READ_ONCE(proc->home), local_share(proc));
	show_pages(m, "resident", proc->now.resident);
	show_pages(m, "used", proc->now.used);
	seq_puts(m, "cpu");
	for (i = 0; i < knumad_topo.nr; i++)
		seq_printf(m, "%c%u", i ? ',' : ' ', READ_ONCE(proc->cpu[i]));
	seq_printf(m, "\nload_mcpu %lu\nthreads %u\nfaults %llu\nmoved %llu\nscan_us %llu\ninterval_ms %lu\n",
		   READ_ONCE(proc->load), READ_ONCE(proc->threads),
		   READ_ONCE(proc->faults), READ_ONCE(proc->moved),
		   READ_ONCE(proc->scan_ns) / NSEC_PER_USEC,
		   READ_ONCE(proc->interval_ms));
}

static void show_mm(struct seq_file *m, struct task_struct *task, struct mm_struct *mm)
{
	struct knumad_proc *proc;

	seq_printf(m, "mode %s\ngroup %s\n", choice_names[knumad_choice(mm)],
		   knumad_group_name(knumad_group(mm)));
	mutex_lock(&knumad_procs_lock);
	proc = knumad_registry_find(mm);
	if (proc)
		show_watched(m, proc);
	mutex_unlock(&knumad_procs_lock);
	/* All of its threads may be asked for that: not while the knumad thread waits */
	if (!proc)
		show_unwatched(m, task, mm);
}

/**
 * knumad_task_show - what there is to read in /proc/PID/knumad
 * @m: where to write it
 * @task: the process
 *
 * Sleeps.
 *
 * Return: 0, -EACCES to whom may not see its memory, -EINVAL of a kernel thread, -ESRCH
 * if it is exiting, or -EINTR.
 */
int knumad_task_show(struct seq_file *m, struct task_struct *task)
{
	struct task_struct *live;
	struct mm_struct *mm;
	int ret;

	/* It may not become somebody else's between the question and the answer */
	ret = down_read_killable(&task->signal->exec_update_lock);
	if (ret)
		return ret;
	ret = -EACCES;
	if (!ptrace_may_access(task, PTRACE_MODE_READ_FSCREDS))
		goto unlock;
	ret = -EINVAL;
	if (READ_ONCE(task->flags) & PF_KTHREAD)
		goto unlock;
	ret = -ESRCH;
	live = knumad_live_thread(task, &mm);
	if (!live)
		goto unlock;
	ret = -EACCES;
	/* Of a leader that has exited nobody can tell whether it may be looked at */
	if (live == task || ptrace_may_access(live, PTRACE_MODE_READ_FSCREDS)) {
		show_mm(m, live, mm);
		ret = 0;
	}
	put_task_struct(live);
	mmdrop(mm);
unlock:
	up_read(&task->signal->exec_update_lock);
	return ret;
}

/*
 * Whose process it is, or who may set limits for anybody. What got rights by exec, set-uid,
 * set-gid or with capabilities, is nobody's: who started it, and opened the file before,
 * would not get it open now, whatever rights the program lays down for a while.
 */
static bool may_choose(struct task_struct *task, struct mm_struct *mm, const struct cred *who)
{
	const struct cred *theirs;
	bool may;

	rcu_read_lock();
	theirs = __task_cred(task);
	may = (uid_eq(who->euid, theirs->euid) && get_dumpable(mm) == SUID_DUMP_USER) ||
	      security_capable(who, theirs->user_ns, CAP_SYS_RESOURCE, CAP_OPT_NONE) == 0;
	rcu_read_unlock();
	return may;
}

/**
 * knumad_task_write - what was written to /proc/PID/knumad
 * @task: the process
 * @who: credentials of who opened the file
 * @buf: a word: default, in or out
 * @count: its length
 *
 * Sleeps.
 *
 * Return: 0, -EPERM, -EINVAL for another word or a kernel thread, -EFAULT, -ESRCH if it
 * is exiting, or -EINTR.
 */
int knumad_task_write(struct task_struct *task, const struct cred *who,
		      const char __user *buf, size_t count)
{
	char word[KNUMAD_WORD + 1] = {};
	struct task_struct *live;
	struct mm_struct *mm;
	int choice, ret;

	if (count > KNUMAD_WORD)
		return -EINVAL;
	if (copy_from_user(word, buf, count))
		return -EFAULT;
	choice = sysfs_match_string(choice_names, word);
	if (choice < 0 || READ_ONCE(task->flags) & PF_KTHREAD)
		return -EINVAL;
	/* A program that it may not choose for must not be executed meanwhile */
	ret = down_read_killable(&task->signal->exec_update_lock);
	if (ret)
		return ret;
	ret = -ESRCH;
	live = knumad_live_thread(task, &mm);
	if (!live)
		goto unlock;
	ret = -EPERM;
	if (may_choose(live, mm, who)) {
		knumad_choose(mm, choice);
		ret = 0;
	}
	put_task_struct(live);
	mmdrop(mm);
unlock:
	up_read(&task->signal->exec_update_lock);
	return ret;
}
