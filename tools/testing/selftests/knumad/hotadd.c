// SPDX-License-Identifier: GPL-2.0
/*
 * A node comes while knumad is on: who has memory there is gathered, nobody lives there,
 * since it has no CPUs, and it goes again.
 *
 * It asks whoever runs it to plug the memory: "please plug" (Step.answers, scripts/guest.py).
 */
#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define NODES		"/sys/devices/system/node/"

/* The first node that there may be, but is not; KN_NONE: none */
static int missing_node(void)
{
	char path[64], possible[64];
	int node, last;

	if (kn_read(NODES "possible", possible, sizeof(possible)) <= 0 ||
	    sscanf(possible, "0-%d", &last) != 1)
		return KN_NONE;
	for (node = 0; node <= last; node++) {
		snprintf(path, sizeof(path), NODES "node%d", node);
		if (access(path, F_OK))
			return node;
	}
	return KN_NONE;
}

/* Does knumad say that it has so many pages? */
static bool is_known(int node, bool pages)
{
	struct kn_node now;

	return kn_node(node, &now) ? !now.free_pages == !pages : !pages;
}

TEST(node_comes_and_goes)
{
	struct kn_work work = { .size = MEM, .threads = 1, .pinned = true, .pause_us = 100 };
	const char *why = kn_begin(2);
	struct kn_worker *worker[2];
	int node, blocks = 0;

	if (why)
		SKIP(return, "%s", why);
	node = missing_node();
	if (node == KN_NONE)
		SKIP(return, "all nodes of this machine are there");

	work.node = kn_topo.full[0];
	work.cpu_node = kn_topo.full[1];
	worker[0] = kn_start(&work);
	ASSERT_NE(NULL, worker[0]);
	ASSERT_EQ(0, kn_enable("always"));
	TH_LOG("please plug memory into node %d", node);
	fflush(stdout);
	/* The node is there before its memory is */
	ASSERT_TRUE(kn_wait_until((blocks += kn_set_memory(node, "online_movable")) > 0,
				  KN_PATIENCE));
	kn_read_topology();
	ASSERT_TRUE(kn_topo.memory[node]);
	EXPECT_TRUE(kn_wait_until(is_known(node, true), KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_share(worker[0], work.cpu_node, KN_GATHERED, KN_PATIENCE))
		kn_dump();

	/* From there home */
	work.node = node;
	worker[1] = kn_start(&work);
	ASSERT_NE(NULL, worker[1]);
	EXPECT_TRUE(kn_wait_share(worker[1], work.cpu_node, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(work.cpu_node, kn_home(worker[1]->pid));

	/* And while memory goes home from there, it goes */
	kn_kill(worker[1]);
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1));
	worker[1] = kn_start(&work);
	ASSERT_NE(NULL, worker[1]);
	EXPECT_TRUE(kn_wait_until(kn_share_on(worker[1], work.cpu_node, 1) > 0, KN_PATIENCE))
		kn_dump();
	EXPECT_LT(0, kn_share_on(worker[1], node, 1));
	EXPECT_TRUE(kn_wait_until((blocks -= kn_set_memory(node, "offline")) == 0, KN_PATIENCE));
	EXPECT_EQ(0, kn_share_on(worker[1], node, 1));
	EXPECT_TRUE(kn_wait_until(is_known(node, false), KN_PATIENCE))
		kn_dump();

	EXPECT_EQ(0, kn_stop(worker[0]));
	EXPECT_EQ(0, kn_stop(worker[1]));
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
