// SPDX-License-Identifier: GPL-2.0
/*
 * knumad that is off does nothing, and on a machine with one node of memory it
 * cannot be switched on.
 */
#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(16 * KN_MB)

FIXTURE(inert)
{
};

FIXTURE_SETUP(inert)
{
	const char *why;

	why = kn_begin(0);
	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(inert)
{
	kn_end();
}

/* One node: switching on fails, the file keeps saying never, no thread comes. */
TEST_F(inert, one_node_refuses)
{
	static const char *const words[] = { "always", "opt-in", "always\n", "opt-in\n" };
	unsigned int i;

	if (kn_topo.nr_memory > 1)
		SKIP(return, "this machine has %d nodes with memory", kn_topo.nr_memory);

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		EXPECT_EQ(-ENODEV, kn_enable(words[i]))
			TH_LOG("writing %s", words[i]);
		EXPECT_TRUE(kn_mode_is("never"));
		EXPECT_EQ(0, kn_thread_pid());
	}
	EXPECT_EQ(0, kn_enable("never"));
	EXPECT_EQ(-EINVAL, kn_enable("nonsense"));
}

/*
 * Off: no thread, no watched process, and no counter moves while a process that
 * knumad would put right goes on.
 */
TEST_F(inert, never_does_nothing)
{
	struct kn_work work = {
		.size = MEM, .threads = 1, .cpu_node = KN_NONE, .pause_us = 1000,
	};
	char before[8192], after[8192];
	__u64 migrated, on_node[KN_MAX_NODES];
	struct kn_worker *worker;
	int far;

	for (far = kn_topo.nr - 1; !kn_topo.memory[far]; far--)
		;
	work.node = far;
	if (kn_topo.nr_full > 1) {
		work.cpu_node = kn_topo.full[0] == far ? kn_topo.full[1] : kn_topo.full[0];
		work.pinned = true;
	}
	/* On a machine with one node, fail to switch it on first. */
	if (kn_topo.nr_memory < 2)
		kn_enable("always");

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_LT(0, kn_read(KN_DEBUGFS "stats", before, sizeof(before)));
	migrated = kn_vmstat("numa_pages_migrated");

	/* Nothing to wait for: ten times the interval at which knumad would look */
	usleep(1000 * 1000);
	ASSERT_TRUE(kn_wait_sweeps(worker, 10, KN_PATIENCE));

	EXPECT_EQ(0, kn_thread_pid());
	EXPECT_EQ(0, kn_nr_processes());
	EXPECT_EQ(0, kn_stat("mms_watched"));
	ASSERT_LT(0, kn_read(KN_DEBUGFS "stats", after, sizeof(after)));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(migrated, kn_vmstat("numa_pages_migrated"));
	EXPECT_EQ(MEM / KN_PAGE, kn_pages_at(worker->pid, worker->sh->mem, MEM, 1, on_node));
	EXPECT_EQ(MEM / KN_PAGE, on_node[far]);
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
