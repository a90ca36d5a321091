// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: arming samples
 *
 * A round walks the chunks of a process that spans nodes and makes one page of those
 * that are due inaccessible, with all of its folio: the next thread that uses it tells by
 * a hinting fault. The kernel's own change_protection() does it, so that every rule of
 * NUMA balancing about page tables and TLBs holds here, too; folios are chosen one by
 * one, and all of a hold of mmap_lock share one flush.
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

/**
 * struct arm_choice - what is to be armed for one sample
 * @addr:	where it begins; 0 if there is none
 * @pages:	how many pages it has
 * @huge:	is it a huge page, mapped as such?
 */
struct arm_choice {
	unsigned long addr;
	unsigned int pages;
	bool huge;
};

/**
 * struct arm_state - one hold of mmap_lock
 * @proc:	whose memory
 * @hold:	page table entries left before mmap_lock is let go
 * @budget:	samples that may still be armed
 * @nr:		samples chosen
 * @choice:	what they are
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
	struct arm_choice choice[KNUMAD_HOLD_SAMPLES];
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
 * A large folio is armed as a whole, as mainline does it, and a fault makes all of it accessible
 * again: mlock(), MADV_FREE, MADV_COLD and who maps it by fewer entries of the TLB take it for
 * whole only while all of its entries are alike.
 *
 * Return: what to arm for the page of entry @at of @nr at @start, which map the memory from
 * @addr: all entries there that its folio would have; one if they are not all its, and alike.
 */
static struct arm_choice choose(struct arm_state *a, struct folio *folio, pte_t *start,
				unsigned long at, unsigned long nr, unsigned long addr)
{
	const fpb_t flags = FPB_IGNORE_DIRTY | FPB_IGNORE_SOFT_DIRTY;
	struct arm_choice one = { .addr = addr + (at << PAGE_SHIFT), .pages = 1 };
	unsigned long index = pte_pfn(ptep_get(start + at)) - folio_pfn(folio);
	unsigned long first = at - min(at, index), pages;
	pte_t pte = ptep_get(start + first);

	if (!folio_test_large(folio) || !pte_present(pte) ||
	    pte_pfn(pte) != folio_pfn(folio) + index - (at - first))
		return one;
	pages = min(nr - first, folio_nr_pages(folio) - index + (at - first));
	addr += first << PAGE_SHIFT;
	a->hold -= pages;
	if (folio_pte_batch(folio, addr, start + first, pte, pages, flags, NULL, NULL, NULL) !=
	    pages)
		return one;
	return (struct arm_choice) { .addr = addr, .pages = pages };
}

/* Is entry @at, which is armed, armed for the same sample as the one before? */
static bool is_armed_with_last(struct folio *folio, pte_t *start, unsigned long at)
{
	pte_t last;

	if (!at || !folio || !folio_test_large(folio))
		return false;
	last = ptep_get(start + at - 1);
	return pte_present(last) && pte_protnone(last) && pfn_folio(pte_pfn(last)) == folio;
}

/*
 * Choose a page that was used. Return: it; none also if it is too early for one more while
 * nobody used those that are armed.
 */
static struct arm_choice look_at_ptes(struct arm_state *a, struct vm_area_struct *vma,
				      pte_t *start, unsigned long addr, unsigned long end,
				      struct knumad_chunk *c)
{
	unsigned long nr = (end - addr) >> PAGE_SHIFT, i;
	unsigned long range, first = knumad_chunk_first(c, nr, &range);
	struct arm_choice found = {};
	unsigned int armed = 0;

	first += get_random_u32_below(range);
	for (i = 0; i < nr; i++) {
		unsigned long at = (first + i) % nr;
		pte_t pte = ptep_get(start + at);
		struct folio *folio;

		if (!pte_present(pte) || (!pte_protnone(pte) && (found.addr || !pte_young(pte))))
			continue;
		folio = vm_normal_folio(vma, addr + (at << PAGE_SHIFT), pte);
		if (pte_protnone(pte))
			armed += !is_armed_with_last(folio, start, at);
		else if (is_candidate(folio))
			found = choose(a, folio, start, at, nr, addr);
		/* Without samples that might be forgotten there is no need to go on */
		if (found.addr && !c->armed)
			break;
	}
	a->hold -= i;
	knumad_chunk_looked(c, &a->look, armed, found.addr);
	if (!found.addr || !knumad_sampling_due(a->proc->sampling, c, a->look.armed, addr))
		return (struct arm_choice) {};
	c->half = !c->half;
	return found;
}

/*
 * Is the page at @addr among the choices? A large folio may have several parts. Those of its
 * chunk are the last ones.
 */
static bool is_chosen(const struct arm_state *a, unsigned long addr)
{
	unsigned int i = a->nr - min(a->nr, KNUMAD_PARTS_AT_ONCE);

	for (; i < a->nr; i++)
		if (addr - a->choice[i].addr < (unsigned long)a->choice[i].pages << PAGE_SHIFT)
			return true;
	return false;
}

/* Is there something to learn about it, by the state of the part by which it is known? */
static bool is_unknown(struct folio *folio, enum knumad_part_state state)
{
	return state == KNUMAD_PART_UNKNOWN ||
	       (state == KNUMAD_PART_BY_PAGE && knumad_folio_user(folio) == NUMA_NO_NODE);
}

/*
 * Choose a page of the part at @from, of a page table that covers the memory from @addr to
 * @end: any one that was used, if none is armed yet; if we @learn, of which something is not
 * known. The first ones may have another user than the rest. Return: it, or none.
 */
static struct arm_choice look_at_part(struct arm_state *a, struct vm_area_struct *vma,
				      pte_t *start, unsigned long addr, unsigned long end,
				      unsigned long from, bool learn)
{
	struct knumad_sampling *s = a->proc->sampling;
	enum knumad_part_state state = knumad_part_state(s, from);
	unsigned long to = min(from + BIT(KNUMAD_PART_BITS), end);
	struct arm_choice found = {};
	unsigned long nr, first, i;

	from = max(from, addr);
	if (from >= to || (learn && state == KNUMAD_PART_IS_KNOWN))
		return found;
	nr = (to - from) >> PAGE_SHIFT;
	a->hold -= nr;
	first = get_random_u32_below(nr);
	for (i = 0; i < nr; i++) {
		unsigned long at = from + (((first + i) % nr) << PAGE_SHIFT), by;
		pte_t pte = ptep_get(start + ((at - addr) >> PAGE_SHIFT));
		struct folio *folio;

		if (!pte_present(pte))
			continue;
		if (pte_protnone(pte))
			return (struct arm_choice) {};
		if (found.addr || !pte_young(pte))
			continue;
		folio = vm_normal_folio(vma, at, pte);
		if (!is_candidate(folio) || is_chosen(a, at))
			continue;
		by = knumad_part_addr(at, pte_pfn(pte) - folio_pfn(folio));
		if (!learn || is_unknown(folio, by < from ? knumad_part_state(s, by) : state))
			found = choose(a, folio, start, (at - addr) >> PAGE_SHIFT,
				       (end - addr) >> PAGE_SHIFT, addr);
	}
	return found;
}

static void add_choice(struct arm_state *a, struct arm_choice found)
{
	a->choice[a->nr++] = found;
	a->hold -= KNUMAD_ARM_ENTRIES;
	/* All of its entries are written */
	if (!found.huge)
		a->hold -= found.pages;
}

/*
 * Choose pages of a shared chunk. While there is something to learn, of parts, and of pages
 * of mixed parts, whose user is not known; where none was used it is tried ever more
 * rarely. Else of one part.
 */
static void look_at_parts(struct arm_state *a, struct vm_area_struct *vma, pte_t *start,
			  unsigned long addr, unsigned long end, struct knumad_chunk *c)
{
	unsigned int first = knumad_sampling_part(a->proc->sampling, c, addr), before = a->nr, i;
	bool learn = !c->backoff;

	for (i = 0; i < KNUMAD_PARTS && !is_full(a); i++) {
		unsigned int part = (first + i) % KNUMAD_PARTS;
		unsigned long from = (addr & PMD_MASK) + ((unsigned long)part << KNUMAD_PART_BITS);
		struct arm_choice found = look_at_part(a, vma, start, addr, end, from, learn);

		if (!found.addr)
			continue;
		add_choice(a, found);
		if (!learn || a->nr - before == KNUMAD_PARTS_AT_ONCE)
			return;
	}
	if (a->nr == before && !c->armed)
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
	struct arm_choice found = {};
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
			found = (struct arm_choice) {
				.addr = addr & HPAGE_PMD_MASK,
				.pages = HPAGE_PMD_NR,
				.huge = true,
			};
		spin_unlock(ptl);
	} else if (c->spread || is_worth_reading(s, c, addr)) {
		start = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
		if (!start)
			goto out;
		__acquire(ptl);
		if (c->spread)
			look_at_parts(a, vma, start, addr, end, c);
		else
			found = look_at_ptes(a, vma, start, addr, end, c);
		pte_unmap_unlock(start, ptl);
	}
	if (found.addr)
		add_choice(a, found);
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

/* Are they still pages of one folio? */
static bool is_one_folio(struct mm_struct *mm, pmd_t *pmd, const struct arm_choice *choice)
{
	spinlock_t *ptl;	/* page table lock of this table */
	pte_t *start = pte_offset_map_lock(mm, pmd, choice->addr, &ptl);
	pte_t first, last;
	bool one;

	if (!start)
		return false;
	__acquire(ptl);
	first = ptep_get(start);
	last = ptep_get(start + choice->pages - 1);
	one = pte_present(first) && pte_present(last) &&
	      pfn_folio(pte_pfn(first)) == pfn_folio(pte_pfn(last));
	pte_unmap_unlock(start, ptl);
	return one;
}

/*
 * Is it mapped as when it was chosen? A part of a huge page would split it; none comes while we
 * hold mmap_lock. But others that hold it for reading may have split one, or a large folio, and
 * then all of its pages would be armed for one sample. They may do it still, between here and the
 * page table lock.
 */
static bool is_as_chosen(struct mm_struct *mm, const struct arm_choice *choice)
{
	pmd_t *pmd;

	if (choice->pages == 1)
		return true;
	pmd = mm_find_pmd(mm, choice->addr);
	if (pmd && !choice->huge)
		return is_one_folio(mm, pmd, choice);
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
		unsigned long addr = a->choice[i].addr;
		unsigned long size = (unsigned long)a->choice[i].pages << PAGE_SHIFT;
		long done;

		if (!is_as_chosen(mm, &a->choice[i]))
			continue;
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
