// SPDX-License-Identifier: GPL-2.0
/*
 * Processes come, go, fork, exec and change their address space while knumad
 * looks at them and moves their pages: memory stays intact, and what was watched
 * is let go.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define STORM_MS	3000

/* Of processes that come and go, at first */
#define LIFE_MS		1000

/* A storm allocates some 100 MB; this much may look lost afterwards. */
#define SLACK		(8 * KN_MB / KN_PAGE)
#define SMALL		(4 * KN_MB)
#define NR_CHUNKS	8

/* Two lives and a half */
#define GROUP_MAX	(10 * KN_MB)
#define GROUP_MAX_TEXT	"10M"

/* What the test shares with the storm */
struct weather {
	int life_ms;			/* so long at most */
	__u64 forked;			/* processes, */
	__u64 exited;			/* ... that ended by themselves, */
	__u64 killed;			/* ... or not */
	__u64 threads;
};

FIXTURE(storm)
{
	struct kn_worker *witness;
	int node[2];
	__u64 enrolled, migrated, own, watched, free;
	bool moved;
	struct weather *weather;
};

static __u64 witness_moved(struct _test_data_storm *self)
{
	struct kn_process process;

	return kn_process(self->witness->pid, &process) ? process.moved : 0;
}

/* A process that is kept on the move shows that knumad is at work meanwhile. */
FIXTURE_SETUP(storm)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .threads = 1, .pinned = true, .pause_us = 100,
	};
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[kn_topo.nr_full - 1];
	kn_tunable_set("min_cpu_ms", 0);
	kn_tunable_set("min_resident_mb", 1);
	kn_tunable_set("samples_per_s", 100000);
	work.node = self->node[0];
	work.cpu_node = self->node[1];
	self->weather = mmap(NULL, sizeof(*self->weather), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->weather);
	self->weather->life_ms = LIFE_MS;
	self->free = kn_all_free();
	self->witness = kn_start(&work);
	ASSERT_NE(NULL, self->witness);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(self->witness, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	self->watched = kn_stat("mms_watched");
	self->enrolled = kn_stat("mms_enrolled");
	/* The witness moves on: its own pages first, see storm_moved() */
	self->own = witness_moved(self);
	self->migrated = kn_stat("pages_migrated");
}

FIXTURE_TEARDOWN(storm)
{
	munmap(self->weather, sizeof(*self->weather));
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	kn_drop_groups();
	EXPECT_TRUE(kn_balanced());
}

/*
 * Was more moved than the memory of the witness?  A page counts for its process
 * first and then in the sum, so with the sum read first all pages of the witness
 * that are in it are among its own.
 */
static bool storm_moved(struct _test_data_storm *self)
{
	__u64 migrated = kn_stat("pages_migrated") - self->migrated;

	self->moved |= witness_moved(self) - self->own < migrated;
	return self->moved;
}

/*
 * Let a storm blow for a while, @ms, with the witness going to and fro; and then, on a
 * slow machine, until something of it was moved: the witness, whose moves leave no CPU
 * to others there, rests, and lives get longer.
 */
static void blow(struct _test_data_storm *self, int ms)
{
	__u64 end = kn_now_ms() + ms, last = end + KN_PATIENCE * 1000;
	unsigned int at = 0;

	while (kn_now_ms() < end) {
		kn_pin(self->witness, self->node[at++ & 1]);
		usleep(500 * 1000);
	}
	while (!storm_moved(self) && kn_now_ms() < last) {
		if (self->weather->life_ms < 16 * LIFE_MS)
			KN_WRITE(self->weather->life_ms, self->weather->life_ms + LIFE_MS);
		usleep(500 * 1000);
	}
}

/*
 * After a storm: it was watched, more was moved than the memory of the witness,
 * it was forgotten, and all memory is free again.
 */
static void calm(struct __test_metadata *_metadata, struct _test_data_storm *self)
{
	const struct weather *weather = self->weather;

	TH_LOG("%llu processes forked, %llu exited, %llu were killed; %llu threads",
	       weather->forked, weather->exited, weather->killed, weather->threads);
	EXPECT_LT(self->enrolled, kn_stat("mms_enrolled"))
		TH_LOG("nothing of the storm was watched");
	EXPECT_TRUE(self->moved)
		TH_LOG("nothing of the storm was moved");
	EXPECT_TRUE(kn_wait_until(kn_stat("mms_watched") <= self->watched, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->witness));
	kn_kill(self->witness);
	EXPECT_TRUE(kn_wait_until(kn_all_free() + SLACK >= self->free, KN_PATIENCE))
		TH_LOG("%llu pages lost", self->free - kn_all_free());
}

static void go_to(int node)
{
	cpu_set_t set;

	kn_node_cpus(node, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A short life: memory on one node, work on the other. Returns wrong words. */
static __u64 short_life(const int *node, int ms)
{
	char *mem = kn_map(SMALL, 0);
	unsigned int times;
	__u64 bad;

	if (!mem || kn_place(mem, SMALL, node[0], 1, false))
		return 1;
	go_to(node[1]);
	times = kn_touch(mem, SMALL, ms);
	bad = kn_check(mem, SMALL, 1, false, times);
	munmap(mem, SMALL);
	return bad;
}

static void count(__u64 *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* A process of the storm begins. Returns what fork() does. */
static pid_t begin_life(struct _test_data_storm *self)
{
	pid_t pid = fork();

	if (pid > 0)
		count(&self->weather->forked);
	return pid;
}

/* Wait for its end. Returns false if there is none. */
static bool end_life(struct _test_data_storm *self, pid_t pid, int *status)
{
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		return false;
	count(WIFSIGNALED(*status) ? &self->weather->killed : &self->weather->exited);
	return true;
}

/* Start @nr processes that run @child until they are killed or see an error. */
static int start_storm(struct _test_data_storm *self, pid_t *pids, int nr,
		       void (*child)(struct _test_data_storm *self, unsigned int seed))
{
	pid_t parent = getpid();
	int i;

	fflush(stdout);
	for (i = 0; i < nr; i++) {
		pids[i] = begin_life(self);
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			child(self, i + 1);
			_exit(1);
		}
		if (pids[i] < 0)
			return -1;
	}
	return 0;
}

/* Kill them. Returns how many had stopped by themselves, because of an error. */
static int end_storm(struct _test_data_storm *self, pid_t *pids, int nr)
{
	int i, status, bad = 0;

	for (i = 0; i < nr; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < nr; i++)
		bad += !end_life(self, pids[i], &status) || !WIFSIGNALED(status) ||
		       WTERMSIG(status) != SIGKILL;
	return bad;
}

/* Children that live for a moment and exit, or are killed at any point */
static void exit_child(struct _test_data_storm *self, unsigned int seed)
{
	int status, life_ms;
	pid_t pid, killer;

	for (;;) {
		life_ms = KN_READ(self->weather->life_ms);
		pid = begin_life(self);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(!!short_life(self->node, kn_random(&seed) % life_ms));
		}
		if (pid < 0)
			_exit(2);
		killer = fork();
		if (!killer) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			usleep(kn_random(&seed) % life_ms * 1000);
			kill(pid, SIGKILL);
			_exit(0);
		}
		if (killer < 0 || !end_life(self, pid, &status))
			_exit(2);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			_exit(3);
		kill(killer, SIGKILL);
		waitpid(killer, NULL, 0);
	}
}

TEST_F(storm, exits)
{
	pid_t pids[3];

	ASSERT_EQ(0, start_storm(self, pids, 3, exit_child));
	blow(self, STORM_MS);
	EXPECT_EQ(0, end_storm(self, pids, 3));
	calm(_metadata, self);
}

/* Programs that become another program, with memory on the wrong node */
static void exec_child(struct _test_data_storm *self, unsigned int seed)
{
	char from[8], to[8];

	snprintf(from, sizeof(from), "%d", self->node[0]);
	snprintf(to, sizeof(to), "%d", self->node[1]);
	execl("/proc/self/exe", "storm", "--exec", from, to, NULL);
}

/* storm --exec FROM TO: live for a moment, and again */
static int exec_again(char **argv)
{
	const int node[] = { atoi(argv[2]), atoi(argv[3]) };
	unsigned int seed = kn_now_ms();

	kn_read_topology();
	if (short_life(node, kn_random(&seed) % 500))
		return 3;
	execv("/proc/self/exe", argv);
	return 4;
}

TEST_F(storm, execs)
{
	pid_t pids[3];

	ASSERT_EQ(0, start_storm(self, pids, 3, exec_child));
	blow(self, STORM_MS);
	EXPECT_EQ(0, end_storm(self, pids, 3));
	calm(_metadata, self);
}

/* A process on the move forks; parent and child write, and see only their own. */
static void fork_child(struct _test_data_storm *self, unsigned int seed)
{
	char *mem = kn_map(SMALL, 0);
	unsigned int times = 0, more;
	int status;
	pid_t pid;

	if (!mem || kn_place(mem, SMALL, self->node[0], 1, false))
		_exit(2);
	for (;;) {
		go_to(self->node[kn_random(&seed) & 1]);
		times += kn_touch(mem, SMALL, kn_random(&seed) % 200);
		pid = begin_life(self);
		if (!pid) {
			/* Some pages shared, some its own */
			more = kn_touch(mem, SMALL / 2, kn_random(&seed) % 200);
			if (kn_check(mem + SMALL / 2, SMALL / 2,
				     1 + SMALL / 2 / sizeof(__u64), false, times) ||
			    kn_check(mem, SMALL / 2, 1, false, times + more))
				_exit(3);
			_exit(0);
		}
		times += kn_touch(mem, SMALL, kn_random(&seed) % 200);
		if (!end_life(self, pid, &status) || status ||
		    kn_check(mem, SMALL, 1, false, times))
			_exit(4);
	}
}

TEST_F(storm, forks)
{
	pid_t pids[2];

	ASSERT_EQ(0, start_storm(self, pids, 2, fork_child));
	blow(self, STORM_MS);
	EXPECT_EQ(0, end_storm(self, pids, 2));
	calm(_metadata, self);
}

static void map_child(struct _test_data_storm *self, unsigned int seed)
{
	struct kn_chunk chunk[NR_CHUNKS] = { 0 };
	unsigned int i;

	for (;;) {
		if (!(kn_random(&seed) % 32))
			go_to(self->node[kn_random(&seed) & 1]);
		i = kn_random(&seed) % NR_CHUNKS;
		if (!kn_change_chunk(&chunk[i], &seed, self->node[kn_random(&seed) & 1]))
			_exit(2);
	}
}

TEST_F(storm, unmaps_remaps_and_advice)
{
	pid_t pids[2];

	kn_write(KN_THP "enabled", "madvise");
	ASSERT_EQ(0, start_storm(self, pids, 2, map_child));
	blow(self, 2 * STORM_MS);
	EXPECT_EQ(0, end_storm(self, pids, 2));
	calm(_metadata, self);
}

/* Threads that come and go in a process that is on the move */
static void *short_thread(void *data)
{
	return (void *)(long)kn_touch(data, KN_CHUNK, 5);
}

static void thread_child(struct _test_data_storm *self, unsigned int seed)
{
	char *mem = kn_map(2 * KN_CHUNK, 0);
	unsigned int times[2] = { 0 }, i;
	pthread_t thread[2];
	void *more;

	if (!mem || kn_place(mem, 2 * KN_CHUNK, self->node[0], 5, false))
		_exit(2);
	for (;;) {
		if (!(kn_random(&seed) % 32))
			go_to(self->node[kn_random(&seed) & 1]);
		for (i = 0; i < 2; i++) {
			if (pthread_create(&thread[i], NULL, short_thread, mem + i * KN_CHUNK))
				_exit(3);
			count(&self->weather->threads);
		}
		for (i = 0; i < 2; i++) {
			if (pthread_join(thread[i], &more))
				_exit(4);
			times[i] += (long)more;
		}
		if (kn_random(&seed) % 16)
			continue;
		for (i = 0; i < 2; i++)
			if (kn_check(mem + i * KN_CHUNK, KN_CHUNK,
				     5 + i * KN_CHUNK / sizeof(__u64), false, times[i]))
				_exit(5);
	}
}

TEST_F(storm, threads)
{
	pid_t pids[2];

	ASSERT_EQ(0, start_storm(self, pids, 2, thread_child));
	blow(self, STORM_MS);
	EXPECT_EQ(0, end_storm(self, pids, 2));
	calm(_metadata, self);
}

/* In a group that has not enough for all of them: a life is ended by what another one takes */
static void hungry_child(struct _test_data_storm *self, unsigned int seed)
{
	int status;
	char *mem;
	pid_t pid;

	for (;;) {
		pid = begin_life(self);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (kn_write(KN_CHILD "/cgroup.procs", "0"))
				_exit(1);
			if (short_life(self->node, kn_random(&seed) %
				       KN_READ(self->weather->life_ms)))
				_exit(2);
			mem = kn_map(GROUP_MAX, 0);
			if (!mem)
				_exit(3);
			kn_touch(mem, GROUP_MAX, 0);
			_exit(4);
		}
		if (!end_life(self, pid, &status) ||
		    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			_exit(5);
		/* Another life, not the same again */
		kn_random(&seed);
	}
}

TEST_F(storm, out_of_memory)
{
	const char *why = kn_make_groups();
	pid_t pids[3];

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, kn_write(KN_CHILD "/memory.max", GROUP_MAX_TEXT));
	kn_write(KN_CHILD "/memory.swap.max", "0");
	ASSERT_EQ(0, start_storm(self, pids, 3, hungry_child));
	blow(self, 2 * STORM_MS);
	EXPECT_TRUE(kn_wait_until(kn_group_stat(KN_CHILD, "memory.events", "oom_kill") > 10,
				  KN_PATIENCE));
	EXPECT_EQ(0, end_storm(self, pids, 3));
	calm(_metadata, self);
}

/* Processes that are small and short are not watched: they cost a look, no more. */
TEST_F(storm, short_lived_are_not_watched)
{
	__u64 enrolled, passes;
	unsigned int i;
	pid_t pid;

	ASSERT_EQ(0, kn_tunable_set("min_resident_mb", 8));
	ASSERT_EQ(0, kn_tunable_set("min_cpu_ms", 500));
	ASSERT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	enrolled = kn_stat("mms_enrolled");
	passes = kn_stat("passes");
	for (i = 0; i < 300 || kn_stat("passes") < passes + 5; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(0);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	TH_LOG("%u processes forked and exited", i);
	EXPECT_EQ(enrolled, kn_stat("mms_enrolled"));
	EXPECT_EQ(0, kn_stop(self->witness));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--exec"))
		return exec_again(argv);
	kn_save_system();
	return test_harness_run(argc, argv);
}
