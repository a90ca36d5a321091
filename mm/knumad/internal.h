/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumad internals, shared by the files of mm/knumad
 *
 * Threads and contexts
 *
 *   knumad thread	runs everything that looks and decides: registry, scan,
 *			affinity, placement, tasks, arm, sample, spanning. It is the
 *			only writer of the process list, and of struct knumad_proc and
 *			struct knumad_sampling but for moving. When knumad is switched
 *			off, who does so ends sampling after the thread is gone.
 *   knumad/N:K threads	one or two for each node N with CPUs: move pages (migrate.c).
 *			The knumad thread waits for them meanwhile.
 *   scheduler hook	knumad_keeps_home(): under a runqueue lock with
 *			interrupts off; reads one task, the flags of its mm, which
 *			it keeps while it does not run, and CPU states, no lock.
 *   fault hook		knumad_hint_fault(): in the hinting fault of any task, under
 *			the page table lock, which keeps it on its CPU and is an RCU
 *			read section; writes the ring of that CPU, no lock, no
 *			allocation. The static key is on, and the rings are there,
 *			before the knumad thread starts; the key goes off when nothing
 *			is armed any more, and the rings go a grace period later.
 *   prctl		the task itself; atomic bits in mm->flags, no lock.
 *   /proc/PID/knumad	any task; the same bits, with the process kept from exec.
 *   sysfs, debugfs	any task; see the locks.
 *
 * Lock order
 *
 *   knumad_ctl_lock			on, off and change of mode (switch.c);
 *					held while the thread is started or stopped
 *     cpu_hotplug_lock, jump_label_mutex	the static key
 *     knumad_procs_lock		what is left when the thread is gone
 *   task->signal->exec_update_lock	who reads or writes /proc/PID/knumad
 *     knumad_procs_lock		the process list: taken by the thread to
 *					add and remove, and to replace or free
 *					what readers see of proc->sampling; by
 *					readers to iterate. The thread iterates
 *					without it.
 *       sampling->chunks, ->parts (xa_lock)	to drop tables
 *   proc->move_lock			to collect a batch and account for it; by
 *					one of knumad's threads that moves
 *     mm->mmap_lock (read)		one hold: to collect, and without move_lock
 *					to walk, to arm, to disarm
 *       sampling->chunks (xa_lock)	to add a table; allocates
 *       page table lock		also in change_protection()
 *         lruvec->lru_lock		isolation
 *     target->lock			rate and room of a node; innermost
 *   task->alloc_lock			a thread's mm or mempolicy
 *
 * knumad_tunables_lock nests in nothing. No lock but these is held across a hold
 * of mmap_lock, none across a migration, and fork, exec and exit take none of
 * knumad's: it holds an mm_count reference on what it watches and notices at
 * its next visit that mm_users has dropped to zero.
 *
 * mmap_lock is only tried. Disarming at the end of sampling tries again, for a tenth
 * of a second per look, and for a second under knumad_ctl_lock, whatever the processes.
 *
 * Without a lock
 *
 *   ring->head		smp_store_release() by the fault, after the sample is written;
 *			smp_load_acquire() by the knumad thread, before it reads it.
 *   ring->tail		smp_store_release() by the knumad thread, after it has read;
 *			smp_load_acquire() by the fault, before it writes there again.
 *			Each of them has one writer: a fault cannot interrupt a fault
 *			under the page table lock.
 *   proc->moving	movers look for work without move_lock, and again with it.
 *
 * Racy on purpose
 *
 *   tunables		one word each; READ_ONCE() by the thread, WRITE_ONCE() in
 *			tunables.c. A pass may mix old and new values.
 *   struct knumad_proc	written by the thread with WRITE_ONCE() where the debugfs
 *			files read it with READ_ONCE(); a row may mix two passes.
 *   struct knumad_sampling
 *			the same: debugfs reads threads, samples, the set of nodes and
 *			chunks while the thread changes them. Arrays and tables stay
 *			while it holds knumad_procs_lock. A chunk is 8 bytes, one word.
 *			@moving and @move_cursor are changed by movers, under
 *			move_lock, while the knumad thread waits for them; @moving is
 *			also read without, to find work.
 *   samples		an address, a thread and a node that were right at the fault.
 *			The mm is compared, never followed: one that was freed and
 *			allocated anew in between may get a few samples of the old one.
 *   ring->lost		written by its CPU, read at any time.
 *   folio's last_cpupid	who used a page, written by the fault and read by who arms and
 *			moves, both under the page table lock. It belongs to mainline's
 *			balancing, which stands still meanwhile: what it left there, and
 *			what is left to it, is an older user.
 *   armed pages	chosen under the page table lock, armed after it was released:
 *			change_protection() looks again. @armed of a chunk is what was
 *			so at the last round or sample.
 *   statistics		atomic one by one, readers may see a pass half counted.
 *   task fields	state, CPU, cpus_ptr, mems_allowed, sum_exec_runtime are samples; every
 *			action rechecks under the scheduler's own locks.
 *   node_stamp		of a task: its CPU time at the last look, and that at the one before
 *			in last_sum_exec_runtime. The fields belong to mainline's
 *			task_tick_numa() and task_numa_placement(), which stand still while
 *			knumad is on. Their first scan and placement after that may come
 *			early or late, and the latter takes what was used since.
 */
#ifndef _KNUMAD_INTERNAL_H
#define _KNUMAD_INTERNAL_H

#include <linux/knumad.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "../mm_slot.h"
#include "placement.h"
#include "spanning.h"
#include "sampling.h"

struct folio;
struct pid;
struct vm_area_struct;

/* === tunables.c === */

enum knumad_mode {
	KNUMAD_NEVER,
	KNUMAD_OPT_IN,
	KNUMAD_ALWAYS,
};

/**
 * struct knumad_tunables - what the admin can set, see the ABI document
 * @scan_interval_ms:	shortest time between two looks at a process
 * @scan_max_interval_ms: longest time, reached by doubling
 * @scan_pages:		page table entries looked at per look
 * @cpu_percent:	CPU time of looking and sampling, in percent of one CPU
 * @migrate_mb_per_s:	migration rate per target node
 * @reserve_percent:	part of a node kept free above its high watermark
 * @min_resident_mb:	smaller processes are not watched
 * @min_cpu_ms:		processes that used less CPU time are not watched
 * @samples_per_s:	samples per second armed of a process that spans nodes, of a folio each
 * @spread:		policy: leave lone processes spread
 */
struct knumad_tunables {
	unsigned long scan_interval_ms;
	unsigned long scan_max_interval_ms;
	unsigned long scan_pages;
	unsigned long cpu_percent;
	unsigned long migrate_mb_per_s;
	unsigned long reserve_percent;
	unsigned long min_resident_mb;
	unsigned long min_cpu_ms;
	unsigned long samples_per_s;
	bool spread;
};

extern struct knumad_tunables knumad_tun;

int knumad_parse_ulong(const char *buf, unsigned long min, unsigned long max,
		       unsigned long *val);
unsigned long knumad_samples_preset(unsigned int cpus);
int knumad_parse_mode(const char *buf, enum knumad_mode *mode);

/* === switch.c === */

enum knumad_mode knumad_mode(void);
int knumad_set_mode(enum knumad_mode mode);
bool knumad_should_stop(void);
void knumad_self_disable(void);

/* === core.c === */

int knumad_loop(void *unused);
void knumad_kick(void);

/*
 * Of the threads that move, and of the one that they wait for: memory that is half
 * moved is read remotely as long as the other half waits, and who shares its CPU with
 * the thread it works for takes twice the time. It does not do more work by that, it
 * does it sooner. More than this would let that thread wait for long at a stretch.
 */
#define KNUMAD_NICE	(-5)

/* === check.c === */

/**
 * enum knumad_check - what must be so, or knumad switches itself off
 * @KNUMAD_C_MOVED: no more was moved, and put back, than was isolated
 * @KNUMAD_C_RESERVED: no more was isolated than there was room for
 * @KNUMAD_C_TARGET: pages go to a node of this machine
 * @KNUMAD_C_WATCHED: there are as many watched processes as were counted
 * @KNUMAD_C_HOME: the home of a process is a node with memory and CPUs
 * @KNUMAD_C_THREAD_HOME: the home of a thread is a node of this machine
 * @KNUMAD_C_BYTES: switched off, nothing is left of its memory
 * @KNUMAD_NR_CHECKS: their number
 */
enum knumad_check {
	KNUMAD_C_MOVED,
	KNUMAD_C_RESERVED,
	KNUMAD_C_TARGET,
	KNUMAD_C_WATCHED,
	KNUMAD_C_HOME,
	KNUMAD_C_THREAD_HOME,
	KNUMAD_C_BYTES,
	KNUMAD_NR_CHECKS
};

bool knumad_inconsistent(enum knumad_check check, bool wrong);
const char *knumad_check_name(enum knumad_check check);
unsigned int knumad_check_failed(enum knumad_check check);

/* === registry.c === */

/**
 * struct knumad_counts - pages per node, nr_node_ids elements each
 * @resident:	private anonymous pages
 * @used:	of those, used since the last pass
 * @fixed:	of those, must not move
 */
struct knumad_counts {
	unsigned long *resident;
	unsigned long *used;
	unsigned long *fixed;
};

/**
 * struct knumad_proc - one watched process
 * @slot:	hash and list linkage, and the mm, pinned by mm_count
 * @pid:	the thread group leader's, pinned
 * @comm:	its name when it was last seen
 * @verdict:	why it is where it is
 * @bound:	verdict that forbids to place it, KNUMAD_V_NONE if none
 * @home:	home node or NUMA_NO_NODE
 * @pending:	home proposed in the last placement but not yet taken
 * @mems:	nodes of memory that all its threads that count may use
 * @allowed:	of those, the ones that all its threads that count may use
 * @cap:	cores per node that these may use, thousandths
 * @threads:	number of threads
 * @got:	cores it had the use of, thousandths, decayed; 0 if not known yet
 * @load:	cores it can use, thousandths, decayed
 * @cpu:	share of its CPU time per node, thousandths, decayed
 * @cpu_ns:	CPU time of all its threads at the last look
 * @few_ns:	of it, who does not work used no more between the last two looks; 0 after
 *		the first one
 * @look_ns:	time of the last look
 * @born_ns:	time of enrolment
 * @now:	counts of the last complete walk, corrected by what was moved since
 * @acc:	counts of the walk that is going on
 * @cursor:	address where the walk goes on
 * @walking:	a walk is going on
 * @walked:	at least one walk is complete
 * @fresh:	a walk was completed since the last placement
 * @left:	pages that had no room at home then
 * @move_cursor: address where moving goes on
 * @move_lock:	of those that move
 * @moving:	moving has not yet reached the end of the address space
 * @served:	pages it was let move since the last time that nobody waited for a turn
 * @displaced:	running threads found away from home at the last look
 * @changed:	something changed since the last walk: do not back off
 * @rss:	resident pages by the mm's counters at the last walk
 * @next_walk:	jiffies at which the next walk is due
 * @interval_ms: present interval between walks
 * @walk_moved:	pages moved since moving began
 * @faults:	hinting faults
 * @moved:	pages moved since enrolment
 * @scan_ns:	CPU time spent to walk it, since enrolment
 * @one_node:	its threads that need cores may run on one node only
 * @misfit:	it fits in no node, by the last placement
 * @misfit_since: jiffies since when
 * @sampling:	what samples tell if it spans nodes, else NULL
 *
 * Written by the knumad thread; @now, @move_cursor, @moving, @served, @walk_moved, @moved
 * also by those that move, under @move_lock, while the knumad thread waits for them.
 */
struct knumad_proc {
	struct mm_slot slot;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
	enum knumad_verdict verdict;
	enum knumad_verdict bound;
	int home;
	int pending;
	nodemask_t mems;
	nodemask_t allowed;
	unsigned int threads;
	unsigned int got;
	unsigned long load;
	unsigned int *cpu;
	unsigned int *cap;
	u64 cpu_ns;
	u64 few_ns;
	u64 look_ns;
	u64 born_ns;
	struct knumad_counts now;
	struct knumad_counts acc;
	unsigned long cursor;
	bool walking;
	bool walked;
	bool fresh;
	unsigned long left;
	unsigned long move_cursor;
	struct mutex move_lock;	/* of those that move */
	bool moving;
	unsigned int served;
	unsigned int displaced;
	bool changed;
	unsigned long rss;
	unsigned long next_walk;
	unsigned long interval_ms;
	unsigned long walk_moved;
	u64 faults;
	u64 moved;
	u64 scan_ns;
	bool one_node;
	bool misfit;
	unsigned long misfit_since;
	struct knumad_sampling *sampling;
};

extern struct list_head knumad_procs;
extern struct mutex knumad_procs_lock;

#define knumad_for_each_proc(p) \
	list_for_each_entry(p, &knumad_procs, slot.mm_node)

void knumad_choose(struct mm_struct *mm, unsigned long choice);
unsigned long knumad_choice(const struct mm_struct *mm);
const char *knumad_registry_why_not(struct task_struct *leader,
				    struct mm_struct *mm);
bool knumad_registry_sweep(void);
void knumad_registry_release(void);
void knumad_registry_begin_at(struct knumad_proc *proc);
struct knumad_proc *knumad_registry_find(struct mm_struct *mm);
bool knumad_registry_wants(struct mm_struct *mm);
struct task_struct *knumad_live_thread(struct task_struct *task,
				       struct mm_struct **mm);
struct task_struct *knumad_proc_task(struct knumad_proc *proc);

/* === cgroup.c === */

/**
 * enum knumad_group - what memory.knumad says
 * @KNUMAD_GROUP_DEFAULT: what the group above says, or the machine
 * @KNUMAD_GROUP_ALWAYS: its processes are looked after, in opt-in mode, too
 * @KNUMAD_GROUP_NEVER: its processes are left alone
 */
enum knumad_group {
	KNUMAD_GROUP_DEFAULT,
	KNUMAD_GROUP_ALWAYS,
	KNUMAD_GROUP_NEVER,
};

#ifdef CONFIG_MEMCG
enum knumad_group knumad_group(struct mm_struct *mm);
const char *knumad_group_name(enum knumad_group group);
#else
static inline enum knumad_group knumad_group(struct mm_struct *mm)
{
	return KNUMAD_GROUP_DEFAULT;
}

static inline const char *knumad_group_name(enum knumad_group group)
{
	return "default";
}
#endif

/* === topology.c === */

/**
 * struct knumad_topology - a snapshot of the nodes, indexed by node id
 * @nr:		nr_node_ids
 * @node:	capacity and room as the policy sees them
 * @busy:	CPU time used on the node's CPUs, thousandths, since the last one
 * @busy_ns:	the same of all nodes together, ns
 * @stamp:	time of the snapshot, ns
 * @generation:	changes when capacities, distances or the set of nodes change
 * @crowd:	cores that watched processes want together, by the last placement, see
 *		struct knumad_placement
 * @distance:	@nr x @nr, row = from
 */
struct knumad_topology {
	int nr;
	struct knumad_pl_node *node;
	unsigned long *busy;
	u64 busy_ns;
	u64 stamp;
	u32 generation;
	unsigned int crowd;
	u8 *distance;
};

extern struct knumad_topology knumad_topo;

bool knumad_topology_usable(void);
int knumad_topology_init(void);
void knumad_topology_update(struct knumad_topology *topo);
unsigned long knumad_node_free(int nid);
bool knumad_cpu_usable(int cpu);
void knumad_housekeeping_cpus(struct task_struct *thread, struct cpumask *cpus);
unsigned long knumad_node_cores(int nid, const struct cpumask *of);
unsigned long knumad_count_cores(const struct cpumask *cpus,
				 const struct cpumask *(*siblings)(int cpu));

/* === affinity.c === */

unsigned long knumad_decay(unsigned long avg, unsigned long sample);
unsigned long knumad_decay_for(unsigned long avg, unsigned long sample, u64 ns);
unsigned long knumad_load_sample(u64 cpu_ns, u64 elapsed_ns,
				 unsigned int running);
void knumad_shares(unsigned int *share, const u64 *cpu_ns, int nr, bool first);
unsigned int knumad_horizon(u64 age_ns, unsigned long interval_ms);
bool knumad_counts_differ(const struct knumad_counts *a,
			  const struct knumad_counts *b, int nr);

/* === scan.c === */

/*
 * Page table entries looked at before mmap_lock is let go. What takes as long as so many of
 * them: to go from one VMA to the next, to look for page tables in a GiB, to find out whether
 * a chunk is due, to arm a sample besides the entries of its folio.
 */
#define KNUMAD_HOLD_ENTRIES	2048
#define KNUMAD_VMA_ENTRIES	16
#define KNUMAD_PUD_ENTRIES	128
#define KNUMAD_CHUNK_ENTRIES	32
#define KNUMAD_ARM_ENTRIES	64

/*
 * Before the VMA or the GiB at @start, also if there is nothing in it: that takes its time.
 * Return: whether mmap_lock is to be let go first; what was looked at in this hold ends at @cursor.
 */
static inline bool knumad_hold_ends(struct mm_struct *mm, long hold, unsigned long cursor,
				    unsigned long start)
{
	return hold <= 0 || (cursor != start && mmap_lock_is_contended(mm));
}

/*
 * Is the caller, who has an mm_users reference, the last one to have it? Its process has exited
 * or runs another program, and its memory is freed when the caller lets go: soon, please.
 */
static inline bool knumad_is_left(struct mm_struct *mm)
{
	return atomic_read(&mm->mm_users) == 1;
}

/**
 * struct knumad_budget - what is left to spend in this look
 * @entries:	page table entries
 * @deadline:	sched_clock() ns of the thread's CPU time at which to stop
 */
struct knumad_budget {
	unsigned long entries;
	u64 deadline;
};

enum knumad_walk_result {
	KNUMAD_WALK_DONE,
	KNUMAD_WALK_BUDGET,
	KNUMAD_WALK_BUSY,
	KNUMAD_WALK_GONE,
};

/**
 * struct knumad_batch - folios isolated for one (process, target)
 * @folios:	the folios
 * @target:	node to move them to
 * @nr_folios:	their number
 * @nr_thp:	PMD-sized ones among them
 * @nr_pages:	their pages
 * @max_pages:	stop isolating beyond this
 * @from:	pages per node they come from
 */
struct knumad_batch {
	struct list_head folios;
	int target;
	unsigned int nr_folios;
	unsigned int nr_thp;
	unsigned long nr_pages;
	unsigned long max_pages;
	unsigned long *from;
};

/*
 * Folios that share one TLB flush. They are unmapped together and mapped again one
 * after the other: who touches one meanwhile waits. More would save little.
 */
#define KNUMAD_BATCH	64

enum knumad_walk_result knumad_scan(struct knumad_proc *proc,
				    struct knumad_budget *budget);
enum knumad_walk_result knumad_collect(struct knumad_proc *proc,
				       struct mm_struct *mm,
				       struct knumad_batch *batch);

bool knumad_vma_private(struct vm_area_struct *vma);
enum knumad_verdict knumad_vma_fixed(struct vm_area_struct *vma);
struct folio *knumad_private_folio(struct folio *folio);
bool knumad_folio_shared(struct folio *folio);

static inline int knumad_folio_nid(const struct folio *folio)
{
	/* It stands in a word with flags that others set, get_user_pages() for one, but stays */
	return data_race(folio_nid(folio));
}

/* === migrate.c === */

int knumad_migrate_init(void);
void knumad_migrate_exit(void);
unsigned long knumad_away_from_home(const struct knumad_proc *proc);
bool knumad_migrate_all(unsigned long until);

/* === tasks.c === */

bool knumad_tasks_look(struct knumad_proc *proc);
bool knumad_task_works(const struct knumad_proc *proc, struct task_struct *t);
void knumad_tasks_set_home(struct knumad_proc *proc, int nid);
void knumad_tasks_settle(struct knumad_proc *proc);
void knumad_tasks_forget(struct knumad_proc *proc);

/* === stats.c === */

/**
 * enum knumad_stat - the counters, since boot
 * @KNUMAD_S_PASSES: looks at everything
 * @KNUMAD_S_WAKEUPS: wake-ups of the thread
 * @KNUMAD_S_MMS_WATCHED: processes watched now
 * @KNUMAD_S_MMS_ENROLLED: processes ever enrolled
 * @KNUMAD_S_MMS_DROPPED: processes ever dropped
 * @KNUMAD_S_PAGES_SCANNED: pages looked at by walks
 * @KNUMAD_S_SCAN_NS: CPU time of walks
 * @KNUMAD_S_HINT_FAULTS: hinting faults
 * @KNUMAD_S_HINT_FAULTS_LOCAL: of those, local
 * @KNUMAD_S_PAGES_ARMED: pages armed for hinting faults
 * @KNUMAD_S_PAGES_DISARMED: armed pages that were made accessible again
 * @KNUMAD_S_SAMPLES_LOST: hinting faults for which there was no room
 * @KNUMAD_S_MMS_SAMPLED: processes that span nodes and are sampled now
 * @KNUMAD_S_THREAD_HOMES_SET: homes given to single threads
 * @KNUMAD_S_PAGES_ISOLATED: pages taken off the LRU to be moved
 * @KNUMAD_S_PAGES_PUT_BACK: of those, not moved
 * @KNUMAD_S_PAGES_MIGRATED: pages moved
 * @KNUMAD_S_THP_MIGRATED: PMD-sized folios moved
 * @KNUMAD_S_FOLIOS_MIGRATED: folios of any size moved
 * @KNUMAD_S_MIGRATE_FAILED: folios isolated but put back
 * @KNUMAD_S_MIGRATE_NS: CPU time of moving pages
 * @KNUMAD_S_HOMES_SET: homes given
 * @KNUMAD_S_HOMES_CLEARED: homes taken away
 * @KNUMAD_S_TASKS_MOVED: threads moved to an idle or less busy CPU
 * @KNUMAD_S_TASKS_SWAPPED: threads exchanged with another
 * @KNUMAD_S_TASKS_CALLED: sleeping threads told to wake up at home
 * @KNUMAD_S_MMAP_BUSY: walks that found mmap_lock taken
 * @KNUMAD_S_RATE_LIMITED: times the rate limit stopped moving
 * @KNUMAD_S_MMAP_HOLD_MAX_NS: longest hold of mmap_lock
 * @KNUMAD_S_BYTES: memory of knumad's own structures now
 * @KNUMAD_S_BYTES_MAX: the most there ever was
 * @KNUMAD_S_SELF_DISABLED: times knumad switched itself off
 * @KNUMAD_NR_STATS: their number
 */
enum knumad_stat {
	KNUMAD_S_PASSES,
	KNUMAD_S_WAKEUPS,
	KNUMAD_S_MMS_WATCHED,
	KNUMAD_S_MMS_ENROLLED,
	KNUMAD_S_MMS_DROPPED,
	KNUMAD_S_PAGES_SCANNED,
	KNUMAD_S_SCAN_NS,
	KNUMAD_S_HINT_FAULTS,
	KNUMAD_S_HINT_FAULTS_LOCAL,
	KNUMAD_S_PAGES_ARMED,
	KNUMAD_S_PAGES_DISARMED,
	KNUMAD_S_SAMPLES_LOST,
	KNUMAD_S_MMS_SAMPLED,
	KNUMAD_S_THREAD_HOMES_SET,
	KNUMAD_S_PAGES_ISOLATED,
	KNUMAD_S_PAGES_PUT_BACK,
	KNUMAD_S_PAGES_MIGRATED,
	KNUMAD_S_THP_MIGRATED,
	KNUMAD_S_FOLIOS_MIGRATED,
	KNUMAD_S_MIGRATE_FAILED,
	KNUMAD_S_MIGRATE_NS,
	KNUMAD_S_HOMES_SET,
	KNUMAD_S_HOMES_CLEARED,
	KNUMAD_S_TASKS_MOVED,
	KNUMAD_S_TASKS_SWAPPED,
	KNUMAD_S_TASKS_CALLED,
	KNUMAD_S_MMAP_BUSY,
	KNUMAD_S_RATE_LIMITED,
	KNUMAD_S_MMAP_HOLD_MAX_NS,
	KNUMAD_S_BYTES,
	KNUMAD_S_BYTES_MAX,
	KNUMAD_S_SELF_DISABLED,
	KNUMAD_NR_STATS
};

void knumad_stat_add(enum knumad_stat stat, u64 nr);
void knumad_stat_add_mm(enum knumad_stat stat, u64 nr, struct mm_struct *mm);
void knumad_stat_scan(u64 ns, struct mm_struct *mm);
void knumad_stat_max(enum knumad_stat stat, u64 val);
void knumad_stat_bytes(long bytes);
u64 knumad_stat(enum knumad_stat stat);
void knumad_verdict_add(enum knumad_verdict verdict, u64 nr);
u64 knumad_verdict_count(enum knumad_verdict verdict);
const char *knumad_verdict_name(enum knumad_verdict verdict);

#endif /* _KNUMAD_INTERNAL_H */
