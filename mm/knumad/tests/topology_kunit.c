// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: the topology snapshot
 */

#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/topology.h>

#include "../internal.h"

/* The machine of the tables: CPUs 0-3, siblings {0,2} {1,3} */
static struct cpumask even, odd;

static const struct cpumask *two_by_two(int cpu)
{
	return cpu % 2 ? &odd : &even;
}

static const struct cpumask *no_smt(int cpu)
{
	return cpumask_of(cpu);
}

static void set_cpus(struct cpumask *mask, unsigned long cpus)
{
	cpumask_clear(mask);
	bitmap_copy(cpumask_bits(mask), &cpus, min(small_cpumask_bits, 4U));
}

struct cores_case {
	const char *name;
	unsigned long cpus;
	unsigned long cores;
	unsigned long cores_no_smt;
};

static const struct cores_case cores_cases[] = {
	{ "CPUs 0-3",	0xf,	2, 4 },
	{ "CPUs 0,1",	0x3,	2, 2 },
	{ "CPUs 0,2",	0x5,	1, 2 },
	{ "CPUs 1-3",	0xe,	2, 3 },
	{ "CPU 3",	0x8,	1, 1 },
	{ "no CPU",	0x0,	0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(cores, cores_cases, name);

static void count_cores(struct kunit *test)
{
	const struct cores_case *c = test->param_value;
	struct cpumask *cpus = kunit_kzalloc(test, sizeof(*cpus), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cpus);
	if (small_cpumask_bits < 4)
		kunit_skip(test, "needs room for 4 CPUs");
	set_cpus(&even, 0x5);
	set_cpus(&odd, 0xa);
	set_cpus(cpus, c->cpus);
	KUNIT_EXPECT_EQ(test, c->cores, knumad_count_cores(cpus, two_by_two));
	KUNIT_EXPECT_EQ(test, c->cores_no_smt,
			knumad_count_cores(cpus, no_smt));
}

static struct knumad_topology *new_topology(struct kunit *test)
{
	struct knumad_topology *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	int nr = nr_node_ids;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->nr = nr;
	t->node = kunit_kcalloc(test, nr, sizeof(*t->node), GFP_KERNEL);
	t->busy = kunit_kcalloc(test, nr, sizeof(*t->busy), GFP_KERNEL);
	t->distance = kunit_kcalloc(test, nr * nr, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->node);
	KUNIT_ASSERT_NOT_NULL(test, t->busy);
	KUNIT_ASSERT_NOT_NULL(test, t->distance);
	return t;
}

/* The snapshot says of this machine what the kernel says of it */
static void snapshot(struct kunit *test)
{
	struct knumad_topology *t = new_topology(test);
	int i, j;

	knumad_topology_update(t);
	KUNIT_EXPECT_NE(test, 0ULL, t->stamp);
	for (i = 0; i < t->nr; i++) {
		bool memory = node_state(i, N_MEMORY);
		bool online = memory || node_state(i, N_CPU);

		KUNIT_EXPECT_EQ(test, 0UL, t->node[i].cores % 1000);
		if (memory) {
			KUNIT_EXPECT_LE(test, t->node[i].cores,
					nr_cpus_node(i) * 1000UL);
			KUNIT_EXPECT_LT(test, t->node[i].free,
					node_present_pages(i));
		} else {
			KUNIT_EXPECT_EQ(test, 0UL, t->node[i].cores);
			KUNIT_EXPECT_EQ(test, 0UL, t->node[i].free);
		}
		/* There is no past to compare with */
		KUNIT_EXPECT_EQ(test, 0UL, t->busy[i]);
		if (online)
			KUNIT_EXPECT_EQ(test, KNUMAD_LOCAL,
					t->distance[i * t->nr + i]);
		for (j = 0; j < t->nr; j++)
			KUNIT_EXPECT_EQ(test, t->distance[i * t->nr + j],
					online ? node_distance(i, j) : U8_MAX);
	}
}

static void generation(struct kunit *test)
{
	struct knumad_topology *t = new_topology(test);

	knumad_topology_update(t);
	KUNIT_EXPECT_EQ(test, 1U, t->generation);
	knumad_topology_update(t);
	KUNIT_EXPECT_EQ(test, 1U, t->generation);

	/* As if a distance had been different, then a capacity */
	t->distance[0]++;
	knumad_topology_update(t);
	KUNIT_EXPECT_EQ(test, 2U, t->generation);
	t->node[0].cores++;
	knumad_topology_update(t);
	KUNIT_EXPECT_EQ(test, 3U, t->generation);

	/* Free memory comes and goes */
	t->node[0].free++;
	knumad_topology_update(t);
	KUNIT_EXPECT_EQ(test, 3U, t->generation);
}

/* The reserve and the watermarks are never given away */
static void reserve(struct kunit *test)
{
	unsigned long old = knumad_tun.reserve_percent, little, much;
	int nid = first_memory_node;

	knumad_tun.reserve_percent = 0;
	much = knumad_node_free(nid);
	knumad_tun.reserve_percent = 50;
	little = knumad_node_free(nid);
	knumad_tun.reserve_percent = 100;
	KUNIT_EXPECT_EQ(test, 0UL, knumad_node_free(nid));
	knumad_tun.reserve_percent = old;

	KUNIT_EXPECT_GT(test, much, 0UL);
	KUNIT_EXPECT_LT(test, little, much);
}

/* Of a node, no more than of the CPUs that are asked for */
static void node_cores(struct kunit *test)
{
	struct cpumask *cpus = kunit_kzalloc(test, sizeof(*cpus), GFP_KERNEL);
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, cpus);
	for_each_node_state(nid, N_CPU) {
		unsigned long all = knumad_node_cores(nid, NULL);

		KUNIT_EXPECT_EQ(test, all, knumad_node_cores(nid, cpu_online_mask));
		KUNIT_EXPECT_EQ(test, 0UL, knumad_node_cores(nid, cpus));
		cpumask_copy(cpus, cpumask_of(cpumask_first(cpumask_of_node(nid))));
		KUNIT_EXPECT_EQ(test, min(all, 1000UL), knumad_node_cores(nid, cpus));
		cpumask_clear(cpus);
	}
}

static void usable_cpus(struct kunit *test)
{
	unsigned int cpu, usable = 0;

	for_each_possible_cpu(cpu) {
		if (!knumad_cpu_usable(cpu))
			continue;
		KUNIT_EXPECT_TRUE(test, cpu_online(cpu));
		usable++;
	}
	KUNIT_EXPECT_GT(test, usable, 0U);
	KUNIT_EXPECT_EQ(test, num_node_state(N_MEMORY) > 1,
			knumad_topology_usable());
}

static struct kunit_case topology_cases[] = {
	KUNIT_CASE_PARAM(count_cores, cores_gen_params),
	KUNIT_CASE(snapshot),
	KUNIT_CASE(generation),
	KUNIT_CASE(node_cores),
	KUNIT_CASE(reserve),
	KUNIT_CASE(usable_cpus),
	{}
};

static struct kunit_suite topology_suite = {
	.name = "knumad_topology",
	.test_cases = topology_cases,
};

kunit_test_suite(topology_suite);
