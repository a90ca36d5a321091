// SPDX-License-Identifier: GPL-2.0
/*
 * Time stands still for a process or for the machine, or clocks jump: afterwards all goes
 * on, no page is lost, and nothing is done at once for which there was no time before.
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
#define PM_STATE	"/sys/power/state"
#define PM_SUCCESS	"/sys/power/suspend_stats/success"
#define ALARM		"/sys/class/rtc/rtc0/wakealarm"

/* Seconds until it wakes; it has to be asleep by then, or nobody wakes it */
#define SLEEP		"+10"

/* The least jump of all clocks at once, of twice as much, ms */
#define JUMP		4000

/* MB per second meanwhile: in such a jump that is more than may pile up */
#define RATE		2

/* What may pile up, and may be on its way for each of two threads, pages */
#define PILE		1024
#define BATCH		512

/* Of the thread, in percent of a CPU, by cpu_percent; and so much more, see threats.c */
#define PERCENT		20
#define MARGIN		2

/* Between two looks, by scan_interval_ms, ms; and looks that are out of turn */
#define INTERVAL	100
#define MORE		3

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

	if (access(PM_TEST, W_OK) || access(PM_STATE, W_OK))
		SKIP(return, "needs CONFIG_SUSPEND and CONFIG_PM_DEBUG");
	ASSERT_EQ(0, kn_write(PM_TEST, "freezer"));
	ASSERT_EQ(0, kn_write(PM_DELAY, "1"));
	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	for (i = 0; i < 2; i++) {
		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, kn_write(PM_STATE, "freeze"));
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
		passes = kn_stat("passes");
		EXPECT_TRUE(kn_wait_until(kn_stat("passes") > passes, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(is_at(self, self->node[i & 1]))
			kn_dump();
	}
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Time that the machine has slept since boot, ms */
static __s64 slept_ms(void)
{
	struct timespec all, awake;

	clock_gettime(CLOCK_MONOTONIC, &awake);
	clock_gettime(CLOCK_BOOTTIME, &all);
	return (all.tv_sec - awake.tv_sec) * 1000 + (all.tv_nsec - awake.tv_nsec) / 1000000;
}

/* The machine sleeps: all CPUs but one are gone, and time goes on without it. */
TEST_F(halts, sleeping_machine)
{
	int i;

	if (!getenv("KNUMAD_GUEST"))
		SKIP(return, "it is not ours to send to sleep: see scripts/guest.py");
	if (access(PM_STATE, W_OK) || access(ALARM, W_OK))
		SKIP(return, "needs CONFIG_SUSPEND and CONFIG_RTC_DRV_CMOS");
	if (!access(PM_TEST, W_OK))
		ASSERT_EQ(0, kn_write(PM_TEST, "none"));
	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	for (i = 0; i < 2; i++) {
		__s64 slept = slept_ms(), times = kn_read_number(PM_SUCCESS);
		__u64 passes;

		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, kn_write(ALARM, "0"));
		ASSERT_EQ(0, kn_write(ALARM, SLEEP));
		ASSERT_EQ(0, kn_write(PM_STATE, "mem"));
		passes = kn_stat("passes");
		slept = slept_ms() - slept;
		TH_LOG("slept for %lld ms", slept);
		EXPECT_LT(1000, slept);
		EXPECT_EQ(times + 1, kn_read_number(PM_SUCCESS));
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
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

/* Wait until the clock jumps, since @now. Returns by how much, ms; 0: it did not. */
static __u64 wait_jump(__u64 now)
{
	__u64 before, end = now + 1000 * KN_PATIENCE;

	do {
		before = now;
		kn_nap();
		now = kn_now_ms();
		if (now - before >= JUMP)
			return now - before;
	} while (now < end);
	return 0;
}

/*
 * The clocks that nobody can set jump, too: who runs the machine stops it for a while,
 * "please stop the machine" (STOPS, scripts/guest.py). Nobody had the time in between: what
 * is moved, looked at and spent in the second after it is no more than in any other.
 */
TEST_F(halts, all_clocks_jump)
{
	pid_t knumad;
	int i;

	if (!getenv("KNUMAD_GUEST"))
		SKIP(return, "nobody stops this machine while its clocks go on: see guest.py");
	ASSERT_TRUE(is_at(self, self->node[1]))
		kn_dump();
	ASSERT_EQ(0, kn_tunable_set("cpu_percent", PERCENT));
	ASSERT_EQ(INTERVAL, kn_tunable("scan_interval_ms"));
	knumad = kn_thread_pid();
	ASSERT_LT(0, knumad);
	for (i = 0; i < 2; i++) {
		__u64 start, jump, elapsed, migrated, passes, looks, used;

		send(_metadata, self, self->node[i & 1]);
		ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", RATE));
		migrated = kn_stat("pages_migrated");
		used = kn_cpu_ns(knumad);
		looks = kn_stat("passes");
		start = kn_now_ms();
		TH_LOG("please stop the machine");
		/* It may have been before we come here */
		jump = wait_jump(start);
		ASSERT_LT(0, jump);
		elapsed = kn_now_ms();
		ASSERT_TRUE(kn_wait_until(kn_now_ms() >= elapsed + 1000, KN_PATIENCE));

		migrated = kn_stat("pages_migrated") - migrated;
		passes = kn_stat("passes");
		looks = passes - looks;
		used = (kn_cpu_ns(knumad) - used) / 1000000;
		elapsed = kn_now_ms() - start - jump;
		/* Who ran at that moment has used all of it */
		if (used >= JUMP)
			used -= used < jump ? used : jump;
		TH_LOG("%llu ms jump, and %llu: %llu pages moved, %llu looks of %llu ms in all",
		       jump, elapsed, migrated, looks, used);
		EXPECT_TRUE(is_on_its_way(self, self->node[i & 1]));
		EXPECT_GE(PILE + 2 * BATCH + RATE * KN_MB / KN_PAGE * elapsed / 1000, migrated);
		EXPECT_GE(elapsed / INTERVAL + MORE, looks);
		EXPECT_GE(MARGIN * PERCENT * elapsed / 100, used);
		EXPECT_TRUE(kn_wait_until(kn_stat("passes") >= passes + 2, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(is_at(self, self->node[i & 1]))
			kn_dump();
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
