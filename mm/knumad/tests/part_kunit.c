// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for the parts of chunks that several nodes share
 *
 * First the worked tables of chunk.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/numa.h>

#include "../chunk.h"

/* The worked table: two samples are enough */
static void part_sample_test(struct kunit *test)
{
	static const int samples[] = { 0, 0, 1, 1, 1, 0, 1, 1 };
	static const int target[] = { -1, 0, -1, 1, 1, -1, -1, -1 };
	static const unsigned int mixed[] = { 0, 0, 1, 1, 1, 2, 3, 3 };
	static const bool more[] = { true, true, true, true, false, true, false, false };
	struct knumad_part part = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		KUNIT_EXPECT_EQ(test, knumad_part_sample(&part, i, samples[i], 2), more[i]);
		KUNIT_EXPECT_EQ(test, knumad_part_target(&part), target[i]);
		KUNIT_EXPECT_EQ(test, (unsigned int)part.mixed, mixed[i]);
		KUNIT_EXPECT_EQ(test, knumad_part_mixed(&part), mixed[i] == KNUMAD_PART_MIXED);
		KUNIT_EXPECT_EQ(test, (unsigned int)part.user, i + 1);
	}
}

/* The second worked table: one is enough */
static void part_sample_one_test(struct kunit *test)
{
	static const int samples[] = { 0, 0, 1, 1 };
	static const int target[] = { 0, 0, -1, 1 };
	struct knumad_part part = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		knumad_part_sample(&part, UINT_MAX, samples[i], 1);
		KUNIT_EXPECT_EQ(test, knumad_part_target(&part), target[i]);
		/* No more than there is room for */
		KUNIT_EXPECT_EQ(test, (unsigned int)part.user, (unsigned int)U16_MAX);
	}
}

/* Where all is shared, no part is anybody's, however many samples agree. */
static void part_never_known_test(struct kunit *test)
{
	struct knumad_part part = {};
	unsigned int i;

	for (i = 0; i < 100; i++)
		knumad_part_sample(&part, 0, 5, KNUMAD_CHUNK_AGREE_MAX);
	KUNIT_EXPECT_EQ(test, knumad_part_target(&part), NUMA_NO_NODE);
	/* A home that was found is kept when more samples are asked for later */
	part = (struct knumad_part){};
	for (i = 0; i < 3; i++)
		knumad_part_sample(&part, 0, 5, 3);
	KUNIT_EXPECT_EQ(test, knumad_part_target(&part), 5);
	KUNIT_EXPECT_FALSE(test, knumad_part_sample(&part, 0, 5, KNUMAD_CHUNK_AGREE_MAX));
	KUNIT_EXPECT_EQ(test, knumad_part_target(&part), 5);
}

static void part_compare_test(struct kunit *test)
{
	struct knumad_part part = {};

	KUNIT_EXPECT_EQ(test, knumad_part_compare(&part, 0), 0);
	knumad_part_sample(&part, 0, 0, 3);
	KUNIT_EXPECT_EQ(test, knumad_part_compare(&part, 0), 1);
	KUNIT_EXPECT_EQ(test, knumad_part_compare(&part, 1), -1);
	knumad_part_sample(&part, 0, 0, 3);
	KUNIT_EXPECT_EQ(test, knumad_part_compare(&part, 0), 0);
	/* Only once: what follows a disagreement is no second sample */
	knumad_part_sample(&part, 0, 1, 3);
	KUNIT_EXPECT_EQ(test, knumad_part_compare(&part, 1), 0);
}

/* The worked table of knumad_part_enough() */
static void part_enough_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, knumad_part_enough(0, 0, 2), 8U);
	KUNIT_EXPECT_EQ(test, knumad_part_enough(16, 0, 2), 2U);
	KUNIT_EXPECT_EQ(test, knumad_part_enough(32, 0, 2), 1U);
	KUNIT_EXPECT_EQ(test, knumad_part_enough(64, 1, 2), 2U);
	KUNIT_EXPECT_EQ(test, knumad_part_enough(100, 1, 2), 1U);
	/* Limits */
	KUNIT_EXPECT_EQ(test, knumad_part_enough(UINT_MAX, 0, 1024), 1U);
	KUNIT_EXPECT_EQ(test, knumad_part_enough(0, UINT_MAX, 1024), 8U);
}

static void parts_tell_test(struct kunit *test)
{
	/* The worked table */
	KUNIT_EXPECT_FALSE(test, knumad_parts_tell(0, 0, 2));
	KUNIT_EXPECT_TRUE(test, knumad_parts_tell(32, 0, 2));
	KUNIT_EXPECT_FALSE(test, knumad_parts_tell(20, 12, 2));
	/* Not before there is enough of it */
	KUNIT_EXPECT_FALSE(test, knumad_parts_tell(31, 0, 2));
}

static void parts_worth_test(struct kunit *test)
{
	/* The worked table */
	KUNIT_EXPECT_TRUE(test, knumad_parts_worth(0, 0, 2));
	KUNIT_EXPECT_TRUE(test, knumad_parts_worth(32, 0, 2));
	KUNIT_EXPECT_TRUE(test, knumad_parts_worth(28, 4, 2));
	KUNIT_EXPECT_FALSE(test, knumad_parts_worth(20, 12, 2));
	/* Chance: on n nodes one of n agrees */
	KUNIT_EXPECT_FALSE(test, knumad_parts_worth(16, 16, 2));
	KUNIT_EXPECT_FALSE(test, knumad_parts_worth(8, 24, 4));
	KUNIT_EXPECT_TRUE(test, knumad_parts_worth(0, 31, 2));
}

static void parts_differ_test(struct kunit *test)
{
	const struct knumad_part known[] = {
		{ .node = 1, .agree = KNUMAD_PART_KNOWN },
		{ .node = 2, .agree = KNUMAD_PART_KNOWN },
	};
	const struct knumad_part mixed = {
		.node = 2, .agree = KNUMAD_PART_KNOWN, .mixed = KNUMAD_PART_MIXED,
	};
	struct knumad_part parts[KNUMAD_PARTS] = {};

	/* The worked table */
	KUNIT_EXPECT_FALSE(test, knumad_parts_differ(parts));
	parts[0] = known[0];
	parts[1] = mixed;
	parts[2] = known[0];
	KUNIT_EXPECT_FALSE(test, knumad_parts_differ(parts));
	/* One sample does not tell where it belongs */
	parts[3] = (struct knumad_part) { .node = 2, .agree = 1 };
	KUNIT_EXPECT_FALSE(test, knumad_parts_differ(parts));
	parts[3] = known[1];
	KUNIT_EXPECT_TRUE(test, knumad_parts_differ(parts));
	/* Wherever it is */
	parts[3] = known[0];
	parts[KNUMAD_PARTS - 1] = known[1];
	KUNIT_EXPECT_TRUE(test, knumad_parts_differ(parts));
}

/* The worked table of knumad_part_rehome() */
static void part_rehome(struct kunit *test)
{
	struct {
		struct knumad_part before, after;
	} cases[] = {
		{ { .node = 1, .agree = 7, .mixed = 0 }, { .node = 2, .agree = 1, .mixed = 0 } },
		{ { .node = 1, .agree = 2, .mixed = 1 }, { .node = 2, .agree = 1, .mixed = 1 } },
		{ { .node = 1, .agree = 1, .mixed = 3 }, { .node = 1, .agree = 1, .mixed = 3 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		knumad_part_rehome(&cases[i].before, 1);
		KUNIT_EXPECT_MEMEQ(test, &cases[i].before, &cases[i].after,
				   sizeof(struct knumad_part));
	}
}

static struct kunit_case part_cases[] = {
	KUNIT_CASE(part_sample_test),
	KUNIT_CASE(part_sample_one_test),
	KUNIT_CASE(part_enough_test),
	KUNIT_CASE(parts_tell_test),
	KUNIT_CASE(part_never_known_test),
	KUNIT_CASE(part_compare_test),
	KUNIT_CASE(parts_worth_test),
	KUNIT_CASE(parts_differ_test),
	KUNIT_CASE(part_rehome),
	{}
};

static struct kunit_suite part_suite = {
	.name = "knumad_part",
	.test_cases = part_cases,
};

kunit_test_suite(part_suite);
