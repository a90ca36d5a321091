// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: decayed counters
 */

#include <kunit/test.h>
#include <linux/time64.h>

#include "../internal.h"

/* The table of knumad_decay() */
static void decay(struct kunit *test)
{
	static const unsigned long samples[] = { 2000, 2000, 0, 0, 0 };
	static const unsigned long averages[] = { 2000, 2000, 1000, 500, 250 };
	unsigned long avg = samples[0];
	int i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		avg = knumad_decay(avg, samples[i]);
		KUNIT_EXPECT_EQ(test, averages[i], avg);
	}
}

/* A constant sample is reached, from above and from below */
static void decay_arrives(struct kunit *test)
{
	unsigned long up = 0, down = ULONG_MAX;
	int i;

	for (i = 0; i < 10; i++)
		up = knumad_decay(up, 1000);
	KUNIT_EXPECT_EQ(test, 1000UL, up);
	for (i = 0; i < BITS_PER_LONG; i++)
		down = knumad_decay(down, 1000);
	KUNIT_EXPECT_EQ(test, 1000UL, down);
	KUNIT_EXPECT_EQ(test, 1UL, knumad_decay(0, 1));
	KUNIT_EXPECT_EQ(test, 0UL, knumad_decay(1, 0));
}

/* The table of knumad_decay_for() */
static void decay_for(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 1000UL, knumad_decay_for(2000, 0, NSEC_PER_SEC));
	KUNIT_EXPECT_EQ(test, 1000UL, knumad_decay_for(2000, 0, NSEC_PER_SEC / 10));
	KUNIT_EXPECT_EQ(test, 1900UL, knumad_decay_for(2000, 0, NSEC_PER_SEC / 100));
	KUNIT_EXPECT_EQ(test, 100UL, knumad_decay_for(0, 2000, NSEC_PER_SEC / 100));
	KUNIT_EXPECT_EQ(test, 2000UL, knumad_decay_for(2000, 0, 0));
}

struct load_case {
	const char *name;
	u64 cpu_ms;
	u64 elapsed_ms;
	unsigned int running;
	unsigned long load;
};

static const struct load_case load_cases[] = {
	/* The table of knumad_load_sample() */
	{ "2 threads with a CPU each",		2000, 1000, 2, 2000 },
	{ "4 threads that share 2 CPUs",	2000, 1000, 4, 4000 },
	{ "1 thread half of its time asleep",	 500, 1000, 0,  500 },

	{ "more time than threads",		3000, 1000, 1, 3000 },
	{ "asleep",				   0, 1000, 0,    0 },
	{ "first look",				2000,    0, 3, 3000 },
	{ "a day on 1024 CPUs", 1024ULL * 86400000, 86400000, 0, 1024000 },
};

KUNIT_ARRAY_PARAM_DESC(load, load_cases, name);

static void load_sample(struct kunit *test)
{
	const struct load_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, c->load,
			knumad_load_sample(c->cpu_ms * NSEC_PER_MSEC,
					   c->elapsed_ms * NSEC_PER_MSEC,
					   c->running));
}

static void expect_shares(struct kunit *test, const unsigned int *share,
			  unsigned int share0, unsigned int share1)
{
	KUNIT_EXPECT_EQ(test, share0, share[0]);
	KUNIT_EXPECT_EQ(test, share1, share[1]);
}

static void shares(struct kunit *test)
{
	static const u64 three_one[] = { 3 * NSEC_PER_SEC, NSEC_PER_SEC };
	static const u64 none_four[] = { 0, 4 * NSEC_PER_SEC };
	static const u64 none[] = { 0, 0 };
	unsigned int share[2] = { 7, 7 };
	int i;

	knumad_shares(share, none, 2, true);
	expect_shares(test, share, 7, 7);
	knumad_shares(share, three_one, 2, true);
	expect_shares(test, share, 750, 250);
	knumad_shares(share, none_four, 2, false);
	expect_shares(test, share, 375, 625);

	/* It rests where it was */
	knumad_shares(share, none, 2, false);
	expect_shares(test, share, 375, 625);

	for (i = 0; i < 10; i++)
		knumad_shares(share, none_four, 2, false);
	expect_shares(test, share, 0, 1000);
}

static void horizon(struct kunit *test)
{
	u64 second = NSEC_PER_SEC;

	KUNIT_EXPECT_EQ(test, 30U, knumad_horizon(0, 1000));
	KUNIT_EXPECT_EQ(test, 30U, knumad_horizon(10 * second, 1000));
	KUNIT_EXPECT_EQ(test, 31U, knumad_horizon(31 * second, 1000));
	KUNIT_EXPECT_EQ(test, 110U, knumad_horizon(11 * second, 100));
	KUNIT_EXPECT_EQ(test, 1000U, knumad_horizon(1000 * second, 1000));
	KUNIT_EXPECT_EQ(test, 1000U, knumad_horizon(1001 * second, 1000));
	KUNIT_EXPECT_EQ(test, 1000U, knumad_horizon(U64_MAX, 100));
}

struct counts_case {
	const char *name;
	unsigned long resident_a[2];
	unsigned long used_a[2];
	unsigned long resident_b[2];
	unsigned long used_b[2];
	bool differ;
};

static const struct counts_case counts_cases[] = {
	{ "same", { 800, 800 }, { 1, 0 }, { 800, 800 }, { 1, 0 }, false },
	{ "nothing", { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 }, false },
	{ "grew by an eighth", { 700, 0 }, { 1, 0 }, { 800, 0 }, { 1, 0 }, false },
	{ "grew by more", { 699, 0 }, { 1, 0 }, { 800, 0 }, { 1, 0 }, true },
	{ "shrank by more", { 800, 0 }, { 1, 0 }, { 699, 0 }, { 1, 0 }, true },
	{ "shrank by an eighth", { 800, 0 }, { 1, 0 }, { 700, 0 }, { 1, 0 }, false },
	{ "moved an eighth", { 600, 200 }, { 1, 0 }, { 500, 300 }, { 1, 0 }, false },
	{ "moved", { 800, 0 }, { 1, 0 }, { 0, 800 }, { 1, 0 }, true },
	{ "started", { 0, 0 }, { 0, 0 }, { 8, 0 }, { 0, 0 }, true },
	{ "fell idle", { 800, 0 }, { 9, 0 }, { 800, 0 }, { 0, 0 }, true },
	{ "woke up", { 800, 0 }, { 0, 0 }, { 800, 0 }, { 0, 9 }, true },
	{ "uses more", { 800, 0 }, { 1, 0 }, { 800, 0 }, { 800, 0 }, false },
};

KUNIT_ARRAY_PARAM_DESC(counts, counts_cases, name);

static void counts_differ(struct kunit *test)
{
	struct counts_case c = *(const struct counts_case *)test->param_value;
	struct knumad_counts a = { .resident = c.resident_a, .used = c.used_a };
	struct knumad_counts b = { .resident = c.resident_b, .used = c.used_b };

	KUNIT_EXPECT_EQ(test, c.differ, knumad_counts_differ(&a, &b, 2));
	KUNIT_EXPECT_EQ(test, c.differ, knumad_counts_differ(&b, &a, 2));
}

static struct kunit_case affinity_cases[] = {
	KUNIT_CASE(decay),
	KUNIT_CASE(decay_arrives),
	KUNIT_CASE(decay_for),
	KUNIT_CASE_PARAM(load_sample, load_gen_params),
	KUNIT_CASE(shares),
	KUNIT_CASE(horizon),
	KUNIT_CASE_PARAM(counts_differ, counts_gen_params),
	{}
};

static struct kunit_suite affinity_suite = {
	.name = "knumad_affinity",
	.test_cases = affinity_cases,
};

kunit_test_suite(affinity_suite);
