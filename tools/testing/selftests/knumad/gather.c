// SPDX-License-Identifier: GPL-2.0
/*
 * The main job: a process that fits in one node ends with all its memory and
 * all its threads on one node, whatever its pages' size, without a hinting fault
 * and without a split huge page.
 */
#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(32 * KN_MB)

FIXTURE(gather)
{
	int near, far;
	int threads;
	struct kn_events before;
	__u64 folios;
};

FIXTURE_VARIANT(gather)
{
	size_t folio;
};

FIXTURE_VARIANT_ADD(gather, base_pages)
{
	.folio = 0,
};

FIXTURE_VARIANT_ADD(gather, mthp_64k)
{
	.folio = 64 * 1024,
};

FIXTURE_VARIANT_ADD(gather, thp_2m)
{
	.folio = 2 * KN_MB,
};

FIXTURE_SETUP(gather)
{
	const char *why = kn_begin(2);

	if (!why)
		why = kn_use_folios(variant->folio);
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	self->far = kn_topo.full[0];
	self->near = kn_topo.full[kn_topo.nr_full - 1];
	self->threads = kn_topo.cpus[self->near] > 1 ? 2 : 1;
}

FIXTURE_TEARDOWN(gather)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

/* Start a worker, and make sure that its memory is of the size we are to test. */
static struct kn_worker *start(struct __test_metadata *_metadata,
			       struct _test_data_gather *self,
			       const struct kn_work *work)
{
	__u64 folios = work->folio ? kn_folio_stat(work->folio, "anon_fault_alloc") : 0;
	struct kn_worker *worker = kn_start(work);

	ASSERT_NE(NULL, worker);
	if (work->folio) {
		folios = kn_folio_stat(work->folio, "anon_fault_alloc") - folios;
		ASSERT_LE(work->size / work->folio * 95 / 100, folios)
			TH_LOG("too few huge pages: cannot test them");
		self->folios = kn_folio_stat(work->folio, "nr_anon");
	}
	kn_events(&self->before);
	return worker;
}

/* Pages are counted when their batch has moved: they may be there before they count */
static void wait_for_counters(struct __test_metadata *_metadata,
			      const struct kn_worker *worker)
{
	struct kn_process process;

	EXPECT_TRUE(kn_wait_until(kn_process(worker->pid, &process) &&
				  !strcmp(process.verdict, "home"), KN_PATIENCE))
		kn_dump();
}

/* A few pages may move while the counters are read one after the other */
static bool counters_agree(const struct _test_data_gather *self, struct kn_events *now)
{
	kn_events(now);
	return now->migrated - self->before.migrated ==
	       now->knumad_migrated - self->before.knumad_migrated;
}

/* What has to hold after each test: no faults, no splits, numbers that agree */
static void check_gathered(struct __test_metadata *_metadata,
			   struct _test_data_gather *self,
			   struct kn_worker *worker, int home, __u64 moved)
{
	const struct kn_work *work = &worker->work;
	__u64 on_node[KN_MAX_NODES];
	struct kn_process process;
	struct kn_events after;

	kn_pages_at(worker->pid, worker->sh->mem, work->size, 1, on_node);
	EXPECT_LE(work->size / KN_PAGE * KN_GATHERED / 1000, on_node[home]);

	wait_for_counters(_metadata, worker);
	EXPECT_TRUE(kn_wait_until(counters_agree(self, &after), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->before.hint_faults, after.hint_faults);
	EXPECT_EQ(self->before.pte_updates, after.pte_updates);
	EXPECT_EQ(self->before.split_page, after.split_page);
	EXPECT_EQ(self->before.scanned, after.scanned);
	EXPECT_LE(moved, after.migrated - self->before.migrated);
	if (work->folio)
		EXPECT_EQ(self->folios, kn_folio_stat(work->folio, "nr_anon"));
	if (work->folio == 2 * KN_MB) {
		EXPECT_EQ(work->size >> 10,
			  kn_smaps_kb(worker->pid, worker->sh->mem, "AnonHugePages"));
	}

	/* knumad says the same, once it has looked again. */
	EXPECT_TRUE(kn_wait_until(kn_process(worker->pid, &process) && process.home == home &&
				  process.resident[home] + KN_SAMPLED >= on_node[home] &&
				  !strcmp(process.verdict, "home"), KN_PATIENCE))
		kn_dump();
	EXPECT_GE(on_node[home] + 1024, process.resident[home]);
	EXPECT_LE(moved, process.moved);
	EXPECT_EQ(0, process.faults);

	/* And leaves it there. */
	EXPECT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	kn_events(&self->before);
	EXPECT_GE(after.migrated + work->size / KN_PAGE / 100, self->before.migrated);
	EXPECT_EQ(home, kn_home(worker->pid));
	EXPECT_LE(KN_GATHERED, kn_share_on(worker, home, 1));
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Threads are bound to a node's CPUs by the user, their memory is elsewhere: it
 * follows them.
 */
TEST_F(gather, memory_follows_bound_threads)
{
	struct kn_work work = {
		.size = MEM, .folio = variant->folio, .node = self->far,
		.threads = self->threads, .cpu_node = self->near, .pinned = true, .pause_us = 100,
	};
	struct kn_worker *worker = start(_metadata, self, &work);
	__u64 huge = kn_stat("thp_migrated");

	ASSERT_EQ(1000, kn_share_on(worker, self->far, 1));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->near, kn_threads_on(worker));
	wait_for_counters(_metadata, worker);
	if (variant->folio == 2 * KN_MB)
		EXPECT_LE(MEM / variant->folio, kn_stat("thp_migrated") - huge);
	check_gathered(_metadata, self, worker, self->near,
		       MEM / KN_PAGE * kn_share_on(worker, self->near, 1) / 1000);
}

/*
 * Threads that sleep most of the time are rarely seen running, but what they use
 * is as far away: it follows, too.
 */
TEST_F(gather, memory_follows_sleepy_threads)
{
	struct kn_work work = {
		.size = MEM, .folio = variant->folio, .node = self->far,
		.threads = self->threads, .cpu_node = self->near, .pinned = true,
		.pause_us = 10000,
	};
	struct kn_worker *worker = start(_metadata, self, &work);

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	check_gathered(_metadata, self, worker, self->near,
		       MEM / KN_PAGE * kn_share_on(worker, self->near, 1) / 1000);
}

/* Threads may run anywhere, but their memory is elsewhere: they meet. */
TEST_F(gather, free_threads_meet_memory)
{
	struct kn_work work = {
		.size = MEM, .folio = variant->folio, .node = self->far,
		.threads = self->threads, .cpu_node = self->near,
	};
	struct kn_worker *worker = start(_metadata, self, &work);
	int home;

	ASSERT_EQ(0, kn_enable("always"));
	home = kn_wait_gathered(worker, KN_PATIENCE);
	ASSERT_NE(KN_NONE, home)
		kn_dump();
	EXPECT_LE(900, kn_threads_stay(worker, home));
	check_gathered(_metadata, self, worker, home, 0);
}

/*
 * Half of the memory on each of two nodes, and the threads one on each: all
 * comes together, which takes moving pages and threads.
 */
TEST_F(gather, halves_meet)
{
	const int nodes[] = { self->far, self->near };
	struct kn_work work = {
		.size = MEM, .folio = variant->folio, .node = self->far, .rest = MEM / 2,
		.rest_node = self->near, .threads = self->threads, .cpu_nodes = nodes,
	};
	struct kn_worker *worker = start(_metadata, self, &work);
	int home;

	ASSERT_EQ(500, kn_share_on(worker, self->near, 1));
	ASSERT_EQ(0, kn_enable("always"));
	home = kn_wait_gathered(worker, KN_PATIENCE);
	ASSERT_NE(KN_NONE, home)
		kn_dump();
	EXPECT_LE(900, kn_threads_stay(worker, home));
	check_gathered(_metadata, self, worker, home,
		       MEM / KN_PAGE * (kn_share_on(worker, home, 1) - 500) / 1000);
}

/*
 * As many threads as a node has CPUs: none is sent away to one that idles. Nodes of two CPUs
 * would not tell, the scheduler takes a difference of two for none.
 */
FIXTURE(full_node)
{
	int home;
};

FIXTURE_SETUP(full_node)
{
	const char *why = kn_begin(2);

	self->home = kn_topo.full[0];
	if (!why && kn_topo.cpus[self->home] < 4)
		why = "needs nodes of four CPUs";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
}

FIXTURE_TEARDOWN(full_node)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

TEST_F(full_node, threads_stay)
{
	struct kn_work work = {
		.size = MEM, .node = self->home, .threads = kn_topo.cpus[self->home],
		.cpu_node = self->home,
	};
	struct kn_worker *worker;

	if (work.threads > KN_MAX_THREADS)
		SKIP(return, "needs a node of %d CPUs at most", KN_MAX_THREADS);
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_gathered_on(worker, 1) == self->home &&
				  kn_verdict_is(worker->pid, "home"), KN_PATIENCE))
		kn_dump();
	EXPECT_LE(990, kn_threads_at_home(worker, self->home, 10000))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
