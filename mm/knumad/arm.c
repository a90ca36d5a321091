// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: arming samples
 *
 * A round walks the chunks of a process that spans nodes and makes one page of those
 * that are due inaccessible: the next thread that uses it tells by a hinting fault. The
 * kernel's own change_protection() does it, so that every rule of NUMA balancing about
 * page tables and TLBs holds here, too; pages are chosen one by one, and all of a hold
 * of mmap_lock share one flush.
 */

#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>
#include <linux/random.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/vmstat.h>

#include <asm/tlb.h>

#include <trace/events/knumad.h>

#include "../internal.h"
#include "internal.h"

/* Samples armed before mmap_lock is let go, at most */
#define KNUMAD_HOLD_SAMPLES	64

/* In an address: of a huge page */
#define KNUMAD_HUGE		1UL

/**
 * struct arm_state - one hold of mmap_lock
 * @proc:	whose memory
 * @hold:	page table entries left before mmap_lock is let go
 * @budget:	samples that may still be armed
 * @nr:		samples chosen
 * @addr:	where they are
 * @cursor:	where the next hold goes on
 * @chunk:	where the chunk begins that was looked at last; it may have several VMAs, and
 * @due:	it is to be sampled in this round
 * @look:	what was seen of it
 */
struct arm_state {
	struct knumad_proc *proc;
	long hold;
	unsigned long budget;
	unsigned int nr;
	unsigned long addr[KNUMAD_HOLD_SAMPLES];
	unsigned long cursor;
	unsigned long chunk;
	bool due;
	struct knumad_chunk_look look;
};

/* No address of a chunk */
#define KNUMAD_NO_CHUNK		(~0UL)

static int test_walk(unsigned long start, unsigned long end,
		     struct mm_walk *walk)
{
	struct arm_state *a = walk->private;

	if (knumad_hold_ends(walk->mm, a->hold, a->cursor, start)) {
		a->cursor = start;
		return -EINTR;
	}
	a->hold -= KNUMAD_VMA_ENTRIES;
	return !knumad_vma_private(walk->vma) || !vma_is_accessible(walk->vma) ||
	       knumad_vma_fixed(walk->vma) != KNUMAD_V_NONE;
}

/* No more samples in this hold */
static bool is_full(const struct arm_state *a)
{
	return a->nr == KNUMAD_HOLD_SAMPLES || a->nr >= a->budget;
}

/* Is this chunk to be sampled, in whichever of its VMAs? */
static bool is_due(struct arm_state *a, const struct knumad_chunk *c, unsigned long addr)
{
	if (a->chunk != (addr & PMD_MASK)) {
		a->chunk = addr & PMD_MASK;
		a->due = knumad_sampling_due(a->proc->sampling, c, 0, addr);
		a->look = (struct knumad_chunk_look) { .idle = c->idle };
	}
	return a->due;
}

/* Would a hinting fault on this folio tell something that can be acted upon? */
static bool is_candidate(struct folio *folio)
{
	return knumad_private_folio(folio) && !knumad_folio_shared(folio) &&
	       !folio_maybe_dma_pinned(folio);
}

/* Return: true if @pmd, a huge page, may be armed */
static bool look_at_pmd(struct vm_area_struct *vma, pmd_t pmd, unsigned long addr,
			struct knumad_chunk *c)
{
	if (!pmd_present(pmd) || pmd_protnone(pmd))
		return false;
	c->armed = 0;
	c->idle = 0;
	return is_candidate(vm_normal_folio_pmd(vma, addr, pmd));
}

/*
 * Choose a page that was used. Return: its address, 0 for none, also if it is too early
 * for one more while nobody used those that are armed.
 */
static unsigned long look_at_ptes(struct arm_state *a, struct vm_area_struct *vma,
				  pte_t *start, unsigned long addr, unsigned long end,
				  struct knumad_chunk *c)
{
	unsigned long nr = (end - addr) >> PAGE_SHIFT, i, found = 0;
	unsigned long range, first = knumad_chunk_first(c, nr, &range);
	unsigned int armed = 0;

	first += get_random_u32_below(range);
	for (i = 0; i < nr; i++) {
		unsigned long at = (first + i) % nr;
		pte_t pte = ptep_get(start + at);
		unsigned long where = addr + (at << PAGE_SHIFT);

		if (!pte_present(pte))
			continue;
		if (pte_protnone(pte))
			armed++;
		else if (!found && pte_young(pte) &&
			 is_candidate(vm_normal_folio(vma, where, pte)))
			found = where;
		/* Without samples that might be forgotten there is no need to go on */
		if (found && !c->armed)
			break;
	}
	a->hold -= i;
	knumad_chunk_looked(c, &a->look, armed, found);
	if (!found || !knumad_sampling_due(a->proc->sampling, c, a->look.armed, addr))
		return 0;
	c->half = !c->half;
	return found;
}

/*
 * Choose a page of the part at @from, of a page table that covers the memory from @addr to
 * @end: any one that was used, if none is armed yet. The first ones may have another user
 * than the rest. Return: its address, 0 for none.
 */
static unsigned long look_at_part(struct vm_area_struct *vma, pte_t *start,
				  unsigned long addr, unsigned long end,
				  unsigned long from, enum knumad_part_state state)
{
	unsigned long to = min(from + BIT(KNUMAD_PART_BITS), end), found = 0;
	unsigned long nr, first, i;

	from = max(from, addr);
	if (from >= to)
		return 0;
	nr = (to - from) >> PAGE_SHIFT;
	first = get_random_u32_below(nr);
	for (i = 0; i < nr; i++) {
		unsigned long at = from + (((first + i) % nr) << PAGE_SHIFT);
		pte_t pte = ptep_get(start + ((at - addr) >> PAGE_SHIFT));
		struct folio *folio;

		if (!pte_present(pte))
			continue;
		if (pte_protnone(pte))
			return 0;
		if (found || !pte_young(pte))
			continue;
		folio = vm_normal_folio(vma, at, pte);
		if (is_candidate(folio) &&
		    (state != KNUMAD_PART_BY_PAGE || knumad_folio_user(folio) == NUMA_NO_NODE))
			found = at;
	}
	return found;
}

/*
 * Choose pages of a shared chunk. While there is something to learn, of parts, and of pages
 * of mixed parts, whose user is not known; where none was used it is tried ever more
 * rarely. Else of one part.
 */
static void look_at_parts(struct arm_state *a, struct vm_area_struct *vma, pte_t *start,
			  unsigned long addr, unsigned long end, struct knumad_chunk *c)
{
	struct knumad_sampling *s = a->proc->sampling;
	unsigned int first = knumad_sampling_part(s, c, addr), nr = 0, i;
	bool learn = !c->backoff;

	for (i = 0; i < KNUMAD_PARTS && nr < KNUMAD_PARTS_AT_ONCE && !is_full(a); i++) {
		unsigned int part = (first + i) % KNUMAD_PARTS;
		unsigned long from = (addr & PMD_MASK) + ((unsigned long)part << KNUMAD_PART_BITS);
		enum knumad_part_state state = KNUMAD_PART_UNKNOWN;
		unsigned long where;

		if (learn)
			state = knumad_part_state(s, from);
		if (state == KNUMAD_PART_IS_KNOWN)
			continue;
		where = look_at_part(vma, start, addr, end, from, state);
		a->hold -= BIT(KNUMAD_PART_BITS - PAGE_SHIFT);
		if (!where)
			continue;
		a->addr[a->nr++] = where;
		nr++;
		if (!learn)
			return;
	}
	if (!nr && !c->armed)
		c->backoff = min(c->backoff + 1, KNUMAD_CHUNK_MAX_BACKOFF);
}

/*
 * Can one more page be due, of a chunk of which some were armed? If all that may be are, it is
 * read now and then to see whether they still are: they may have been moved, or unmapped.
 */
static bool is_worth_reading(const struct knumad_sampling *s, const struct knumad_chunk *c,
			     unsigned long addr)
{
	unsigned int armed = min_t(unsigned int, c->armed, KNUMAD_CHUNK_MAX_ARMED - 1);

	return knumad_sampling_due(s, c, armed, addr);
}

static int look_at_chunk(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	struct vm_area_struct *vma = walk->vma;
	struct arm_state *a = walk->private;
	struct knumad_chunk *c = knumad_chunk_get(a->proc, addr);
	struct knumad_sampling *s = a->proc->sampling;
	unsigned int before = a->nr;
	unsigned long where = 0;
	spinlock_t *ptl;	/* page table lock of this table */
	pte_t *start;

	a->cursor = end;
	a->hold -= KNUMAD_CHUNK_ENTRIES;
	if (!c || !is_due(a, c, addr))
		goto out;
	ptl = pmd_trans_huge_lock(pmd, vma);
	if (ptl) {
		__acquire(ptl);
		if (look_at_pmd(vma, *pmd, addr, c))
			where = (addr & HPAGE_PMD_MASK) | KNUMAD_HUGE;
		spin_unlock(ptl);
	} else if (c->spread || is_worth_reading(s, c, addr)) {
		start = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
		if (!start)
			goto out;
		__acquire(ptl);
		if (c->spread)
			look_at_parts(a, vma, start, addr, end, c);
		else
			where = look_at_ptes(a, vma, start, addr, end, c);
		pte_unmap_unlock(start, ptl);
	}
	if (where)
		a->addr[a->nr++] = where;
	a->hold -= (a->nr - before) * KNUMAD_ARM_ENTRIES;
out:
	return a->hold <= 0 || is_full(a) || mmap_lock_is_contended(vma->vm_mm);
}

static int look_at_pud(pud_t *pud, unsigned long addr, unsigned long next,
		       struct mm_walk *walk)
{
	struct arm_state *a = walk->private;

	if (knumad_hold_ends(walk->mm, a->hold, a->cursor, addr)) {
		a->cursor = addr;
		return -EINTR;
	}
	a->hold -= KNUMAD_PUD_ENTRIES;
	return 0;
}

static const struct mm_walk_ops arm_ops = {
	.pud_entry = look_at_pud,
	.pmd_entry = look_at_chunk,
	.test_walk = test_walk,
	.walk_lock = PGWALK_RDLOCK,
};

/*
 * Is it mapped as when it was chosen? A part of a huge page would split it; none comes while we
 * hold mmap_lock. But others that hold it for reading may have split one, and then all of its
 * pages would be armed for one sample. They may do it still, between here and the page table
 * lock.
 */
static bool is_as_chosen(struct mm_struct *mm, unsigned long where)
{
	pmd_t *pmd;

	if (!(where & KNUMAD_HUGE))
		return true;
	pmd = mm_find_pmd(mm, where & ~KNUMAD_HUGE);
	return pmd && pmd_trans_huge(pmdp_get_lockless(pmd));
}

/* Return: samples armed */
static unsigned int arm_all(struct arm_state *a, struct mm_struct *mm)
{
	unsigned long pages = 0;
	struct mmu_gather tlb;
	struct knumad_chunk *c;
	unsigned int i, nr = 0;

	mmap_assert_locked(mm);
	if (!a->nr)
		return 0;
	tlb_gather_mmu(&tlb, mm);
	for (i = 0; i < a->nr; i++) {
		unsigned long addr = a->addr[i] & ~KNUMAD_HUGE;
		unsigned long size = PAGE_SIZE;
		long done;

		if (!is_as_chosen(mm, a->addr[i]))
			continue;
		if (a->addr[i] & KNUMAD_HUGE)
			size = PMD_SIZE;
		done = change_protection(&tlb, vma_lookup(mm, addr), addr, addr + size,
					 MM_CP_PROT_NUMA);
		if (done <= 0)
			continue;
		c = knumad_chunk_get(a->proc, addr);
		c->armed = min(c->armed + 1, KNUMAD_CHUNK_MAX_ARMED);
		a->look.armed += a->chunk == (addr & PMD_MASK);
		c->touched = true;
		pages += done;
		nr++;
	}
	tlb_finish_mmu(&tlb);
	count_vm_numa_events(NUMA_PTE_UPDATES, pages);
	count_memcg_events_mm(mm, NUMA_PTE_UPDATES, pages);
	knumad_stat_add_mm(KNUMAD_S_PAGES_ARMED, pages, mm);
	trace_knumad_arm(pid_nr(a->proc->pid), nr, pages);
	return nr;
}

/**
 * knumad_arm - arm samples of a process that spans nodes
 * @proc: the process, being sampled
 * @cursor: address where to go on; where the next call should
 * @budget: how many samples at most
 * @deadline: CPU time of this thread at which to stop, ns
 * @armed: how many there were
 *
 * Knumad thread only; sleeps. mmap_lock is only tried.
 *
 * Return: false if there is no more to arm in this round, else to be called again.
 */
bool knumad_arm(struct knumad_proc *proc, unsigned long *cursor, unsigned long budget,
		u64 deadline, unsigned long *armed)
{
	struct mm_struct *mm = proc->slot.mm;
	struct arm_state a = {
		.proc = proc,
		.cursor = *cursor,
		.chunk = KNUMAD_NO_CHUNK,
	};
	bool more = true;
	int stopped;

	*armed = 0;
	if (!mmget_not_zero(mm))
		return false;
	do {
		if (!mmap_read_trylock(mm)) {
			knumad_stat_add(KNUMAD_S_MMAP_BUSY, 1);
			break;
		}
		a.hold = KNUMAD_HOLD_ENTRIES;
		a.budget = budget - *armed;
		a.nr = 0;
		stopped = walk_page_range(mm, a.cursor, mm->task_size, &arm_ops, &a);
		*armed += arm_all(&a, mm);
		mmap_read_unlock(mm);
		/* Also if it was stopped in the last chunk that there can be */
		more = stopped && a.cursor < mm->task_size && !knumad_is_left(mm);
		cond_resched();
	} while (more && *armed < budget && task_sched_runtime(current) < deadline &&
		 !knumad_should_stop());
	*cursor = a.cursor;
	mmput_async(mm);
	return more;
}

/**
 * struct armed_span - from the first to the last armed page of a range
 * @start: where the first one begins
 * @end: where the last one ends; 0 if there is none
 * @nr: how many are armed
 */
struct armed_span {
	unsigned long start;
	unsigned long end;
	unsigned long nr;
};

static void add_armed(struct armed_span *span, unsigned long addr, unsigned long end)
{
	if (!span->end)
		span->start = addr;
	span->end = end;
	span->nr += (end - addr) >> PAGE_SHIFT;
}

static int find_armed(pmd_t *pmd, unsigned long addr, unsigned long end, struct mm_walk *walk)
{
	struct armed_span *span = walk->private;
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, walk->vma);
	pte_t *first, *pte;

	if (ptl) {
		__acquire(ptl);
		if (pmd_protnone(*pmd))
			add_armed(span, addr, end);
		spin_unlock(ptl);
		return 0;
	}
	first = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!first) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	__acquire(ptl);
	for (pte = first; addr < end; addr += PAGE_SIZE, pte++)
		if (pte_protnone(ptep_get(pte)))
			add_armed(span, addr, addr + PAGE_SIZE);
	pte_unmap_unlock(first, ptl);
	return 0;
}

static const struct mm_walk_ops disarm_ops = {
	.pmd_entry = find_armed,
	.walk_lock = PGWALK_RDLOCK,
};

/**
 * knumad_disarm - make armed pages of a chunk accessible again
 * @mm: the process's mm; mmap_lock is held
 * @addr: where the chunk begins
 *
 * Few pages of a chunk are armed at a time, if any: what is before the first one and behind the
 * last one is not written to, and secondary MMUs not told of it. Nobody else arms any meanwhile.
 */
void knumad_disarm(struct mm_struct *mm, unsigned long addr)
{
	VMA_ITERATOR(vmi, mm, addr);
	unsigned long end = addr + PMD_SIZE;
	struct vm_area_struct *vma;
	struct mmu_gather tlb;

	mmap_assert_locked(mm);
	tlb_gather_mmu(&tlb, mm);
	for_each_vma_range(vmi, vma, end) {
		struct armed_span span = {};

		if (!knumad_vma_private(vma) || !vma_is_accessible(vma))
			continue;
		walk_page_range(mm, max(addr, vma->vm_start), min(end, vma->vm_end), &disarm_ops,
				&span);
		if (!span.end)
			continue;
		change_protection(&tlb, vma, span.start, span.end,
				  vma_wants_manual_pte_write_upgrade(vma) ?
				  MM_CP_TRY_CHANGE_WRITABLE : 0);
		/* A fault that came in between counts for itself, too */
		knumad_stat_add(KNUMAD_S_PAGES_DISARMED, span.nr);
	}
	tlb_finish_mmu(&tlb);
}
