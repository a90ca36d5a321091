// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs and memory of a node go away and come back while processes live there and pages
 * move there: nothing is lost, homes follow, and things are as before in the end.
 */
#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define CPUS		"/sys/devices/system/cpu/"
#define SLOW		1		/* MB per second: a move takes as long as is looked at */
#define FAST		64
#define ROUNDS		4
#define PAST_MS		5000
#define MOST_MCPU	4000

FIXTURE(hotplug)
{
	struct kn_worker *worker[2];
	int node[2];			/* the second one loses things */
	struct {
		int cpus;
		int blocks;		/* of memory */
	} gone, back;			/* in all */
};

FIXTURE_SETUP(hotplug)
{
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
}

/* Put CPUs of the node on line, or off. Return: how many did. */
static int set_cpus(struct _test_data_hotplug *self, const char *online)
{
	char path[128], now[8];
	int cpu, nr = 0;

	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++) {
		snprintf(path, sizeof(path), CPUS "cpu%d/online", cpu);
		if (kn_topo.node_of_cpu[cpu] != self->node[1] || access(path, W_OK))
			continue;
		if (kn_read(path, now, sizeof(now)) > 0 && now[0] == online[0])
			continue;
		nr += !kn_write(path, online);
	}
	if (online[0] == '1')
		self->back.cpus += nr;
	else
		self->gone.cpus += nr;
	return nr;
}

/* And blocks of its memory */
static int set_memory(struct _test_data_hotplug *self, const char *state)
{
	int nr = kn_set_memory(self->node[1], state);

	if (!strcmp(state, "online"))
		self->back.blocks += nr;
	else
		self->gone.blocks += nr;
	return nr;
}

FIXTURE_TEARDOWN(hotplug)
{
	set_cpus(self, "1");
	set_memory(self, "online");
	TH_LOG("%d CPUs went, %d came; %d blocks of memory went, %d came", self->gone.cpus,
	       self->back.cpus, self->gone.blocks, self->back.blocks);
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/* Two processes, each as many threads as a node has CPUs, all on the first node */
static void start(struct __test_metadata *_metadata, struct _test_data_hotplug *self)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .cpu_node = KN_NONE,
		.threads = kn_topo.cpus[self->node[0]] > 1 ? 2 : 1,
	};
	int i;

	for (i = 0; i < 2; i++) {
		self->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, self->worker[i]);
	}
}

/* Is one on each node, with all its memory? */
static bool apart(struct _test_data_hotplug *self)
{
	int a = kn_gathered_on(self->worker[0], 1), b = kn_gathered_on(self->worker[1], 1);

	return a != KN_NONE && b != KN_NONE && a != b;
}

/* Is the memory of one of them on its way to a node? */
static bool on_its_way(struct _test_data_hotplug *self, int node)
{
	return kn_share_on(self->worker[0], node, 1) > 1000 - KN_GATHERED ||
	       kn_share_on(self->worker[1], node, 1) > 1000 - KN_GATHERED;
}

/* Does nobody live on a node without CPUs? */
static bool left(struct _test_data_hotplug *self, int node)
{
	return kn_home(self->worker[0]->pid) != node && kn_home(self->worker[1]->pid) != node;
}

/* May the thread that moves pages to the second node run on its CPUs, and no others? */
static bool stays_there(struct _test_data_hotplug *self)
{
	cpu_set_t there, cpus;

	kn_node_cpus(self->node[1], &there);
	return !sched_getaffinity(kn_mover_pid(self->node[1]), sizeof(cpus), &cpus) &&
	       CPU_EQUAL(&there, &cpus);
}

TEST_F(hotplug, cpus_of_a_node)
{
	int nr, i;

	if (kn_topo.nr_full != 2 || kn_max_cpus() > 2)
		SKIP(return, "needs two nodes of two CPUs");
	start(_metadata, self);
	ASSERT_EQ(0, kn_enable("always"));
	for (i = 0; i < ROUNDS; i++) {
		/* All at home, or the memory of one on the way to its home on the node that goes */
		ASSERT_TRUE(kn_wait_until(i & 1 ? on_its_way(self, self->node[1]) : apart(self),
					  KN_PATIENCE))
			kn_dump();
		if (i & 1)
			EXPECT_FALSE(apart(self));
		nr = set_cpus(self, "0");
		ASSERT_EQ(kn_topo.cpus[self->node[1]], nr);
		ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", FAST));
		EXPECT_TRUE(kn_wait_until(left(self, self->node[1]), KN_PATIENCE))
			kn_dump();
		EXPECT_TRUE(kn_wait_sweeps(self->worker[0], 2, KN_PATIENCE));
		EXPECT_TRUE(kn_wait_sweeps(self->worker[1], 2, KN_PATIENCE));
		ASSERT_TRUE(kn_wait_until(kn_gathered_on(self->worker[0], 1) == self->node[0] &&
					  kn_gathered_on(self->worker[1], 1) == self->node[0],
					  KN_PATIENCE))
			kn_dump();
		ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", i & 1 ? FAST : SLOW));
		ASSERT_EQ(nr, set_cpus(self, "1"));
	}
	EXPECT_TRUE(kn_wait_until(apart(self), KN_PATIENCE))
		kn_dump();
	/* Who was woken up to move while they were gone could run nowhere but elsewhere */
	EXPECT_TRUE(stays_there(self))
		TH_LOG("the thread that moves to node %d is not bound to it", self->node[1]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, kn_stop(self->worker[i]));
}

/* On and off with a node's CPUs gone, and back on when they are back */
TEST_F(hotplug, switched_meanwhile)
{
	int nr;

	if (kn_topo.nr_full != 2 || kn_max_cpus() > 2)
		SKIP(return, "needs two nodes of two CPUs");
	start(_metadata, self);
	nr = set_cpus(self, "0");
	ASSERT_EQ(kn_topo.cpus[self->node[1]], nr);
	ASSERT_EQ(0, kn_enable("always"));
	/* They are watched, and do not live there */
	ASSERT_TRUE(kn_wait_until(kn_home(self->worker[0]->pid) == self->node[0] ||
				  kn_home(self->worker[1]->pid) == self->node[0], KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	EXPECT_TRUE(left(self, self->node[1]));
	ASSERT_EQ(nr, set_cpus(self, "1"));
	/* The node had no thread that moves pages when it was switched on */
	EXPECT_TRUE(kn_wait_until(apart(self), KN_PATIENCE))
		kn_dump();
	nr = set_cpus(self, "0");
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(0, kn_stat("bytes"));
	ASSERT_EQ(nr, set_cpus(self, "1"));
	EXPECT_EQ(0, kn_stop(self->worker[0]));
	EXPECT_EQ(0, kn_stop(self->worker[1]));
}

/* CPU time of a CPU since boot, ms */
static __u64 cpu_ms(int cpu)
{
	char name[16];
	__u64 user, nice, system;
	char *at, stat[8192];

	snprintf(name, sizeof(name), "cpu%d ", cpu);
	if (kn_read("/proc/stat", stat, sizeof(stat)) < 0)
		return 0;
	at = strstr(stat, name);
	if (!at || sscanf(at + strlen(name), "%llu %llu %llu", &user, &nice, &system) != 3)
		return 0;
	return (user + nice + system) * 1000 / sysconf(_SC_CLK_TCK);
}

/* What a CPU did before it went away is not what others do when it is back */
TEST_F(hotplug, cpu_with_a_past)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = 1, .cpu_node = self->node[0],
	};
	struct kn_node node = {};
	__u64 cleared, passes;
	int nr, cpu = 0;

	if (kn_topo.nr_full != 2 || kn_max_cpus() > 2)
		SKIP(return, "needs two nodes of two CPUs");
	self->worker[0] = kn_start(&work);
	work.size = KN_MB;
	work.cpu_node = self->node[1];
	work.pinned = true;
	self->worker[1] = kn_start(&work);
	ASSERT_TRUE(self->worker[0] && self->worker[1]);
	while (kn_topo.node_of_cpu[cpu] != self->node[1])
		cpu++;
	ASSERT_TRUE(kn_wait_until(cpu_ms(cpu) > PAST_MS || cpu_ms(cpu + 1) > PAST_MS,
				  KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(self->worker[1]));

	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_home(self->worker[0]->pid) == self->node[0], KN_PATIENCE))
		kn_dump();
	nr = set_cpus(self, "0");
	ASSERT_EQ(kn_topo.cpus[self->node[1]], nr);
	ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
	cleared = kn_stat("homes_cleared");
	passes = kn_stat("passes");
	ASSERT_EQ(nr, set_cpus(self, "1"));
	ASSERT_TRUE(kn_wait_until((kn_node(self->node[1], &node) &&
				   node.busy_mcpu > MOST_MCPU) ||
				  kn_stat("passes") > passes + 6, KN_PATIENCE));
	/* The CPU time of a tick or two may come late */
	EXPECT_GE(MOST_MCPU, node.busy_mcpu)
		kn_dump();
	EXPECT_EQ(cleared, kn_stat("homes_cleared"))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker[0]));
}

/*
 * Memory goes to and fro, while blocks of the node it goes to are taken off line. Those
 * that hold what cannot move stay, which is why it is not the whole node.
 */
TEST_F(hotplug, memory_of_a_node)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = 1, .cpu_node = self->node[1],
		.pinned = true,
	};
	int i;

	if (access("/sys/devices/system/memory", F_OK))
		SKIP(return, "needs CONFIG_MEMORY_HOTREMOVE");
	self->worker[0] = kn_start(&work);
	ASSERT_NE(NULL, self->worker[0]);
	ASSERT_EQ(0, kn_enable("always"));
	for (i = 0; i < ROUNDS; i++) {
		int moved, back, node = self->node[!(i & 1)];
		__u64 migrated = kn_stat("pages_migrated");

		ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", SLOW));
		ASSERT_EQ(0, kn_pin(self->worker[0], node));
		ASSERT_TRUE(kn_wait_until(kn_stat("pages_migrated") > migrated, KN_PATIENCE))
			kn_dump();
		EXPECT_GT(KN_GATHERED, kn_share_on(self->worker[0], node, 1));
		moved = set_memory(self, "offline");
		EXPECT_TRUE(kn_wait_sweeps(self->worker[0], 2, KN_PATIENCE));
		back = set_memory(self, "online");
		EXPECT_EQ(moved, back);
		ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", FAST));
		EXPECT_TRUE(kn_wait_share(self->worker[0], node, KN_GATHERED, KN_PATIENCE))
			kn_dump();
	}
	EXPECT_EQ(0, kn_stop(self->worker[0]));
	if (!self->gone.blocks && __test_passed(_metadata))
		SKIP(return, "no block of node %d could be taken off line", self->node[1]);
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
