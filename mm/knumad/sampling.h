/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumad: what is learnt of a process that spans nodes, and by which samples
 *
 * Shared by the files of mm/knumad; see internal.h for locks and contexts.
 */
#ifndef _KNUMAD_SAMPLING_H
#define _KNUMAD_SAMPLING_H

#include <linux/nodemask.h>
#include <linux/pgtable.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "chunk.h"

struct folio;
struct knumad_proc;
struct mm_struct;

/* === arm.c === */

bool knumad_arm(struct knumad_proc *proc, unsigned long *cursor, unsigned long budget,
		u64 deadline, unsigned long *armed);
void knumad_disarm(struct mm_struct *mm, unsigned long addr);

/* === fault.c === */

/**
 * enum knumad_record - a hinting fault, and the user of the page that is on record
 * @KNUMAD_RECORD_FIRST: there was none, now there is
 * @KNUMAD_RECORD_SAME: from the same node, which is believed
 * @KNUMAD_RECORD_OTHER: from another one, or there was one not long ago
 */
enum knumad_record {
	KNUMAD_RECORD_FIRST,
	KNUMAD_RECORD_SAME,
	KNUMAD_RECORD_OTHER,
};

/**
 * struct knumad_sample - one hinting fault
 * @mm:		of the process; to be compared, not to be followed
 * @addr:	where
 * @tid:	which thread, in the initial namespace
 * @cpu_nid:	node of the CPU
 * @mem_nid:	node of the page
 * @huge:	it is a huge page, mapped whole
 * @index:	if not, the number of the page in its folio
 * @record:	what it says of the page, compared with what was known of that
 */
struct knumad_sample {
	struct mm_struct *mm;
	unsigned long addr;
	pid_t tid;
	s16 cpu_nid;
	s16 mem_nid;
	bool huge;
	u16 index;
	enum knumad_record record;
};

int knumad_folio_user(struct folio *folio);
void knumad_fault_drain(void (*learn)(const struct knumad_sample *sample));
int knumad_fault_init(void);
void knumad_fault_exit(void (*learn)(const struct knumad_sample *sample));

/* === sample.c === */

/**
 * struct knumad_sthread - one thread of a process that spans nodes
 * @tid:	in the initial namespace, 0: a free place
 * @home:	home node or NUMA_NO_NODE
 * @node:	where it was at the last look
 * @look:	number of the last look that found it
 * @recent:	samples that it took, older ones halved
 * @sleeps:	how often it had gone to sleep by the last look
 * @load:	thousandths of a core, decayed
 * @cpu_ns:	its CPU time at the last look
 * @allowed:	nodes it may run on
 */
struct knumad_sthread {
	pid_t tid;
	int home;
	int node;
	unsigned int look;
	unsigned int recent;
	unsigned int sleeps;
	unsigned long load;
	u64 cpu_ns;
	nodemask_t allowed;
};

/**
 * struct knumad_allowance - how many samples may be armed
 * @tokens:	their number, times HZ
 * @stamp:	jiffies of the last refill
 */
struct knumad_allowance {
	unsigned long tokens;
	unsigned long stamp;
};

/**
 * struct knumad_sampling - what samples tell about a process
 * @chunks:	tables of struct knumad_chunk, one per GiB of address space
 * @nr_tables:	their number
 * @threads:	its threads, at places that they keep
 * @nr_threads:	number of places
 * @places:	tid: place
 * @seen:	@nr_threads x nodes: samples by node of the memory
 * @shares:	@nr_threads x @nr_threads, or NULL: who follows whom on a chunk, or on a part
 * @set:	the nodes it lives on
 * @looks:	number of looks at the threads
 * @look_ns:	time of the last one
 * @load:	sum of the loads of the threads
 * @waiting:	threads have stopped, others may follow: homes are kept
 * @wait_end:	jiffies at which that is over, or was
 * @wait_load:	@load before they stopped
 * @slept:	how often threads have gone to sleep since the last look
 * @usual:	the same, decayed, see knumad_usual_sleeps()
 * @stirred:	more than usual, as at the end of a phase: so many looks for it to calm down
 * @next_probe:	jiffies before which that is of no interest
 * @probes:	rounds in which chunks that are long known are due, too
 * @round:	number of the round
 * @late:	in this round, chunks that are long known are due, too
 * @late_round:	number of such rounds
 * @next_late:	jiffies at which the next of them is due
 * @next_round:	jiffies at which the next one is due
 * @pause:	jiffies between rounds at present
 * @arming:	the round has not yet reached the end of the address space
 * @cursor:	address where it goes on
 * @doubt:	about what is known of chunks, see knumad_phase_doubt()
 * @surprised:	@late_round at the last surprise
 * @running:	threads that use CPU time, but for helpers
 * @recent:	sum of @recent of all threads
 * @squares:	sum of their squares
 * @one_sided:	few threads take the samples of others
 * @rehomed:	threads that were given another home since all that is shared was forgotten
 * @known:	chunks of which it is known where they belong
 * @shared:	of those, used from several nodes
 * @agreed:	second samples of chunks that agreed with the first one, recently
 * @disagreed:	those that did not
 * @parts:	of shared chunks, KNUMAD_PARTS x struct knumad_part, by chunk
 * @parted:	chunks that have such
 * @parts_agreed: second samples of parts that agreed with the first one, recently
 * @parts_disagreed: those that did not
 * @fresh:	there were samples that tell something new
 * @allowance:	of samples to arm
 * @moving:	nodes to which there may be something to move
 * @again:	of those, the ones to which there is more since moving began
 * @arrived:	nodes to which all has been moved, set by those that move
 * @misplaced:	pages to be moved, about; 0 when all has been
 * @move_cursor: address where moving to each node goes on
 */
struct knumad_sampling {
	struct xarray chunks;
	unsigned long nr_tables;
	struct knumad_sthread *threads;
	unsigned int nr_threads;
	struct xarray places;
	u32 *seen;
	u32 *shares;
	nodemask_t set;
	unsigned int looks;
	u64 look_ns;
	unsigned long load;
	bool waiting;
	unsigned long wait_end;
	unsigned long wait_load;
	unsigned long slept;
	unsigned long usual;
	unsigned int stirred;
	unsigned long next_probe;
	unsigned long probes;
	unsigned int round;
	bool late;
	unsigned int late_round;
	unsigned long next_late;
	unsigned long next_round;
	unsigned long pause;
	bool arming;
	unsigned long cursor;
	struct knumad_doubt doubt;
	unsigned int surprised;
	unsigned int running;
	unsigned int recent;
	u64 squares;
	bool one_sided;
	unsigned int rehomed;
	unsigned long known;
	unsigned long shared;
	unsigned int agreed;
	unsigned int disagreed;
	struct xarray parts;
	unsigned long parted;
	unsigned int parts_agreed;
	unsigned int parts_disagreed;
	bool fresh;
	struct knumad_allowance allowance;
	nodemask_t moving;
	nodemask_t again;
	nodemask_t arrived;
	unsigned long misplaced;
	unsigned long *move_cursor;
};

void knumad_sampling_begin(struct knumad_proc *proc);
void knumad_sampling_end(struct knumad_proc *proc);
void knumad_sampling_learn(const struct knumad_sample *sample);
unsigned int knumad_sampling_local(const struct knumad_proc *proc);
long knumad_sampling_rounds(u64 deadline);
bool knumad_sampling_due(const struct knumad_sampling *s,
			 const struct knumad_chunk *c, unsigned int armed,
			 unsigned long addr);
unsigned int knumad_sampling_part(const struct knumad_sampling *s,
				  const struct knumad_chunk *c, unsigned long addr);

/* === threads.c === */

bool knumad_threads_look(struct knumad_proc *proc);
int knumad_threads_find(struct knumad_sampling *s, pid_t tid);
int knumad_thread_home(const struct knumad_proc *proc, pid_t tid);
void knumad_threads_see(struct knumad_sampling *s, unsigned int at, int nid);
void knumad_threads_share(struct knumad_sampling *s, unsigned int a,
			  unsigned int b);
void knumad_threads_unshare(struct knumad_sampling *s);
void knumad_threads_hear(struct knumad_sampling *s, unsigned int at);
void knumad_threads_count(struct knumad_sampling *s);
int knumad_threads_local(const struct knumad_sampling *s);
void knumad_threads_settle(struct knumad_proc *proc);
bool knumad_threads_place(struct knumad_proc *proc);
void knumad_threads_free(struct knumad_sampling *s);

/* === table.c === */

/**
 * enum knumad_part_state - what is known of a part of a shared chunk
 * @KNUMAD_PART_UNKNOWN: not enough
 * @KNUMAD_PART_IS_KNOWN: the node where it belongs
 * @KNUMAD_PART_BY_PAGE: its pages have users on several nodes
 */
enum knumad_part_state {
	KNUMAD_PART_UNKNOWN,
	KNUMAD_PART_IS_KNOWN,
	KNUMAD_PART_BY_PAGE,
};

/* Each page of a part goes where its last user was: see knumad_folio_user() */
#define KNUMAD_BY_PAGE		(-2)

/* Address bits within a part of a chunk */
#define KNUMAD_PART_BITS	(PMD_SHIFT - KNUMAD_PART_SHIFT)

/**
 * struct knumad_chunk_iter - where knumad_chunk_next() is
 * @addr:	where the chunk begins
 * @table:	where it is kept
 */
struct knumad_chunk_iter {
	unsigned long addr;
	struct knumad_table *table;
};

struct knumad_chunk *knumad_chunk_get(struct knumad_proc *proc,
				      unsigned long addr);
int knumad_chunk_target(const struct knumad_proc *proc, unsigned long addr);
unsigned long knumad_part_addr(unsigned long addr, unsigned long index);
struct knumad_part *knumad_part_get(struct knumad_proc *proc, unsigned long addr);
bool knumad_parts_known(const struct knumad_proc *proc, unsigned long addr);
int knumad_part_goes(const struct knumad_proc *proc, unsigned long addr);
enum knumad_part_state knumad_part_state(struct knumad_sampling *s,
					 unsigned long addr);
void knumad_parts_free(struct knumad_sampling *s);
struct knumad_chunk *knumad_chunk_next(struct knumad_sampling *s,
				       struct knumad_chunk_iter *it);
void knumad_chunks_count(struct knumad_sampling *s);
void knumad_chunks_patience(unsigned int ms);
void knumad_chunks_disarm(struct knumad_proc *proc);
void knumad_chunks_prune(struct knumad_proc *proc);
void knumad_chunks_free(struct knumad_sampling *s);

#endif /* _KNUMAD_SAMPLING_H */
