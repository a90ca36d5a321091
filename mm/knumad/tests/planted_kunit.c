// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: do the checkers see what they are there to see?
 *
 * A data race and a leak on purpose, in kernels that look for them. Whoever runs the tests
 * must find the report of KCSAN or kmemleak: nothing in here can. Therefore they are skipped
 * unless planted_kunit.plant=1 on the kernel's command line asks for them; see test_planted()
 * in scripts/test.py.
 */

#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* So often one thread reads what the other one writes all the time */
#define PLANTED_READS	1000000

/* Some of them may still be referenced from a stack */
#define PLANTED_LEAKS	16

static bool plant;
module_param(plant, bool, 0444);
MODULE_PARM_DESC(plant, "plant a race and a leak, for KCSAN and kmemleak to find");

static unsigned long planted_word;

/* A plain write, which KCSAN takes for atomic; the plain read beside it, it does not */
static noinline void knumad_planted_write(unsigned long value)
{
	planted_word = value;
}

static noinline unsigned long knumad_planted_read(void)
{
	return planted_word;
}

static int write_until_stopped(void *unused)
{
	unsigned long value = 0;

	while (!kthread_should_stop()) {
		knumad_planted_write(++value);
		cond_resched();
	}
	return 0;
}

static void a_race(struct kunit *test)
{
	unsigned long last = 0, seen = 0;
	struct task_struct *writer;
	int i;

	if (!plant || !IS_ENABLED(CONFIG_KCSAN))
		kunit_skip(test, "needs CONFIG_KCSAN and planted_kunit.plant=1");
	/* The thread of a test case is its own: each of the two has a CPU */
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current,
						      cpumask_of(cpumask_first(cpu_online_mask))));
	writer = kthread_run_on_cpu(write_until_stopped, NULL, cpumask_last(cpu_online_mask),
				    "planted/%u");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, writer);
	for (i = 0; i < PLANTED_READS; i++) {
		unsigned long now = knumad_planted_read();

		seen += now != last;
		last = now;
		cond_resched();
	}
	kthread_stop(writer);
	/* They did run at the same time */
	KUNIT_EXPECT_LT(test, 1, seen);
}

static noinline void *knumad_planted_leak(void)
{
	return kmalloc(100, GFP_KERNEL);
}

static void a_leak(struct kunit *test)
{
	int i;

	if (!plant || !IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		kunit_skip(test, "needs CONFIG_DEBUG_KMEMLEAK and planted_kunit.plant=1");
	for (i = 0; i < PLANTED_LEAKS; i++)
		KUNIT_EXPECT_NOT_NULL(test, knumad_planted_leak());
}

static struct kunit_case planted_cases[] = {
	KUNIT_CASE(a_race),
	KUNIT_CASE(a_leak),
	{}
};

static struct kunit_suite planted_suite = {
	.name = "knumad_planted",
	.test_cases = planted_cases,
};

kunit_test_suite(planted_suite);
