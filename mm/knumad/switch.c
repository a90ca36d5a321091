// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: on and off
 *
 * Starts and stops the thread (core.c) and what it needs. Off by default; off,
 * there is no thread, no hook does anything, and no memory is held but that of
 * the snapshot of the topology.
 */

#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/workqueue.h>

#include "internal.h"

DEFINE_STATIC_KEY_FALSE(knumad_key);

/* Serialises on, off and changes of mode */
static DEFINE_MUTEX(knumad_ctl_lock);
static struct task_struct *knumad_thread;
static enum knumad_mode knumad_cur_mode;
static bool knumad_ready;
static bool knumad_stopping;
static bool knumad_broken;

static void self_disable_work(struct work_struct *work);
static DECLARE_WORK(knumad_self_disable_work, self_disable_work);

/**
 * knumad_mode - the present mode
 *
 * Return: what "enabled" shows; KNUMAD_NEVER after knumad switched itself off.
 */
enum knumad_mode knumad_mode(void)
{
	return READ_ONCE(knumad_broken) ? KNUMAD_NEVER :
	       READ_ONCE(knumad_cur_mode);
}

/**
 * knumad_should_stop - have knumad's threads to give up what they do?
 *
 * Return: true if knumad is being switched off, or has done so itself.
 */
bool knumad_should_stop(void)
{
	return READ_ONCE(knumad_stopping) || READ_ONCE(knumad_broken);
}

/**
 * knumad_self_disable - stop working after an inconsistency
 *
 * The thread does nothing more and waits to be stopped, from a worker.
 */
void knumad_self_disable(void)
{
	/* Several threads may find it out at once */
	if (!xchg(&knumad_broken, true))
		knumad_stat_add(KNUMAD_S_SELF_DISABLED, 1);
	schedule_work(&knumad_self_disable_work);
}

static int start(void)
{
	struct task_struct *thread;
	int ret;

	lockdep_assert_held(&knumad_ctl_lock);
	WRITE_ONCE(knumad_stopping, false);
	ret = knumad_fault_init();
	if (ret)
		return ret;
	ret = knumad_migrate_init();
	if (ret)
		goto fault_exit;
	/* Before the thread arms anything */
	static_branch_enable(&knumad_key);
	thread = kthread_run(knumad_loop, NULL, "knumad");
	if (IS_ERR(thread)) {
		ret = PTR_ERR(thread);
		goto disable;
	}
	knumad_thread = thread;
	return 0;

disable:
	static_branch_disable(&knumad_key);
	knumad_migrate_exit();
fault_exit:
	knumad_fault_exit(knumad_sampling_learn);
	return ret;
}

static void stop(void)
{
	lockdep_assert_held(&knumad_ctl_lock);
	WRITE_ONCE(knumad_stopping, true);
	kthread_stop(knumad_thread);
	knumad_thread = NULL;
	knumad_registry_release();
	knumad_migrate_exit();
	/* What escaped disarming takes a fault more: mainline's, from here on */
	static_branch_disable(&knumad_key);
	knumad_fault_exit(knumad_sampling_learn);
	knumad_inconsistent(KNUMAD_C_BYTES, knumad_stat(KNUMAD_S_BYTES));
	WRITE_ONCE(knumad_broken, false);
}

static int set_mode(enum knumad_mode mode)
{
	int ret = 0;

	lockdep_assert_held(&knumad_ctl_lock);
	/* A thread that switched itself off is started afresh */
	if (knumad_thread && (mode == KNUMAD_NEVER || knumad_broken))
		stop();
	/* The thread must not see another mode than the one it is started for */
	WRITE_ONCE(knumad_cur_mode, mode);
	if (!knumad_thread && mode != KNUMAD_NEVER)
		ret = start();
	if (ret)
		WRITE_ONCE(knumad_cur_mode, KNUMAD_NEVER);
	return ret;
}

static void self_disable_work(struct work_struct *work)
{
	mutex_lock(&knumad_ctl_lock);
	/* Unless somebody was faster, and has perhaps switched it on again */
	if (knumad_broken)
		set_mode(KNUMAD_NEVER);
	mutex_unlock(&knumad_ctl_lock);
}

/**
 * knumad_set_mode - switch knumad on, off, or to another mode
 * @mode: the new mode
 *
 * Sleeps; with KNUMAD_NEVER until the thread is gone and everything is freed.
 *
 * Return: 0, -ENODEV on a machine with nothing to balance, -ENOMEM, or -EINTR if the
 * caller was killed; it is off then.
 */
int knumad_set_mode(enum knumad_mode mode)
{
	int ret;

	if (mode != KNUMAD_NEVER && (!knumad_ready || !knumad_topology_usable())) {
		pr_info_ratelimited("knumad: needs two nodes with memory, found %d; stays off\n",
				    num_node_state(N_MEMORY));
		return -ENODEV;
	}

	mutex_lock(&knumad_ctl_lock);
	ret = set_mode(mode);
	mutex_unlock(&knumad_ctl_lock);
	knumad_kick();
	return ret;
}

static enum knumad_mode boot_mode __initdata;

static int __init knumad_setup(char *str)
{
	if (!str || knumad_parse_mode(str, &boot_mode)) {
		pr_warn("knumad: knumad= takes always, opt-in or never\n");
		return -EINVAL;
	}
	return 0;
}
early_param("knumad", knumad_setup);

static int __init knumad_init(void)
{
	int ret = knumad_topology_init();

	if (ret)
		return ret;
	knumad_ready = true;
	if (boot_mode != KNUMAD_NEVER)
		knumad_set_mode(boot_mode);
	return 0;
}
late_initcall(knumad_init);
