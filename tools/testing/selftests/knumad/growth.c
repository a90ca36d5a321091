// SPDX-License-Identifier: GPL-2.0
/*
 * What a look, and a walk, cost as there are more processes, threads and pages to look
 * at: no more than in proportion. Each test prints what it measured.
 *
 * The times are meant for a machine with one CPU whose clock counts instructions
 * (scripts/guest.py --mode deterministic): nothing else counts then.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

/* Looks that are averaged */
#define LOOKS		4

/* Seconds of the guest's time: looks become rarer where nothing happens */
#define LONG		600
#define LIMIT		3600

/* What each of many processes shares with the one that they are forked from */
#define EACH		(3 * KN_MB / 2)

FIXTURE(growth)
{
	__u64 none;		/* bytes while nothing is watched */
};

FIXTURE_SETUP(growth)
{
	const char *why = kn_begin_once(1);

	if (!why && kn_topo.nr_memory < 2)
		why = "needs two nodes with memory";
	if (!why && kn_all_free() * KN_PAGE < 5 * 1024 * KN_MB / 2)
		why = "needs 2.5 GiB of free memory";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, kn_tunable_set("min_resident_mb", 1));
	ASSERT_EQ(0, kn_tunable_set("min_cpu_ms", 0));
	ASSERT_EQ(0, kn_tunable_set("cpu_percent", 100));
	/* Each look walks all of them */
	ASSERT_EQ(0, kn_tunable_set("scan_pages", 1 << 24));
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 5000));
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 5000));
	ASSERT_EQ(0, kn_enable("always"));
	self->none = kn_stat("bytes");
	ASSERT_EQ(0, kn_enable("never"));
}

FIXTURE_TEARDOWN(growth)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

struct cost {
	__u64 look_ns;		/* CPU time of the thread, per look and its walks */
	__u64 scan_ns;		/* of that, to walk page tables */
	__u64 entries;		/* of page tables that were walked, per look */
	__u64 bytes;
};

/* Switch on, wait until so many are watched and known, and measure some looks */
static bool measure(struct _test_data_growth *self, __u64 watched, struct cost *cost)
{
	__u64 passes, ns, scan_ns, entries;
	pid_t knumad;

	if (kn_enable("always"))
		return false;
	/* Now: with many processes that takes as long as a look */
	knumad = kn_thread_pid();
	if (!kn_wait_until(kn_stat("mms_watched") >= watched, LONG) ||
	    !kn_wait_passes(LOOKS, LONG))
		return false;
	cost->bytes = kn_stat("bytes") - self->none;
	passes = kn_stat("passes");
	ns = kn_cpu_ns(knumad);
	scan_ns = kn_stat("scan_ns");
	entries = kn_stat("pages_scanned");
	if (!kn_wait_passes(LOOKS, LONG))
		return false;
	passes = kn_stat("passes") - passes;
	cost->look_ns = (kn_cpu_ns(knumad) - ns) / passes;
	cost->scan_ns = (kn_stat("scan_ns") - scan_ns) / passes;
	cost->entries = (kn_stat("pages_scanned") - entries) / passes;
	return !kn_enable("never");
}

/* A line for scripts, too: benchmarks/lab/growth.py */
static void check_growth(struct __test_metadata *_metadata, const char *what,
			 const unsigned int *sizes, const struct cost *costs, int nr)
{
	const struct cost *cost = &costs[nr];

	TH_LOG("growth: %s %u look_ns %llu scan_ns %llu entries %llu bytes %llu", what, sizes[nr],
	       cost->look_ns, cost->scan_ns, cost->entries, cost->bytes);
	ASSERT_LT(0, cost->look_ns);
	ASSERT_LT(0, cost->entries);
	if (!nr)
		return;
	/* In proportion, and a quarter for what the caches of CPUs and the like may do */
	EXPECT_LE(4 * cost->look_ns / sizes[nr], 5 * costs[nr - 1].look_ns / sizes[nr - 1]);
	EXPECT_LE(cost->bytes / sizes[nr], costs[nr - 1].bytes / sizes[nr - 1]);
}

static pid_t start_one(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(growth, processes, LIMIT)
{
	static const unsigned int sizes[] = { 100, 1000, 10000 };
	struct cost costs[ARRAY_SIZE(sizes)];
	static pid_t pids[10000];
	unsigned int i, nr = 0;
	char *mem;

	mem = kn_map(EACH, 0);
	ASSERT_NE(NULL, mem);
	madvise(mem, EACH, MADV_NOHUGEPAGE);
	memset(mem, 1, EACH);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (; nr < sizes[i]; nr++) {
			pids[nr] = start_one();
			ASSERT_LT(0, pids[nr]);
		}
		ASSERT_TRUE(measure(self, nr, &costs[i]))
			kn_dump();
		check_growth(_metadata, "processes", sizes, costs, i);
		/* All of them are walked at each look */
		EXPECT_LE(sizes[i] * (EACH / KN_PAGE / KN_SAMPLED), costs[i].entries);
	}
	while (nr--)
		kill(pids[nr], SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* Of one process: memory and sleeping threads */
struct big {
	size_t size;
	unsigned int threads;
};

static int become_big(const void *data)
{
	const struct big *big = data;
	char *mem;

	mem = kn_map(big->size, 0);
	if (!mem)
		return -1;
	madvise(mem, big->size, MADV_NOHUGEPAGE);
	memset(mem, 1, big->size);
	return kn_idle_threads(big->threads - 1);
}

static void grow(struct __test_metadata *_metadata, struct _test_data_growth *self,
		 const char *what, const unsigned int *sizes, int nr, bool memory)
{
	struct cost costs[8];
	struct big big;
	pid_t pid;
	int i;

	for (i = 0; i < nr; i++) {
		big.size = memory ? sizes[i] * KN_MB : 2 * KN_MB;
		big.threads = memory ? 1 : sizes[i];
		pid = kn_sleeper(become_big, &big);
		ASSERT_LT(0, pid);
		ASSERT_TRUE(measure(self, 1, &costs[i]))
			kn_dump();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		check_growth(_metadata, what, sizes, costs, i);
	}
}

TEST_F_TIMEOUT(growth, threads, LIMIT)
{
	static const unsigned int sizes[] = { 40, 400, 4000 };

	grow(_metadata, self, "threads", sizes, ARRAY_SIZE(sizes), false);
}

TEST_F_TIMEOUT(growth, memory, LIMIT)
{
	static const unsigned int sizes[] = { 16, 64, 256, 1024 };

	grow(_metadata, self, "memory", sizes, ARRAY_SIZE(sizes), true);
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
