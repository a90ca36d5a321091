// SPDX-License-Identifier: GPL-2.0
/*
 * Shapes of machines: more than two nodes, nodes without CPUs, distances that
 * differ, in both directions.
 */
#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(16 * KN_MB)

FIXTURE(hop)
{
	int cpuless;			/* a node with memory alone, or KN_NONE */
};

FIXTURE_SETUP(hop)
{
	const char *why = kn_begin(1);
	int node;

	if (!why && kn_topo.nr_memory < 2)
		why = "needs two nodes with memory";
	if (why)
		SKIP(return, "%s", why);
	self->cpuless = KN_NONE;
	for (node = 0; node < kn_topo.nr; node++)
		if (kn_topo.memory[node] && !kn_topo.cpus[node])
			self->cpuless = node;
}

FIXTURE_TEARDOWN(hop)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

/* Memory on each node, threads on each other: it follows, over every hop. */
TEST_F(hop, every_pair_of_nodes)
{
	struct kn_work work = {
		.size = MEM, .threads = 1, .pinned = true, .pause_us = 100,
	};
	struct kn_worker *worker;
	int from, to, pairs = 0;

	if (kn_quick() && kn_topo.nr_memory < 3)
		SKIP(return, "KNUMAD_QUICK: gather does this on two nodes");
	ASSERT_EQ(0, kn_enable("always"));
	for (from = 0; from < kn_topo.nr; from++) {
		for (to = 0; to < kn_topo.nr; to++) {
			if (from == to || !kn_topo.memory[from])
				continue;
			if (!kn_topo.memory[to] || !kn_topo.cpus[to])
				continue;
			work.node = from;
			work.cpu_node = to;
			worker = kn_start(&work);
			ASSERT_NE(NULL, worker);
			EXPECT_TRUE(kn_wait_share(worker, to, KN_GATHERED, KN_PATIENCE)) {
				TH_LOG("from node %d to node %d", from, to);
				kn_dump();
			}
			EXPECT_EQ(0, kn_stop(worker));
			kn_kill(worker);
			pairs++;
		}
	}
	EXPECT_LT(0, pairs);
}

/*
 * Memory on a node without CPUs is brought to the threads, and no process gets
 * its home there.
 */
TEST_F(hop, no_home_without_cpus)
{
	struct kn_work work = {
		.size = MEM, .threads = 1, .cpu_node = KN_NONE, .node = self->cpuless,
	};
	struct kn_worker *worker[2];
	int i, home = KN_NONE;

	if (self->cpuless == KN_NONE)
		SKIP(return, "all nodes have CPUs");
	for (i = 0; i < 2; i++) {
		worker[i] = kn_start(&work);
		ASSERT_NE(NULL, worker[i]);
		ASSERT_EQ(1000, kn_share_on(worker[i], self->cpuless, 1));
	}
	ASSERT_EQ(0, kn_enable("always"));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(kn_wait_until((home = kn_home(worker[i]->pid)) != KN_NONE,
					  KN_PATIENCE))
			kn_dump();
		EXPECT_NE(self->cpuless, home);
		EXPECT_NE(KN_NONE, kn_wait_gathered(worker[i], KN_PATIENCE))
			kn_dump();
	}
	ASSERT_TRUE(kn_wait_passes(5, KN_PATIENCE));
	for (i = 0; i < 2; i++) {
		EXPECT_NE(self->cpuless, kn_home(worker[i]->pid));
		EXPECT_EQ(0, kn_stop(worker[i]));
	}
}

/*
 * Threads are bound to the CPUs of all nodes but one, where the memory is: the
 * home is a node from which the memory's node is nearest.
 */
TEST_F(hop, nearest_of_several)
{
	struct kn_work work = {
		.size = MEM, .threads = 1, .cpu_node = KN_NONE,
	};
	int from, to, best, worst, home = KN_NONE;
	struct kn_worker *worker;
	bool visible = false;
	cpu_set_t set, some;

	for (from = 0; from < kn_topo.nr && !visible; from++) {
		best = 255;
		worst = 0;
		for (to = 0; to < kn_topo.nr; to++) {
			if (to == from || !kn_topo.memory[to] || !kn_topo.cpus[to])
				continue;
			if (kn_topo.distance[to][from] < best)
				best = kn_topo.distance[to][from];
			if (kn_topo.distance[to][from] > worst)
				worst = kn_topo.distance[to][from];
		}
		visible = kn_topo.memory[from] && best < worst;
		work.node = from;
	}
	if (!visible)
		SKIP(return, "no node has others at different distances");

	/* Threads begin on the worst node. */
	CPU_ZERO(&set);
	for (to = 0; to < kn_topo.nr; to++) {
		if (to == work.node || !kn_topo.memory[to] || !kn_topo.cpus[to])
			continue;
		kn_node_cpus(to, &some);
		CPU_OR(&set, &set, &some);
		if (kn_topo.distance[to][work.node] == worst)
			work.cpu_node = to;
	}
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, sched_setaffinity(worker->sh->thread[0].tid, sizeof(set), &set));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until((home = kn_home(worker->pid)) != KN_NONE, KN_PATIENCE))
		kn_dump();
	EXPECT_NE(work.node, home);
	EXPECT_EQ(best, kn_topo.distance[home][work.node])
		TH_LOG("home %d for memory on %d", home, work.node);
	EXPECT_TRUE(kn_wait_share(worker, home, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Two halves on two nodes that see each other at different distances: what
 * counts is the distance from the home to the other half.
 */
TEST_F(hop, cheaper_direction)
{
	struct kn_work work = {
		.size = MEM, .threads = 1, .cpu_node = KN_NONE, .rest = MEM / 2,
	};
	struct kn_worker *worker;
	int i, j, home = KN_NONE;
	bool visible = false;

	for (i = 0; i < kn_topo.nr_full && !visible; i++) {
		for (j = 0; j < kn_topo.nr_full && !visible; j++) {
			work.rest_node = kn_topo.full[i];
			work.node = kn_topo.full[j];
			visible = kn_topo.distance[work.rest_node][work.node] <
				  kn_topo.distance[work.node][work.rest_node];
		}
	}
	if (!visible)
		SKIP(return, "distances are symmetric");

	/* The thread begins on the third node, or else where it is dearer. */
	work.cpu_node = work.node;
	for (i = 0; i < kn_topo.nr_full; i++)
		if (kn_topo.full[i] != work.node && kn_topo.full[i] != work.rest_node)
			work.cpu_node = kn_topo.full[i];
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until((home = kn_home(worker->pid)) != KN_NONE, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(work.rest_node, home)
		TH_LOG("halves on %d and %d, home %d", work.node, work.rest_node, home);
	EXPECT_EQ(home, kn_wait_gathered(worker, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
