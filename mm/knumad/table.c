// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the chunks of a process that spans nodes, by address
 *
 * What is known of 2 MiB is kept in 8 bytes (chunk.h), in tables of 4 KiB for each GiB
 * of address space where there is something to sample; of a shared chunk of small pages
 * 128 bytes more, for its parts. There are never more tables than the process has, or had,
 * page tables, and one: those of address space where there is nothing any more are forgotten.
 *
 * Changed by the knumad thread only, which waits for the movers that read here.
 */

#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

/* Chunks of one table: 1 GiB */
#define KNUMAD_TABLE_SHIFT	PUD_SHIFT
#define KNUMAD_TABLE_CHUNKS	(1UL << (KNUMAD_TABLE_SHIFT - PMD_SHIFT))

/* Waiting for mmap_lock: for so long between two attempts */
#define KNUMAD_NAP_US		100

/* For how long yet, of all processes together: see knumad_chunks_patience() */
static u64 patience_ns;

static_assert(BIT(KNUMAD_PART_SHIFT) == KNUMAD_PARTS);

struct knumad_table {
	struct knumad_chunk chunk[KNUMAD_TABLE_CHUNKS];
};

static struct knumad_table *find_table(struct knumad_sampling *s, unsigned long addr)
{
	return xa_load(&s->chunks, addr >> KNUMAD_TABLE_SHIFT);
}

static struct knumad_chunk *chunk_of(struct knumad_table *t, unsigned long addr)
{
	return &t->chunk[(addr >> PMD_SHIFT) % KNUMAD_TABLE_CHUNKS];
}

/*
 * Are some of them of memory that there was? What is mapped has a page of page tables in
 * each GiB at least. Those are charged to whom they belong, tables to nobody.
 */
static bool has_too_many(const struct knumad_proc *proc)
{
	return proc->sampling->nr_tables > mm_pgtables_bytes(proc->slot.mm) >> PAGE_SHIFT;
}

/**
 * knumad_chunk_get - what is known of a chunk
 * @proc: the process, being sampled
 * @addr: any address in the chunk
 *
 * Knumad thread only.
 *
 * Return: its state, NULL without memory for it, also if there are more tables than the
 * process has page tables: see knumad_chunks_prune().
 */
struct knumad_chunk *knumad_chunk_get(struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_table *t = find_table(s, addr);

	if (!t) {
		if (has_too_many(proc))
			return NULL;
		/* mmap_lock is held: nobody may have to wait for reclaim */
		t = kzalloc(sizeof(*t), GFP_NOWAIT | __GFP_NOWARN);
		if (!t)
			return NULL;
		if (xa_err(xa_store(&s->chunks, addr >> KNUMAD_TABLE_SHIFT, t,
				    GFP_NOWAIT | __GFP_NOWARN))) {
			kfree(t);
			return NULL;
		}
		knumad_stat_bytes(sizeof(*t));
		s->nr_tables++;
	}
	return chunk_of(t, addr);
}

static int if_allowed(const struct knumad_proc *proc, int nid)
{
	return nid != NUMA_NO_NODE && node_isset(nid, proc->mems) ? nid : NUMA_NO_NODE;
}

/**
 * knumad_chunk_target - the node where a chunk belongs
 * @proc: the process
 * @addr: any address in the chunk
 *
 * Return: a node, NUMA_NO_NODE if it is not known or not allowed any more.
 */
int knumad_chunk_target(const struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_table *t = find_table(proc->sampling, addr);

	return if_allowed(proc, t ? chunk_of(t, addr)->target - 1 : NUMA_NO_NODE);
}

static struct knumad_part *find_parts(struct knumad_sampling *s, unsigned long addr)
{
	return xa_load(&s->parts, addr >> PMD_SHIFT);
}

/* Which part of its chunk */
static unsigned int part_of(unsigned long addr)
{
	return (addr & ~PMD_MASK) >> KNUMAD_PART_BITS;
}

/**
 * knumad_part_addr - the address by whose part a page is known
 * @addr: of the page
 * @index: its number in its folio
 *
 * A large folio moves as a whole: what is known of it is kept with the first of its parts in
 * the chunk. Of pages of a chunk of 512:
 *
 *   number  in its folio   known by
 *   40        0            40
 *   40       24            16         which is in another part
 *   40      100             0         it begins in the chunk before
 *
 * Return: the address.
 */
unsigned long knumad_part_addr(unsigned long addr, unsigned long index)
{
	return addr - min(index << PAGE_SHIFT, addr & ~PMD_MASK);
}

/**
 * knumad_part_get - what is known of a part of a shared chunk
 * @proc: the process, being sampled
 * @addr: any address in the part
 *
 * Knumad thread only; may sleep to allocate.
 *
 * Return: its state, NULL without memory for it.
 */
struct knumad_part *knumad_part_get(struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_part *parts = find_parts(s, addr);

	if (!parts) {
		parts = kcalloc(KNUMAD_PARTS, sizeof(*parts), KNUMAD_GFP);
		if (!parts)
			return NULL;
		if (xa_err(xa_store(&s->parts, addr >> PMD_SHIFT, parts,
				    KNUMAD_GFP))) {
			kfree(parts);
			return NULL;
		}
		knumad_stat_bytes(KNUMAD_PARTS * sizeof(*parts));
		s->parted++;
	}
	return &parts[part_of(addr)];
}

/**
 * knumad_parts_known - do parts of a chunk belong to nodes of their own?
 * @proc: the process, being sampled
 * @addr: any address in the chunk
 *
 * Return: true if something may be known of its parts: ask knumad_part_goes().
 */
bool knumad_parts_known(const struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_table *t = find_table(proc->sampling, addr);

	return t && chunk_of(t, addr)->spread && find_parts(proc->sampling, addr);
}

/**
 * knumad_part_goes - the node where a part of a shared chunk belongs
 * @proc: the process, being sampled
 * @addr: any address in the part; knumad_parts_known()
 *
 * A part of which nothing is known stays where it is as long as that may change, else it
 * goes where the chunk was spread to.
 *
 * Return: a node, KNUMAD_BY_PAGE, or NUMA_NO_NODE to leave it alone.
 */
int knumad_part_goes(const struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_sampling *s = proc->sampling;
	const struct knumad_part *p = &find_parts(s, addr)[part_of(addr)];
	int nid = knumad_part_target(p);

	if (nid != NUMA_NO_NODE)
		return if_allowed(proc, nid);
	if (knumad_parts_worth(s->parts_agreed, s->parts_disagreed, nodes_weight(s->set)))
		return knumad_part_mixed(p) ? KNUMAD_BY_PAGE : NUMA_NO_NODE;
	return knumad_chunk_target(proc, addr);
}

/**
 * knumad_part_state - what is known of a part of a shared chunk?
 * @s: sampling of a process
 * @addr: any address in the part
 *
 * Return: that.
 */
enum knumad_part_state knumad_part_state(struct knumad_sampling *s, unsigned long addr)
{
	const struct knumad_part *parts = find_parts(s, addr);

	if (!parts)
		return KNUMAD_PART_UNKNOWN;
	parts += part_of(addr);
	if (knumad_part_mixed(parts))
		return KNUMAD_PART_BY_PAGE;
	return knumad_part_target(parts) == NUMA_NO_NODE ? KNUMAD_PART_UNKNOWN :
							   KNUMAD_PART_IS_KNOWN;
}

static void forget_parts(struct knumad_sampling *s, unsigned long index,
			 struct knumad_part *parts)
{
	xa_erase(&s->parts, index);
	kfree(parts);
	s->parted--;
	knumad_stat_bytes(-(long)(KNUMAD_PARTS * sizeof(*parts)));
}

/**
 * knumad_parts_free - forget all parts of chunks
 * @s: sampling of a process
 */
void knumad_parts_free(struct knumad_sampling *s)
{
	struct knumad_part *parts;
	unsigned long index;

	xa_for_each(&s->parts, index, parts) {
		forget_parts(s, index, parts);
		cond_resched();
	}
	/* Nodes that a store without memory left behind */
	xa_destroy(&s->parts);
}

/**
 * knumad_chunk_next - go through all chunks of which there may be something known
 * @s: sampling of a process
 * @it: where the last one was, all 0 at first; then where this one is
 *
 * May sleep.
 *
 * Return: the next chunk, NULL after the last one.
 */
struct knumad_chunk *knumad_chunk_next(struct knumad_sampling *s,
				       struct knumad_chunk_iter *it)
{
	unsigned long index = 0;

	if (it->table) {
		it->addr += PMD_SIZE;
		if (it->addr & (BIT(KNUMAD_TABLE_SHIFT) - 1))
			return chunk_of(it->table, it->addr);
		index = it->addr >> KNUMAD_TABLE_SHIFT;
		cond_resched();
	}
	it->table = xa_find(&s->chunks, &index, ULONG_MAX, XA_PRESENT);
	it->addr = index << KNUMAD_TABLE_SHIFT;
	return it->table ? chunk_of(it->table, it->addr) : NULL;
}

/**
 * knumad_chunks_count - count chunks of which it is known where they belong, and shared ones
 * @s: sampling of a process; its counts are set
 */
void knumad_chunks_count(struct knumad_sampling *s)
{
	unsigned long known = 0, shared = 0;
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;

	while ((c = knumad_chunk_next(s, &it))) {
		known += knumad_chunk_known(c);
		shared += c->spread;
	}
	/* Pairs with READ_ONCE() in knumad_sampling_local() */
	WRITE_ONCE(s->known, known);
	WRITE_ONCE(s->shared, shared);
}

/**
 * knumad_chunks_patience - for how long to wait for mmap_lock from now on
 * @ms: of all processes that are disarmed, together
 *
 * However many there are that do not let go of it. Who disarms next: the knumad thread
 * at each look, and whoever switches knumad off once that is gone.
 */
void knumad_chunks_patience(unsigned int ms)
{
	patience_ns = (u64)ms * NSEC_PER_MSEC;
}

/* Wait for mmap_lock, for as long as there is patience. Return: whether it is held. */
static bool lock_patiently(struct mm_struct *mm)
{
	while (!mmap_read_trylock(mm)) {
		u64 start = ktime_get_ns();

		if (!patience_ns)
			return false;
		usleep_range(KNUMAD_NAP_US, 2 * KNUMAD_NAP_US);
		patience_ns -= min(patience_ns, ktime_get_ns() - start);
	}
	return true;
}

/**
 * knumad_chunks_disarm - leave nothing armed of a process that lives on
 * @proc: the process, being sampled
 *
 * Sleeps. A process can have its mmap_lock held for ever, by a page fault on a file system
 * that does not answer; that must hold up neither other processes nor who switches knumad
 * off. What is left armed then takes one fault.
 */
void knumad_chunks_disarm(struct knumad_proc *proc)
{
	struct mm_struct *mm = proc->slot.mm;
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;

	if (!mmget_not_zero(mm))
		return;
	while ((c = knumad_chunk_next(proc->sampling, &it))) {
		if (!c->touched)
			continue;
		/* What is armed goes with it */
		if (knumad_is_left(mm))
			break;
		if (!lock_patiently(mm)) {
			pr_info_ratelimited("knumad: pid %d: mmap_lock is not to be had; what is armed takes one hinting fault each\n",
					    pid_nr(proc->pid));
			break;
		}
		knumad_disarm(mm, it.addr);
		mmap_read_unlock(mm);
		cond_resched();
	}
	mmput_async(mm);
}

/* Of many VMAs in a GiB it is not told whether one of them is mapped: it is taken for that */
static int prune_test_walk(unsigned long start, unsigned long end, struct mm_walk *walk)
{
	long *hold = walk->private;

	*hold -= KNUMAD_VMA_ENTRIES;
	if (*hold <= 0)
		return -EINTR;
	return !knumad_vma_private(walk->vma);
}

static int is_mapped(pmd_t *pmd, unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	return 1;
}

static const struct mm_walk_ops prune_ops = {
	.pmd_entry = is_mapped,
	.test_walk = prune_test_walk,
	.walk_lock = PGWALK_RDLOCK,
};

/* Mark the tables of address space where nothing is mapped any more: a hold for each GiB */
static void mark_unused(struct knumad_sampling *s, struct mm_struct *mm)
{
	struct knumad_table *t;
	unsigned long index;

	xa_for_each(&s->chunks, index, t) {
		unsigned long start = index << KNUMAD_TABLE_SHIFT;
		unsigned long end = min(start + BIT(KNUMAD_TABLE_SHIFT), mm->task_size);
		long hold = KNUMAD_HOLD_ENTRIES;
		int stopped;

		if (knumad_is_left(mm))
			break;
		if (!mmap_read_trylock(mm)) {
			knumad_stat_add(KNUMAD_S_MMAP_BUSY, 1);
			break;
		}
		stopped = walk_page_range(mm, start, end, &prune_ops, &hold);
		mmap_read_unlock(mm);
		if (!stopped)
			xa_set_mark(&s->chunks, index, XA_MARK_0);
		cond_resched();
	}
}

static void forget_table(struct knumad_sampling *s, unsigned long index)
{
	unsigned long first = index << (KNUMAD_TABLE_SHIFT - PMD_SHIFT), at;
	struct knumad_part *parts;

	xa_for_each_range(&s->parts, at, parts, first, first + KNUMAD_TABLE_CHUNKS - 1)
		forget_parts(s, at, parts);
	kfree(xa_erase(&s->chunks, index));
	knumad_stat_bytes(-(long)sizeof(struct knumad_table));
	s->nr_tables--;
}

/**
 * knumad_chunks_prune - forget chunks of memory that there was, if these are many
 * @proc: the process, being sampled
 *
 * Who maps memory somewhere, and then elsewhere, would else have tables for all of its
 * address space in the end. Knumad thread only; sleeps. mmap_lock is only tried.
 */
void knumad_chunks_prune(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	struct mm_struct *mm = proc->slot.mm;
	unsigned long index, before = s->nr_tables;
	struct knumad_table *t;

	if (!has_too_many(proc) || !mmget_not_zero(mm))
		return;
	mark_unused(s, mm);
	mmput_async(mm);
	/* Somebody may be reading debugfs */
	mutex_lock(&knumad_procs_lock);
	xa_for_each_marked(&s->chunks, index, t, XA_MARK_0) {
		forget_table(s, index);
		cond_resched();
	}
	mutex_unlock(&knumad_procs_lock);
	if (s->nr_tables != before)
		knumad_chunks_count(s);
}

/**
 * knumad_chunks_free - forget all chunks
 * @s: sampling of a process
 */
void knumad_chunks_free(struct knumad_sampling *s)
{
	struct knumad_table *t;
	unsigned long index;

	knumad_parts_free(s);
	xa_for_each(&s->chunks, index, t) {
		forget_table(s, index);
		cond_resched();
	}
	xa_destroy(&s->chunks);
}
