// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: moving pages
 *
 * Folios are isolated by scan.c in batches of up to KNUMAD_BATCH for one
 * (process, target) and handed to migrate_pages(), which shares one TLB flush
 * per batch. MR_NUMA_MISPLACED makes it never split a large folio. The target
 * is not reclaimed, compacted or swapped to make room.
 */

#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <trace/events/knumad.h>

#include "../internal.h"
#include "internal.h"

/* A batch is not worth its overhead below this many pages: one THP */
#define KNUMAD_MIN_PAGES	512

/**
 * struct rate_bucket - pages that may be moved to a node now
 * @pages:	tokens
 * @stamp:	local_clock() of the last refill
 */
struct rate_bucket {
	u64 pages;
	u64 stamp;
};

static struct rate_bucket *buckets;

/* Refill and tell the tokens of a node; a quarter of a second may pile up */
static u64 rate_tokens(int nid)
{
	u64 rate = READ_ONCE(knumad_tun.migrate_mb_per_s) << (20 - PAGE_SHIFT);
	u64 cap = max_t(u64, rate / 4, 2 * KNUMAD_MIN_PAGES);
	struct rate_bucket *b = &buckets[nid];
	u64 now = local_clock();
	u64 elapsed = min_t(u64, now - b->stamp, NSEC_PER_SEC);
	u64 fresh = div_u64(rate * elapsed, NSEC_PER_SEC);

	if (fresh) {
		b->pages = min(b->pages + fresh, cap);
		b->stamp = now;
	}
	return b->pages;
}

static struct folio *alloc_target(struct folio *src, unsigned long nid)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | __GFP_NOMEMALLOC |
		    __GFP_NORETRY | __GFP_NOWARN;

	if (folio_test_large(src))
		gfp |= __GFP_COMP;
	return __folio_alloc_node(gfp & ~__GFP_RECLAIM, folio_order(src), nid);
}

static void account(struct knumad_proc *proc, struct knumad_batch *batch,
		    unsigned int moved)
{
	unsigned long left = moved;
	int i;

	/*
	 * migrate_pages() does not tell which nodes its failures are from: take
	 * the sources in order, the next walk puts that right.
	 */
	for (i = 0; i < knumad_topo.nr; i++) {
		unsigned long nr = min3(batch->from[i], left,
					proc->now.resident[i]);

		proc->now.resident[i] -= nr;
		proc->now.resident[batch->target] += nr;
		left -= nr;
	}
	proc->walk_moved += moved;
	WRITE_ONCE(proc->moved, proc->moved + moved);
	knumad_stat_add(KNUMAD_S_PAGES_MIGRATED, moved);
}

static void count_vm(struct mm_struct *mm, unsigned int moved)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(mm);

	count_vm_numa_events(NUMA_PAGE_MIGRATE, moved);
	count_memcg_events(memcg, NUMA_PAGE_MIGRATE, moved);
	mem_cgroup_put(memcg);
}

static void move_batch(struct knumad_proc *proc, struct mm_struct *mm,
		       struct knumad_batch *batch)
{
	unsigned int moved = 0, failed = 0, failed_thp = 0;
	struct folio *folio;

	migrate_pages(&batch->folios, alloc_target, NULL, batch->target,
		      MIGRATE_ASYNC, MR_NUMA_MISPLACED, &moved);
	list_for_each_entry(folio, &batch->folios, lru) {
		failed++;
		failed_thp += folio_test_pmd_mappable(folio);
	}
	if (failed) {
		putback_movable_pages(&batch->folios);
		knumad_verdict_add(KNUMAD_V_COPY_FAILED, failed);
		knumad_stat_add(KNUMAD_S_MIGRATE_FAILED, failed);
	}
	if (KNUMAD_WARN_ON(moved > batch->nr_pages ||
			   failed > batch->nr_folios))
		return;
	account(proc, batch, moved);
	if (moved)
		count_vm(mm, moved);
	knumad_stat_add(KNUMAD_S_FOLIOS_MIGRATED, batch->nr_folios - failed);
	knumad_stat_add(KNUMAD_S_THP_MIGRATED, batch->nr_thp - failed_thp);
	buckets[batch->target].pages -= min_t(u64, moved,
					      buckets[batch->target].pages);
	trace_knumad_migrate(pid_nr(proc->pid), batch->target,
			     batch->nr_folios, batch->nr_pages, moved);
}

/**
 * knumad_away_from_home - pages that could still move home
 * @proc: the process, with a home
 *
 * Return: pages, by the last walk and what was moved since.
 */
unsigned long knumad_away_from_home(const struct knumad_proc *proc)
{
	unsigned long away = 0;
	int i;

	for (i = 0; i < knumad_topo.nr; i++) {
		if (i == proc->home)
			continue;
		away += proc->now.resident[i] -
			min(proc->now.resident[i], proc->now.fixed[i]);
	}
	return away;
}

/* One batch. Return: true to go on at once. */
static bool move_some(struct knumad_proc *proc, struct mm_struct *mm,
		      unsigned long *from)
{
	unsigned long free = knumad_node_free(proc->home);
	u64 tokens = rate_tokens(proc->home);
	enum knumad_walk_result ret;
	struct knumad_batch batch = {
		.folios = LIST_HEAD_INIT(batch.folios),
		.target = proc->home,
		.max_pages = min_t(u64, tokens, free),
		.from = from,
	};

	if (!free) {
		knumad_verdict_add(KNUMAD_V_NODE_FULL, 1);
		proc->moving = false;
		return false;
	}
	if (tokens < KNUMAD_MIN_PAGES) {
		knumad_verdict_add(KNUMAD_V_RATE_LIMITED, 1);
		knumad_stat_add(KNUMAD_S_RATE_LIMITED, 1);
		return false;
	}

	memset(from, 0, knumad_topo.nr * sizeof(*from));
	ret = knumad_collect(proc, mm, &batch);
	if (ret == KNUMAD_WALK_BUSY) {
		knumad_verdict_add(KNUMAD_V_MMAP_BUSY, 1);
		return false;
	}
	if (batch.nr_folios)
		move_batch(proc, mm, &batch);
	if (ret == KNUMAD_WALK_DONE)
		proc->moving = false;
	cond_resched();
	return proc->moving;
}

/**
 * knumad_migrate_home - move memory of a process to its home node
 * @proc: the process; @proc->moving says that there may be some
 * @deadline: CPU time of the thread, ns, at which to stop
 *
 * Knumad thread only; sleeps. Refusals are counted by verdict.
 *
 * Return: true if there is more to do soon.
 */
bool knumad_migrate_home(struct knumad_proc *proc, u64 deadline)
{
	u64 start = task_sched_runtime(current);
	struct mm_struct *mm = proc->slot.mm;
	unsigned long *from;

	if (proc->home == NUMA_NO_NODE || !proc->moving)
		return false;
	if (!knumad_away_from_home(proc) || !mmget_not_zero(mm)) {
		proc->moving = false;
		return false;
	}
	from = kmalloc_array(knumad_topo.nr, sizeof(*from), GFP_KERNEL);
	while (from && !knumad_should_stop() && move_some(proc, mm, from))
		if (task_sched_runtime(current) >= deadline)
			break;
	kfree(from);
	mmput_async(mm);
	knumad_stat_add(KNUMAD_S_MIGRATE_NS,
			task_sched_runtime(current) - start);
	return proc->moving;
}

/**
 * knumad_migrate_init - allocate the rate limit
 *
 * Return: 0 or -ENOMEM.
 */
int knumad_migrate_init(void)
{
	buckets = kcalloc(knumad_topo.nr, sizeof(*buckets), GFP_KERNEL);
	return buckets ? 0 : -ENOMEM;
}

/**
 * knumad_migrate_exit - free the rate limit
 */
void knumad_migrate_exit(void)
{
	kfree(buckets);
	buckets = NULL;
}
