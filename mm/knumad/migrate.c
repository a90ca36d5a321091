// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: moving pages
 *
 * Folios are isolated by scan.c in batches of up to KNUMAD_BATCH for one
 * (process, target) and handed to migrate_pages(), which shares one TLB flush
 * per batch. MR_NUMA_MISPLACED makes it never split a large folio for want of memory;
 * one of which a part was unmapped meanwhile it does split. The target
 * is not reclaimed, compacted or swapped to make room.
 *
 * Each node with CPUs has threads that move pages, two where there are as many CPUs:
 * with small pages one alone is far below the rate limit. They move pages first of
 * processes at home on their node, since they write to that node, then of any other,
 * since memory that is half moved is slow for longer if one does it alone. Of several on
 * one process each takes the next batch. The knumad thread hands out turns and waits for
 * all of them.
 *
 * Who has had KNUMAD_TURN_PAGES lets the others go first, until nobody waits: a process
 * that always has something to move holds up others by one turn, not until it is through.
 * Most processes are moved at a stretch nevertheless: two that are half moved are worse
 * off than one that has arrived and one that has not begun.
 */

#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

#include <trace/events/knumad.h>

#include "../internal.h"
#include "internal.h"

/* Most pages of a batch: one THP. Below it, a batch waits for the rate limit. */
#define KNUMAD_BATCH_PAGES	512UL

/* Pages of one turn of a process: 64 MiB */
#define KNUMAD_TURN_PAGES	(SZ_64M / PAGE_SIZE)

/* Pages to move per thread that is woken up for it: fewer are not worth a wake-up */
#define KNUMAD_PAGES_PER_MOVER	1024

#define KNUMAD_MOVERS_PER_NODE	2

/**
 * struct mover - one thread that moves pages
 * @nid:	its node
 * @worker:	the thread, NULL if there is none for lack of CPUs
 * @work:	one turn
 * @cpus:	where it may run
 */
struct mover {
	int nid;
	struct kthread_worker *worker;
	struct kthread_work work;
	struct cpumask cpus;
};

/**
 * struct target - what may be moved to one node
 * @lock:	for all that follows
 * @tokens:	pages that may be moved now, by the rate limit
 * @stamp:	ktime_get_ns() of the last refill of @tokens: movers are on several CPUs
 * @inflight:	pages on their way, or reserved for a batch
 */
struct target {
	spinlock_t lock;	/* innermost, for all that follows */
	u64 tokens;
	u64 stamp;
	unsigned long inflight;
};

/* First one of each node, then the second ones */
static struct mover *movers;
static struct target *targets;
static unsigned long turn_ends;		/* jiffies */

/* Refill and tell the tokens of a node; a quarter of a second may pile up */
static u64 rate_tokens(struct target *t)
{
	u64 rate = READ_ONCE(knumad_tun.migrate_mb_per_s) << (20 - PAGE_SHIFT);
	u64 cap = max_t(u64, rate / 4, 2 * KNUMAD_BATCH_PAGES);
	u64 now = ktime_get_ns();
	u64 elapsed = min_t(u64, now - t->stamp, NSEC_PER_SEC);
	u64 fresh = div_u64(rate * elapsed, NSEC_PER_SEC);

	lockdep_assert_held(&t->lock);
	if (fresh) {
		t->tokens = min(t->tokens + fresh, cap);
		t->stamp = now;
	}
	return t->tokens;
}

/* Nothing more goes to node @nid, for now */
static void stop_moving(struct knumad_proc *proc, int nid)
{
	bool more = false;

	if (proc->sampling) {
		node_clear(nid, proc->sampling->moving);
		more = !nodes_empty(proc->sampling->moving);
		if (!more)
			proc->sampling->misplaced = 0;
	}
	/* Pairs with READ_ONCE() of movers that look for work without the lock */
	WRITE_ONCE(proc->moving, more);
}

/* The end of the address space: all that belongs to node @nid is there */
static void all_moved(struct knumad_proc *proc, int nid)
{
	struct knumad_sampling *s = proc->sampling;

	if (s && node_isset(nid, s->again)) {
		node_clear(nid, s->again);
		return;
	}
	stop_moving(proc, nid);
	if (s)
		node_set(nid, s->arrived);
}

/*
 * Take tokens and room on a node for a batch of @proc. Return: pages, 0 if there is
 * none now.
 */
static unsigned long reserve(struct knumad_proc *proc, int nid)
{
	struct target *t = &targets[nid];
	unsigned long free, nr = 0;

	spin_lock(&t->lock);
	/* Before the lock, a batch that arrives meanwhile would count for neither */
	free = knumad_node_free(nid);
	free -= min(free, t->inflight);
	if (!free) {
		knumad_verdict_add(KNUMAD_V_NODE_FULL, 1);
		if (!t->inflight)
			stop_moving(proc, nid);
	} else if (rate_tokens(t) < KNUMAD_BATCH_PAGES) {
		knumad_verdict_add(KNUMAD_V_RATE_LIMITED, 1);
		knumad_stat_add(KNUMAD_S_RATE_LIMITED, 1);
	} else {
		nr = min(free, KNUMAD_BATCH_PAGES);
		t->tokens -= nr;
		t->inflight += nr;
	}
	spin_unlock(&t->lock);
	return nr;
}

/*
 * Of the reserved pages @nr are no longer on their way: either they are not needed, then
 * their @tokens are given back, or they are there, and no longer free.
 */
static void release(int nid, unsigned long nr, unsigned long tokens)
{
	struct target *t = &targets[nid];

	spin_lock(&t->lock);
	t->tokens += tokens;
	t->inflight -= nr;
	spin_unlock(&t->lock);
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

	lockdep_assert_held(&proc->move_lock);
	/*
	 * migrate_pages() does not tell which nodes its failures are from: take
	 * the sources in order, the next walk puts that right.
	 */
	for (i = 0; i < knumad_topo.nr; i++) {
		unsigned long nr = min3(batch->from[i], left,
					proc->now.resident[i]);

		/* Who reads it meanwhile may find pages on both nodes, but not on none */
		WRITE_ONCE(proc->now.resident[batch->target],
			   proc->now.resident[batch->target] + nr);
		WRITE_ONCE(proc->now.resident[i], proc->now.resident[i] - nr);
		left -= nr;
	}
	proc->walk_moved += moved;
	WRITE_ONCE(proc->moved, proc->moved + moved);
	knumad_stat_add_mm(KNUMAD_S_PAGES_MIGRATED, moved, proc->slot.mm);
}

static void count_vm(struct mm_struct *mm, unsigned int moved)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(mm);

	count_vm_numa_events(NUMA_PAGE_MIGRATE, moved);
	count_memcg_events(memcg, NUMA_PAGE_MIGRATE, moved);
	mem_cgroup_put(memcg);
}

/* Folios that stay where they are. Return: pages. */
static unsigned int put_back(struct list_head *folios)
{
	unsigned int pages = 0;
	struct folio *folio;

	list_for_each_entry(folio, folios, lru)
		pages += folio_nr_pages(folio);
	putback_movable_pages(folios);
	knumad_stat_add(KNUMAD_S_PAGES_PUT_BACK, pages);
	return pages;
}

static void move_batch(struct knumad_proc *proc, struct mm_struct *mm,
		       struct knumad_batch *batch)
{
	unsigned int moved = 0, failed = 0, failed_thp = 0, back = 0;
	struct folio *folio;

	migrate_pages(&batch->folios, alloc_target, NULL, batch->target,
		      MIGRATE_ASYNC, MR_NUMA_MISPLACED, &moved);
	list_for_each_entry(folio, &batch->folios, lru) {
		failed++;
		failed_thp += folio_test_pmd_mappable(folio);
	}
	if (failed) {
		back = put_back(&batch->folios);
		knumad_verdict_add(KNUMAD_V_COPY_FAILED, failed);
		knumad_stat_add(KNUMAD_S_MIGRATE_FAILED, failed);
	}
	if (knumad_inconsistent(KNUMAD_C_MOVED, moved + back > batch->nr_pages))
		moved = 0;
	/* A folio of which a part was unmapped meanwhile may come back in pieces */
	failed = min(failed, batch->nr_folios);
	release(batch->target, batch->nr_pages, 0);
	mutex_lock(&proc->move_lock);
	account(proc, batch, moved);
	mutex_unlock(&proc->move_lock);
	if (moved)
		count_vm(mm, moved);
	knumad_stat_add(KNUMAD_S_FOLIOS_MIGRATED, batch->nr_folios - failed);
	knumad_stat_add_mm(KNUMAD_S_THP_MIGRATED, batch->nr_thp - failed_thp, mm);
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

/* Where the mover of node @nid should move memory of @proc: there if it can choose */
static int target_of(const struct knumad_proc *proc, int nid)
{
	if (!proc->sampling)
		return proc->home;
	if (node_isset(nid, proc->sampling->moving))
		return nid;
	nid = first_node(proc->sampling->moving);
	return nid < MAX_NUMNODES ? nid : NUMA_NO_NODE;
}

/*
 * What the process, its control group and its cpuset say may have changed since the last
 * look; what is on its way then arrives.
 */
static bool may_go(struct knumad_proc *proc, int nid)
{
	struct task_struct *task;
	bool allowed;

	if (!knumad_registry_wants(proc->slot.mm))
		return false;
	task = knumad_proc_task(proc);
	if (!task)
		return false;
	allowed = node_isset(nid, cpuset_mems_allowed(task));
	put_task_struct(task);
	return allowed;
}

/* Isolate the next batch. Return: false if there is none now. */
static bool next_batch(struct knumad_proc *proc, struct mm_struct *mm,
		       struct knumad_batch *batch, int nid)
{
	enum knumad_walk_result ret;
	unsigned long unused;

	lockdep_assert_held(&proc->move_lock);
	if (!proc->moving)
		return false;
	batch->target = target_of(proc, nid);
	if (batch->target == NUMA_NO_NODE)
		return false;
	if (knumad_inconsistent(KNUMAD_C_TARGET,
				!knumad_is_node(batch->target, knumad_topo.nr)))
		return false;
	if (!may_go(proc, batch->target)) {
		stop_moving(proc, batch->target);
		return false;
	}
	batch->max_pages = reserve(proc, batch->target);
	if (!batch->max_pages)
		return false;
	/* Whatever comes of it. Pairs with READ_ONCE() in is_waiting(). */
	WRITE_ONCE(proc->served, proc->served + batch->max_pages);

	ret = knumad_collect(proc, mm, batch);
	if (knumad_inconsistent(KNUMAD_C_RESERVED, batch->nr_pages > batch->max_pages)) {
		put_back(&batch->folios);
		batch->nr_folios = 0;
		release(batch->target, batch->max_pages, batch->max_pages);
		return false;
	}
	unused = batch->max_pages - batch->nr_pages;
	release(batch->target, unused, unused);
	if (ret == KNUMAD_WALK_BUSY) {
		knumad_verdict_add(KNUMAD_V_MMAP_BUSY, 1);
		return false;
	}
	if (ret == KNUMAD_WALK_DONE)
		all_moved(proc, batch->target);
	return batch->nr_folios || proc->moving;
}

/* Move memory of one process home, batch by batch, as the mover of node @nid */
static void move_home(struct knumad_proc *proc, unsigned long *from, int nid)
{
	struct mm_struct *mm = proc->slot.mm;
	bool more = true;

	while (more && !knumad_should_stop() && time_before(jiffies, turn_ends)) {
		struct knumad_batch batch = {
			.folios = LIST_HEAD_INIT(batch.folios),
			.from = from,
		};

		memset(from, 0, knumad_topo.nr * sizeof(*from));
		/* While others hold it, exit and exec look for a new owner, among all processes */
		if (!mmget_not_zero(mm)) {
			WRITE_ONCE(proc->moving, false);
			break;
		}
		mutex_lock(&proc->move_lock);
		more = next_batch(proc, mm, &batch, nid);
		mutex_unlock(&proc->move_lock);
		mmput_async(mm);
		if (batch.nr_folios)
			move_batch(proc, mm, &batch);
		cond_resched();
	}
}

/* Has it something to move, and has not had its turn? */
static bool is_waiting(const struct knumad_proc *proc)
{
	return READ_ONCE(proc->moving) && READ_ONCE(proc->served) < KNUMAD_TURN_PAGES;
}

/* Those that wait, or all; at home on node @nid, or on any */
static void move_those(unsigned long *from, int nid, bool waiting, bool own)
{
	struct knumad_proc *proc;

	knumad_for_each_proc(proc) {
		if (!READ_ONCE(proc->moving) || (waiting && !is_waiting(proc)) ||
		    (own && target_of(proc, nid) != nid))
			continue;
		move_home(proc, from, nid);
	}
}

/* Work of the mover of a node; the list of processes does not change meanwhile */
static void move_some(int nid)
{
	u64 start = task_sched_runtime(current);
	unsigned long *from;

	from = kmalloc_array(knumad_topo.nr, sizeof(*from), KNUMAD_GFP);
	if (!from)
		return;
	move_those(from, nid, true, true);
	move_those(from, nid, true, false);
	move_those(from, nid, false, true);
	move_those(from, nid, false, false);
	kfree(from);
	knumad_stat_add(KNUMAD_S_MIGRATE_NS, task_sched_runtime(current) - start);
}

/* Housekeeping CPUs of its node; if there are none, all others */
static void stay_on_node(struct mover *mover, struct task_struct *thread)
{
	const struct cpumask *there = cpumask_of_node(mover->nid);

	knumad_housekeeping_cpus(thread, &mover->cpus);
	if (cpumask_intersects(&mover->cpus, there))
		cpumask_and(&mover->cpus, &mover->cpus, there);
	set_cpus_allowed_ptr(thread, &mover->cpus);
}

/* One turn of one mover */
static void take_turn(struct kthread_work *work)
{
	struct mover *mover = container_of(work, struct mover, work);

	/* Its CPUs may have gone and come back, or been isolated, since the last one */
	stay_on_node(mover, current);
	move_some(mover->nid);
}

/*
 * Begin by the estimate of the last walk, but do not stop by it: there may be more.
 * Return: pages to move.
 */
static unsigned long plan(nodemask_t *homes)
{
	struct knumad_proc *proc;
	unsigned long pages = 0;

	knumad_for_each_proc(proc) {
		unsigned long away;

		if (proc->home == NUMA_NO_NODE && !proc->sampling)
			proc->moving = false;
		if (!proc->moving)
			continue;
		if (proc->sampling) {
			pages += proc->sampling->misplaced;
			nodes_or(*homes, *homes, proc->sampling->moving);
			continue;
		}
		away = knumad_away_from_home(proc);
		if (!away && !proc->move_cursor) {
			proc->moving = false;
			continue;
		}
		pages += away;
		node_set(proc->home, *homes);
	}
	return pages;
}

static int nr_movers(void)
{
	return knumad_topo.nr * KNUMAD_MOVERS_PER_NODE;
}

/*
 * Begin a turn: the first mover of these nodes, and as many others as there is work for,
 * those of other nodes before the second ones. Where a node has none, do its work here.
 */
static void begin_turn(const nodemask_t *nodes, unsigned long pages)
{
	int i, nr = DIV_ROUND_UP(pages, KNUMAD_PAGES_PER_MOVER) - nodes_weight(*nodes);

	for (i = 0; i < nr_movers(); i++) {
		bool must = i < knumad_topo.nr && node_isset(i, *nodes);

		if (!movers[i].worker || (!must && nr <= 0))
			continue;
		nr -= !must;
		kthread_queue_work(movers[i].worker, &movers[i].work);
	}
	for_each_node_mask(i, *nodes)
		if (!movers[i].worker)
			move_some(i);
}

/* After a turn. Return: true if there is more to move. */
static bool count_turns(void)
{
	bool moving = false, waiting = false;
	struct knumad_proc *proc;

	knumad_for_each_proc(proc) {
		moving |= proc->moving;
		waiting |= is_waiting(proc);
	}
	if (!waiting)
		knumad_for_each_proc(proc)
			proc->served = 0;
	return moving;
}

/**
 * knumad_migrate_all - move memory of all processes to their home nodes
 * @until: jiffies at which to stop; a batch that was begun is finished
 *
 * Knumad thread only; sleeps until all are done. Refusals are counted by verdict.
 *
 * Return: true if there is more to do soon.
 */
bool knumad_migrate_all(unsigned long until)
{
	nodemask_t nodes = NODE_MASK_NONE;
	unsigned long pages = plan(&nodes);
	int i;

	if (nodes_empty(nodes))
		return false;
	turn_ends = until;
	begin_turn(&nodes, pages);
	for (i = 0; i < nr_movers(); i++)
		if (movers[i].worker)
			kthread_flush_work(&movers[i].work);
	return count_turns();
}

static size_t own_bytes(void)
{
	return nr_movers() * sizeof(*movers) + knumad_topo.nr * sizeof(*targets);
}

/* Start a thread of a node, on its housekeeping CPUs: a second one if it has two */
static int start_worker(struct mover *mover, bool second)
{
	struct kthread_worker *worker;
	struct task_struct *thread;

	knumad_housekeeping_cpus(kthreadd_task, &mover->cpus);
	if (second && cpumask_weight_and(&mover->cpus, cpumask_of_node(mover->nid)) < 2)
		return 0;
	worker = kthread_create_worker(0, "knumad/%d:%d", mover->nid, second);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	mover->worker = worker;
	/* The thread sets it again when it begins, to the same */
	thread = data_race(worker->task);
	set_user_nice(thread, KNUMAD_NICE);
	stay_on_node(mover, thread);
	return 0;
}

/**
 * knumad_migrate_init - start the threads that move pages
 *
 * Sleeps.
 *
 * Return: 0, -ENOMEM, or -EINTR if the caller was killed.
 */
int knumad_migrate_init(void)
{
	int i, ret = 0;

	movers = kcalloc(nr_movers(), sizeof(*movers), GFP_KERNEL);
	targets = kcalloc(knumad_topo.nr, sizeof(*targets), GFP_KERNEL);
	if (!movers || !targets)
		ret = -ENOMEM;
	else
		knumad_stat_bytes(own_bytes());
	for (i = 0; i < knumad_topo.nr && !ret; i++)
		spin_lock_init(&targets[i].lock);
	for (i = 0; i < nr_movers() && !ret; i++) {
		movers[i].nid = i % knumad_topo.nr;
		kthread_init_work(&movers[i].work, take_turn);
		if (node_state(movers[i].nid, N_CPU))
			ret = start_worker(&movers[i], i >= knumad_topo.nr);
	}
	if (ret)
		knumad_migrate_exit();
	return ret;
}

/**
 * knumad_migrate_exit - stop the threads that move pages
 */
void knumad_migrate_exit(void)
{
	int i;

	for (i = 0; movers && i < nr_movers(); i++)
		if (movers[i].worker)
			kthread_destroy_worker(movers[i].worker);
	if (movers && targets)
		knumad_stat_bytes(-(long)own_bytes());
	kfree(movers);
	kfree(targets);
	movers = NULL;
	targets = NULL;
}
