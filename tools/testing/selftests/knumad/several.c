// SPDX-License-Identifier: GPL-2.0
/*
 * Several processes compete for the nodes: knumad places them all together, no more
 * running threads on a node than its part of them, and moves threads by exchanging
 * them when no CPU is idle, or to the CPU with the fewest.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(24 * KN_MB)

FIXTURE(several)
{
	struct kn_worker *worker[2 * KN_MAX_NODES];
	struct kn_events before;
	int nr;
	int threads;
	int per_cpu;		/* threads, at most */
};

FIXTURE_SETUP(several)
{
	const char *why = kn_begin(2);
	int i;

	if (why)
		SKIP(return, "%s", why);
	self->nr = kn_topo.nr_full > 8 ? 8 : kn_topo.nr_full;
	self->threads = 2;
	self->per_cpu = 1;
	for (i = 0; i < self->nr; i++)
		if (kn_topo.cpus[kn_topo.full[i]] < 2)
			self->threads = 1;
}

FIXTURE_TEARDOWN(several)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

/*
 * Is each of the processes gathered, and has no node more of their threads than
 * its CPUs may have? If they have as many together, none has fewer.
 */
static bool all_gathered(struct _test_data_several *self, unsigned int stride)
{
	int threads[KN_MAX_NODES] = { 0 };
	int i, node;

	for (i = 0; i < self->nr; i++) {
		node = kn_gathered_on(self->worker[i], stride);
		if (node == KN_NONE)
			return false;
		threads[node] += self->worker[i]->work.threads;
		if (threads[node] > kn_topo.cpus[node] * self->per_cpu)
			return false;
	}
	return true;
}

static void check_all(struct __test_metadata *_metadata, struct _test_data_several *self)
{
	struct kn_events after;
	int i;

	for (i = 0; i < self->nr; i++) {
		/* Where it was gathered is its home, and its threads stay there. */
		int home = kn_home(self->worker[i]->pid);
		unsigned int at_home;

		ASSERT_NE(KN_NONE, home);
		at_home = kn_threads_stay(self->worker[i], home);
		EXPECT_LE(900, at_home);
		EXPECT_LE(KN_GATHERED, kn_share_on(self->worker[i], home, 1));
	}
	kn_events(&after);
	/* Who had to wait for his place may have been sampled meanwhile. */
	if (self->per_cpu == 1) {
		EXPECT_EQ(self->before.hint_faults, after.hint_faults);
		EXPECT_EQ(self->before.pte_updates, after.pte_updates);
	}
	for (i = 0; i < self->nr; i++)
		EXPECT_EQ(0, kn_stop(self->worker[i]));
}

/* All processes, first touched on the same node, get gathered */
static void gather_all(struct __test_metadata *_metadata, struct _test_data_several *self)
{
	int i;

	for (i = 0; i < self->nr; i++) {
		struct kn_work work = {
			.size = MEM, .node = kn_topo.full[0], .threads = self->threads,
			.cpu_node = KN_NONE,
		};

		self->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, self->worker[i]);
	}
	kn_events(&self->before);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(all_gathered(self, 16) && all_gathered(self, 1), KN_PATIENCE))
		kn_dump();
	check_all(_metadata, self);
}

/*
 * As many processes as nodes, each with two threads that never sleep, all first
 * touched on the same node.
 */
TEST_F(several, one_process_per_node)
{
	gather_all(_metadata, self);
}

/*
 * Twice as many, each with a thread per CPU of a node, so that all CPUs are shared by two
 * threads: two processes live on each node.
 */
TEST_F(several, two_processes_per_node)
{
	int i;

	self->threads = kn_topo.cpus[kn_topo.full[0]];
	if (self->threads > KN_MAX_THREADS)
		SKIP(return, "needs nodes of %d CPUs at most", KN_MAX_THREADS);
	for (i = 0; i < self->nr; i++)
		if (kn_topo.cpus[kn_topo.full[i]] != self->threads)
			SKIP(return, "needs nodes with as many CPUs each");
	self->nr *= 2;
	self->per_cpu = 2;
	gather_all(_metadata, self);
}

/*
 * A look may walk less than one process, and all of them are due again at the next
 * one: all get their turn nevertheless.
 */
TEST_F(several, everybody_gets_a_turn)
{
	ASSERT_EQ(0, kn_tunable_set("scan_pages", 512));
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms",
				    kn_tunable("scan_interval_ms")));
	gather_all(_metadata, self);
}

/*
 * Threads of each process on both of two nodes, memory too, and no CPU idle:
 * threads have to change places.
 */
TEST_F(several, tangled_processes)
{
	int nodes[8][2];
	int i;

	if (self->threads < 2)
		SKIP(return, "needs two CPUs per node");
	for (i = 0; i < self->nr; i++) {
		struct kn_work work = {
			.size = MEM, .node = kn_topo.full[i], .rest = MEM / 2,
			.rest_node = kn_topo.full[(i + 1) % self->nr], .threads = 2,
			.cpu_nodes = nodes[i],
		};

		nodes[i][0] = kn_topo.full[i];
		nodes[i][1] = kn_topo.full[(i + 1) % self->nr];
		self->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, self->worker[i]);
	}
	kn_events(&self->before);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(all_gathered(self, 16) && all_gathered(self, 1), KN_PATIENCE))
		kn_dump();
	check_all(_metadata, self);
}

/* Each process' threads are bound to a node, all memory is one node off. */
TEST_F(several, memory_one_node_off)
{
	int i, node;

	for (i = 0; i < self->nr; i++) {
		struct kn_work work = {
			.size = MEM, .node = kn_topo.full[(i + 1) % self->nr],
			.threads = self->threads, .cpu_node = kn_topo.full[i], .pinned = true,
			.pause_us = 100,
		};

		self->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, self->worker[i]);
	}
	kn_events(&self->before);
	ASSERT_EQ(0, kn_enable("always"));
	for (i = 0; i < self->nr; i++) {
		node = kn_topo.full[i];
		ASSERT_TRUE(kn_wait_share(self->worker[i], node, KN_GATHERED, KN_PATIENCE))
			kn_dump();
	}
	for (i = 0; i < self->nr; i++) {
		ASSERT_TRUE(kn_wait_until(kn_home(self->worker[i]->pid) == kn_topo.full[i],
					  KN_PATIENCE));
	}
	check_all(_metadata, self);
}

/* Whose memory is moved at a limited rate shares the rate: who came first is not moved first */
TEST_F(several, small_one_does_not_wait_for_big_one)
{
	const int home = kn_topo.full[1];
	struct kn_work work = {
		.size = 8 * MEM, .node = kn_topo.full[0], .threads = 1, .cpu_node = home,
		.pinned = true, .pause_us = 100,
	};
	struct kn_process big;

	self->worker[0] = kn_start(&work);
	ASSERT_NE(NULL, self->worker[0]);
	work.size = MEM;
	self->worker[1] = kn_start(&work);
	ASSERT_NE(NULL, self->worker[1]);
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 8));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(self->worker[1], home, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_process(self->worker[0]->pid, &big));
	EXPECT_GT(4 * MEM / KN_PAGE, big.moved);
	EXPECT_EQ(0, kn_stop(self->worker[0]));
	EXPECT_EQ(0, kn_stop(self->worker[1]));
}

/* How often each thread has been through its memory, in the next 32 looks */
static void count_rounds(struct kn_worker *worker, __u64 *fewest, __u64 *most)
{
	__u64 before[KN_MAX_THREADS], sweeps;
	int i;

	for (i = 0; i < worker->work.threads; i++)
		before[i] = KN_READ(worker->sh->thread[i].sweeps);
	if (!kn_wait_passes(32, KN_PATIENCE))
		return;
	*fewest = ~0ULL;
	*most = 0;
	for (i = 0; i < worker->work.threads; i++) {
		sweeps = KN_READ(worker->sh->thread[i].sweeps) - before[i];
		*fewest = sweeps < *fewest ? sweeps : *fewest;
		*most = sweeps > *most ? sweeps : *most;
	}
}

/*
 * A real-time task has a CPU at home. Who would wait there for good runs elsewhere, and is not
 * brought back, though none of its kind is on that CPU.
 */
TEST_F(several, real_time_task_at_home)
{
	struct kn_work work = {
		.size = MEM, .node = kn_topo.full[0], .threads = 2, .cpu_node = KN_NONE,
	};
	__u64 moved, fewest = 0, most = 0;
	struct kn_worker *worker;
	int home, cpu, i, status;
	cpu_set_t cpus;
	pid_t pid;

	/* Else they need not leave */
	for (i = 0; i < self->nr; i++)
		if (kn_topo.cpus[kn_topo.full[i]] != 2)
			SKIP(return, "needs nodes of two CPUs");
	if (kn_read_number("/sys/devices/system/cpu/smt/active") == 1)
		SKIP(return, "needs nodes of two cores");
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	home = kn_wait_gathered(worker, KN_PATIENCE);
	ASSERT_NE(KN_NONE, home)
		kn_dump();
	kn_node_cpus(home, &cpus);
	for (cpu = 0; !CPU_ISSET(cpu, &cpus); cpu++)
		;
	pid = kn_occupy(cpu, SCHED_FIFO);
	ASSERT_LT(0, pid);
	/* How much it runs is an average */
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	if (waitpid(pid, &status, WNOHANG) == pid)
		SKIP(return, "no real-time tasks");
	moved = kn_stat("tasks_moved");
	count_rounds(worker, &fewest, &most);
	TH_LOG("%llu and %llu rounds, %llu moves", fewest, most, kn_stat("tasks_moved") - moved);
	EXPECT_GE(moved + 3, kn_stat("tasks_moved"));
	/* On a CPU of his own, or with the other one on the CPU that is left, most of the time */
	EXPECT_LT(0, fewest);
	EXPECT_LE(most, 8 * fewest);
	EXPECT_EQ(home, kn_home(worker->pid));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(kn_wait_until(kn_threads_on(worker) == home, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* More running threads than any node has CPUs: left as it is, unless it is sampled. */
TEST_F(several, more_threads_than_cpus)
{
	int nodes[KN_MAX_THREADS];
	struct kn_work work = {
		.node = kn_topo.full[0], .rest_node = kn_topo.full[1], .cpu_nodes = nodes,
		.threads = kn_max_cpus() + 1,
	};
	struct kn_process process;
	int i, node, cpus = 0;

	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 0));
	for (node = 0; node < kn_topo.nr; node++)
		cpus += kn_topo.cpus[node];
	if (work.threads > cpus || work.threads > KN_MAX_THREADS)
		SKIP(return, "one node has nearly all CPUs");
	for (i = 0; i < work.threads; i++)
		nodes[i] = kn_topo.full[i % kn_topo.nr_full];
	work.size = work.threads * 8 * KN_MB;
	work.rest = work.size / 2;
	self->worker[0] = kn_start(&work);
	ASSERT_NE(NULL, self->worker[0]);

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_verdict_is(self->worker[0]->pid, "no_cpus"), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(5, KN_PATIENCE));
	ASSERT_TRUE(kn_process(self->worker[0]->pid, &process));
	EXPECT_STREQ("no_cpus", process.verdict);
	EXPECT_EQ(KN_NONE, process.home);
	EXPECT_EQ(0, process.moved);
	EXPECT_EQ(500, kn_share_on(self->worker[0], work.rest_node, 1));
	EXPECT_EQ(0, kn_stop(self->worker[0]));
}

/*
 * Policy spread leaves a lone process the memory channels of all its nodes;
 * pack gathers the same process.
 */
TEST_F(several, spread_leaves_lone_process)
{
	/* One thread more than a node has cores: they cannot meet by chance */
	const int nodes[] = { kn_topo.full[0], kn_topo.full[1], kn_topo.full[0] };
	struct kn_work work = {
		.size = MEM, .node = nodes[0], .rest = MEM / 2, .rest_node = nodes[1],
		.threads = 3, .cpu_nodes = nodes,
	};
	struct kn_process process;

	if (self->threads != 2)
		SKIP(return, "needs nodes with two CPUs");
	ASSERT_EQ(0, kn_tunable_write("policy", "spread"));
	self->worker[0] = kn_start(&work);
	ASSERT_NE(NULL, self->worker[0]);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_verdict_is(self->worker[0]->pid, "spread"), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(5, KN_PATIENCE));
	ASSERT_TRUE(kn_process(self->worker[0]->pid, &process));
	EXPECT_STREQ("spread", process.verdict);
	EXPECT_EQ(0, process.moved);
	EXPECT_EQ(500, kn_share_on(self->worker[0], nodes[1], 1));

	ASSERT_EQ(0, kn_tunable_write("policy", "pack"));
	EXPECT_TRUE(kn_wait_until(kn_verdict_is(self->worker[0]->pid, "no_cpus"), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker[0]));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
