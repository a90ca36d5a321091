// SPDX-License-Identifier: GPL-2.0
/*
 * What knumad must leave alone, and does.
 *
 * A test that shows that something is not moved is worth nothing if knumad did
 * not run, or had no reason to move it. So there is always something beside it
 * that differs in one point only and is moved: for processes a witness process,
 * for memory the rest of the same process' memory.
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define EXTRA		(8 * KN_MB)
#define EXTRA_SEED	1000000007ULL
#define HUGE		(2 * KN_MB)

/* Pages that each of the two threads of a node moves together */
#define BATCH		64

/* So slow that it takes seconds, MB per second */
#define SLOW		4

/*
 * Moved: this many per mille of the extra memory. Of memory just touched some
 * pages may still wait in a CPU's batch to get on the LRU.
 */
#define MOST		950

FIXTURE(respect)
{
	int far, near;			/* memory begins far from its threads */
};

FIXTURE_SETUP(respect)
{
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->far = kn_topo.full[0];
	self->near = kn_topo.full[kn_topo.nr_full - 1];
}

FIXTURE_TEARDOWN(respect)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/* What all workers here do if left to themselves: knumad moves their memory. */
static struct kn_work misplaced(struct _test_data_respect *self)
{
	return kn_misplaced(MEM, self->far, self->near);
}

/*
 * Start a process that is to be left alone and a witness. Once the witness is
 * gathered and four passes have gone by, the other has to be where it was,
 * for the reason given.
 */
static void left_alone(struct __test_metadata *_metadata, struct _test_data_respect *self,
		       const struct kn_work *work, const char *verdict)
{
	struct kn_work twin = misplaced(self);
	struct kn_worker *worker, *witness;
	struct kn_process process;
	unsigned int far;

	worker = kn_start(work);
	ASSERT_NE(NULL, worker);
	if (worker->sh->why[0])
		SKIP(return, "%s", worker->sh->why);
	witness = kn_start(&twin);
	ASSERT_NE(NULL, witness);
	far = kn_share_on(worker, self->far, 1);

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(witness, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_verdict_is(worker->pid, verdict), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));

	EXPECT_EQ(far, kn_share_on(worker, self->far, 1));
	ASSERT_TRUE(kn_process(worker->pid, &process));
	EXPECT_STREQ(verdict, process.verdict);
	EXPECT_EQ(KN_NONE, process.home);
	EXPECT_EQ(0, process.moved);
	EXPECT_EQ(0, kn_stop(worker));
	EXPECT_EQ(0, kn_stop(witness));
}

/* Memory policy of the process, set and kept */

static int prepare_bind(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_mempolicy(MPOL_BIND, 1ULL << work->node);
}

static int prepare_interleave(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_mempolicy(MPOL_INTERLEAVE, 1ULL << kn_topo.full[0] | 1ULL << kn_topo.full[1]);
}

static int prepare_preferred(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_mempolicy(MPOL_PREFERRED, 1ULL << work->node);
}

static int prepare_local(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_mempolicy(MPOL_LOCAL, 0);
}

TEST_F(respect, process_bound_to_node)
{
	struct kn_work work = misplaced(self);

	work.prepare = prepare_bind;
	left_alone(_metadata, self, &work, "policy_bound");
}

TEST_F(respect, process_interleaves)
{
	struct kn_work work = misplaced(self);

	work.prepare = prepare_interleave;
	left_alone(_metadata, self, &work, "policy_bound");
}

TEST_F(respect, process_prefers_node)
{
	struct kn_work work = misplaced(self);

	work.prepare = prepare_preferred;
	left_alone(_metadata, self, &work, "policy_bound");
}

/* Policy "local" asks for what everybody gets, so it is no reason to stay away. */
TEST_F(respect, policy_local_is_none)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	work.prepare = prepare_local;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* CPU affinity */

/* Two threads that may not run on the same node: no home */
TEST_F(respect, threads_bound_to_two_nodes)
{
	const int nodes[] = { self->far, self->near };
	struct kn_work work = misplaced(self);

	work.threads = 2;
	work.pause_us = 0;
	work.cpu_nodes = nodes;
	work.rest = MEM / 2;
	work.rest_node = self->near;
	left_alone(_metadata, self, &work, "affinity");
}

/* The same, if most of the time only one of them, or none, is awake */
TEST_F(respect, sleepy_threads_bound_to_two_nodes)
{
	const int nodes[] = { self->far, self->near };
	struct kn_work work = misplaced(self);

	work.threads = 2;
	work.pause_us = 3000;
	work.cpu_nodes = nodes;
	work.rest = MEM / 2;
	work.rest_node = self->near;
	left_alone(_metadata, self, &work, "affinity");
}

/* And if each sleeps for longer than from one look to the next */
TEST_F(respect, alternating_threads_bound_to_two_nodes)
{
	const int nodes[] = { self->far, self->near };
	struct kn_work work = misplaced(self);

	work.threads = 2;
	work.pause_us = 250000;
	work.cpu_nodes = nodes;
	work.rest = MEM / 2;
	work.rest_node = self->near;
	left_alone(_metadata, self, &work, "affinity");
}

/* The threads of a worker, but not the one that sleeps: one CPU of a node, all of another */
static int give_few_cpus(const struct kn_worker *worker, int few, int all)
{
	cpu_set_t set;
	int cpu = 0, i;

	while (kn_topo.node_of_cpu[cpu] != few)
		cpu++;
	kn_node_cpus(all, &set);
	CPU_SET(cpu, &set);
	for (i = 0; i < worker->work.threads; i++)
		if (sched_setaffinity(worker->sh->thread[i].tid, sizeof(set), &set))
			return -errno;
	return 0;
}

/* Has the first thread of a process exited? */
static bool is_zombie(pid_t pid)
{
	char path[64], stat[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (kn_read(path, stat, sizeof(stat)) < 0)
		return false;
	at = strrchr(stat, ')');
	return at && at[1] == ' ' && at[2] == 'Z';
}

/* The threads' masks are what they were: memory moves, not they. */
TEST_F(respect, affinity_masks_stay)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;
	cpu_set_t before, after;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, sched_getaffinity(worker->sh->thread[0].tid, sizeof(before), &before));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, sched_getaffinity(worker->sh->thread[0].tid, sizeof(after), &after));
	EXPECT_TRUE(CPU_EQUAL(&before, &after));
	EXPECT_EQ(1000, kn_threads_at_home(worker, self->near, 20));
	EXPECT_EQ(0, kn_stop(worker));
}

/* The user changes the mask: memory follows to the new node. */
TEST_F(respect, affinity_changes)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_pin(worker, self->far));
	EXPECT_TRUE(kn_wait_share(worker, self->far, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->far, kn_threads_on(worker));
	EXPECT_EQ(0, kn_stop(worker));
}

/* Threads have the use of one CPU where memory is, and of as many as they need elsewhere. */
TEST_F(respect, few_cpus_of_a_node)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	if (kn_topo.cpus[self->far] < 2 || kn_topo.cpus[self->near] < 2)
		SKIP(return, "needs nodes of two CPUs");
	work.threads = 2;
	work.cpu_node = KN_NONE;
	work.pinned = false;
	work.pause_us = 0;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, give_few_cpus(worker, self->far, self->near));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_gathered_on(worker, 1) == self->near, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Others that may not go elsewhere take the CPUs of the node where a process is at home:
 * rather run elsewhere, where CPUs are idle, than wait.
 */
static void cpus_taken(struct __test_metadata *_metadata, struct _test_data_respect *self,
		       int policy)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;
	int cpu, i, nr = 0;
	pid_t pid[2];

	if (kn_topo.cpus[self->near] != 2 || kn_topo.nr_full != 2)
		SKIP(return, "needs two nodes of two CPUs");
	work.node = self->near;
	work.threads = 2;
	work.pinned = false;
	work.pause_us = 0;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_gathered_on(worker, 1) == self->near, KN_PATIENCE))
		kn_dump();
	for (cpu = 0; nr < 2; cpu++)
		if (kn_topo.node_of_cpu[cpu] == self->near)
			pid[nr++] = kn_occupy(cpu, policy);
	for (i = 0; i < nr; i++)
		if (!kn_wait_until(sched_getscheduler(pid[i]) == policy, KN_PATIENCE))
			SKIP(return, "there are no threads of this scheduling policy");
	/* To stay: two that go are two thirds of what is done, and more */
	EXPECT_TRUE(kn_wait_until(kn_threads_at_home(worker, self->far, 500) > 300, KN_PATIENCE))
		kn_dump();
	for (i = 0; i < nr; i++) {
		EXPECT_EQ(0, waitpid(pid[i], NULL, WNOHANG));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	EXPECT_EQ(0, kn_stop(worker));
}

TEST_F(respect, cpus_taken_by_pinned_threads)
{
	cpus_taken(_metadata, self, SCHED_OTHER);
}

TEST_F(respect, cpus_taken_by_real_time_threads)
{
	cpus_taken(_metadata, self, SCHED_FIFO);
}

/* The thread that a process began with has exited: the others count. */
TEST_F(respect, leader_exits)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	work.leaderless = true;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_TRUE(kn_wait_until(is_zombie(worker->pid), KN_PATIENCE));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "home"), KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(worker));
}

/* Cpusets */

static char cgroup_root[128], cgroup_dir[192];

static const char *cgroup_path(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", cgroup_dir, file);
	return path;
}

static int cgroup_write(const char *file, const char *text)
{
	return kn_write(cgroup_path(file), text);
}

/* Make a cgroup with these nodes' memory and CPUs. Returns why it cannot be done. */
static const char *make_cpuset(const char *mems, int cpu_node)
{
	char path[256], cpus[128];

	if (!access("/sys/fs/cgroup/cgroup.controllers", F_OK)) {
		snprintf(cgroup_root, sizeof(cgroup_root), "/sys/fs/cgroup");
	} else {
		snprintf(cgroup_root, sizeof(cgroup_root), "/tmp/knumad-cgroup");
		mkdir("/tmp", 0755);
		mkdir(cgroup_root, 0755);
		if (mount("cgroup2", cgroup_root, "cgroup2", 0, NULL))
			return "cannot mount cgroup2";
	}
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup_root);
	if (kn_write(path, "+cpuset"))
		return "no cpuset controller in the cgroup2 hierarchy";
	snprintf(cgroup_dir, sizeof(cgroup_dir), "%s/knumad-test", cgroup_root);
	/* What a test that was ended has left */
	rmdir(cgroup_path("threads"));
	rmdir(cgroup_dir);
	if (mkdir(cgroup_dir, 0755))
		return "cannot make a cgroup";
	if (cpu_node != KN_NONE) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", cpu_node);
		if (kn_read(path, cpus, sizeof(cpus)) < 0 || cgroup_write("cpuset.cpus", cpus))
			return "cannot set cpuset.cpus";
	}
	return cgroup_write("cpuset.mems", mems) ? "cannot set cpuset.mems" : NULL;
}

static void drop_cpuset(void)
{
	kn_kill_all();
	if (cgroup_dir[0]) {
		rmdir(cgroup_path("threads"));
		rmdir(cgroup_dir);
	}
	if (!strncmp(cgroup_root, "/tmp/", 5))
		umount(cgroup_root);
}

static int before_cpuset(struct kn_shared *sh, const struct kn_work *work)
{
	return cgroup_write("cgroup.procs", "0");
}

/* A cpuset with one node of memory: nothing to choose */
TEST_F(respect, cpuset_with_one_node)
{
	struct kn_work work = misplaced(self);
	const char *why;
	char mems[16];

	snprintf(mems, sizeof(mems), "%d", self->far);
	why = make_cpuset(mems, KN_NONE);
	if (!why) {
		work.before = before_cpuset;
		left_alone(_metadata, self, &work, "cpuset");
	}
	drop_cpuset();
	if (why)
		SKIP(return, "%s", why);
}

/* One thread has a cpuset of its own, with one node of memory. Its memory is that of all. */
TEST_F(respect, thread_with_a_cpuset)
{
	struct kn_worker *worker = NULL, *witness = NULL;
	struct kn_work work = misplaced(self);
	char mems[256], far[16], tid[16];
	const char *why;

	ASSERT_LT(0, kn_read("/sys/devices/system/node/has_memory", mems, sizeof(mems)));
	snprintf(far, sizeof(far), "%d", self->far);
	why = make_cpuset(mems, KN_NONE);
	if (!why && (mkdir(cgroup_path("threads"), 0755) ||
		     cgroup_write("threads/cgroup.type", "threaded") ||
		     cgroup_write("cgroup.subtree_control", "+cpuset") ||
		     cgroup_write("threads/cpuset.mems", far)))
		why = "cannot make a cpuset of threads";
	if (!why) {
		work.before = before_cpuset;
		worker = kn_start(&work);
		witness = kn_start(&work);
		EXPECT_NE(NULL, worker);
		EXPECT_NE(NULL, witness);
	}
	if (worker && witness) {
		snprintf(tid, sizeof(tid), "%d", worker->sh->thread[0].tid);
		EXPECT_EQ(0, cgroup_write("threads/cgroup.threads", tid));
		EXPECT_EQ(0, kn_enable("always"));
		EXPECT_TRUE(kn_wait_share(witness, self->near, KN_GATHERED, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(kn_wait_until(kn_verdict_is(worker->pid, "cpuset"), KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(kn_wait_passes(4, KN_PATIENCE));
		EXPECT_EQ(1000, kn_share_on(worker, self->far, 1));

		EXPECT_EQ(0, cgroup_write("cgroup.threads", tid));
		EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
			kn_dump();
		EXPECT_EQ(0, kn_stop(worker));
		EXPECT_EQ(0, kn_stop(witness));
	}
	drop_cpuset();
	if (why)
		SKIP(return, "%s", why);
}

/* A cpuset with all memory but one node's CPUs: memory follows there. */
TEST_F(respect, cpuset_with_cpus_of_one_node)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;
	const char *why;
	char mems[256];

	ASSERT_LT(0, kn_read("/sys/devices/system/node/has_memory", mems, sizeof(mems)));
	why = make_cpuset(mems, self->near);
	if (!why) {
		work.before = before_cpuset;
		work.cpu_node = KN_NONE;
		work.pinned = false;
		worker = kn_start(&work);
		EXPECT_NE(NULL, worker);
		EXPECT_EQ(0, kn_enable("always"));
		EXPECT_TRUE(worker && kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(worker && !kn_stop(worker));
	}
	drop_cpuset();
	if (why)
		SKIP(return, "%s", why);
}

/*
 * A node is taken away while memory goes there: the kernel moves it back, knumad nothing
 * more to it, but for the batches that are on their way, one of each thread that moves.
 */
TEST_F(respect, cpuset_changes)
{
	const unsigned int most = 1000 - 2000 * kn_topo.nr_full * BATCH / (MEM / KN_PAGE);
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;
	char mems[256], far[16];
	unsigned int share;
	const char *why;
	int i;

	ASSERT_LT(0, kn_read("/sys/devices/system/node/has_memory", mems, sizeof(mems)));
	snprintf(far, sizeof(far), "%d", self->far);
	why = make_cpuset(mems, KN_NONE);
	if (why) {
		drop_cpuset();
		SKIP(return, "%s", why);
	}
	work.before = before_cpuset;
	worker = kn_start(&work);
	EXPECT_NE(NULL, worker);
	EXPECT_EQ(0, kn_enable("always"));
	for (i = 0; worker && i < 4; i++) {
		EXPECT_TRUE(kn_wait_until(kn_share_on(worker, self->near, 1) > 100, KN_PATIENCE))
			kn_dump();
		EXPECT_EQ(0, cgroup_write("cpuset.mems", far));
		EXPECT_TRUE(kn_wait_share(worker, self->far, most, KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(kn_wait_until(kn_verdict_is(worker->pid, "cpuset"), KN_PATIENCE))
			kn_dump();
		share = kn_share_on(worker, self->far, 1);
		EXPECT_TRUE(kn_wait_passes(4, KN_PATIENCE));
		EXPECT_EQ(share, kn_share_on(worker, self->far, 1));
		EXPECT_EQ(0, cgroup_write("cpuset.mems", mems));
	}
	EXPECT_TRUE(worker && kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(worker && !kn_stop(worker));
	drop_cpuset();
}

/* opt-in and opt-out */

static int before_in(struct kn_shared *sh, const struct kn_work *work)
{
	return prctl(PR_SET_KNUMAD, PR_KNUMAD_IN, 0, 0, 0) ? -errno : 0;
}

static int before_out(struct kn_shared *sh, const struct kn_work *work)
{
	return prctl(PR_SET_KNUMAD, PR_KNUMAD_OUT, 0, 0, 0) ? -errno : 0;
}

/* opt-in: only who asked. always: all but who asked to be left alone. */
TEST_F(respect, opt_in_and_out)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *in, *out, *other;

	other = kn_start(&work);
	work.before = before_in;
	in = kn_start(&work);
	work.before = before_out;
	out = kn_start(&work);
	ASSERT_TRUE(in && out && other);

	ASSERT_EQ(0, kn_enable("opt-in"));
	ASSERT_TRUE(kn_wait_share(in, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_EQ(1000, kn_share_on(other, self->far, 1));
	EXPECT_EQ(1000, kn_share_on(out, self->far, 1));
	EXPECT_EQ(KN_NONE, kn_home(other->pid));
	EXPECT_EQ(KN_NONE, kn_home(out->pid));

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(other, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_EQ(1000, kn_share_on(out, self->far, 1));
	EXPECT_EQ(KN_NONE, kn_home(out->pid));
	EXPECT_EQ(0, kn_stop(in));
	EXPECT_EQ(0, kn_stop(out));
	EXPECT_EQ(0, kn_stop(other));
}

/* Who says so while memory moves is heard before the next look; what is on its way arrives. */
TEST_F(respect, out_while_it_moves)
{
	struct kn_work work = kn_misplaced(4 * MEM, self->far, self->near);
	const __u64 most = 2 * kn_topo.nr_full * BATCH;
	struct kn_worker *worker;
	__u64 moved, start;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", SLOW));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_share_on(worker, self->near, 1) > 100, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_look_no_more());
	/* The control: it goes on, with a third of the memory at least, for seconds */
	moved = kn_stat("pages_migrated");
	ASSERT_TRUE(kn_wait_until(kn_stat("pages_migrated") > moved + most, KN_PATIENCE))
		kn_dump();
	ASSERT_GT(667, kn_share_on(worker, self->near, 1));

	ASSERT_EQ(0, kn_choose(worker->pid, "out"));
	moved = kn_stat("pages_migrated");
	start = kn_now_ms();
	EXPECT_TRUE(kn_wait_until(kn_now_ms() >= start + 2000, 10));
	EXPECT_GE(moved + most, kn_stat("pages_migrated"))
		kn_dump();
	EXPECT_FALSE(kn_verdict_is(worker->pid, "opted_out"))
		TH_LOG("there was another look");
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Two processes whose memory is on one node. The one that runs there is out: the other gets
 * a home elsewhere, rather than the CPUs of threads that are to be left alone.
 */
TEST_F(respect, out_keeps_its_cpus)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *out, *other;

	if (kn_topo.cpus[self->near] != 2 || kn_topo.nr_full != 2)
		SKIP(return, "needs two nodes of two CPUs");
	work.node = self->near;
	work.threads = 2;
	work.pause_us = 0;
	work.before = before_out;
	out = kn_start(&work);
	work.cpu_node = self->far;
	work.pinned = false;
	work.before = NULL;
	other = kn_start(&work);
	ASSERT_TRUE(out && other);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_share(other, self->far, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(1000, kn_share_on(out, self->near, 1));
	EXPECT_EQ(0, kn_stop(other));
	EXPECT_EQ(0, kn_stop(out));
}

/* Parts of a process */

/* A second region, filled, where the first is */
static int make_extra(struct kn_shared *sh, const struct kn_work *work, size_t size, int flags)
{
	if (!flags)
		sh->extra = kn_map(size, HUGE);
	else
		sh->extra = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (!sh->extra || sh->extra == MAP_FAILED) {
		sh->extra = NULL;
		return -ENOMEM;
	}
	sh->extra_size = size;
	if (!flags)
		madvise(sh->extra, size, MADV_NOHUGEPAGE);
	return kn_place(sh->extra, size, work->node, EXTRA_SEED, false);
}

static int finish_extra(struct kn_shared *sh, const struct kn_work *work)
{
	sh->bad += kn_check(sh->extra, sh->extra_size, EXTRA_SEED, false, 0);
	return 0;
}

/*
 * Start a worker with a second region. Once the first is gathered and four
 * passes have gone by, the second has to be where it was, and the verdict
 * counted. Returns the worker, NULL if it was skipped.
 */
static struct kn_worker *extra_left_alone(struct __test_metadata *_metadata,
					  struct _test_data_respect *self,
					  int (*prepare)(struct kn_shared *sh,
							 const struct kn_work *work),
					  const char *verdict)
{
	struct kn_work work = misplaced(self);
	__u64 split, counted = 0;
	struct kn_worker *worker;

	work.prepare = prepare;
	work.finish = finish_extra;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	if (worker->sh->why[0])
		SKIP(return NULL, "%s", worker->sh->why);
	ASSERT_EQ(1000, kn_extra_on(worker, self->far));

	split = kn_vmstat("thp_split_page");
	if (verdict)
		counted = kn_verdict(verdict);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_EQ(1000, kn_extra_on(worker, self->far));
	EXPECT_EQ(split, kn_vmstat("thp_split_page"));
	if (verdict) {
		EXPECT_LT(counted, kn_verdict(verdict))
			TH_LOG("verdict_%s was not counted", verdict);
	}
	return worker;
}

/* The control: an ordinary second region is moved like the first. */
static int prepare_plain(struct kn_shared *sh, const struct kn_work *work)
{
	return make_extra(sh, work, EXTRA, 0);
}

TEST_F(respect, ordinary_memory_is_moved)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;

	work.prepare = prepare_plain;
	work.finish = finish_extra;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_extra_on(worker, self->near) >= MOST, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* mbind() */
static int prepare_mbind(struct kn_shared *sh, const struct kn_work *work)
{
	int ret = make_extra(sh, work, EXTRA, 0);

	return ret ? ret : kn_mbind(sh->extra, EXTRA, MPOL_BIND, 1ULL << work->node);
}

TEST_F(respect, memory_bound_to_node)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_mbind, "vma_policy");

	EXPECT_EQ(0, kn_stop(worker));
}

/* mlock() */
static int prepare_mlock(struct kn_shared *sh, const struct kn_work *work)
{
	int ret = make_extra(sh, work, EXTRA, 0);

	if (!ret && mlock(sh->extra, EXTRA))
		ret = -errno;
	return ret;
}

TEST_F(respect, locked_memory)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_mlock, "mlocked");

	EXPECT_EQ(0, kn_stop(worker));
}

/* Buffers registered with io_uring are pinned for long. */
static int prepare_io_uring(struct kn_shared *sh, const struct kn_work *work)
{
	int ret = make_extra(sh, work, EXTRA, 0);

	return ret ? ret : kn_pin_memory(sh, sh->extra, EXTRA);
}

TEST_F(respect, io_uring_buffers)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_io_uring, "pinned");

	if (worker)
		EXPECT_EQ(0, kn_stop(worker));
}

/* Pages that were given to a pipe: it must see what is written to them later. */
#define SPLICED	(256 * 1024UL)

static int prepare_vmsplice(struct kn_shared *sh, const struct kn_work *work)
{
	struct iovec iov;
	int ret, fd[2];

	ret = make_extra(sh, work, SPLICED, 0);
	if (ret)
		return ret;
	if (pipe(fd))
		return -errno;
	sh->fd = fd[0];
	if (fcntl(fd[1], F_SETPIPE_SZ, SPLICED) < (int)SPLICED)
		return -ENOMEM;
	iov.iov_base = sh->extra;
	iov.iov_len = SPLICED;
	if (vmsplice(fd[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)SPLICED)
		return -errno;
	return 0;
}

static int finish_vmsplice(struct kn_shared *sh, const struct kn_work *work)
{
	char page[KN_PAGE];
	size_t at;

	finish_extra(sh, work);
	for (at = 0; at < SPLICED; at += KN_PAGE)
		*(__u64 *)(sh->extra + at) = ~at;
	for (at = 0; at < SPLICED; at += KN_PAGE) {
		if (read(sh->fd, page, KN_PAGE) != KN_PAGE)
			return -EIO;
		sh->bad += *(__u64 *)page != ~at;
	}
	return 0;
}

TEST_F(respect, pages_in_a_pipe)
{
	struct kn_work work = misplaced(self);
	struct kn_worker *worker;
	__u64 counted;

	work.prepare = prepare_vmsplice;
	work.finish = finish_vmsplice;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	counted = kn_verdict("pinned");
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_EQ(1000, kn_extra_on(worker, self->far));
	EXPECT_LT(counted, kn_verdict("pinned"));
	EXPECT_EQ(0, kn_stop(worker));
}

/* A range registered with userfaultfd */
static int prepare_uffd(struct kn_shared *sh, const struct kn_work *work)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int ret;

	ret = make_extra(sh, work, EXTRA, 0);
	if (ret)
		return ret;
	sh->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (sh->fd < 0) {
		snprintf(sh->why, sizeof(sh->why), "no userfaultfd: %s", strerror(errno));
		return 1;
	}
	reg.range.start = (uintptr_t)sh->extra;
	reg.range.len = EXTRA;
	if (ioctl(sh->fd, UFFDIO_API, &api) || ioctl(sh->fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

TEST_F(respect, userfaultfd_range)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_uffd, "uffd");

	if (worker)
		EXPECT_EQ(0, kn_stop(worker));
}

/* Equal pages that KSM has merged */
#define MERGED	((__s64)(EXTRA / KN_PAGE * 95 / 100))

static int prepare_ksm(struct kn_shared *sh, const struct kn_work *work)
{
	size_t at;
	int ret;

	ret = make_extra(sh, work, EXTRA, 0);
	if (ret)
		return ret;
	for (at = KN_PAGE; at < EXTRA; at += KN_PAGE)
		memcpy(sh->extra + at, sh->extra, KN_PAGE);
	if (madvise(sh->extra, EXTRA, MADV_MERGEABLE)) {
		snprintf(sh->why, sizeof(sh->why), "no KSM: %s", strerror(errno));
		return 1;
	}
	return 0;
}

static int finish_ksm(struct kn_shared *sh, const struct kn_work *work)
{
	size_t at;

	for (at = 0; at < EXTRA; at += KN_PAGE)
		sh->bad += kn_check(sh->extra + at, KN_PAGE, EXTRA_SEED, false, 0);
	return 0;
}

TEST_F(respect, merged_pages)
{
	struct kn_work work = misplaced(self);
	__u64 on_node[KN_MAX_NODES], after[KN_MAX_NODES];
	struct kn_worker *worker;
	__u64 counted;

	work.prepare = prepare_ksm;
	work.finish = finish_ksm;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	if (worker->sh->why[0])
		SKIP(return, "%s", worker->sh->why);
	ASSERT_TRUE(kn_merge(MERGED));
	kn_pages_at(worker->pid, worker->sh->extra, EXTRA, 1, on_node);

	counted = kn_verdict("ksm");
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	kn_pages_at(worker->pid, worker->sh->extra, EXTRA, 1, after);
	EXPECT_LE(MERGED, on_node[self->far]);
	EXPECT_LE(MERGED, after[self->far]);
	EXPECT_LE(MERGED, kn_merged());
	EXPECT_LT(counted, kn_verdict("ksm"));
	EXPECT_EQ(0, kn_stop(worker));
}

/* Memory shared with others by MAP_SHARED */
static int prepare_shared(struct kn_shared *sh, const struct kn_work *work)
{
	return make_extra(sh, work, EXTRA, MAP_SHARED | MAP_ANONYMOUS);
}

TEST_F(respect, shared_memory)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_shared, NULL);

	EXPECT_EQ(0, kn_stop(worker));
}

/* Page cache, seen through a private mapping */
static int prepare_file(struct kn_shared *sh, const struct kn_work *work)
{
	char *mem;
	int ret;

	sh->fd = memfd_create("knumad", MFD_CLOEXEC);
	if (sh->fd < 0 || ftruncate(sh->fd, EXTRA))
		return -errno;
	mem = mmap(NULL, EXTRA, PROT_READ | PROT_WRITE, MAP_SHARED, sh->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	ret = kn_place(mem, EXTRA, work->node, EXTRA_SEED, false);
	munmap(mem, EXTRA);
	if (ret)
		return ret;
	mem = mmap(NULL, EXTRA, PROT_READ, MAP_PRIVATE | MAP_POPULATE, sh->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	sh->extra = mem;
	sh->extra_size = EXTRA;
	return 0;
}

TEST_F(respect, page_cache)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_file, NULL);

	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Memory shared with a child since a fork(). When the child has gone, it is the
 * process' own and follows like the rest.
 */
static int prepare_cow(struct kn_shared *sh, const struct kn_work *work)
{
	int ret = make_extra(sh, work, EXTRA, 0);
	pid_t child;

	if (ret)
		return ret;
	if (madvise(sh->mem, sh->size, MADV_DONTFORK))
		return -errno;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	sh->child = child;
	return child < 0 ? -errno : 0;
}

TEST_F(respect, copy_on_write_pages)
{
	struct kn_worker *worker = extra_left_alone(_metadata, self, prepare_cow, "shared");

	kill(worker->sh->child, SIGKILL);
	EXPECT_TRUE(kn_wait_until(kn_extra_on(worker, self->near) >= MOST, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* A huge page of which a part was unmapped is not split to be moved. */
static int prepare_partial(struct kn_shared *sh, const struct kn_work *work)
{
	int ret;

	sh->extra = kn_map(HUGE, HUGE);
	if (!sh->extra)
		return -ENOMEM;
	madvise(sh->extra, HUGE, MADV_HUGEPAGE);
	ret = kn_place(sh->extra, HUGE, work->node, EXTRA_SEED, false);
	if (ret)
		return ret;
	if (kn_smaps_kb(getpid(), sh->extra, "AnonHugePages") != HUGE >> 10) {
		snprintf(sh->why, sizeof(sh->why), "got no huge page");
		return 1;
	}
	sh->extra_size = HUGE / 2;
	return munmap(sh->extra + HUGE / 2, HUGE / 2) ? -errno : 0;
}

TEST_F(respect, partly_unmapped_huge_page)
{
	const char *why = kn_use_folios(HUGE);
	struct kn_worker *worker;

	if (why)
		SKIP(return, "%s", why);
	worker = extra_left_alone(_metadata, self, prepare_partial, "partially_mapped");
	if (worker)
		EXPECT_EQ(0, kn_stop(worker));
}

/* hugetlb: its pages are placed by whoever reserved them. */
static void hugetlb_path(char *path, size_t size, int node)
{
	snprintf(path, size,
		 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages", node);
}

static int prepare_hugetlb(struct kn_shared *sh, const struct kn_work *work)
{
	return make_extra(sh, work, 2 * HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
}

TEST_F(respect, hugetlb_pages)
{
	struct kn_worker *worker;
	char path[128];
	int node;

	for (node = 0; node < 2; node++) {
		/* A reserve on both sides, so that there would be a place to go to */
		hugetlb_path(path, sizeof(path), node ? self->far : self->near);
		if (kn_write(path, "4") || kn_read_number(path) != 4)
			SKIP(return, "no hugetlb pages");
	}
	worker = extra_left_alone(_metadata, self, prepare_hugetlb, NULL);
	if (worker)
		EXPECT_EQ(0, kn_stop(worker));
}

/* Nodes that are full */

/* Not below it, that is; what CPUs keep for themselves is free, too */
static bool above_watermark(int node)
{
	struct kn_zone_sums sums;

	if (kn_zones(node, &sums) && sums.free + sums.pcp >= sums.high)
		return true;
	printf("# node %d: %llu pages free, %llu kept by CPUs, high watermark %llu\n", node,
	       sums.free, sums.pcp, sums.high);
	return false;
}

/* No room where the threads are: nothing moves, until there is room. */
TEST_F(respect, node_full)
{
	struct kn_work work = misplaced(self);
	struct kn_events before, after;
	struct kn_worker *worker;
	pid_t hog;
	int i;

	work.size = 48 * KN_MB;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	hog = kn_fill_node(self->near, 12 * KN_MB);
	ASSERT_LT(0, hog);
	ASSERT_TRUE(above_watermark(self->near));

	/* Sampled, it would move as far as there is room */
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 0));
	kn_events(&before);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_verdict_is(worker->pid, "no_room"), KN_PATIENCE))
		kn_dump();
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(kn_wait_passes(1, KN_PATIENCE));
		EXPECT_TRUE(above_watermark(self->near));
	}
	kn_events(&after);
	EXPECT_EQ(KN_NONE, kn_home(worker->pid));
	EXPECT_EQ(before.scanned, after.scanned)
		TH_LOG("memory was reclaimed to make room");
	EXPECT_EQ(1000, kn_share_on(worker, self->far, 1));

	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * No room anywhere, but nearly all is on one node: its home, and the rest stays as long
 * as there is none. CPUs may give back what they keep free while the test looks.
 */
TEST_F(respect, nodes_full_nearly_there)
{
	struct kn_work work = misplaced(self);
	struct kn_events before, after;
	struct kn_worker *worker;
	unsigned int share;
	pid_t hog[KN_MAX_NODES] = { 0 };
	int i;

	work.size = 44 * KN_MB;
	work.rest = 4 * KN_MB;
	work.rest_node = self->near;
	work.cpu_node = KN_NONE;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	share = kn_share_on(worker, self->far, 1);
	for (i = 0; i < KN_MAX_NODES; i++) {
		if (!kn_topo.memory[i])
			continue;
		hog[i] = kn_fill_node(i, 0);
		ASSERT_LT(0, hog[i]);
	}
	kn_events(&before);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_home(worker->pid) == self->far &&
				  kn_verdict_is(worker->pid, "home"), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_EQ(self->far, kn_home(worker->pid));
	EXPECT_LE(share, kn_share_on(worker, self->far, 1));
	EXPECT_TRUE(above_watermark(self->far));
	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
	EXPECT_EQ(before.scanned, after.scanned)
		TH_LOG("memory was reclaimed to make room");

	for (i = 0; i < KN_MAX_NODES; i++) {
		if (!hog[i])
			continue;
		kill(hog[i], SIGKILL);
		waitpid(hog[i], NULL, 0);
	}
	EXPECT_TRUE(kn_wait_share(worker, self->far, 1000, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/* The node fills up while memory is on its way there: it stops in time. */
TEST_F(respect, node_becomes_full)
{
	struct kn_work work = misplaced(self);
	struct kn_events before, after;
	struct kn_worker *worker;
	pid_t early, late;
	__u64 refused, limited;
	int i;

	work.size = 48 * KN_MB;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	/* Room enough, but so little that it is filled in a moment */
	early = kn_fill_node(self->near, 2 * work.size);
	ASSERT_LT(0, early);
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1));
	limited = kn_stat("rate_limited");
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_share_on(worker, self->near, 16) > 0, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_stat("rate_limited") > limited, KN_PATIENCE));
	refused = kn_verdict("node_full") + kn_verdict("no_room");
	late = kn_fill_node(self->near, 4 * KN_MB);
	ASSERT_LT(0, late);
	EXPECT_LT(0, kn_share_on(worker, self->far, 1))
		TH_LOG("the node was filled too late");

	/* Now as fast as it can */
	kn_events(&before);
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1024));
	EXPECT_TRUE(kn_wait_until(kn_verdict("node_full") + kn_verdict("no_room") > refused,
				  KN_PATIENCE))
		kn_dump();
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(kn_wait_passes(1, KN_PATIENCE));
		EXPECT_TRUE(above_watermark(self->near));
	}
	kn_events(&after);
	EXPECT_EQ(before.scanned, after.scanned)
		TH_LOG("memory was reclaimed to make room");
	EXPECT_LT(0, kn_share_on(worker, self->far, 1));

	kill(early, SIGKILL);
	kill(late, SIGKILL);
	waitpid(early, NULL, 0);
	waitpid(late, NULL, 0);
	EXPECT_TRUE(kn_wait_share(worker, self->near, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

#define IDLE_BITMAP	"/sys/kernel/mm/page_idle/bitmap"

/*
 * Pages of the first of a worker's sets of which idle page tracking says that they are
 * idle; with @mark it is told first to watch them. The last few pages of the machine may be
 * none of its. Negative: it could not be found out.
 */
static int idle_pages(const struct kn_worker *worker, bool mark)
{
	size_t pages = worker->sh->size / worker->work.sets / KN_PAGE, i;
	unsigned long first = (unsigned long)worker->sh->mem / KN_PAGE;
	int pagemap, bitmap, nr = 0;
	__u64 entry, bits, mask;
	char path[64];
	off_t at;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", worker->pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	bitmap = open(IDLE_BITMAP, O_RDWR | O_CLOEXEC);
	for (i = 0; bitmap >= 0 && i < pages; i++) {
		if (pread(pagemap, &entry, sizeof(entry), (first + i) * sizeof(entry)) !=
		    sizeof(entry))
			break;
		entry &= (1ULL << 55) - 1;	/* the page frame */
		at = entry / 64 * sizeof(bits);
		mask = 1ULL << entry % 64;
		bits = mask;
		if (mark)
			pwrite(bitmap, &bits, sizeof(bits), at);
		nr += pread(bitmap, &bits, sizeof(bits), at) == sizeof(bits) && bits & mask;
	}
	close(pagemap);
	close(bitmap);
	return i == pages ? nr : -1;
}

/* Who tracks idle pages himself learns of a use that a walk has noticed in between. */
TEST_F(respect, idle_page_tracking)
{
	struct kn_work work = misplaced(self);
	struct kn_process before, after;
	struct kn_worker *worker;
	int all;

	if (access(IDLE_BITMAP, F_OK))
		SKIP(return, "needs CONFIG_IDLE_PAGE_TRACKING");
	work.node = self->near;
	work.sets = 2;
	all = MEM / work.sets / KN_PAGE;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", kn_tunable("scan_interval_ms")));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_home(worker->pid) == self->near, KN_PATIENCE))
		kn_dump();
	KN_WRITE(worker->sh->set_of[0], 1);
	ASSERT_TRUE(kn_wait_sweeps(worker, 2, KN_PATIENCE));
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_LE(all * MOST / 1000, idle_pages(worker, true));
	EXPECT_LE(all * MOST / 1000, idle_pages(worker, false));
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_LE(all * MOST / 1000, idle_pages(worker, false))
		TH_LOG("the first set is used");

	KN_WRITE(worker->sh->set_of[0], 0);
	ASSERT_TRUE(kn_wait_sweeps(worker, 2, KN_PATIENCE));
	KN_WRITE(worker->sh->set_of[0], 1);
	ASSERT_TRUE(kn_wait_sweeps(worker, 2, KN_PATIENCE));
	ASSERT_TRUE(kn_process(worker->pid, &before));
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	ASSERT_TRUE(kn_process(worker->pid, &after));
	ASSERT_LT(before.scan_us, after.scan_us);
	EXPECT_EQ(0, idle_pages(worker, false));
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	char path[128];
	int node;

	for (node = 0; node < KN_MAX_NODES; node++) {
		hugetlb_path(path, sizeof(path), node);
		kn_save(path);
	}
	kn_save_ksm();
	kn_save_system();
	return test_harness_run(argc, argv);
}
