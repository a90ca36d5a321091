// SPDX-License-Identifier: GPL-2.0
/*
 * Off means off, at once and under load; and of knumad and mainline's NUMA
 * balancing one is at work at a time, in whatever order they are switched.
 */
#include <pthread.h>
#include <stdio.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(24 * KN_MB)

/* To switch it off, also on an emulated machine with a kernel for debugging */
#define MOST_MS	10000

#define SCHED_NUMA	"/sys/kernel/debug/sched/numa_balancing/"

FIXTURE(onoff)
{
	int far, near;
};

FIXTURE_SETUP(onoff)
{
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->far = kn_topo.full[0];
	self->near = kn_topo.full[kn_topo.nr_full - 1];
	/* Mainline's scanner should not keep us waiting. */
	kn_write(SCHED_NUMA "scan_delay_ms", "50");
	kn_write(SCHED_NUMA "scan_period_min_ms", "50");
}

FIXTURE_TEARDOWN(onoff)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/* How long it takes to switch it off, ms; -1: it failed */
static __s64 switch_off(void)
{
	__u64 start = kn_now_ms();

	return kn_enable("never") ? -1 : (__s64)(kn_now_ms() - start);
}

static struct kn_work misplaced(struct _test_data_onoff *self)
{
	return kn_misplaced(MEM, self->far, self->near);
}

/* The preferred node of a thread, as the scheduler knows it: -1 for none, -2 unknown */
static int preferred_node(int tid)
{
	char path[64], buf[8192], *at;
	int node;

	snprintf(path, sizeof(path), "/proc/%d/sched", tid);
	if (kn_read(path, buf, sizeof(buf)) <= 0)
		return -2;
	at = strstr(buf, "numa_preferred_nid");
	at = at ? strchr(at, ':') : NULL;
	return at && sscanf(at + 1, "%d", &node) == 1 ? node : -2;
}

/* Never: when the write returns there is nothing left of it, half way or not. */
TEST_F(onoff, never_stops_at_once)
{
	struct kn_work work = misplaced(self);
	char before[8192], after[8192];
	struct kn_worker *worker;
	unsigned int share;
	__s64 took;
	int tid;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	tid = worker->sh->thread[0].tid;
	/* Slow, so that it is on its way */
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_NE(0, kn_thread_pid());
	ASSERT_TRUE(kn_wait_until(kn_share_on(worker, self->near, 1) > 0, KN_PATIENCE))
		kn_dump();
	if (preferred_node(tid) != -2)
		EXPECT_EQ(self->near, preferred_node(tid));

	took = switch_off();
	ASSERT_LE(0, took);
	EXPECT_GT(MOST_MS, took);
	EXPECT_EQ(0, kn_thread_pid());
	EXPECT_EQ(0, kn_stat("mms_watched"));
	EXPECT_EQ(0, kn_nr_processes());
	if (preferred_node(tid) != -2)
		EXPECT_EQ(-1, preferred_node(tid));
	ASSERT_LT(0, kn_read(KN_DEBUGFS "stats", before, sizeof(before)));
	share = kn_share_on(worker, self->near, 1);
	EXPECT_GT(KN_GATHERED, share)
		TH_LOG("too fast: it was gathered already");

	/* Nothing to wait for: five times the longest interval */
	usleep(2000 * 1000);
	ASSERT_LT(0, kn_read(KN_DEBUGFS "stats", after, sizeof(after)));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(share, kn_share_on(worker, self->near, 1));

	/* And on again: it goes on where it was. */
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1024));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* A few workers, the threads of which are made to change nodes now and then */
struct crowd {
	struct kn_worker *worker[3];
	int node[2];
	unsigned int turn;
};

static void crowd_start(struct __test_metadata *_metadata, struct _test_data_onoff *self,
			struct crowd *crowd)
{
	struct kn_work work = misplaced(self);
	unsigned int i;

	crowd->node[0] = self->near;
	crowd->node[1] = self->far;
	crowd->turn = 0;
	for (i = 0; i < ARRAY_SIZE(crowd->worker); i++) {
		/* One that runs where it likes */
		work.pinned = i;
		work.size = (i + 1) * 8 * KN_MB;
		crowd->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, crowd->worker[i]);
	}
}

static void crowd_turn(struct crowd *crowd)
{
	crowd->turn++;
	kn_pin(crowd->worker[1 + (crowd->turn & 1)], crowd->node[crowd->turn >> 1 & 1]);
}

static void crowd_stop(struct __test_metadata *_metadata, struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(crowd->worker); i++)
		EXPECT_EQ(0, kn_stop(crowd->worker[i]));
}

/* On and off again and again, with pages and threads on the move; less often on a slow machine */
TEST_F(onoff, toggle_under_load)
{
	static const char *const on[] = { "always", "opt-in", "always" };
	unsigned int i, rest = 1;
	struct crowd crowd;
	__u64 migrated, start;
	__s64 took, longest = 0;

	crowd_start(_metadata, self, &crowd);
	migrated = kn_stat("pages_migrated");
	start = kn_now_ms();
	for (i = 0; i < 12 || (i < 60 && kn_now_ms() - start < KN_PATIENCE / 2 * 1000) ||
	     (kn_stat("pages_migrated") == migrated &&
	      kn_now_ms() - start < KN_PATIENCE * 1000); i++) {
		ASSERT_EQ(0, kn_enable(on[i % ARRAY_SIZE(on)]));
		EXPECT_NE(0, kn_thread_pid());
		crowd_turn(&crowd);
		/* From hardly begun to half way through */
		usleep(kn_random(&rest) % 200 * 1000 * (i & 1));
		if (i % 3 == 2)
			continue;
		took = switch_off();
		ASSERT_LE(0, took);
		longest = took > longest ? took : longest;
		EXPECT_EQ(0, kn_thread_pid());
		EXPECT_EQ(0, kn_stat("mms_watched"));
	}
	EXPECT_EQ(0, kn_enable("never"));
	EXPECT_LT(migrated, kn_stat("pages_migrated"))
		TH_LOG("nothing was on the move");
	TH_LOG("switched off in %lld ms or less", longest);
	EXPECT_GT(MOST_MS, longest);
	crowd_stop(_metadata, &crowd);
}

/* Is mainline's scanner at work? */
static bool scanner_runs(int secs)
{
	__u64 updates = kn_vmstat("numa_pte_updates");

	return kn_wait_until(kn_vmstat("numa_pte_updates") > updates, secs);
}

static bool scanner_rests(struct kn_worker *const *workers, int nr)
{
	__u64 updates;

	/* What it had begun, it may finish: on its way back to what it does itself. */
	while (nr--)
		if (!kn_wait_sweeps(workers[nr], 1, KN_PATIENCE))
			return false;
	updates = kn_vmstat("numa_pte_updates");
	usleep(1500 * 1000);
	return kn_vmstat("numa_pte_updates") == updates;
}

/* Mainline first, then knumad: mainline rests, until knumad is off. */
TEST_F(onoff, balancing_then_knumad)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	if (kn_write(KN_BALANCING, "1"))
		SKIP(return, "no sysctl kernel.numa_balancing");
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_TRUE(scanner_runs(KN_PATIENCE));

	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(scanner_rests(&worker, 1));
	EXPECT_EQ(1, kn_read_number(KN_BALANCING));
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->near, kn_home(worker->pid));

	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(1, kn_read_number(KN_BALANCING));
	EXPECT_TRUE(scanner_runs(KN_PATIENCE));
	ASSERT_EQ(0, kn_write(KN_BALANCING, "0"));
	EXPECT_TRUE(scanner_rests(&worker, 1));
	EXPECT_EQ(0, kn_stop(worker));
}

/* knumad first, then mainline: the sysctl keeps its value and waits. */
TEST_F(onoff, knumad_then_balancing)
{
	struct kn_work work = misplaced(self);
	struct kn_events before, after;
	struct kn_worker *worker;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	if (kn_write(KN_BALANCING, "1"))
		SKIP(return, "no sysctl kernel.numa_balancing");
	kn_events(&before);
	EXPECT_EQ(1, kn_read_number(KN_BALANCING));
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(scanner_rests(&worker, 1));
	kn_events(&after);
	EXPECT_EQ(before.pte_updates, after.pte_updates);
	EXPECT_EQ(before.hint_faults, after.hint_faults);

	ASSERT_EQ(0, kn_enable("opt-in"));
	EXPECT_TRUE(scanner_rests(&worker, 1));
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(1, kn_read_number(KN_BALANCING));
	EXPECT_TRUE(scanner_runs(KN_PATIENCE));

	/* Off while knumad is on: it stays off. */
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_EQ(0, kn_write(KN_BALANCING, "0"));
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(0, kn_read_number(KN_BALANCING));
	EXPECT_TRUE(scanner_rests(&worker, 1));
	EXPECT_EQ(0, kn_stop(worker));
}

static int flipping;

static void *flip_balancing(void *data)
{
	unsigned long *failed = data;
	unsigned int i;

	for (i = 1; KN_READ(flipping); i++) {
		*failed += kn_write(KN_BALANCING, i & 1 ? "1" : "0") != 0;
		usleep(15 * 1000);
	}
	return NULL;
}

/* Both switched at random under load: memory intact, and off is off in the end. */
TEST_F(onoff, both_toggled_under_load)
{
	static const char *const modes[] = { "always", "never", "opt-in", "always", "never" };
	unsigned long failed = 0;
	struct crowd crowd;
	pthread_t thread;
	unsigned int i;
	__u64 end, migrated, updates;

	if (kn_write(KN_BALANCING, "1"))
		SKIP(return, "no sysctl kernel.numa_balancing");
	crowd_start(_metadata, self, &crowd);
	KN_WRITE(flipping, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip_balancing, &failed));
	migrated = kn_stat("pages_migrated");
	updates = kn_vmstat("numa_pte_updates");
	end = kn_now_ms() + 4000;
	/* Until each of them has had its time */
	for (i = 0; i < 5 || kn_now_ms() < end ||
	     ((kn_stat("pages_migrated") == migrated || kn_vmstat("numa_pte_updates") == updates) &&
	      kn_now_ms() < end + KN_PATIENCE * 1000); i++) {
		ASSERT_EQ(0, kn_enable(modes[i % ARRAY_SIZE(modes)]));
		crowd_turn(&crowd);
		usleep(i % 7 * 20 * 1000);
	}
	KN_WRITE(flipping, 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, failed);
	EXPECT_LT(migrated, kn_stat("pages_migrated"));
	EXPECT_LT(updates, kn_vmstat("numa_pte_updates"));

	ASSERT_EQ(0, kn_enable("never"));
	ASSERT_EQ(0, kn_write(KN_BALANCING, "0"));
	EXPECT_EQ(0, kn_thread_pid());
	EXPECT_EQ(0, kn_stat("mms_watched"));
	EXPECT_TRUE(scanner_rests(crowd.worker, ARRAY_SIZE(crowd.worker)));
	crowd_stop(_metadata, &crowd);
}

int main(int argc, char **argv)
{
	kn_save(SCHED_NUMA "scan_delay_ms");
	kn_save(SCHED_NUMA "scan_period_min_ms");
	kn_save_system();
	return test_harness_run(argc, argv);
}
