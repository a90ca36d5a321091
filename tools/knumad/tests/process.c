// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: what the kernel says of processes and nodes
 */

#include "../explain.h"
#include "../machine.h"
#include "../process.h"
#include "../read.h"
#include "../residence.h"
#include "../tasks.h"
#include "../traffic.h"
#include "../tunables.h"
#include "../verdict.h"
#include "unit.h"

static void proc_file(void)
{
	struct process p;

	CHECK(!process_read(&fake, 2, 77, &p));
	CHECK(p.pid == 77 && p.home == -1 && p.local == 953 && p.faults == 50 && p.moved == 100);
	CHECK(p.resident[0] == 25600 && p.used[1] == 20000 && p.cpu[0] == 500);
	CHECK(p.load_mcpu == 4000 && p.threads == 4 && p.scan_us == 99 && p.interval_ms == 8000);
	CHECK_STR(p.comm, "post gres");
	CHECK_STR(p.mode, "in");
	CHECK_STR(p.group, "always");
	CHECK_STR(p.verdict, "no_cpus");
	CHECK_STR(p.reason, "it can use more cores than any node has left");
	CHECK(process_watched(&p));
	process_free(&p);
	CHECK(process_read(&fake, 2, 4711, &p));
}

static void proc_file_incomplete(void)
{
	char *text = get("proc/77/knumad");
	struct process p;

	CHECK(process_parse(text, 2, &p));
	process_free(&p);
	/* Without its last list */
	*strstr(text, "\ncpu") = '\0';
	CHECK(!process_parse(text, 2, &p));
	free(text);
	CHECK(!process_parse("", 2, &p));
}

static void all_processes(void)
{
	struct processes ps;

	CHECK(!processes_read(&fake, 2, &ps));
	CHECK(ps.nr == 3 && ps.v[0].pid == 41 && ps.v[1].pid == 77 && ps.v[2].pid == 90);
	CHECK(processes_find(&ps, 77) == &ps.v[1] && !processes_find(&ps, 78));
	CHECK(!process_watched(&ps.v[2]));
	processes_free(&ps);
}

#define DEBUGFS_HEAD	"# pid comm home resident used cpu load_mcpu threads faults moved scan_us interval_ms verdict\n"

/* A kernel without /proc/PID/knumad */
static void no_proc_file(void)
{
	static const char *const bad[] = {
		"5 broken 1 x,200 0,100 100,900 1900 12 0 2560 1234 60000 home\n",
		"5 longer 1 0,200 0,100 100,900 1900 12 0 2560 1234 60000 home more\n",
		"6 short 1 0,1\n",
	};
	struct process *p, one;
	struct processes ps;
	size_t i;

	put("proc/self/knumad", NULL);
	CHECK(processes_read(&fake, 2, &ps));
	put("debugfs/knumad/processes",
	    DEBUGFS_HEAD
	    "77 post\\040gres -1 100,100 60,20 500,500 4000 4 7 8 9 8000 no_cpus\n"
	    "41 java 1 0,200 0,100 100,900 1900 12 0 2560 1234 60000 home\n");
	put("debugfs/knumad/spanning",
	    "# pid nodes rounds chunks_used chunks_one_node chunks_spread chunks_armed local\n"
	    "77 0-1 214 900 850 30 12 953\n"
	    "41  0 0 0 0 0 0\n");
	CHECK(!processes_read(&fake, 2, &ps));
	CHECK(ps.nr == 2);
	p = processes_find(&ps, 77);
	CHECK(p && p->local == 953 && p->moved == 8 && p->home == -1);
	CHECK_STR(p ? p->comm : "", "post gres");
	p = processes_find(&ps, 41);
	CHECK(p && p->local == 900 && p->home == 1);
	processes_free(&ps);
	CHECK(!process_read(&fake, 2, 41, &one) && one.home == 1 && process_watched(&one));
	process_free(&one);
	CHECK(!process_read(&fake, 2, 90, &one) && !process_watched(&one));
	process_free(&one);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put("debugfs/knumad/processes", bad[i]);
		CHECK(processes_read(&fake, 2, &ps) && !ps.nr);
	}
	put("debugfs/knumad/processes", NULL);
	put("debugfs/knumad/spanning", NULL);
}

static void spanning(void)
{
	struct spanning s;

	CHECK(spanning_parse("77 0-1,3 214 900 850 30 12 953", &s));
	CHECK(s.pid == 77 && s.rounds == 214 && s.used == 900 && s.one_node == 850);
	CHECK(s.spread == 30 && s.armed == 12 && s.local == 953);
	CHECK_STR(s.nodes, "0-1,3");
	/* Before the first decision */
	CHECK(spanning_parse("877  3 120 0 0 12 0", &s));
	CHECK(s.rounds == 3 && s.used == 120 && s.armed == 12 && !*s.nodes);
	CHECK(!spanning_parse("# pid nodes rounds", &s));
	CHECK(!spanning_parse("877 0-1 3 120 0 0 12", &s));
	CHECK(!spanning_parse("877", &s));
	CHECK(!spanning_parse("", &s));
}

static void nodes(void)
{
	struct machine m, gaps;

	CHECK(!machine_read(&fake, &m));
	CHECK(m.nr == 2 && m.nodes[1].cpus == 2 && m.nodes[0].free_kb == 262144);
	CHECK(machine_node_of(&m, 3) == 1 && machine_node_of(&m, 4) == -1);
	CHECK(machine_node_of(&m, -1) == -1);
	CHECK(machine_busy(&m.nodes[0], NULL) == 10 && machine_busy(&m.nodes[1], NULL) == 10);
	machine_free(&m);

	put("node/online", "0,3\n");
	put("node/node3/cpulist", "\n");
	put("node/node3/meminfo", "Node 3 MemTotal: 8 kB\nNode 3 MemFree: 4 kB\n");
	CHECK(!machine_read(&fake, &gaps));
	CHECK(gaps.nr == 4 && gaps.nodes[3].online && !gaps.nodes[1].online);
	CHECK(gaps.nodes[3].total_kb == 8 && !gaps.nodes[3].cpus);
	machine_free(&gaps);
}

static void stat_line(void)
{
	struct task t;

	put("proc/7/stat",
	    "7 (a) b (c) S 1 7 7 0 -1 2097216 1 2 3 4 500 100 0 0 20 0 1 0 99 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 17 3 0 0\n");
	CHECK(task_read(&fake, 7, &t));
	CHECK_STR(t.comm, "a) b (c");
	CHECK(t.parent == 1 && t.ticks == 600 && t.cpu == 3 && t.kernel);
	CHECK(!task_parse("7 (a) S 1 2", &t) && !task_parse("", &t) && !task_parse("7 )(", &t));
	put("proc/7/stat", NULL);
}

static void cpu_time(void)
{
	struct machine m;
	struct tasks before = { .nr = 2, .v = (struct task []) {
		{ .tid = 1, .ticks = 100, .cpu = 0 }, { .tid = 2, .ticks = 50, .cpu = 0 } } };
	struct tasks now = { .nr = 3, .v = (struct task []) {
		{ .tid = 1, .ticks = 110, .cpu = 0 }, { .tid = 2, .ticks = 80, .cpu = 3 },
		{ .tid = 9, .ticks = 5, .cpu = 2 } } };
	__u64 ticks[2] = { 0 };

	CHECK(!machine_read(&fake, &m));
	tasks_by_node(&now, &before, &m, ticks);
	CHECK(ticks[0] == 10 && ticks[1] == 35);
	machine_free(&m);
}

static void ranges(void)
{
	char maps[] =
		"00400000-00500000 r-xp 00000000 fe:01 123    /usr/bin/java\n"
		"00600000-00601000 rw-p 00100000 fe:01 123    /usr/bin/java\n"
		"01000000-01200000 rw-p 00000000 00:00 0      [heap]\n"
		"7f0000000000-7f0004000000 rw-p 00000000 00:00 0\n"
		"7f0004000000-7f0004400000 rw-p 00000000 00:00 0 [anon:glibc]\n"
		"7f0005000000-7f0005400000 rw-s 00000000 00:01 77 /dev/zero (deleted)\n"
		"7f0006000000-7f0006400000 ---p 00000000 00:00 0\n"
		"7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]\n";
	struct range *r;
	size_t nr = ranges_parse(maps, &r);

	CHECK(nr == 3 && r[0].start == 0x1000000 && r[2].end == 0x7f0004400000);
	CHECK(block_size(r, nr) == 2 << 20);
	if (nr == 3) {
		r[1].end = r[1].start + (1ULL << 30);
		r[2].start = r[1].end;
		r[2].end = r[2].start + (1ULL << 30);
	}
	/* 2 GiB in at most 64 blocks, with one more for the heap */
	CHECK(block_size(r, nr) == 64 << 20);
	free(r);
}

/* The pages of this very process are looked at, wherever they are */
static void residence(void)
{
	size_t size = 8 << 20;
	struct residence r = { 0 };
	char *memory = xalloc(size, 1), pid[16];
	int ret;

	memset(memory, 1, size);
	snprintf(pid, sizeof(pid), "%d", getpid());
	ret = residence_read(&live, getpid(), 64, &r);
	/* A kernel without NUMA has no such system call */
	if (ret != -38) {
		CHECK(!ret);
		CHECK(pages_mb(sum(r.pages, 64)) >= 7.5);
		residence_free(&r);
	}
	CHECK(residence_read(&live, 1 << 22, 64, &r) < 0);
	free(memory);
}

static void traffic(void)
{
	char threads[] =
		"# pid tid home node load_mcpu samples\n"
		"77 77 0 0 1000 30,10\n77 78 1 1 1000 0,8\n77 79 1 1 1000 0,0\n";
	struct processes ps;
	struct traffic t;

	CHECK(!processes_read(&fake, 2, &ps));
	traffic_estimate(&ps, threads, 2, &t);
	/* One core of 77's first thread, and next to nothing of 41 */
	CHECK(traffic_from(&t, 0) > 1 && traffic_from(&t, 0) < 1.01);
	CHECK(traffic_local(&t, 0) > 74 && traffic_local(&t, 0) < 76);
	CHECK(traffic_local(&t, 1) > 99.9);
	traffic_free(&t);
	/* Without samples it counts as if all its threads used all its memory */
	traffic_estimate(&ps, NULL, 2, &t);
	CHECK(traffic_local(&t, 0) > 49 && traffic_local(&t, 0) < 51);
	traffic_free(&t);
	processes_free(&ps);
}

static void check_why(const struct unwatched *c, const char *part)
{
	char why[256];

	explain_unwatched(why, sizeof(why), c);
	CHECK_HAS(why, part);
	CHECK(strlen(why) < sizeof(why) - 1 && why[strlen(why) - 1] == '.');
}

static void unwatched(void)
{
	struct unwatched c = {
		.pid = 5, .enabled = "never", .mode = "default", .group = "default",
		.anon_kb = 1 << 20, .cpu_ms = 9999, .min_resident_mb = 16, .min_cpu_ms = 500,
	};

	check_why(&c, "knumadctl on");
	c.enabled = "always";
	check_why(&c, "not been seen yet");
	c.cpu_ms = 499;
	check_why(&c, "499 ms");
	c.anon_kb = 15 << 10;
	check_why(&c, "15 MB");
	c.enabled = "opt-in";
	check_why(&c, "knumadctl set 5 in");
	c.group = "always";
	check_why(&c, "15 MB");
	c.group = "never";
	check_why(&c, "memory.knumad");
	c.mode = "out";
	check_why(&c, "knumadctl set 5 default");
}

/* Are the words the kernel's, and all of them? */
static void words_of_the_kernel(void)
{
	char *text = read_file("../../mm/knumad/stats.c"), *rest = text, *line, word[32];
	size_t processes = 0, memory = 0, i;

	while ((line = next_line(&rest))) {
		if (sscanf(line, " [KNUMAD_V_%*[A-Z_]] = \"%31[a-z_]", word) != 1)
			continue;
		for (i = 0; i < nr_refusals && strcmp(refusals[i].word, word); i++)
			;
		if (i < nr_refusals)
			memory++;
		else if (verdict_find(word))
			processes++;
		else
			fail_test(__FILE__, __LINE__, "is known", word);
	}
	CHECK(processes >= 13 && memory == nr_refusals);
	free(text);
}

static void tunables_of_the_kernel(void)
{
	char *text = read_file("../../Documentation/ABI/testing/sysfs-kernel-mm-knumad");
	char *rest = text, *line, name[32];
	size_t known = 0;

	while ((line = next_line(&rest))) {
		if (sscanf(line, "What: /sys/kernel/mm/knumad/%31s", name) != 1)
			continue;
		if (tunable_find(name))
			known++;
		else
			fail_test(__FILE__, __LINE__, "is known", name);
	}
	CHECK(known == nr_tunables);
	free(text);
}

const struct test process_tests[] = {
	{ "/proc/PID/knumad", proc_file },
	{ "/proc/PID/knumad that lacks something", proc_file_incomplete },
	{ "all processes, by number", all_processes },
	{ "debugfs, where there is no /proc/PID/knumad", no_proc_file },
	{ "debugfs spanning, also without nodes", spanning },
	{ "nodes, their CPUs and their use", nodes },
	{ "/proc/PID/stat with brackets in the name", stat_line },
	{ "CPU time by node", cpu_time },
	{ "anonymous ranges, and blocks of them", ranges },
	{ "where memory is", residence },
	{ "traffic between nodes", traffic },
	{ "why a process is not watched", unwatched },
	{ "each verdict of the kernel is explained", words_of_the_kernel },
	{ "each tunable of the kernel is known", tunables_of_the_kernel },
	{ NULL, NULL },
};
