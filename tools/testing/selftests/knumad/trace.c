// SPDX-License-Identifier: GPL-2.0
/*
 * What knumad did is told in four places: its tracepoints, its statistics, the
 * rows of its processes and /proc/vmstat. They agree, to the page.
 */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM	(24 * KN_MB)

FIXTURE(trace)
{
	int node[2];
};

FIXTURE_SETUP(trace)
{
	const char *why = kn_begin(2);

	if (!why)
		why = kn_trace_begin("knumad", "4096");
	if (!why && kn_write(KN_TRACE "events/knumad/enable", "1"))
		why = "cannot enable the events of knumad";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[kn_topo.nr_full - 1];
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	kn_write(KN_TRACE "events/knumad/enable", "0");
	kn_trace_end();
}

/* What the trace says in all */
struct told {
	__u64 passes;
	__u64 scanned;
	__u64 homes;
	__u64 verdicts;
	__u64 batches;
	__u64 moved;
	__u64 moved_of_worker;
	__u64 tasks_moved;
	__u64 tasks_swapped;
	__u64 armed;
	__u64 samples;
	__u64 chunks;
	int bad;			/* lines that are not well-formed, or cannot be */
};

static void hear(char *line, pid_t pid, struct told *told)
{
	unsigned long watched, scanned, folios, pages, moved;
	int who, from, to, swapped, ret;
	unsigned long addr;
	char *event, word[32], other[32];

	event = strstr(line, ": knumad_");
	if (!event) {
		told->bad++;
	} else if (sscanf(event, ": knumad_pass: watched=%lu pages_scanned=%lu", &watched,
			  &scanned) == 2) {
		told->passes++;
		told->scanned += scanned;
	} else if (sscanf(event, ": knumad_home: pid=%d from=%d to=%d verdict=%31s", &who, &from,
			  &to, word) == 4) {
		told->homes++;
		told->bad += from == to;
	} else if (sscanf(event, ": knumad_thread: tid=%d from=%d to=%d", &who, &from, &to) == 3) {
		told->bad += from == to;
	} else if (sscanf(event, ": knumad_arm: pid=%d samples=%lu pages=%lu", &who, &folios,
			  &pages) == 3) {
		told->armed += pages;
		told->bad += folios > pages;
	} else if (sscanf(event, ": knumad_sample: tid=%d addr=%lx cpu_node=%d mem_node=%d", &who,
			  &addr, &from, &to) == 4) {
		told->samples++;
		told->bad += from < 0 || to < 0;
	} else if (sscanf(event, ": knumad_chunk: pid=%d addr=%lx from=%d to=%d", &who, &addr,
			  &from, &to) == 4) {
		told->chunks += who == pid;
		told->bad += from == to || addr % KN_CHUNK;
	} else if (sscanf(event, ": knumad_verdict: pid=%d from=%31s to=%31s", &who, word,
			  other) == 3) {
		told->verdicts++;
		told->bad += !strcmp(word, other);
	} else if (sscanf(event,
			  ": knumad_migrate: pid=%d target=%d folios=%lu pages=%lu moved=%lu",
			  &who, &to, &folios, &pages, &moved) == 5) {
		told->batches++;
		told->moved += moved;
		if (who == pid)
			told->moved_of_worker += moved;
		/* A batch is at most 64 folios, and no page is moved twice in it. */
		told->bad += folios > 64 || folios > pages || moved > pages || to < 0;
	} else if (sscanf(event,
			  ": knumad_task_move: tid=%d from_cpu=%d to_cpu=%d swapped=%d ret=%d",
			  &who, &from, &to, &swapped, &ret) == 5) {
		if (!ret && swapped)
			told->tasks_swapped++;
		else if (!ret)
			told->tasks_moved++;
	} else {
		told->bad++;
	}
}

static void listen(pid_t pid, struct told *told)
{
	char line[1024];
	FILE *file;

	memset(told, 0, sizeof(*told));
	file = fopen(KN_TRACE "trace", "re");
	if (!file) {
		told->bad = -1;
		return;
	}
	while (fgets(line, sizeof(line), file))
		if (line[0] != '#')
			hear(line, pid, told);
	fclose(file);
	told->bad += !kn_trace_is_whole();
}

/*
 * Gather a process with memory and threads on both nodes, with all events on
 * from before knumad was until after.
 */
TEST_F(trace, numbers_agree)
{
	static const char *const names[] = {
		"passes", "homes_set", "homes_cleared", "pages_migrated", "tasks_moved",
		"tasks_swapped"
	};
	const int nodes[] = { self->node[0], self->node[1] };
	struct kn_work work = {
		.size = MEM, .node = nodes[0], .rest = MEM / 2, .rest_node = nodes[1],
		.threads = 2, .cpu_nodes = nodes,
	};
	__u64 delta[ARRAY_SIZE(names)], verdicts = 0, migrated;
	struct kn_process process;
	struct kn_worker *worker;
	struct told told;
	unsigned int i;
	pid_t pid;
	int home;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		delta[i] = -kn_stat(names[i]);
	for (i = 0; kn_verdict_names[i]; i++)
		verdicts -= kn_verdict(kn_verdict_names[i]);
	migrated = -kn_vmstat("numa_pages_migrated");

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	pid = worker->pid;
	ASSERT_EQ(0, kn_enable("always"));
	home = kn_wait_gathered(worker, KN_PATIENCE);
	ASSERT_NE(KN_NONE, home)
		kn_dump();
	/* The verdict settles a little later. */
	EXPECT_TRUE(kn_wait_until(kn_verdict_is(pid, "home"), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_process(pid, &process));
	EXPECT_EQ(0, kn_stop(worker));
	ASSERT_EQ(0, kn_enable("never"));

	for (i = 0; i < ARRAY_SIZE(names); i++)
		delta[i] += kn_stat(names[i]);
	for (i = 0; kn_verdict_names[i]; i++)
		verdicts += kn_verdict(kn_verdict_names[i]);
	migrated += kn_vmstat("numa_pages_migrated");
	listen(pid, &told);

	EXPECT_EQ(0, told.bad);
	EXPECT_EQ(delta[0], told.passes);
	EXPECT_EQ(delta[1] + delta[2], told.homes);
	EXPECT_EQ(delta[3], told.moved);
	EXPECT_EQ(delta[3], migrated);
	EXPECT_EQ(delta[4], told.tasks_moved);
	EXPECT_EQ(delta[5], told.tasks_swapped);
	EXPECT_LE(process.moved, told.moved_of_worker);
	EXPECT_LE(MEM / KN_PAGE / 2 * KN_GATHERED / 1000, told.moved_of_worker);
	EXPECT_LT(0, told.batches);
	EXPECT_LT(0, told.scanned);
	/* Verdicts on folios are counted, too, but have no event of their own. */
	EXPECT_LE(told.verdicts, verdicts);
	EXPECT_LT(0, told.verdicts);
}

/* Sample a process that spans nodes until much of its memory has a place */
TEST_F(trace, samples_agree)
{
	struct kn_work work = {
		.size = MEM, .align = KN_CHUNK, .node = self->node[0], .threads = 4,
		.cpu_node = KN_NONE,
	};
	struct kn_spanning spanning;
	struct kn_worker *worker;
	__u64 armed, faults;
	struct told told;

	if (kn_max_cpus() >= work.threads)
		SKIP(return, "needs nodes with fewer CPUs than there are threads");
	armed = kn_stat("pages_armed");
	faults = kn_stat("hint_faults");
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_spanning(worker->pid, &spanning) &&
				  spanning.one_node + spanning.spread >= MEM / KN_CHUNK / 2,
				  KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
	ASSERT_EQ(0, kn_enable("never"));
	listen(worker->pid, &told);
	EXPECT_EQ(0, told.bad);
	EXPECT_LT(0, told.samples);
	EXPECT_EQ(kn_stat("pages_armed") - armed, told.armed);
	EXPECT_EQ(kn_stat("hint_faults") - faults, told.samples);
	EXPECT_LE(MEM / KN_CHUNK / 2, told.chunks);
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
