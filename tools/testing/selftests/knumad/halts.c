// SPDX-License-Identifier: GPL-2.0
/*
 * Time stands still for a process or for the machine, or the clock is set: afterwards
 * all goes on, and no page is lost.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define SLOW		1		/* MB per second: the halt comes before all is there */
#define FAST		64
#define GROUP		"/sys/fs/cgroup/knumad-halts"
#define DAY		86400
#define PM_TEST		"/sys/power/pm_test"
#define PM_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

FIXTURE(halts)
{
	struct kn_worker *worker;
	int node[2];
};

FIXTURE_SETUP(halts)
{
	struct kn_work work = { .size = MEM, .threads = 1, .pinned = true };
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
	work.node = self->node[0];
	work.cpu_node = self->node[1];
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	ASSERT_EQ(0, kn_enable("always"));
}

FIXTURE_TEARDOWN(halts)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

static bool is_at(struct _test_data_halts *self, int node)
{
	return !kn_tunable_set("migrate_mb_per_s", FAST) &&
	       kn_wait_share(self->worker, node, KN_GATHERED, KN_PATIENCE);
}

/* Sent away, so that memory has to follow, and brought to a halt on the way */
static void send(struct __test_metadata *_metadata, struct _test_data_halts *self, int node)
{
	__u64 migrated = kn_stat("pages_migrated");

	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", SLOW));
	ASSERT_EQ(0, kn_pin(self->worker, node));
	ASSERT_TRUE(kn_wait_until(kn_stat("pages_migrated") > migrated, KN_PATIENCE))
		kn_dump();
}

/* Was the halt before all of it was there? */
static bool is_on_its_way(struct _test_data_halts *self, int node)
{
	return kn_share_on(self->worker, node, 1) < KN_GATHERED;
}

TEST_F(halts, frozen_group)
{
	char pid[16];
	int i;

	if (access("/sys/fs/cgroup/cgroup.procs", F_OK))
		mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	rmdir(GROUP);
	if (mkdir(GROUP, 0755) || access(GROUP "/cgroup.freeze", F_OK)) {
		rmdir(GROUP);
		SKIP(return, "needs a cgroup v2 with cgroup.freeze");
	}
	snprintf(pid, sizeof(pid), "%d", self->worker->pid);
	ASSERT_EQ(0, kn_write(GROUP "/cgroup.procs", pid));
	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	for (i = 0; i < 4; i++) {
		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, kn_write(GROUP "/cgroup.freeze", "1"));
		ASSERT_TRUE(kn_wait_until(kn_group_stat(GROUP, "cgroup.events", "frozen") == 1,
					  KN_PATIENCE));
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
		EXPECT_TRUE(kn_wait_passes(4, KN_PATIENCE));
		ASSERT_EQ(0, kn_write(GROUP "/cgroup.freeze", "0"));
		EXPECT_TRUE(is_at(self, self->node[i & 1]))
			kn_dump();
	}
	EXPECT_EQ(0, kn_stop(self->worker));
	kn_kill(self->worker);
	EXPECT_EQ(0, rmdir(GROUP));
}

/* All processes and knumad's own threads are frozen, as before the machine sleeps. */
TEST_F(halts, suspended_machine)
{
	__u64 passes;
	int i;

	if (access(PM_TEST, W_OK) || access("/sys/power/state", W_OK))
		SKIP(return, "needs CONFIG_SUSPEND and CONFIG_PM_DEBUG");
	ASSERT_EQ(0, kn_write(PM_TEST, "freezer"));
	ASSERT_EQ(0, kn_write(PM_DELAY, "1"));
	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	for (i = 0; i < 2; i++) {
		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, kn_write("/sys/power/state", "freeze"));
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
		passes = kn_stat("passes");
		EXPECT_TRUE(kn_wait_until(kn_stat("passes") > passes, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(is_at(self, self->node[i & 1]))
			kn_dump();
	}
	EXPECT_EQ(0, kn_stop(self->worker));
}

TEST_F(halts, clock_jumps)
{
	static const int jumps[] = { DAY, -2 * DAY, 365 * DAY, -364 * DAY };
	unsigned int i;

	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	for (i = 0; i < sizeof(jumps) / sizeof(*jumps); i++) {
		struct timespec now;

		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, clock_gettime(CLOCK_REALTIME, &now));
		now.tv_sec += jumps[i];
		ASSERT_EQ(0, clock_settime(CLOCK_REALTIME, &now));
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
		EXPECT_TRUE(is_at(self, self->node[i & 1]))
			kn_dump();
		EXPECT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	}
	EXPECT_EQ(0, kn_stop(self->worker));
}

int main(int argc, char **argv)
{
	kn_save(PM_TEST);
	kn_save(PM_DELAY);
	kn_save_system();
	return test_harness_run(argc, argv);
}
