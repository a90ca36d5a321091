// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the page table walk
 *
 * One walker, two purposes: knumad_scan() estimates where the private anonymous
 * memory of a process is and what of it was used since the last walk, and
 * knumad_collect() isolates what should move. Both go in chunks: mmap_lock is
 * only tried, held for a bounded number of entries, and let go as soon as
 * somebody waits for it.
 */

#include <linux/hash.h>
#include <linux/hugetlb.h>
#include <linux/huge_mm.h>
#include <linux/ksm.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/page_idle.h>
#include <linux/pagewalk.h>
#include <linux/sched/cputime.h>
#include <linux/userfaultfd_k.h>
#include <linux/vmstat.h>

#include <asm/tlbflush.h>

#include "../internal.h"
#include "internal.h"

/*
 * A scan looks at one of 2^order small pages and takes it for all of them: at one in
 * eight, and at fewer as long as so many samples are left, but at least one per page
 * table. Where memory is varies over megabytes, not over pages: of 4096 pages the
 * share on a node is known to about one percent. Nothing is moved by estimate: a
 * collection looks at all pages.
 *
 *   resident	32 MiB	128 MiB	1 GiB	16 GiB	1 TiB
 *   one in	8	8	64	512	512
 *   samples	1024	4096	4096	8192	524288
 */
#define KNUMAD_SAMPLES		4096
#define KNUMAD_MIN_ORDER	3
#define KNUMAD_MAX_ORDER	(PMD_SHIFT - PAGE_SHIFT)

/**
 * struct walk_state - one chunk of a walk
 * @mm:		whose tables
 * @proc:	the process, for a collection
 * @counts:	where to count, for a scan
 * @batch:	where to put folios, for a collection
 * @order:	a scan looks at one of 2^order small pages
 * @parts:	of this chunk, parts go to nodes of their own
 * @vma_fixed:	why nothing in this VMA may move, KNUMAD_V_NONE if it may
 * @hold:	entries left before mmap_lock is let go
 * @pages:	pages looked at
 * @large:	the last large folio seen in PTEs; it is isolated once
 * @young:	accessed bits were cleared, a flush is due
 * @cursor:	where the next chunk goes on
 */
struct walk_state {
	struct mm_struct *mm;
	const struct knumad_proc *proc;
	struct knumad_counts *counts;
	struct knumad_batch *batch;
	unsigned int order;
	bool parts;
	enum knumad_verdict vma_fixed;
	long hold;
	unsigned long pages;
	struct folio *large;
	bool young;
	unsigned long cursor;
};

/**
 * knumad_vma_fixed - why the pages of a VMA must stay where they are
 * @vma: the VMA; mmap_lock is held
 *
 * Return: KNUMAD_V_NONE if they may move.
 */
enum knumad_verdict knumad_vma_fixed(struct vm_area_struct *vma)
{
	const struct mempolicy *pol = vma->vm_policy;

	if (vma->vm_flags & VM_LOCKED)
		return KNUMAD_V_MLOCKED;
	if (userfaultfd_armed(vma))
		return KNUMAD_V_UFFD;
	if (pol && pol->mode != MPOL_DEFAULT && pol->mode != MPOL_LOCAL)
		return KNUMAD_V_VMA_POLICY;
	return KNUMAD_V_NONE;
}

/**
 * knumad_vma_private - may there be private anonymous memory in a VMA?
 * @vma: the VMA; mmap_lock is held
 *
 * Return: true if so.
 */
bool knumad_vma_private(struct vm_area_struct *vma)
{
	return vma->anon_vma && !vma_is_temporary_stack(vma) &&
	       !is_vm_hugetlb_page(vma) &&
	       !(vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP | VM_IO | VM_SHARED));
}

static int test_walk(unsigned long start, unsigned long end,
		     struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct walk_state *w = walk->private;

	if (knumad_hold_ends(w->mm, w->hold, w->cursor, start)) {
		w->cursor = start;
		return -EINTR;
	}
	w->hold -= KNUMAD_VMA_ENTRIES;
	w->large = NULL;
	if (!knumad_vma_private(vma))
		return 1;

	w->vma_fixed = knumad_vma_fixed(vma);
	if (w->batch && w->vma_fixed != KNUMAD_V_NONE) {
		knumad_verdict_add(w->vma_fixed, 1);
		return 1;
	}
	return 0;
}

/**
 * knumad_private_folio - only private anonymous memory is placed
 * @folio: what is mapped somewhere, or NULL; the page table lock is held
 *
 * Other processes may have it mapped, too: see knumad_folio_shared().
 *
 * Return: @folio if it is that, else NULL.
 */
struct folio *knumad_private_folio(struct folio *folio)
{
	if (!folio || folio_is_zone_device(folio) || !folio_test_anon(folio))
		return NULL;
	return folio;
}

/**
 * knumad_folio_shared - does a folio belong to several processes?
 * @folio: private anonymous memory; the page table lock is held
 *
 * An estimate for large folios.
 *
 * Return: true if so; it is no one's to move.
 */
bool knumad_folio_shared(struct folio *folio)
{
	return folio_test_ksm(folio) || folio_likely_mapped_shared(folio);
}

static void count(struct walk_state *w, struct folio *folio, unsigned long nr,
		  bool young)
{
	int nid = knumad_folio_nid(folio);

	if (young) {
		/* Nobody must take the page for idle because of us, reclaim or who tracks it */
		folio_clear_idle(folio);
		folio_set_young(folio);
		w->young = true;
	}
	if (knumad_folio_shared(folio))
		return;
	w->counts->resident[nid] += nr;
	if (young)
		w->counts->used[nid] += nr;
	if (w->vma_fixed != KNUMAD_V_NONE || folio_maybe_dma_pinned(folio))
		w->counts->fixed[nid] += nr;
}

/* The one verdict on a folio; KNUMAD_V_NONE: it is isolated now */
static enum knumad_verdict isolate(struct folio *folio)
{
	unsigned int nr = folio_nr_pages(folio);
	int mapped = folio_mapcount(folio);

	if (folio_test_ksm(folio))
		return KNUMAD_V_KSM;
	if (folio_likely_mapped_shared(folio))
		return KNUMAD_V_SHARED;
	if (folio_test_mlocked(folio))
		return KNUMAD_V_MLOCKED;
	if (folio_maybe_dma_pinned(folio))
		return KNUMAD_V_PINNED;
	/* migrate_pages() would split it */
	if (folio_test_large(folio) &&
	    (folio_test_partially_mapped(folio) ||
	     (mapped != nr && !folio_entire_mapcount(folio))))
		return KNUMAD_V_PARTIALLY_MAPPED;
	/* Fresh pages wait in a CPU's LRU batch and have its reference */
	if (!folio_test_lru(folio) || folio_test_writeback(folio))
		return KNUMAD_V_ISOLATE_FAILED;
	if (folio_ref_count(folio) != folio_expected_ref_count(folio))
		return KNUMAD_V_PINNED;
	if (!folio_isolate_lru(folio))
		return KNUMAD_V_ISOLATE_FAILED;
	mod_node_page_state(NODE_DATA(knumad_folio_nid(folio)),
			    NR_ISOLATED_ANON + folio_is_file_lru(folio), nr);
	return KNUMAD_V_NONE;
}

/*
 * Put a folio into the batch, or say why not. Return: false if the batch is
 * full and the walk should stop before this folio.
 */
static bool collect(struct walk_state *w, struct folio *folio)
{
	struct knumad_batch *batch = w->batch;
	unsigned int nr = folio_nr_pages(folio);
	enum knumad_verdict verdict;

	if (knumad_folio_nid(folio) == batch->target)
		return true;
	if (batch->nr_pages + nr > batch->max_pages) {
		if (batch->nr_folios)
			return false;
		knumad_verdict_add(KNUMAD_V_NODE_FULL, 1);
		return true;
	}
	verdict = isolate(folio);
	if (verdict != KNUMAD_V_NONE) {
		knumad_verdict_add(verdict, 1);
		return true;
	}
	list_add_tail(&folio->lru, &batch->folios);
	batch->from[knumad_folio_nid(folio)] += nr;
	batch->nr_folios++;
	batch->nr_pages += nr;
	batch->nr_thp += folio_test_pmd_mappable(folio);
	return batch->nr_folios < KNUMAD_BATCH;
}

/* Return: false to stop the walk before @addr */
static bool visit_pmd(struct walk_state *w, struct vm_area_struct *vma,
		      pmd_t *pmd, unsigned long addr)
{
	struct folio *folio;
	bool young;

	w->hold--;
	if (!pmd_present(*pmd))
		return true;
	folio = knumad_private_folio(vm_normal_folio_pmd(vma, addr, *pmd));
	if (!folio)
		return true;
	if (w->batch)
		return collect(w, folio);
	young = pmdp_clear_young_notify(vma, addr & HPAGE_PMD_MASK, pmd);
	w->pages += HPAGE_PMD_NR;
	count(w, folio, HPAGE_PMD_NR, young);
	return true;
}

/* The folio of a small page that may be ours, or NULL */
static struct folio *pte_folio(struct vm_area_struct *vma, pte_t ptent,
			       unsigned long addr)
{
	if (!pte_present(ptent))
		return NULL;
	return knumad_private_folio(vm_normal_folio(vma, addr, ptent));
}

static void scan_pte(struct walk_state *w, struct vm_area_struct *vma,
		     pte_t *pte, unsigned long addr)
{
	pte_t ptent = ptep_get(pte);
	struct folio *folio = pte_folio(vma, ptent, addr);
	bool young = false;

	if (!folio)
		return;
	w->pages++;
	if (pte_young(ptent) || mm_has_notifiers(w->mm))
		young = ptep_clear_young_notify(vma, addr, pte);
	count(w, folio, 1UL << w->order, young);
}

/* Is it the part of @addr that tells where the folio belongs, and not one before? */
static bool is_of_part(struct folio *folio, pte_t ptent, unsigned long addr)
{
	unsigned long by = knumad_part_addr(addr, pte_pfn(ptent) - folio_pfn(folio));

	return by >> KNUMAD_PART_BITS == addr >> KNUMAD_PART_BITS;
}

/*
 * Of a page, and @goes, the node where its part of the memory belongs, if chunks have
 * parts. Return: false to stop the walk before @addr.
 */
static bool collect_pte(struct walk_state *w, struct vm_area_struct *vma,
			pte_t *pte, unsigned long addr, int goes)
{
	pte_t ptent = ptep_get(pte);
	struct folio *folio = pte_folio(vma, ptent, addr);

	if (!folio)
		return true;
	if (goes == KNUMAD_BY_PAGE && knumad_folio_user(folio) != w->batch->target)
		return true;
	if (folio_test_large(folio)) {
		if (folio == w->large || (w->parts && !is_of_part(folio, ptent, addr)))
			return true;
		w->large = folio;
	}
	return collect(w, folio);
}

/* By the size of the process at the begin of the walk */
static unsigned int sample_order(const struct knumad_proc *proc)
{
	unsigned int order = ilog2(proc->rss / KNUMAD_SAMPLES | 1);

	return clamp(order, KNUMAD_MIN_ORDER, KNUMAD_MAX_ORDER);
}

/*
 * The sample of the 2^order pages that @addr is in. It is always the same one, so that
 * its accessed bit tells about the time since the last walk, but not at the same
 * offset everywhere, so that no layout of data can hide from it. The sample of many
 * pages is one of the samples of fewer, for a process that grows.
 */
static unsigned long sample_of(unsigned long addr, unsigned int order)
{
	unsigned long block = addr >> (PAGE_SHIFT + order);

	for (; order > KNUMAD_MIN_ORDER; order--)
		block = 2 * block + hash_long(block, 1);
	return ((block << KNUMAD_MIN_ORDER) + hash_long(block, KNUMAD_MIN_ORDER))
		<< PAGE_SHIFT;
}

/* Look at the samples of one page table */
static void scan_ptes(struct walk_state *w, struct vm_area_struct *vma,
		      pte_t *start, unsigned long addr, unsigned long end)
{
	unsigned long size = PAGE_SIZE << w->order;
	unsigned long block = addr & -size;

	for (; block < end; block += size) {
		unsigned long sample = sample_of(block, w->order);

		if (sample < addr || sample >= end)
			continue;
		scan_pte(w, vma, start + ((sample - addr) >> PAGE_SHIFT),
			 sample);
		w->hold--;
	}
	w->cursor = end;
}

/* Return: false if the batch is full */
static bool collect_ptes(struct walk_state *w, struct vm_area_struct *vma,
			 pte_t *pte, unsigned long addr, unsigned long end)
{
	unsigned long part = -1UL;
	int goes = w->batch->target;

	for (; addr != end; pte++, addr += PAGE_SIZE) {
		w->hold--;
		if (w->parts && addr >> KNUMAD_PART_BITS != part) {
			part = addr >> KNUMAD_PART_BITS;
			goes = knumad_part_goes(w->proc, addr);
		}
		if (goes != w->batch->target && goes != KNUMAD_BY_PAGE) {
			w->cursor = addr + PAGE_SIZE;
			continue;
		}
		if (!collect_pte(w, vma, pte, addr, goes))
			return false;
		w->cursor = addr + PAGE_SIZE;
	}
	return true;
}

/* Does what the chunk of @addr is belong to the target of the batch? */
static bool is_wanted_here(const struct walk_state *w, unsigned long addr)
{
	return knumad_chunk_target(w->proc, addr) == w->batch->target;
}

static int walk_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
		    struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct walk_state *w = walk->private;
	bool more = true;
	spinlock_t *ptl;	/* page table lock of this table */
	pte_t *start;

	w->cursor = addr;
	if (w->batch && w->proc->sampling) {
		w->parts = knumad_parts_known(w->proc, addr);
		if (!w->parts && !is_wanted_here(w, addr)) {
			w->hold--;
			w->cursor = end;
			goto out;
		}
	}
	ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl) {
		/* Tell sparse, which does not see through a conditional lock */
		__acquire(ptl);
		if (!w->parts || is_wanted_here(w, addr))
			more = visit_pmd(w, vma, pmd, addr);
		spin_unlock(ptl);
		if (more)
			w->cursor = end;
		goto out;
	}

	start = pte_offset_map_lock(w->mm, pmd, addr, &ptl);
	if (!start) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	__acquire(ptl);
	if (w->batch)
		more = collect_ptes(w, vma, start, addr, end);
	else
		scan_ptes(w, vma, start, addr, end);
	pte_unmap_unlock(start, ptl);
out:
	if (w->hold <= 0 || mmap_lock_is_contended(w->mm))
		more = false;
	return !more;
}

static int walk_pud(pud_t *pud, unsigned long addr, unsigned long next,
		    struct mm_walk *walk)
{
	struct walk_state *w = walk->private;

	/* What was given back has page tables still, with nothing in them */
	if (knumad_hold_ends(w->mm, w->hold, w->cursor, addr)) {
		w->cursor = addr;
		return -EINTR;
	}
	w->hold -= KNUMAD_PUD_ENTRIES;
	return 0;
}

static const struct mm_walk_ops walk_ops = {
	.pud_entry = walk_pud,
	.pmd_entry = walk_pmd,
	.test_walk = test_walk,
	.walk_lock = PGWALK_RDLOCK,
};

/* One hold of mmap_lock. The caller holds an mm_users reference. */
static enum knumad_walk_result walk_chunk(struct walk_state *w)
{
	u64 start, held;
	int stopped;

	w->hold = KNUMAD_HOLD_ENTRIES;
	if (!mmap_read_trylock(w->mm)) {
		knumad_stat_add(KNUMAD_S_MMAP_BUSY, 1);
		return KNUMAD_WALK_BUSY;
	}
	start = ktime_get_ns();
	w->large = NULL;
	stopped = walk_page_range(w->mm, w->cursor, w->mm->task_size, &walk_ops,
				  w);
	held = ktime_get_ns() - start;
	mmap_read_unlock(w->mm);
	knumad_stat_max(KNUMAD_S_MMAP_HOLD_MAX_NS, held);
	if (stopped && w->cursor < w->mm->task_size)
		return KNUMAD_WALK_BUDGET;
	return KNUMAD_WALK_DONE;
}

/**
 * knumad_scan - count residency and use of a process
 * @proc: the process; its @acc and @cursor go on where the last call stopped
 * @budget: what may be spent, reduced by what was
 *
 * Knumad thread only, sleeps between chunks. Accessed bits are cleared, and the
 * TLB is flushed once at the end of the walk so that the next use sets them
 * again.
 *
 * Return: KNUMAD_WALK_DONE when @proc->acc covers the whole address space,
 * KNUMAD_WALK_BUDGET to be called again, KNUMAD_WALK_BUSY if mmap_lock was
 * contended, KNUMAD_WALK_GONE if the process has exited.
 */
enum knumad_walk_result knumad_scan(struct knumad_proc *proc,
				    struct knumad_budget *budget)
{
	u64 start = task_sched_runtime(current), ns;
	enum knumad_walk_result ret;
	struct walk_state w = {
		.mm = proc->slot.mm,
		.counts = &proc->acc,
		.order = sample_order(proc),
		.cursor = proc->cursor,
	};

	if (!mmget_not_zero(w.mm))
		return KNUMAD_WALK_GONE;
	do {
		ret = walk_chunk(&w);
		budget->entries -= min(budget->entries,
				       (unsigned long)(KNUMAD_HOLD_ENTRIES - w.hold));
		if (knumad_is_left(w.mm))
			ret = KNUMAD_WALK_GONE;
		cond_resched();
	} while (ret == KNUMAD_WALK_BUDGET && budget->entries &&
		 task_sched_runtime(current) < budget->deadline &&
		 !knumad_should_stop());
	if (w.young)
		flush_tlb_mm(w.mm);
	proc->cursor = ret == KNUMAD_WALK_DONE ? 0 : w.cursor;
	mmput_async(w.mm);

	ns = task_sched_runtime(current) - start;
	WRITE_ONCE(proc->scan_ns, proc->scan_ns + ns);
	knumad_stat_scan(ns, w.mm);
	knumad_stat_add(KNUMAD_S_PAGES_SCANNED, w.pages);
	return ret;
}

/**
 * knumad_collect - isolate folios of a process that are not on a node
 * @proc: the process; its @move_cursor goes on where the last call stopped
 * @mm: its mm, with an mm_users reference
 * @batch: empty, with target and max_pages set; takes the folios
 *
 * By a thread that moves pages, under @proc's move_lock; one hold of mmap_lock.
 *
 * Return: KNUMAD_WALK_DONE at the end of the address space, else
 * KNUMAD_WALK_BUDGET or KNUMAD_WALK_BUSY.
 */
enum knumad_walk_result knumad_collect(struct knumad_proc *proc,
				       struct mm_struct *mm,
				       struct knumad_batch *batch)
{
	unsigned long *cursor = &proc->move_cursor;
	enum knumad_walk_result ret;
	struct walk_state w = {
		.mm = mm,
		.proc = proc,
		.batch = batch,
	};

	if (proc->sampling)
		cursor = &proc->sampling->move_cursor[batch->target];
	w.cursor = *cursor;
	ret = walk_chunk(&w);
	knumad_stat_add(KNUMAD_S_PAGES_ISOLATED, batch->nr_pages);
	*cursor = ret == KNUMAD_WALK_DONE ? 0 : w.cursor;
	return ret;
}
