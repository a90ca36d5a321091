// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the hinting fault
 *
 * All that happens in the context of an application: who, where and which page goes
 * into a ring of the CPU, for the knumad thread to read. The page is usable again when
 * the fault returns, and stays where it is.
 */

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "internal.h"

/* Samples that a CPU can take between two visits of the knumad thread */
#define KNUMAD_RING	256

/**
 * struct ring - samples of one CPU, written there and read by the knumad thread
 * @head:	written; pairs with the reader's acquire
 * @tail:	read; pairs with the writer's acquire
 * @lost:	samples for which there was no room
 * @told:	so many of them are in the statistics; the reader's
 * @samples:	the samples
 */
struct ring {
	unsigned int head;
	unsigned int tail;
	unsigned long lost;
	unsigned long told;
	struct knumad_sample samples[KNUMAD_RING];
};

/* Not NULL while hinting faults may come here */
static struct ring __percpu *rings;

/*
 * Is there no CPU on record?  As it is at first; or there was the time of its last use, as in slow
 * memory while numa_balancing had memory tiers. All CPUs of the kernel may be possible: that
 * the bits of the CPU are all set says nothing.
 */
static bool is_unset(int last)
{
	return last == (-1 & LAST_CPUPID_MASK) || cpupid_to_cpu(last) >= nr_cpu_ids ||
	       !cpu_possible(cpupid_to_cpu(last));
}

/**
 * knumad_folio_user - the node from which a folio was used at its last samples
 * @folio: the folio
 *
 * On record where mainline's balancing keeps the last user, too: it stands still while
 * knumad is on. In place of the thread there is how far the node is believed.
 *
 * Return: the node, NUMA_NO_NODE if there is none on record that is believed.
 */
int knumad_folio_user(struct folio *folio)
{
	int last = folio_last_cpupid(folio);

	if (folio_use_access_time(folio) || is_unset(last) ||
	    !knumad_page_trusted(cpupid_to_pid(last)))
		return NUMA_NO_NODE;
	return cpupid_to_nid(last);
}

/* Note from where a folio was used, and what that says about its user */
static enum knumad_record note_user(struct folio *folio)
{
	int last = folio_last_cpupid(folio);
	bool unset = is_unset(last);
	unsigned int before = unset ? 0 : cpupid_to_pid(last), doubt = before;
	bool same = !unset && cpupid_to_nid(last) == numa_node_id();

	if (!unset)
		doubt = knumad_page_doubt(before, same);
	if (!same || doubt != before)
		folio_xchg_last_cpupid(folio, cpu_pid_to_cpupid(raw_smp_processor_id(), doubt));
	if (unset)
		return KNUMAD_RECORD_FIRST;
	return knumad_page_trusted(doubt) ? KNUMAD_RECORD_SAME : KNUMAD_RECORD_OTHER;
}

/**
 * knumad_hint_fault - note who used an armed page
 * @vmf: the fault; the page table lock is held
 * @folio: what is mapped there
 *
 * Behind knumad_enabled(). A few dozen instructions; no lock, no allocation. The page
 * table lock keeps the task on its CPU.
 */
void knumad_hint_fault(const struct vm_fault *vmf, struct folio *folio)
{
	struct knumad_sample *sample;
	struct ring *ring;

	/* Somebody else's access, by GUP, says nothing about the threads */
	if (current->mm != vmf->vma->vm_mm)
		return;
	ring = this_cpu_ptr(rings);
	/* Pairs with the release in knumad_fault_drain(): the place has been read */
	if (ring->head - smp_load_acquire(&ring->tail) >= KNUMAD_RING) {
		WRITE_ONCE(ring->lost, ring->lost + 1);
		return;
	}
	sample = &ring->samples[ring->head % KNUMAD_RING];
	sample->mm = vmf->vma->vm_mm;
	sample->addr = vmf->address;
	sample->tid = current->pid;
	sample->cpu_nid = numa_node_id();
	sample->mem_nid = knumad_folio_nid(folio);
	sample->huge = !vmf->pte;
	sample->index = sample->huge ? 0 : pte_pfn(vmf->orig_pte) - folio_pfn(folio);
	/* Slow memory has the time of the last use there */
	sample->record = folio_use_access_time(folio) ? KNUMAD_RECORD_OTHER :
							note_user(folio);
	/* Pairs with the acquire in knumad_fault_drain(): the sample is written */
	smp_store_release(&ring->head, ring->head + 1);
}

/**
 * knumad_fault_drain - read all samples
 * @learn: called with each
 *
 * Knumad thread, and whoever switches knumad off once that is gone; sleeps.
 */
void knumad_fault_drain(void (*learn)(const struct knumad_sample *sample))
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct ring *ring = per_cpu_ptr(rings, cpu);
		unsigned int head, tail = ring->tail;
		unsigned long lost;

		/* Pairs with the release in knumad_hint_fault() */
		head = smp_load_acquire(&ring->head);
		for (; tail != head; tail++)
			learn(&ring->samples[tail % KNUMAD_RING]);
		/* Pairs with the acquire in knumad_hint_fault() */
		smp_store_release(&ring->tail, tail);
		lost = READ_ONCE(ring->lost);
		knumad_stat_add(KNUMAD_S_SAMPLES_LOST, lost - ring->told);
		ring->told = lost;
		cond_resched();
	}
}

/**
 * knumad_fault_init - be ready for hinting faults
 *
 * Before knumad_key is switched on.
 *
 * Return: 0 or -ENOMEM.
 */
int knumad_fault_init(void)
{
	rings = alloc_percpu(struct ring);
	if (!rings)
		return -ENOMEM;
	knumad_stat_bytes(num_possible_cpus() * sizeof(struct ring));
	return 0;
}

/**
 * knumad_fault_exit - no hinting fault will come any more
 * @learn: called with the samples that nobody has read yet
 *
 * After knumad_key was switched off; waits for faults that are under way.
 */
void knumad_fault_exit(void (*learn)(const struct knumad_sample *sample))
{
	if (!rings)
		return;
	synchronize_rcu();
	knumad_fault_drain(learn);
	free_percpu(rings);
	rings = NULL;
	knumad_stat_bytes(-(long)(num_possible_cpus() * sizeof(struct ring)));
}
