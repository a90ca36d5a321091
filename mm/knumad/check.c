// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: fail safe
 *
 * What knumad does to other people's memory follows from what it believes. Where that
 * can be told to be wrong, it is checked; a check that fails warns once with what to
 * report, and knumad switches itself off: it moves and arms nothing more, disarms and
 * frees what it has, and the machine goes on without it. The admin may switch it on again.
 *
 * With CONFIG_FAULT_INJECTION_DEBUG_FS each check can be made to fail: see the
 * directories fail_* in debugfs, and Documentation/fault-injection/fault-injection.rst.
 */

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/spinlock.h>

#include "internal.h"

static const char * const check_names[] = {
	[KNUMAD_C_MOVED]	= "moved",
	[KNUMAD_C_RESERVED]	= "reserved",
	[KNUMAD_C_TARGET]	= "target",
	[KNUMAD_C_WATCHED]	= "watched",
	[KNUMAD_C_HOME]		= "home",
	[KNUMAD_C_THREAD_HOME]	= "thread_home",
	[KNUMAD_C_BYTES]	= "bytes",
};

static_assert(ARRAY_SIZE(check_names) == KNUMAD_NR_CHECKS);

static atomic_t failed[KNUMAD_NR_CHECKS];

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS

static struct fault_attr injected[] = {
	[0 ... KNUMAD_NR_CHECKS - 1] = FAULT_ATTR_INITIALIZER,
};

/* should_fail() looks at "times" and counts it down without a lock */
static DEFINE_SPINLOCK(inject_lock);

/* Not by a count that is meant for allocations, /proc/PID/fail-nth */
static bool is_injected(enum knumad_check check)
{
	if (!injected[check].probability)
		return false;
	guard(spinlock_irqsave)(&inject_lock);
	return should_fail(&injected[check], 1);
}

static int __init knumad_check_init(void)
{
	struct dentry *dir = debugfs_lookup("knumad", NULL);
	char name[32];
	int i;

	for (i = 0; dir && i < KNUMAD_NR_CHECKS; i++) {
		snprintf(name, sizeof(name), "fail_%s", check_names[i]);
		fault_create_debugfs_attr(name, dir, &injected[i]);
	}
	dput(dir);
	return 0;
}

/* After stats.c has made the directory */
late_initcall_sync(knumad_check_init);

#else

static bool is_injected(enum knumad_check check)
{
	return false;
}

#endif

/**
 * knumad_inconsistent - switch knumad off if something is not as it must be
 * @check: what is checked
 * @wrong: whether it is wrong
 *
 * Any context that may queue work. Whoever calls must not act on what was checked.
 *
 * Return: @wrong, or true if a test wants it so.
 */
bool knumad_inconsistent(enum knumad_check check, bool wrong)
{
	wrong |= is_injected(check);
	if (likely(!wrong))
		return false;
	WARN(atomic_inc_return(&failed[check]) == 1,
	     "knumad: check '%s' failed, switching itself off: please report this with all of debugfs knumad/\n",
	     check_names[check]);
	knumad_self_disable();
	return true;
}

/**
 * knumad_check_name - the word for a check
 * @check: the check
 *
 * Return: as in statistics.
 */
const char *knumad_check_name(enum knumad_check check)
{
	return check_names[check];
}

/**
 * knumad_check_failed - how often did a check fail?
 * @check: the check
 *
 * Return: how often since boot.
 */
unsigned int knumad_check_failed(enum knumad_check check)
{
	return atomic_read(&failed[check]);
}
