/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Helpers shared by the knumad selftests.
 *
 * A test consists of an observer (the test itself: it switches knumad, reads
 * its files and asks the kernel where pages are) and of workers: forked
 * processes that put memory on a node of the test's choice and then touch it
 * with threads until told to stop. Pages of a worker are filled with a pattern
 * and counted up by their thread, and compared at the end: a page that was lost,
 * mixed up or missed a write on its way between nodes is found.
 */
#ifndef KNUMAD_UTIL_H
#define KNUMAD_UTIL_H

#include <linux/types.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KN_SYSFS	"/sys/kernel/mm/knumad/"
#define KN_DEBUGFS	"/sys/kernel/debug/knumad/"
#define KN_THP		"/sys/kernel/mm/transparent_hugepage/"
#define KN_BALANCING	"/proc/sys/kernel/numa_balancing"
#define KN_TRACEFS	"/sys/kernel/tracing/"
#define KN_TRACE	KN_TRACEFS "instances/knumad-test/"

#define PR_SET_KNUMAD		0x4b4e554d
#define PR_GET_KNUMAD		0x4b4e554e
#define PR_KNUMAD_DEFAULT	0
#define PR_KNUMAD_IN		1
#define PR_KNUMAD_OUT		2

#define KN_PAGE		4096UL
#define KN_MB		1048576UL
#define KN_MAX_NODES	64
#define KN_MAX_CPUS	256
#define KN_MAX_THREADS	16
#define KN_NONE		(-1)

/* Pages that each one stands for which a walk looks at */
#define KN_SAMPLED	8

/* Gathered: this many per mille of the pages are where the threads are */
#define KN_GATHERED	990

/* Seconds after which something that should happen counts as not happening */
#define KN_PATIENCE	120

#define KN_HOUR_MS	3600000

/* And those that a test may take in all; emulated machines are slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	240

#define KN_READ(x)	__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define KN_WRITE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

/* Poll @cond until it is true (then true) or @secs have gone by (then false). */
#define kn_wait_until(cond, secs) ({				\
	__u64 __end = kn_now_ms() + 1000UL * (secs);		\
	bool __ok;						\
								\
	while (!(__ok = !!(cond)) && kn_now_ms() < __end)	\
		kn_nap();					\
	__ok;							\
})

/* Files */

int kn_read(const char *path, char *buf, size_t size);
int kn_write(const char *path, const char *text);
int kn_write_len(const char *path, const char *text, size_t len);
__s64 kn_read_number(const char *path);
int kn_tunable_read(const char *name, char *buf, size_t size);
int kn_tunable_write(const char *name, const char *text);
__s64 kn_tunable(const char *name);
int kn_tunable_set(const char *name, __s64 value);
int kn_enable(const char *word);
bool kn_mode_is(const char *word);

__u64 kn_now_ms(void);
void kn_nap(void);

/* The machine */

struct kn_topology {
	int nr;				/* highest node id + 1 */
	int cpus[KN_MAX_NODES];		/* CPUs of a node, 0: it has none */
	bool memory[KN_MAX_NODES];	/* it has memory */
	int distance[KN_MAX_NODES][KN_MAX_NODES];
	int node_of_cpu[KN_MAX_CPUS];
	int nr_memory;			/* nodes with memory */
	int nr_full;			/* nodes with memory and CPUs */
	int full[KN_MAX_NODES];		/* their ids */
};

extern struct kn_topology kn_topo;

void kn_read_topology(void);
void kn_node_cpus(int node, cpu_set_t *set);
void kn_all_cpus(cpu_set_t *set);
int kn_max_cpus(void);
int kn_set_memory(int node, const char *state);

struct kn_zone_sums {
	__u64 free;			/* pages */
	__u64 pcp;			/* free, too, but kept by CPUs for themselves */
	__u64 high;			/* sum of the high watermarks */
	__u64 managed;
	__u64 room;			/* free above these, and above what zones keep for others */
};

bool kn_zones(int node, struct kn_zone_sums *sums);

__u64 kn_all_free(void);

/* Before and after a test */

__u64 kn_environment(const char *name, __u64 preset);
bool kn_quick(void);
void kn_save(const char *path);
void kn_save_system(void);
void kn_save_ksm(void);
__s64 kn_merged(void);
bool kn_merge(__s64 pages);
const char *kn_begin(int full_nodes);
const char *kn_begin_once(int full_nodes);
const char *kn_begin_spanning(int threads);
void kn_end(void);
const char *kn_use_folios(size_t folio);
__u64 kn_folio_stat(size_t folio, const char *name);

/* What knumad tells */

struct kn_process {
	int pid;
	char comm[64];
	int home;
	__u64 resident[KN_MAX_NODES];
	__u64 used[KN_MAX_NODES];
	__u64 cpu[KN_MAX_NODES];
	__u64 load_mcpu;
	__u64 threads;
	__u64 faults;
	__u64 moved;
	__u64 scan_us;
	__u64 interval_ms;
	char verdict[32];
};

/* Of a process that spans nodes: a thread, */
struct kn_thread {
	int home;
	int node;
	__u64 load_mcpu;
};

/* ... and its chunks of memory */
struct kn_spanning {
	__u64 rounds;
	__u64 used;
	__u64 one_node;
	__u64 spread;
	__u64 armed;
	__u64 local;
};

/* What is used by tests of a node's line in debugfs */
struct kn_node {
	__u64 busy_mcpu;
	__u64 free_pages;
	__u64 usable_pages;
};

#define KN_PROCESSES_HEADER \
	"# pid comm home resident used cpu load_mcpu threads faults moved scan_us interval_ms verdict\n"
#define KN_NODES_HEADER \
	"# nid cpus cores busy_mcpu capacity_mcpu free_pages usable_pages resident_pages homes load_mcpu\n"

extern const char *const kn_stat_names[];
extern const char *const kn_verdict_names[];
extern const char *const kn_check_names[];

int kn_parse_process(char *line, struct kn_process *process);
bool kn_process(pid_t pid, struct kn_process *process);
bool kn_verdict_is(pid_t pid, const char *word);
int kn_home(pid_t pid);
int kn_nr_processes(void);
bool kn_find_stat(const char *name, __u64 *value);
__u64 kn_stat(const char *name);
__u64 kn_verdict(const char *word);
__u64 kn_vmstat(const char *name);
bool kn_balanced(void);
bool kn_thread(int tid, struct kn_thread *thread);
bool kn_spanning(pid_t pid, struct kn_spanning *spanning);
__u64 kn_rounds(pid_t pid);
bool kn_is_armed(pid_t pid);
bool kn_node(int nid, struct kn_node *node);
bool kn_proc_value(pid_t pid, const char *name, char *value, size_t size);
bool kn_proc_is(pid_t pid, const char *name, const char *expected);
int kn_choose(pid_t pid, const char *word);
bool kn_wait_passes(unsigned int nr, int secs);
bool kn_look_no_more(void);
pid_t kn_thread_pid(void);
pid_t kn_mover_pid(int node);
__u64 kn_cpu_ns(pid_t pid);
const char *kn_trace_begin(const char *events, const char *kb);
bool kn_trace_is_whole(void);
void kn_trace_end(void);
void kn_dump(void);

/* The events that a test compares before and after */
struct kn_events {
	__u64 hint_faults;
	__u64 pte_updates;
	__u64 migrated;
	__u64 split_page;
	__u64 knumad_migrated;
	__u64 scanned;			/* pages looked at by reclaim */
};

void kn_events(struct kn_events *events);

/* Workers */

struct kn_thread_state {
	__u64 sweeps;
	__u64 sweeps_on[KN_MAX_NODES];
	int cpu;
	int tid;
};

/* One per worker, shared with it */
struct kn_shared {
	char *mem;			/* address in the worker */
	size_t size;
	char *extra;			/* second region, made by ->prepare() */
	size_t extra_size;
	bool extra_idle;		/* threads keep off the second region */
	int stop;
	int pause_us;			/* of each thread, after a sweep */
	int set_of[KN_MAX_THREADS];	/* which set a thread uses; to be changed at will */
	__u64 swept[KN_MAX_THREADS];	/* sweeps over a set that are finished */
	__u64 bad;			/* words that were not as they should be */
	int fd;				/* for the hooks: a descriptor, a process */
	pid_t child;
	int go;				/* for the hooks: now */
	int rest;			/* the pest does nothing */
	__u64 rounds;			/* of what a hook does over and over */
	char why[160];			/* why a hook could not do its job */
	struct kn_thread_state thread[KN_MAX_THREADS];
};

/* What a worker does */
struct kn_work {
	size_t size;			/* bytes, a multiple of sets * folio */
	size_t align;			/* of the memory, if more than a folio */
	size_t folio;			/* 0: 4 KiB pages, else madvise()d huge ones */
	int node;			/* the memory is first put here, */
	size_t rest;			/* ... but its last so many bytes */
	int rest_node;			/* ... here */
	int threads;
	int sharers;			/* so many threads use a set of pages; 0: one */
	int sets;			/* 0: none that nobody uses at first */
	int cpu_node;			/* threads begin here; KN_NONE: anywhere, */
	const int *cpu_nodes;		/* ... or each on one of these nodes, */
	bool pinned;			/* ... and stay there if so */
	int pause_us;			/* rest of a thread between two sweeps */
	bool leaderless;		/* the first thread of the process exits */
	bool thin;			/* pattern in one word of a page only */
	bool slow;			/* a sweep reads all of each page, too */
	/* A further thread does it over and over; returns what went wrong, or NULL */
	const char *(*pest)(struct kn_shared *sh);
	/*
	 * Hooks, run by the worker: before it has any memory, once the memory
	 * is in place, and after the threads have ended. 0: fine, 1: the kernel
	 * cannot do it (text in @why), negative: failed.
	 */
	int (*before)(struct kn_shared *sh, const struct kn_work *work);
	int (*prepare)(struct kn_shared *sh, const struct kn_work *work);
	int (*finish)(struct kn_shared *sh, const struct kn_work *work);
};

struct kn_worker {
	pid_t pid;
	int to;				/* commands to the worker */
	int from;			/* its answers */
	struct kn_work work;
	struct kn_shared *sh;
};

struct kn_work kn_misplaced(size_t size, int node, int cpu_node);
struct kn_worker *kn_start(const struct kn_work *work);
__s64 kn_stop(struct kn_worker *worker);
void kn_kill(struct kn_worker *worker);
int kn_idle_threads(unsigned int nr);
int kn_pin_memory(struct kn_shared *sh, void *mem, size_t size);
pid_t kn_occupy(int cpu, int policy);
int kn_stand_back(struct kn_shared *sh, const struct kn_work *work);
int kn_begin_helper(struct kn_shared *sh, void *(*helper_main)(void *sh));
int kn_begin_pest(struct kn_shared *sh, const struct kn_work *work);
int kn_end_helper(struct kn_shared *sh, const struct kn_work *work);
int kn_pin(const struct kn_worker *worker, int node);
void kn_kill_all(void);

void kn_fill(void *mem, size_t size, __u64 seed, bool thin);
__u64 kn_check(const void *mem, size_t size, __u64 seed, bool thin, __u64 count);
bool kn_is_whole(const void *mem, size_t at, size_t size);

bool kn_wait_sweeps(const struct kn_worker *worker, unsigned int nr, int secs);
void kn_use_sets(const struct kn_worker *worker, int half, int after);
bool kn_arm_idle(const struct kn_worker *worker);
int kn_threads_on(const struct kn_worker *worker);
unsigned int kn_threads_at_home(const struct kn_worker *worker, int node, unsigned int nr);
unsigned int kn_threads_stay(const struct kn_worker *worker, int node);
__u64 kn_pages_at(pid_t pid, const void *addr, size_t size, unsigned int stride,
		  __u64 *on_node);
unsigned int kn_share_on(const struct kn_worker *worker, int node, unsigned int stride);
unsigned int kn_set_on(const struct kn_worker *worker, int set, int node);
int kn_thread_home(const struct kn_worker *worker, int index);
unsigned int kn_extra_on(const struct kn_worker *worker, int node);
int kn_gathered_on(const struct kn_worker *worker, unsigned int stride);
int kn_wait_gathered(const struct kn_worker *worker, int secs);
bool kn_wait_share(const struct kn_worker *worker, int node, unsigned int per_mille, int secs);
__u64 kn_smaps_kb(pid_t pid, const void *addr, const char *field);

/* Users, groups, and those who take what there is */

#define KN_NOBODY	65534
#define KN_SOMEBODY	65533

#define KN_CGROUP	"/sys/fs/cgroup/"
#define KN_PARENT	KN_CGROUP "knumad-test"
#define KN_CHILD	KN_PARENT "/child"

int kn_as_user(uid_t uid, int (*what)(void *), void *data);
int kn_try_read(void *path);
pid_t kn_sleeper(int (*first)(const void *data), const void *data);
pid_t kn_sleeper_of(uid_t uid);
const char *kn_make_groups(void);
void kn_drop_groups(void);
int kn_enter_child(struct kn_shared *sh, const struct kn_work *work);
__u64 kn_group_stat(const char *group, const char *file, const char *name);
pid_t kn_fill_node(int node, size_t leave);
const char *kn_swap_on(const char *device);

/* Memory whose mapping is changed in all possible ways */

#define KN_CHUNK	(2 * KN_MB)

struct kn_chunk {
	char *mem;
	unsigned int times;		/* that it was touched */
};

unsigned int kn_random(unsigned int *state);
unsigned int kn_touch(char *mem, size_t size, int ms);
bool kn_change_chunk(struct kn_chunk *chunk, unsigned int *seed, int node);

/* System calls that libc does not wrap */

void *kn_map(size_t size, size_t align);
int kn_mempolicy(int mode, __u64 nodes);
int kn_mbind(void *addr, size_t size, int mode, __u64 nodes);
int kn_place(void *addr, size_t size, int node, __u64 seed, bool thin);

#endif /* KNUMAD_UTIL_H */
