// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that were isolated at boot (isolcpus=) are their owner's: knumad uses them neither
 * for itself nor for threads, not even for those that may run there.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)

FIXTURE(isolated)
{
	int cpu;		/* an isolated CPU, */
	int node;		/* ... its node, */
	int other;		/* ... where there is another CPU */
	int far;		/* another node */
	pid_t hog;
};

FIXTURE_SETUP(isolated)
{
	const char *why;
	cpu_set_t cpus;
	char text[64];
	int cpu;

	if (kn_read("/sys/devices/system/cpu/isolated", text, sizeof(text)) < 0 ||
	    sscanf(text, "%d", &self->cpu) != 1)
		SKIP(return, "no isolated CPUs: boot with isolcpus=");
	why = kn_begin(2);
	if (why)
		SKIP(return, "%s", why);
	self->node = kn_topo.node_of_cpu[self->cpu];
	self->far = kn_topo.full[kn_topo.full[0] == self->node];
	self->other = -1;
	kn_node_cpus(self->node, &cpus);
	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++)
		if (cpu != self->cpu && CPU_ISSET(cpu, &cpus))
			self->other = cpu;
	if (self->other < 0 || kn_topo.cpus[self->node] != 2) {
		kn_end();
		SKIP(return, "needs a node with two CPUs, one of them isolated");
	}
}

FIXTURE_TEARDOWN(isolated)
{
	if (self->hog > 0) {
		kill(self->hog, SIGKILL);
		waitpid(self->hog, NULL, 0);
	}
	kn_kill_all();
	kn_drop_groups();
	kn_end();
}

/* The hook ->before() of whose threads may run on all CPUs: the isolated ones are no preset */
static int allow_all(struct kn_shared *sh, const struct kn_work *work)
{
	cpu_set_t cpus;

	kn_all_cpus(&cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

/* May a thread run on a CPU? */
static bool may_run(pid_t pid, int cpu)
{
	cpu_set_t cpus;

	return !sched_getaffinity(pid, sizeof(cpus), &cpus) && CPU_ISSET(cpu, &cpus);
}

/* Time that user space has had on a CPU, in units of /proc/stat */
static __u64 user_time(int cpu)
{
	unsigned long long user, nice;
	char line[256], name[16];
	__u64 time = ~0ULL;
	FILE *f = fopen("/proc/stat", "r");

	/* Not by a number in the pattern: in the line of all CPUs the first one is a time */
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), "%llu %llu", &user, &nice) == 2)
			time = user + nice;
	if (f)
		fclose(f);
	return time;
}

/* Two threads have more CPUs on the node where none is isolated. */
TEST_F(isolated, never_used)
{
	struct kn_work work = {
		.size = MEM, .node = self->node, .threads = 2, .cpu_node = KN_NONE,
		.before = allow_all,
	};
	__u64 before = user_time(self->cpu);
	struct kn_worker *worker;

	ASSERT_NE(~0ULL, before);
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_share(worker, self->far, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_threads_on(worker) == self->far, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_passes(16, KN_PATIENCE));
	EXPECT_TRUE(may_run(worker->sh->thread[0].tid, self->cpu));
	ASSERT_LT(0, kn_thread_pid());
	EXPECT_FALSE(may_run(kn_thread_pid(), self->cpu));
	ASSERT_LT(0, kn_mover_pid(self->node));
	EXPECT_FALSE(may_run(kn_mover_pid(self->node), self->cpu));
	EXPECT_EQ(before, user_time(self->cpu));
	EXPECT_EQ(0, kn_stop(worker));
}

/* How long a thread has waited for a CPU, ns */
static __u64 waited_ns(pid_t pid)
{
	unsigned long long ran, waited = 0;
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	if (kn_read(path, text, sizeof(text)) < 0 || sscanf(text, "%llu %llu", &ran, &waited) != 2)
		return ~0ULL;
	return waited;
}

/*
 * Who has to share his CPU at home goes to an idle one elsewhere. That there is an idle
 * isolated one at home, which never takes him, is no reason to stay.
 */
TEST_F(isolated, not_waited_for)
{
	struct kn_work work = {
		.size = MEM, .node = self->node, .threads = 1, .cpu_node = KN_NONE,
		.before = allow_all,
	};
	struct kn_worker *worker;
	__u64 waited, start;
	pid_t tid;

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	tid = worker->sh->thread[0].tid;
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_home(worker->pid) == self->node, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_until(kn_threads_on(worker) == self->node, KN_PATIENCE))
		kn_dump();
	/* From now on only the load balancer moves it */
	ASSERT_TRUE(kn_look_no_more());
	self->hog = kn_occupy(self->other, SCHED_OTHER);
	ASSERT_LT(0, self->hog);
	EXPECT_TRUE(kn_wait_until(kn_threads_on(worker) == self->far, KN_PATIENCE));
	waited = waited_ns(tid);
	start = kn_now_ms();
	EXPECT_TRUE(kn_wait_until(kn_now_ms() >= start + 4000, 10));
	waited = waited_ns(tid) - waited;
	TH_LOG("waited for %llu of %llu ms", waited / 1000000, kn_now_ms() - start);
	/* It would be half of the time */
	EXPECT_GT(1000, waited / 1000000);
	EXPECT_EQ(self->node, kn_home(worker->pid));
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Who makes a partition of other CPUs has all threads of the system, knumad's too, run on all
 * that are not in it, isolated or not. Those of knumad leave the isolated ones again, and do
 * not come back to those of the partition. Last: the others have no affinity any more.
 */
TEST_F(isolated, partition_elsewhere)
{
	struct kn_work work = kn_misplaced(MEM, self->far, self->node);
	const char *why = kn_make_groups();
	struct kn_worker *worker;
	char text[64];
	cpu_set_t cpus;
	int cpu = 0;

	if (why)
		SKIP(return, "%s", why);
	if (kn_write(KN_CGROUP "cgroup.subtree_control", "+cpuset"))
		SKIP(return, "no cpuset controller in the cgroup2 hierarchy");
	kn_node_cpus(self->far, &cpus);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_passes(1, KN_PATIENCE));
	snprintf(text, sizeof(text), "%d", cpu);
	ASSERT_EQ(0, kn_write(KN_PARENT "/cpuset.cpus", text));
	ASSERT_EQ(0, kn_write(KN_PARENT "/cpuset.cpus.partition", "root"));
	ASSERT_LT(0, kn_read(KN_PARENT "/cpuset.cpus.partition", text, sizeof(text)));
	ASSERT_STREQ("root\n", text);
	/* The control: now who did not ask for it may run there */
	EXPECT_TRUE(may_run(getpid(), self->cpu));
	ASSERT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	EXPECT_FALSE(may_run(kn_thread_pid(), self->cpu));
	EXPECT_FALSE(may_run(kn_thread_pid(), cpu));
	/* Those that move, when they move something */
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	EXPECT_TRUE(kn_wait_share(worker, self->node, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_LT(0, kn_mover_pid(self->node));
	EXPECT_FALSE(may_run(kn_mover_pid(self->node), self->cpu));
	EXPECT_TRUE(may_run(kn_mover_pid(self->node), self->other));
	EXPECT_FALSE(may_run(kn_mover_pid(self->far), cpu));
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
