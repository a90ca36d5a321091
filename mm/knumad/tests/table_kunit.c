// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: the chunks of a process, and its mmap_lock
 */

#include <kunit/test.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pid.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/xarray.h>

#include "../internal.h"

#define NR_TABLES	12UL
#define PATIENCE_MS	1000

/* A process that has a chunk in each of some GiB, with something armed in it */
static int table_init(struct kunit *test)
{
	struct knumad_proc *proc = kunit_kzalloc(test, sizeof(*proc), GFP_KERNEL);
	unsigned long addr, i;

	KUNIT_ASSERT_NOT_NULL(test, proc);
	test->priv = proc;
	proc->pid = task_pid(current);
	proc->sampling = kunit_kzalloc(test, sizeof(*proc->sampling), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, proc->sampling);
	xa_init(&proc->sampling->chunks);
	xa_init(&proc->sampling->parts);
	proc->slot.mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, proc->slot.mm);
	/* As many page tables as there are tables */
	for (i = 0; i < NR_TABLES; i++)
		mm_inc_nr_ptes(proc->slot.mm);
	for (addr = SZ_1G; addr <= NR_TABLES * SZ_1G; addr += SZ_1G) {
		struct knumad_chunk *c = knumad_chunk_get(proc, addr + SZ_2M);

		KUNIT_ASSERT_NOT_NULL(test, c);
		c->touched = true;
	}
	return 0;
}

static void table_exit(struct kunit *test)
{
	struct knumad_proc *proc = test->priv;
	unsigned long i;

	if (!proc || !proc->sampling)
		return;
	knumad_chunks_free(proc->sampling);
	if (!proc->slot.mm)
		return;
	for (i = 0; i < NR_TABLES; i++)
		mm_dec_nr_ptes(proc->slot.mm);
	mmput(proc->slot.mm);
}

static void next_goes_through_all(struct kunit *test)
{
	struct knumad_proc *proc = test->priv;
	struct knumad_chunk_iter it = {};
	unsigned long nr = 0, touched = 0;
	struct knumad_chunk *c;

	while ((c = knumad_chunk_next(proc->sampling, &it))) {
		nr++;
		touched += c->touched;
		KUNIT_EXPECT_EQ(test, !!c->touched, (it.addr & (SZ_1G - 1)) == SZ_2M);
	}
	KUNIT_EXPECT_EQ(test, NR_TABLES * (SZ_1G / PMD_SIZE), nr);
	KUNIT_EXPECT_EQ(test, NR_TABLES, touched);
}

static void part_addr_test(struct kunit *test)
{
	const struct { unsigned long nr, index, by; } cases[] = {
		{ 40, 0, 40 },
		{ 40, 24, 16 },
		{ 40, 100, 0 },
		{ 40, 40, 0 },
		{ 0, 15, 0 },
		{ 511, 511, 0 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long addr = SZ_1G + cases[i].nr * PAGE_SIZE;

		KUNIT_EXPECT_EQ(test, SZ_1G + cases[i].by * PAGE_SIZE,
				knumad_part_addr(addr, cases[i].index));
		/* Wherever in the page */
		KUNIT_EXPECT_EQ(test, SZ_1G + cases[i].by * PAGE_SIZE,
				knumad_part_addr(addr + 8, cases[i].index) & PAGE_MASK);
	}
}

/* Whoever holds mmap_lock for ever does not hold up the end of sampling */
static void disarm_gives_up(struct kunit *test)
{
	struct knumad_proc *proc = test->priv;
	ktime_t begin = ktime_get();
	s64 ms;

	knumad_chunks_patience(PATIENCE_MS);
	mmap_write_lock(proc->slot.mm);
	knumad_chunks_disarm(proc);
	/* For all, not for each of the chunks */
	ms = ktime_ms_delta(ktime_get(), begin);
	KUNIT_EXPECT_GE(test, ms, PATIENCE_MS);
	KUNIT_EXPECT_LT(test, ms, (s64)NR_TABLES / 2 * PATIENCE_MS);

	/* Nor for each of the processes: the next one finds none left */
	begin = ktime_get();
	knumad_chunks_disarm(proc);
	KUNIT_EXPECT_LT(test, ktime_ms_delta(ktime_get(), begin), PATIENCE_MS / 2);
	mmap_write_unlock(proc->slot.mm);
}

static void disarm_lets_go(struct kunit *test)
{
	struct knumad_proc *proc = test->priv;

	knumad_chunks_disarm(proc);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&proc->slot.mm->mmap_lock));
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(next_goes_through_all),
	KUNIT_CASE(part_addr_test),
	KUNIT_CASE(disarm_gives_up),
	KUNIT_CASE(disarm_lets_go),
	{}
};

static struct kunit_suite table_suite = {
	.name = "knumad_table",
	.init = table_init,
	.exit = table_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
