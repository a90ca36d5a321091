// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: what the load balancer is told
 */

#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/knumad.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/topology.h>

#include "../internal.h"

/* A thread of a process with homes, its own on the node of CPU @home */
struct balance {
	struct task_struct *task;
	struct mm_struct *mm;
	int home;
	int away;
};

static int balance_init(struct kunit *test)
{
	struct balance *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	int cpu;

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->home = cpumask_first(cpu_online_mask);
	b->away = b->home;
	for_each_online_cpu(cpu)
		if (cpu_to_node(cpu) != cpu_to_node(b->home))
			b->away = cpu;
	b->mm = kunit_kzalloc(test, sizeof(*b->mm), GFP_KERNEL);
	b->task = kunit_kzalloc(test, sizeof(*b->task), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->mm);
	KUNIT_ASSERT_NOT_NULL(test, b->task);
	set_bit(MMF_KNUMAD_HOME, &b->mm->flags);
	b->task->mm = b->mm;
	b->task->numa_preferred_nid = cpu_to_node(b->home);
	/* Whether a CPU at home is idle is as it happens: here it may use none */
	b->task->cpus_ptr = cpumask_of(b->away);
	test->priv = b;
	return 0;
}

static bool keeps(struct kunit *test, bool idle, bool others)
{
	struct balance *b = test->priv;

	if (b->away == b->home)
		kunit_skip(test, "needs two nodes with CPUs");
	return knumad_keeps_home(b->task, b->home, b->away, idle, others);
}

/* From home to a busy CPU never, to an idle one if nobody else can go */
static void at_home(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, keeps(test, false, false));
	KUNIT_EXPECT_TRUE(test, keeps(test, false, true));
	KUNIT_EXPECT_TRUE(test, keeps(test, true, true));
	KUNIT_EXPECT_FALSE(test, keeps(test, true, false));
}

/* Who is not at home, or goes home, is not held up */
static void not_at_home(struct kunit *test)
{
	struct balance *b = test->priv;

	b->task->numa_preferred_nid = cpu_to_node(b->away);
	KUNIT_EXPECT_FALSE(test, keeps(test, false, true));
	b->task->numa_preferred_nid = NUMA_NO_NODE;
	KUNIT_EXPECT_FALSE(test, keeps(test, false, true));
}

/* Copied by vfork(), kept over exec(), or of mainline's balancing: preferred, but no home */
static void preferred_is_no_home(struct kunit *test)
{
	struct balance *b = test->priv;

	clear_bit(MMF_KNUMAD_HOME, &b->mm->flags);
	KUNIT_EXPECT_FALSE(test, keeps(test, false, true));
	b->task->mm = NULL;
	KUNIT_EXPECT_FALSE(test, keeps(test, false, true));
}

/* A child is a process of its own */
static void home_is_not_inherited(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0UL, mmf_init_flags(BIT(MMF_KNUMAD_HOME)));
}

static struct kunit_case tasks_cases[] = {
	KUNIT_CASE(at_home),
	KUNIT_CASE(not_at_home),
	KUNIT_CASE(preferred_is_no_home),
	KUNIT_CASE(home_is_not_inherited),
	{}
};

static struct kunit_suite tasks_suite = {
	.name = "knumad_tasks",
	.init = balance_init,
	.test_cases = tasks_cases,
};

kunit_test_suite(tasks_suite);
