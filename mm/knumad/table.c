// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the chunks of a process that spans nodes, by address
 *
 * What is known of 2 MiB is kept in 8 bytes (chunk.h), in tables of 4 KiB for each GiB
 * of address space where there is something to sample.
 *
 * Changed by the knumad thread only, which waits for the movers that read here.
 */

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

/* Chunks of one table: 1 GiB */
#define KNUMAD_TABLE_SHIFT	PUD_SHIFT
#define KNUMAD_TABLE_CHUNKS	(1UL << (KNUMAD_TABLE_SHIFT - PMD_SHIFT))

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

/**
 * knumad_chunk_get - what is known of a chunk
 * @proc: the process, being sampled
 * @addr: any address in the chunk
 *
 * Knumad thread only; may sleep to allocate.
 *
 * Return: its state, NULL without memory for it.
 */
struct knumad_chunk *knumad_chunk_get(struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_table *t = find_table(s, addr);

	if (!t) {
		t = kzalloc(sizeof(*t), GFP_KERNEL | __GFP_NOWARN);
		if (!t)
			return NULL;
		if (xa_err(xa_store(&s->chunks, addr >> KNUMAD_TABLE_SHIFT, t,
				    GFP_KERNEL | __GFP_NOWARN))) {
			kfree(t);
			return NULL;
		}
		knumad_stat_bytes(sizeof(*t));
	}
	return chunk_of(t, addr);
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
	int nid = t ? chunk_of(t, addr)->target - 1 : NUMA_NO_NODE;

	return nid != NUMA_NO_NODE && node_isset(nid, proc->mems) ? nid : NUMA_NO_NODE;
}

/**
 * knumad_chunk_next - go through all chunks of which there may be something known
 * @s: sampling of a process
 * @it: where the last one was, all 0 at first; then where this one is
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
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;

	s->known = 0;
	s->shared = 0;
	while ((c = knumad_chunk_next(s, &it))) {
		s->known += knumad_chunk_known(c);
		s->shared += c->spread;
	}
}

/**
 * knumad_chunks_disarm - leave nothing armed of a process that lives on
 * @proc: the process, being sampled
 *
 * Sleeps.
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
		mmap_read_lock(mm);
		knumad_disarm(mm, it.addr);
		mmap_read_unlock(mm);
		cond_resched();
	}
	mmput_async(mm);
}

/**
 * knumad_chunks_free - forget all chunks
 * @s: sampling of a process
 */
void knumad_chunks_free(struct knumad_sampling *s)
{
	struct knumad_table *t;
	unsigned long index;

	xa_for_each(&s->chunks, index, t) {
		kfree(t);
		knumad_stat_bytes(-(long)sizeof(*t));
	}
	xa_destroy(&s->chunks);
}
