// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that do not fit in one node: a few hinting faults tell which thread uses
 * which memory. Threads and memory that belong together meet, what all use is spread,
 * and no page stays armed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define THREADS		4
#define MEM		(32 * KN_MB)

/* The last of x86-64; its last page cannot be mapped */
#define LAST_CHUNK	0x7fffffe00000UL

/* Some pages just touched may still wait in a CPU's batch to get on the LRU */
#define MOST		950

/* Until all is where it belongs, and for some time after */
#define MAX_FAULTS	2000

/* Is each thread's memory at its home, and has no node more threads than CPUs? */
static bool is_local(const struct kn_worker *worker)
{
	int threads[KN_MAX_NODES] = { 0 };
	int i, home;

	for (i = 0; i < THREADS; i++) {
		home = kn_thread_home(worker, i);
		if (home == KN_NONE || ++threads[home] > kn_topo.cpus[home] ||
		    kn_set_on(worker, worker->sh->set_of[i], home) < MOST)
			return false;
	}
	return true;
}

/* Do these two threads have the same home? */
static bool at_one_home(const struct kn_worker *worker, int a, int b)
{
	int home = kn_thread_home(worker, a);

	return home != KN_NONE && home == kn_thread_home(worker, b);
}

/* Is nothing moved in so many passes? */
static bool is_settled(unsigned int passes)
{
	__u64 migrated = kn_stat("pages_migrated");

	return kn_wait_passes(passes, KN_PATIENCE) && kn_stat("pages_migrated") == migrated;
}

/* Of the next sweeps of all threads, how many per mille ended at the thread's home? */
static unsigned int at_homes(const struct kn_worker *worker)
{
	const struct kn_shared *sh = worker->sh;
	__u64 all = 0, there = 0;
	int home[THREADS], i;

	for (i = 0; i < THREADS; i++) {
		home[i] = kn_thread_home(worker, i);
		if (home[i] == KN_NONE)
			return 0;
		all -= KN_READ(sh->thread[i].sweeps);
		there -= KN_READ(sh->thread[i].sweeps_on[home[i]]);
	}
	kn_wait_sweeps(worker, 50, KN_PATIENCE);
	for (i = 0; i < THREADS; i++) {
		all += KN_READ(sh->thread[i].sweeps);
		there += KN_READ(sh->thread[i].sweeps_on[home[i]]);
	}
	return all ? there * 1000 / all : 0;
}

/*
 * Who belongs together meets.
 */

FIXTURE(threads)
{
	struct kn_worker *worker;
	struct kn_events before;
	int node[2];
	size_t size;			/* 0: MEM */
	bool slow;
	int (*prepare)(struct kn_shared *sh, const struct kn_work *work);
};

FIXTURE_VARIANT(threads)
{
	size_t folio;
};

FIXTURE_VARIANT_ADD(threads, base_pages)
{
	.folio = 0,
};

FIXTURE_VARIANT_ADD(threads, thp_2m)
{
	.folio = 2 * KN_MB,
};

FIXTURE_SETUP(threads)
{
	const char *why = kn_begin_spanning(THREADS);

	if (!why)
		why = kn_use_folios(variant->folio);
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
}

FIXTURE_TEARDOWN(threads)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/* Four threads that never sleep; @nodes: where they are at first */
static void start(struct __test_metadata *_metadata, struct _test_data_threads *self,
		  size_t folio, int sharers, int sets, const int *nodes)
{
	struct kn_work work = {
		.size = self->size ?: MEM, .align = KN_CHUNK, .folio = folio,
		.node = self->node[0], .threads = THREADS,
		.sharers = sharers, .sets = sets, .cpu_nodes = nodes,
		.cpu_node = self->node[0],
		.slow = self->slow, .prepare = self->prepare,
	};

	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	kn_events(&self->before);
}

/* There were hinting faults, but few, and there are hardly any more. */
static void check_faults(struct __test_metadata *_metadata, struct _test_data_threads *self)
{
	struct kn_events after;

	kn_events(&after);
	EXPECT_LT(self->before.hint_faults, after.hint_faults);
	EXPECT_GT(self->before.hint_faults + MAX_FAULTS, after.hint_faults);
	EXPECT_EQ(self->before.split_page, after.split_page);
	TH_LOG("%llu hinting faults, %llu pages moved",
	       after.hint_faults - self->before.hint_faults,
	       after.migrated - self->before.migrated);
}

/* Memory goes where its threads live, and stays there. */
static void becomes_local(struct __test_metadata *_metadata, struct _test_data_threads *self)
{
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(is_settled(8), KN_PATIENCE));
	EXPECT_TRUE(is_local(self->worker))
		kn_dump();
}

/* Each thread has its own slice, all of them on one node */
TEST_F(threads, slices)
{
	start(_metadata, self, variant->folio, 0, 0, NULL);
	ASSERT_EQ(1000, kn_share_on(self->worker, self->node[0], 1));
	becomes_local(_metadata, self);
	EXPECT_LE(800, at_homes(self->worker));
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * Slices that begin and end within a chunk, beside that of a thread that lives elsewhere:
 * such chunks are shared, but no page of them is.
 */
TEST_F(threads, slices_within_chunks)
{
	const int nodes[] = { self->node[0], self->node[1], self->node[0], self->node[1] };

	if (variant->folio)
		SKIP(return, "a huge page cannot be on two nodes");
	self->size = THREADS * 5 * KN_MB;
	self->slow = true;
	start(_metadata, self, variant->folio, 0, 0, nodes);
	becomes_local(_metadata, self);
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

static bool pairs_met(const struct kn_worker *worker)
{
	return at_one_home(worker, 0, 1) && at_one_home(worker, 2, 3) && is_local(worker);
}

/*
 * Two threads share a set, other two another one; both pairs begin apart.
 *
 * CPUs of an emulated machine take turns, of a tenth of a second. If one were enough for
 * many sweeps, whose CPU comes next after pages were armed would take all samples, for
 * minutes if that is always the same one. So sweeps of what is shared are slow.
 */
TEST_F(threads, pairs)
{
	const int nodes[] = { self->node[0], self->node[1], self->node[0], self->node[1] };

	self->slow = true;
	start(_metadata, self, variant->folio, 2, 0, nodes);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(pairs_met(self->worker), KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(is_settled(8), KN_PATIENCE));
	EXPECT_TRUE(pairs_met(self->worker))
		kn_dump();
	EXPECT_LE(800, at_homes(self->worker));
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* More than there are places for */
static int add_idle_threads(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_idle_threads(1100);
}

/* The same, in a process with a thousand idle threads, which were there before */
TEST_F(threads, pairs_among_idle_threads)
{
	const int nodes[] = { self->node[0], self->node[1], self->node[0], self->node[1] };

	self->slow = true;
	self->prepare = add_idle_threads;
	start(_metadata, self, variant->folio, 2, 0, nodes);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(pairs_met(self->worker), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Are there at least 40 % on each of two nodes, those where threads live? */
static bool is_spread(const struct kn_worker *worker)
{
	int i, home, nr = 0;
	bool seen[KN_MAX_NODES] = { false };

	for (i = 0; i < THREADS; i++) {
		home = kn_thread_home(worker, i);
		if (home == KN_NONE)
			return false;
		if (!seen[home] && kn_share_on(worker, home, 1) >= 400)
			nr++;
		seen[home] = true;
	}
	return nr == 2;
}

/*
 * All threads use all memory: it is spread, and stays where it is then. Until that is
 * known it may follow the thread that is first everywhere, but not again and again.
 */
TEST_F(threads, all_share)
{
	struct kn_events after;

	self->slow = true;
	start(_metadata, self, variant->folio, THREADS, 0, NULL);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_spread(self->worker) && is_settled(20) &&
				  is_spread(self->worker), KN_PATIENCE))
		kn_dump();
	kn_events(&after);
	EXPECT_GT(self->before.migrated + 4 * MEM / KN_PAGE, after.migrated);
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Memory up to the very end of the address space, as a stack without randomization */
static int map_last(struct kn_shared *sh, const struct kn_work *work)
{
	sh->extra = mmap((void *)LAST_CHUNK, KN_CHUNK - KN_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (sh->extra != (char *)LAST_CHUNK) {
		snprintf(sh->why, sizeof(sh->why), "cannot map %#lx", LAST_CHUNK);
		return 1;
	}
	memset(sh->extra, 1, KN_CHUNK - KN_PAGE);
	sh->extra_size = KN_CHUNK - KN_PAGE;
	return 0;
}

/* A round that may arm no more after the last chunk that there can be is over. */
TEST_F(threads, last_chunk)
{
	struct kn_work work = {
		.size = 4 * KN_CHUNK, .align = KN_CHUNK, .folio = variant->folio,
		.node = self->node[0], .threads = THREADS, .cpu_node = self->node[0],
		.prepare = map_last,
	};
	struct kn_spanning spanning;

	/* Hardly more than one at a time: the last one is that of the last chunk */
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 20));
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	if (self->worker->sh->why[0])
		SKIP(return, "%s", self->worker->sh->why);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_spanning(self->worker->pid, &spanning) &&
				  spanning.rounds >= 6, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_passes(3, KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Each thread takes the slice of one that lives elsewhere: local again. */
static void exchange(struct __test_metadata *_metadata, struct _test_data_threads *self)
{
	struct kn_shared *sh = self->worker->sh;
	int i, home, first = 0;
	__u64 moved;

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();

	/* 0 and the first one elsewhere, and then the other two */
	home = kn_thread_home(self->worker, 0);
	for (i = 1; i < THREADS && !first; i++)
		if (kn_thread_home(self->worker, i) != home)
			first = i;
	ASSERT_NE(0, first);
	moved = kn_stat("pages_migrated");
	kn_events(&self->before);
	for (i = 0; i < THREADS; i++)
		KN_WRITE(sh->set_of[i], i == 0 ? first : i == first ? 0 : 6 - first - i);
	ASSERT_TRUE(kn_wait_sweeps(self->worker, 2, KN_PATIENCE));
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	EXPECT_LE(moved + MEM / KN_PAGE / 2, kn_stat("pages_migrated"));
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

TEST_F(threads, exchange)
{
	start(_metadata, self, variant->folio, 0, 0, NULL);
	exchange(_metadata, self);
}

/* A thread that is pinned elsewhere is where it was told to be, as long as it is. */
TEST_F(threads, pinned_elsewhere)
{
	int i, home, other, node, tid;
	__u64 elsewhere;
	cpu_set_t set, now;

	start(_metadata, self, variant->folio, 0, 0, NULL);
	ASSERT_EQ(0, kn_enable("always"));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
			kn_dump();
		home = kn_thread_home(self->worker, i);
		other = self->node[home == self->node[0]];
		tid = self->worker->sh->thread[i].tid;
		kn_node_cpus(other, &set);
		ASSERT_EQ(0, sched_setaffinity(tid, sizeof(set), &set));
		ASSERT_TRUE(kn_wait_sweeps(self->worker, 2, KN_PATIENCE));
		elsewhere = 0;
		for (node = 0; node < kn_topo.nr; node++)
			if (node != other)
				elsewhere -= KN_READ(self->worker->sh->thread[i].sweeps_on[node]);
		EXPECT_TRUE(kn_wait_passes(6, KN_PATIENCE));
		EXPECT_TRUE(kn_wait_sweeps(self->worker, 20, KN_PATIENCE));
		for (node = 0; node < kn_topo.nr; node++)
			if (node != other)
				elsewhere += KN_READ(self->worker->sh->thread[i].sweeps_on[node]);
		EXPECT_EQ(0, elsewhere);
		ASSERT_EQ(0, sched_getaffinity(tid, sizeof(now), &now));
		EXPECT_TRUE(CPU_EQUAL(&set, &now))
			TH_LOG("may run on %#lx, was told to on %#lx", now.__bits[0],
			       set.__bits[0]);
		kn_all_cpus(&set);
		ASSERT_EQ(0, sched_setaffinity(tid, sizeof(set), &set));
	}
	EXPECT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * Where one thread is pinned is no home for all of them, if it has not the CPUs: the others
 * have those of other nodes.
 */
TEST_F(threads, one_pinned_of_many)
{
	cpu_set_t set;

	start(_metadata, self, variant->folio, 0, 0, NULL);
	kn_node_cpus(self->node[1], &set);
	ASSERT_EQ(0, sched_setaffinity(self->worker->sh->thread[0].tid, sizeof(set), &set));
	becomes_local(_metadata, self);
	EXPECT_EQ(self->node[1], kn_thread_home(self->worker, 0));
	EXPECT_LE(800, at_homes(self->worker));
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * Nothing stays armed.
 */

/* Have pages armed which nobody touches. */
static void arm(struct __test_metadata *_metadata, struct _test_data_threads *self)
{
	kn_tunable_set("samples_per_s", 100000);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_rounds(self->worker->pid) >= 4, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_arm_idle(self->worker))
		kn_dump();
}

static void arm_idle(struct __test_metadata *_metadata, struct _test_data_threads *self,
		     size_t folio)
{
	start(_metadata, self, folio, 0, 2 * THREADS, NULL);
	arm(_metadata, self);
}

/* Touch everything, and see that none of it was armed. */
static void check_nothing_armed(struct __test_metadata *_metadata,
				struct _test_data_threads *self)
{
	struct kn_events before, after;

	kn_events(&before);
	kn_use_sets(self->worker, 0, 0);
	EXPECT_TRUE(kn_wait_sweeps(self->worker, 2, KN_PATIENCE));
	kn_use_sets(self->worker, 1, 0);
	EXPECT_TRUE(kn_wait_sweeps(self->worker, 2, KN_PATIENCE));
	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
	EXPECT_EQ(before.pte_updates, after.pte_updates);
	EXPECT_LT(self->before.hint_faults, before.hint_faults);
}

TEST_F(threads, off_disarms)
{
	arm_idle(_metadata, self, variant->folio);
	ASSERT_EQ(0, kn_enable("never"));
	check_nothing_armed(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * A large folio is armed as a whole: who is told to do something to all of its pages, and finds
 * entries that differ, splits it.
 */

/*
 * Stop the worker. Return: true if some of its memory is armed; if not it goes on. What it used
 * just before is known two passes later.
 */
static bool stops_armed(const struct kn_worker *worker)
{
	int status;

	if (kill(worker->pid, SIGSTOP) || waitpid(worker->pid, &status, WUNTRACED) != worker->pid)
		return false;
	if (kn_wait_passes(2, KN_PATIENCE) && kn_is_armed(worker->pid))
		return true;
	kill(worker->pid, SIGCONT);
	return false;
}

/* @across: folios that have their entries in two page tables, so that they are split at any rate */
static void stay_whole(struct __test_metadata *_metadata, struct _test_data_threads *self,
		       size_t folio, unsigned int across)
{
	const struct kn_shared *sh = self->worker->sh;
	struct iovec all = { .iov_base = sh->mem, .iov_len = sh->size };
	struct kn_events now;
	__u64 split;
	int fd;

	/* Other memory of the process has small ones */
	kn_events(&now);
	EXPECT_LT(self->before.hint_faults, now.hint_faults);
	EXPECT_LE(folio / KN_PAGE / 4 * (now.hint_faults - self->before.hint_faults),
		  now.pte_updates - self->before.pte_updates);
	fd = syscall(SYS_pidfd_open, self->worker->pid, 0);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(kn_wait_until(stops_armed(self->worker), KN_PATIENCE))
		kn_dump();
	split = kn_folio_stat(folio, "split");
	ASSERT_EQ(all.iov_len, syscall(SYS_process_madvise, fd, &all, 1, MADV_COLD, 0));
	close(fd);
	EXPECT_TRUE(kn_is_armed(self->worker->pid));
	split = kn_folio_stat(folio, "split") - split;
	EXPECT_GE(across, split);
	EXPECT_LE(across / 2, split);
	TH_LOG("%llu folios were split", split);
	ASSERT_EQ(0, kill(self->worker->pid, SIGCONT));
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Memory in folios of this size. Return: false if there can be none, and the test is skipped. */
static bool start_in_folios(struct __test_metadata *_metadata, struct _test_data_threads *self,
			    const struct _fixture_variant_threads *variant, size_t folio,
			    int sharers, int sets, const int *nodes)
{
	const char *why = variant->folio ? "a huge page has one entry" : kn_use_folios(folio);
	__u64 before;

	if (why)
		SKIP(return false, "%s", why);
	before = kn_folio_stat(folio, "anon_fault_alloc");
	start(_metadata, self, folio, sharers, sets, nodes);
	if (self->worker->sh->why[0])
		SKIP(return false, "%s", self->worker->sh->why);
	ASSERT_LE(self->worker->sh->size / folio * 95 / 100,
		  kn_folio_stat(folio, "anon_fault_alloc") - before);
	return true;
}

TEST_F(threads, large_folios_stay_whole)
{
	const size_t folio = KN_MB / 16;

	if (!start_in_folios(_metadata, self, variant, folio, 0, 2 * THREADS, NULL))
		return;
	arm(_metadata, self);
	stay_whole(_metadata, self, folio, 0);
}

/* They can move again, and are still whole */
TEST_F(threads, exchange_folios)
{
	const size_t folio = KN_MB / 16;
	__u64 split;

	if (!start_in_folios(_metadata, self, variant, folio, 0, 0, NULL))
		return;
	split = kn_folio_stat(folio, "split");
	exchange(_metadata, self);
	EXPECT_EQ(split, kn_folio_stat(folio, "split"));
}

/* Larger than the parts by which knumad looks at what is shared */
TEST_F(threads, shared_folios_stay_whole)
{
	const size_t folio = KN_MB / 4;

	self->slow = true;
	if (!start_in_folios(_metadata, self, variant, folio, THREADS, 0, NULL))
		return;
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_spread(self->worker), KN_PATIENCE))
		kn_dump();
	stay_whole(_metadata, self, folio, 0);
}

/*
 * Chunks that are shared, and folios in them that are not, larger than the parts by which knumad
 * looks at what is shared. It looks at one part of a chunk after the other: for a while they are
 * all of one thread, and the rest is not.
 */
TEST_F(threads, folios_within_chunks)
{
	const int nodes[] = { self->node[0], self->node[1], self->node[0], self->node[1] };
	const size_t folio = KN_MB / 4;
	const unsigned int nr = 32;
	__u64 rounds, faults, migrated;

	self->size = THREADS * 5 * KN_MB;
	self->slow = true;
	if (!start_in_folios(_metadata, self, variant, folio, 0, 0, nodes))
		return;
	becomes_local(_metadata, self);
	rounds = kn_rounds(self->worker->pid);
	ASSERT_LT(0, rounds);
	faults = kn_stat("hint_faults");
	migrated = kn_stat("pages_migrated");
	EXPECT_TRUE(kn_wait_until(kn_rounds(self->worker->pid) >= rounds + nr, KN_PATIENCE));
	EXPECT_GT(faults + 3 * nr, kn_stat("hint_faults"));
	/* Small pages of others may be */
	EXPECT_GT(migrated + folio / KN_PAGE, kn_stat("pages_migrated"));
	EXPECT_TRUE(is_local(self->worker))
		kn_dump();
	check_faults(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* The memory goes where each page table begins in the middle of a folio. */
static int move_half_a_folio(struct kn_shared *sh, const struct kn_work *work)
{
	char *to = mmap(NULL, sh->size + 2 * KN_CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (to == MAP_FAILED)
		return -ENOMEM;
	to = (char *)(((uintptr_t)to | (KN_CHUNK - 1)) + 1) + work->folio / 2;
	if (mremap(sh->mem, sh->size, sh->size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to) {
		snprintf(sh->why, sizeof(sh->why), "cannot move the memory");
		return 1;
	}
	sh->mem = to;
	return 0;
}

TEST_F(threads, moved_folios_stay_whole)
{
	const size_t folio = KN_MB / 16;

	self->prepare = move_half_a_folio;
	if (!start_in_folios(_metadata, self, variant, folio, 0, 2 * THREADS, NULL))
		return;
	arm(_metadata, self);
	stay_whole(_metadata, self, folio, MEM / KN_CHUNK);
}

/* Somebody has a page of each folio in hand: they are unmapped, but not moved. And lets it go. */
static int fail_to_move_folios(struct kn_shared *sh, const struct kn_work *work)
{
	static int status[MEM / (KN_MB / 16)], to[ARRAY_SIZE(status)];
	static void *page[ARRAY_SIZE(status)];
	const size_t size = ARRAY_SIZE(page) * KN_PAGE;
	long failed;
	size_t i;
	int fd[2];

	if (pipe(fd) || fcntl(fd[1], F_SETPIPE_SZ, size) < (int)size)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		struct iovec iov = { sh->mem + i * work->folio, KN_PAGE };

		page[i] = iov.iov_base;
		to[i] = kn_topo.full[kn_topo.nr_full - 1];
		if (vmsplice(fd[1], &iov, 1, SPLICE_F_NONBLOCK) != KN_PAGE)
			return -EAGAIN;
	}
	failed = syscall(SYS_move_pages, 0, i, page, to, status, MPOL_MF_MOVE);
	close(fd[0]);
	close(fd[1]);
	return failed < (long)i ? -EIO : 0;
}

/* As a folio is unmapped page by page, it looks as if only a part of it were in use. */
TEST_F(threads, folios_that_were_held)
{
	const size_t folio = KN_MB / 16;
	__u64 split;

	self->prepare = fail_to_move_folios;
	if (!start_in_folios(_metadata, self, variant, folio, 0, 0, NULL))
		return;
	ASSERT_EQ(1000, kn_share_on(self->worker, self->node[0], 1));
	split = kn_folio_stat(folio, "split");
	becomes_local(_metadata, self);
	EXPECT_EQ(split, kn_folio_stat(folio, "split"));
	EXPECT_EQ(0, kn_stop(self->worker));
}

TEST_F(threads, no_samples_disarm)
{
	arm_idle(_metadata, self, variant->folio);
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 0));
	ASSERT_TRUE(kn_wait_until(!kn_stat("mms_sampled"), KN_PATIENCE))
		kn_dump();
	check_nothing_armed(_metadata, self);
	EXPECT_TRUE(kn_mode_is("always"));
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * Rounds that were to be rare are frequent as soon as the admin says so. Of two rounds that begin
 * while they are to be rare the second one is an eighth of an interval later, and the next one
 * would be after half as much again.
 */
TEST_F(threads, interval_becomes_shorter)
{
	const unsigned int interval = 96, eighth = interval / 8;
	__u64 rounds;

	if (variant->folio)
		SKIP(return, "a huge page is sampled at the same times");
	/* Until there is nothing more to learn: what is learnt brings a round, too */
	start(_metadata, self, variant->folio, 0, 0, NULL);
	becomes_local(_metadata, self);
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 1000 * interval));
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 1000 * interval));
	rounds = kn_rounds(self->worker->pid);
	ASSERT_TRUE(kn_wait_until(kn_rounds(self->worker->pid) >= rounds + 2, KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 100));
	EXPECT_TRUE(kn_wait_until(kn_rounds(self->worker->pid) >= rounds + 4, eighth))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Mainline's switch goes to and fro meanwhile. */
TEST_F(threads, numa_balancing_switched)
{
	int i;

	arm_idle(_metadata, self, variant->folio);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kn_write(KN_BALANCING, i & 1 ? "0" : "1"));
		kn_use_sets(self->worker, i / 2 & 1, 0);
	}
	ASSERT_TRUE(kn_wait_until(kn_is_armed(self->worker->pid), KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_enable("never"));
	check_nothing_armed(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Pages armed, and what became of them, as the kernel counts and as knumad does */
struct account {
	__u64 armed, noted_armed;
	__u64 faults, noted_faults;
	__u64 disarmed;
	__u64 moved;
};

static void add_account(struct account *account, int sign)
{
	struct kn_events now;

	kn_events(&now);
	account->armed += sign * now.pte_updates;
	account->noted_armed += sign * kn_stat("pages_armed");
	account->faults += sign * now.hint_faults;
	account->noted_faults += sign * (kn_stat("hint_faults") + kn_stat("samples_lost"));
	account->disarmed += sign * kn_stat("pages_disarmed");
	account->moved += sign * now.migrated;
}

/*
 * Each page that is armed takes one fault, or is disarmed; one that moves is not armed any
 * more. The counters of the kernel and those of knumad agree. With small pages, since a huge
 * one counts 512 times and takes one fault.
 */
TEST_F(threads, armed_are_accounted_for)
{
	struct account account = { 0 };
	int status;

	if (variant->folio)
		SKIP(return, "a huge page takes one fault for all");
	start(_metadata, self, 0, 0, 2 * THREADS, NULL);
	kn_tunable_set("samples_per_s", 100000);
	/* All that is to move has, so that it is still known what was armed */
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	kn_use_sets(self->worker, 1, 0);
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_enable("never"));

	add_account(&account, -1);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_local(self->worker), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_arm_idle(self->worker))
		kn_dump();
	kn_use_sets(self->worker, 0, 0);
	ASSERT_TRUE(kn_arm_idle(self->worker))
		kn_dump();
	/* Nobody uses a page just when it is disarmed */
	ASSERT_EQ(0, kill(self->worker->pid, SIGSTOP));
	ASSERT_EQ(self->worker->pid, waitpid(self->worker->pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kn_enable("never"));
	ASSERT_EQ(0, kill(self->worker->pid, SIGCONT));
	add_account(&account, 1);
	TH_LOG("%llu armed, %llu faults, %llu disarmed, %llu moved", account.armed, account.faults,
	       account.disarmed, account.moved);
	EXPECT_LT(0, account.faults);
	EXPECT_LT(0, account.disarmed);
	EXPECT_EQ(account.armed, account.noted_armed);
	EXPECT_EQ(account.faults, account.noted_faults);
	EXPECT_LE(account.faults + account.disarmed, account.armed);
	EXPECT_GE(account.faults + account.disarmed + account.moved, account.armed);
	check_nothing_armed(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
