// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad's policy for the memory of processes that span nodes
 *
 * First the worked tables of chunk.c, then what they leave open.
 */

#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/numa.h>

#include "../chunk.h"

#define NOWHERE		NUMA_NO_NODE

static char digit(unsigned int n)
{
	return n ? '0' + n - 1 : '-';
}

/**
 * struct chunk_case - what a chunk tells after each of some samples
 * @name: what it is about
 * @samples: digits, homes of the users
 * @enough: samples in a row that tell where it belongs, 0: two
 * @target: digits, - for none, * where the caller spreads it
 * @backoff: digits
 * @shared: s, or -
 * @mixed: the same in hexadecimal, up to v
 */
struct chunk_case {
	const char *name;
	const char *samples;
	unsigned int enough;
	const char *target;
	const char *backoff;
	const char *shared;
	const char *mixed;
};

static const struct chunk_case chunk_cases[] = {
	/* The worked tables */
	{
		"it moves on",
		.samples = "00001111",
		.target  = "-0000111",
		.backoff = "03660366",
		.shared  = "--------",
		.mixed   = "00004321",
	}, {
		"shared by two, then one is left",
		.samples = "0101011111111",
		.target  = "---*********1",
		.backoff = "0000366666660",
		.shared  = "---sssssssss-",
		.mixed   = "048cgkjihgfe0",
	}, {
		"the next thread takes the lead",
		.samples = "0000000011111111",
		.enough  = KNUMAD_CHUNK_AGREE_MAX,
		.target  = "-------00000000*",
		.backoff = "0000000300000003",
		.shared  = "---------------s",
		.mixed   = "0000000043210000",
	},
	/* And beyond */
	{
		"one user",
		.samples = "2222222222",
		.target  = "-222222222",
		.backoff = "0366666666",
		.shared  = "----------",
		.mixed   = "0000000000",
	}, {
		"four are enough",
		.samples = "0000001111",
		.enough  = 4,
		.target  = "---0000001",
		.backoff = "0003660003",
		.shared  = "----------",
		.mixed   = "0000004321",
	}, {
		"seven are enough, it moves on",
		.samples = "00000001111111",
		.enough  = KNUMAD_CHUNK_AGREE_MAX - 1,
		.target  = "------00000001",
		.backoff = "00000030000003",
		.shared  = "--------------",
		.mixed   = "00000004321000",
	}, {
		"one sample of another",
		.samples = "00000100000",
		.target  = "-0000000000",
		.backoff = "03666003666",
		.shared  = "-----------",
		.mixed   = "00000487654",
	}, {
		"two by two",
		.samples = "001100110",
		.target  = "-0011001*",
		.backoff = "030303030",
		.shared  = "--------s",
		.mixed   = "004376a9d",
	}, {
		"four nodes in turn",
		.samples = "012301230123",
		.target  = "---*********",
		.backoff = "000036666666",
		.shared  = "---sssssssss",
		.mixed   = "048cgkosvvvv",
	}, {
		"seven in a row are not enough",
		.samples = "010100000001",
		.target  = "---*********",
		.backoff = "000036666666",
		.shared  = "---sssssssss",
		.mixed   = "048cgfedcbae",
	}, {
		"shared again",
		.samples = "0101011111111010",
		.target  = "---*********111*",
		.backoff = "0000366666660000",
		.shared  = "---sssssssss---s",
		.mixed   = "048cgkjihgfe048c",
	},
};

KUNIT_ARRAY_PARAM_DESC(chunk, chunk_cases, name);

static void chunk_test(struct kunit *test)
{
	const struct chunk_case *c = test->param_value;
	const int spread_on = 9;
	struct knumad_chunk chunk = {};
	int i;

	KUNIT_EXPECT_FALSE(test, knumad_chunk_known(&chunk));
	for (i = 0; c->samples[i]; i++) {
		char target;

		chunk.armed = 1;
		knumad_chunk_sample(&chunk, 100 + i, c->samples[i] - '0',
				    c->enough ?: KNUMAD_CHUNK_AGREE);
		KUNIT_EXPECT_EQ(test, (int)chunk.armed, 0);
		KUNIT_EXPECT_EQ(test, chunk.user, 101 + i);
		KUNIT_EXPECT_EQ(test, (int)chunk.node, c->samples[i] - '0' + 1);
		if (chunk.spread && !chunk.target)
			chunk.target = spread_on + 1;
		target = digit(chunk.target);
		if (target == '0' + spread_on)
			target = '*';
		KUNIT_EXPECT_EQ_MSG(test, target, c->target[i], "sample %d", i);
		KUNIT_EXPECT_EQ_MSG(test, (int)chunk.backoff, c->backoff[i] - '0',
				    "sample %d", i);
		KUNIT_EXPECT_EQ_MSG(test, (int)chunk.spread, c->shared[i] == 's',
				    "sample %d", i);
		KUNIT_EXPECT_EQ_MSG(test, (int)chunk.mixed,
				    c->mixed[i] >= 'a' ? c->mixed[i] - 'a' + 10 :
							 c->mixed[i] - '0',
				    "sample %d", i);
	}
}

static void chunk_limits_test(struct kunit *test)
{
	struct knumad_chunk chunk = {};
	int i;

	/* The highest node, and as many samples as it can have */
	for (i = 0; i < 100; i++)
		knumad_chunk_sample(&chunk, 65534, 1023, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_EQ(test, chunk.user, 65535);
	KUNIT_EXPECT_EQ(test, (int)chunk.node, 1024);
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 1024);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 31);
	KUNIT_EXPECT_EQ(test, (int)chunk.backoff, KNUMAD_CHUNK_MAX_BACKOFF);

	/* A thread without a home tells who it is, but not where */
	chunk.armed = 1;
	knumad_chunk_sample(&chunk, 70000, NOWHERE, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_EQ(test, chunk.user, 65535);
	KUNIT_EXPECT_EQ(test, (int)chunk.node, 1024);
	KUNIT_EXPECT_EQ(test, (int)chunk.armed, 0);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 31);

	for (i = 0; i < 100; i++)
		knumad_chunk_sample(&chunk, 0, i % 2, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_EQ(test, chunk.user, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.mixed, 31);

	/* As long as its parts belong to several nodes it is shared */
	chunk.target = 1;
	for (i = 0; i < 100; i++)
		knumad_chunk_sample(&chunk, 0, 0, KNUMAD_CHUNK_NEVER);
	KUNIT_EXPECT_EQ(test, (int)chunk.spread, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 1);

	/* Shared no more, though that takes as many samples as can be counted */
	knumad_chunk_sample(&chunk, 0, 1, KNUMAD_CHUNK_AGREE_MAX);
	for (i = 0; i < 30; i++)
		knumad_chunk_sample(&chunk, 0, 1, KNUMAD_CHUNK_AGREE_MAX);
	KUNIT_EXPECT_EQ(test, (int)chunk.spread, 0);
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 2);
}

/* The worked table of knumad_chunk_enough() */
static void chunk_enough_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(0, 0, 2), 8U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(2, 0, 2), 5U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(8, 0, 2), 3U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(16, 0, 2), 2U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(56, 8, 2), 4U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(32, 32, 2), 8U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(4, 0, 4), 3U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(16, 48, 4), 7U);
	/* A process on one node shares nothing, but may soon be on two */
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(16, 0, 1), 2U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(0, UINT_MAX, 1024), 8U);
	KUNIT_EXPECT_EQ(test, knumad_chunk_enough(UINT_MAX, 0, 1024), 2U);
}

/* Who agrees more, or disagrees less, never needs more samples */
static void chunk_enough_order_test(struct kunit *test)
{
	unsigned int nodes, agreed, disagreed;

	for (nodes = 2; nodes < 9; nodes++)
		for (agreed = 0; agreed < 64; agreed++)
			for (disagreed = 0; disagreed < 64; disagreed++) {
				unsigned int k = knumad_chunk_enough(agreed, disagreed,
								     nodes);

				KUNIT_ASSERT_LE(test,
						knumad_chunk_enough(agreed + 1, disagreed,
								    nodes), k);
				KUNIT_ASSERT_GE(test,
						knumad_chunk_enough(agreed, disagreed + 1,
								    nodes), k);
				KUNIT_ASSERT_GE(test, k, KNUMAD_CHUNK_AGREE);
				KUNIT_ASSERT_LE(test, k, KNUMAD_CHUNK_AGREE_MAX);
			}
}

/* The worked table of knumad_chunk_one_sided() */
static void chunk_one_sided_test(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(16, 64, 4));
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(16, 100, 4));
	KUNIT_EXPECT_TRUE(test, knumad_chunk_one_sided(16, 128, 4));
	KUNIT_EXPECT_TRUE(test, knumad_chunk_one_sided(16, 172, 4));
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(16, 128, 2));
	KUNIT_EXPECT_TRUE(test, knumad_chunk_one_sided(16, 200, 2));
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(16, 256, 1));
	/* As many as there may ever be */
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(65535, 65535, 1024));
	KUNIT_EXPECT_TRUE(test, knumad_chunk_one_sided(65535, 4294836225U, 1024));
	/* No thread was seen running, and no sample yet */
	KUNIT_EXPECT_FALSE(test, knumad_chunk_one_sided(16, 256, 0));
	KUNIT_EXPECT_TRUE(test, knumad_chunk_one_sided(0, 0, 4));
}

/* The worked table of knumad_page_doubt() */
static void page_doubt_test(struct kunit *test)
{
	static const char nodes[]   = "0011000011111111";
	static const char left[]    = "0010321076543210";
	static const char belongs[] = "00-1---0-------1";
	unsigned int doubt = 0, i;

	for (i = 0; nodes[i]; i++) {
		if (i)
			doubt = knumad_page_doubt(doubt, nodes[i] == nodes[i - 1]);
		KUNIT_EXPECT_EQ_MSG(test, doubt & 15, left[i] - '0', "sample %u", i);
		KUNIT_EXPECT_EQ_MSG(test, knumad_page_trusted(doubt), belongs[i] == nodes[i],
				    "sample %u", i);
	}
	/* It never takes more than 15, and is forgotten at last */
	for (i = 0; i < 10; i++)
		doubt = knumad_page_doubt(doubt, false);
	KUNIT_EXPECT_EQ(test, doubt, 0x4f);
	for (i = 0; i < 15 + 4; i++)
		doubt = knumad_page_doubt(doubt, true);
	KUNIT_EXPECT_EQ(test, doubt, 0);
	/* Whatever mainline has left there */
	for (i = 0; i < 256; i++) {
		KUNIT_EXPECT_LE(test, knumad_page_doubt(i, false), 0x4f);
		KUNIT_EXPECT_LE(test, knumad_page_doubt(i, true), i);
	}
}

/* The worked table of knumad_phase_ended() */
static void phase_ended_test(struct kunit *test)
{
	static const struct {
		unsigned long slept, usual;
		bool ended;
	} looks[] = {
		{ 0, 0 }, { 1, 0 }, { 0, 2 }, { 0, 2 }, { 4, 2, true }, { 0, 10 }, { 0, 9 },
	};
	unsigned long usual = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(looks); i++) {
		KUNIT_EXPECT_EQ_MSG(test, usual, looks[i].usual, "look %u", i);
		KUNIT_EXPECT_EQ_MSG(test, looks[i].ended,
				    knumad_phase_ended(looks[i].slept, usual), "look %u", i);
		usual = knumad_usual_sleeps(usual, looks[i].slept);
	}
	for (i = 0; i < 100; i++)
		usual = knumad_usual_sleeps(usual, 10);
	KUNIT_EXPECT_EQ(test, usual, 160);
	KUNIT_EXPECT_FALSE(test, knumad_phase_ended(40, usual));
	KUNIT_EXPECT_TRUE(test, knumad_phase_ended(41, usual));
}

/* The worked table of knumad_phase_doubt() */
static void phase_doubt_test(struct kunit *test)
{
	static const struct {
		const char *surprises;
		const char *doubt;
		const char *changed;
	} cases[] = {
		{ "-yyy",      "0369",      "---y" },
		{ "y-y-y",     "32547",     "----y" },
		{ "y---y---y", "321032103", "---------" },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct knumad_doubt d = {};

		for (j = 0; cases[i].surprises[j]; j++) {
			knumad_phase_doubt(&d, cases[i].surprises[j] == 'y');
			KUNIT_EXPECT_EQ_MSG(test, knumad_phase_changed(&d),
					    cases[i].changed[j] == 'y',
					    "case %u, sample %u", i, j);
			KUNIT_EXPECT_EQ_MSG(test, d.sum, cases[i].doubt[j] - '0',
					    "case %u, sample %u", i, j);
		}
	}
}

/* After a surprise eight samples in a row that are none */
static void phase_listen_test(struct kunit *test)
{
	struct knumad_doubt d = {};
	unsigned int i;

	knumad_phase_doubt(&d, false);
	KUNIT_EXPECT_FALSE(test, d.listen);
	knumad_phase_doubt(&d, true);
	for (i = 0; i < 7; i++)
		knumad_phase_doubt(&d, false);
	KUNIT_EXPECT_TRUE(test, d.listen);
	knumad_phase_doubt(&d, true);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_TRUE(test, d.listen);
		knumad_phase_doubt(&d, false);
	}
	KUNIT_EXPECT_FALSE(test, d.listen);
}

/* Only the second sample from a node is compared */
static void chunk_compare_test(struct kunit *test)
{
	static const struct {
		const char *samples;
		const char *compared;
	} cases[] = {
		{ "000011", ".+...+" },
		{ "0101",   ".---"   },
		/* Then it is shared */
		{ "010101", ".---.." },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct knumad_chunk chunk = {};

		for (k = 0; cases[i].samples[k]; k++) {
			int home = cases[i].samples[k] - '0', want = 0;

			if (cases[i].compared[k] == '+')
				want = 1;
			else if (cases[i].compared[k] == '-')
				want = -1;
			KUNIT_EXPECT_EQ_MSG(test, knumad_chunk_compare(&chunk, home), want,
					    "case %u, sample %u", i, k);
			KUNIT_EXPECT_EQ(test, knumad_chunk_compare(&chunk, NOWHERE), 0);
			knumad_chunk_sample(&chunk, 0, home, KNUMAD_CHUNK_AGREE);
		}
	}
}

static struct knumad_chunk seen(int node, unsigned int agree, unsigned int mixed,
				bool spread)
{
	return (struct knumad_chunk) {
		.user = 1, .node = node + 1, .target = node + 1, .agree = agree,
		.mixed = mixed, .spread = spread, .backoff = KNUMAD_CHUNK_MAX_BACKOFF,
	};
}

static void chunk_repeats_test(struct kunit *test)
{
	struct knumad_chunk chunk = { .armed = 1 };

	KUNIT_EXPECT_FALSE(test, knumad_chunk_repeats(&chunk, 7));
	knumad_chunk_sample(&chunk, 7, 0, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_TRUE(test, knumad_chunk_repeats(&chunk, 7));
	KUNIT_EXPECT_FALSE(test, knumad_chunk_repeats(&chunk, 8));
	chunk.armed = 1;
	KUNIT_EXPECT_FALSE(test, knumad_chunk_repeats(&chunk, 7));
	/* Beyond what can be told apart */
	knumad_chunk_sample(&chunk, 70000, 0, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_TRUE(test, knumad_chunk_repeats(&chunk, 80000));
}

/* The worked table of knumad_chunk_rehome() */
static void chunk_rehome_test(struct kunit *test)
{
	struct knumad_chunk chunk = seen(0, 31, 0, false);
	int i;

	knumad_chunk_rehome(&chunk, NOWHERE);
	KUNIT_EXPECT_EQ(test, (int)chunk.node, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 31);
	KUNIT_EXPECT_EQ(test, (int)chunk.backoff, KNUMAD_CHUNK_MAX_BACKOFF);

	knumad_chunk_rehome(&chunk, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.node, 2);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.backoff, 0);
	/* Not before a sample has confirmed it */
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 0);
	knumad_chunk_sample(&chunk, 0, 1, KNUMAD_CHUNK_AGREE);
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 2);

	/* However many it takes: the same thread uses it, and not two in turn */
	knumad_chunk_rehome(&chunk, 0);
	for (i = 1; i < KNUMAD_CHUNK_AGREE_MAX; i++) {
		KUNIT_EXPECT_FALSE(test, knumad_chunk_known(&chunk));
		knumad_chunk_sample(&chunk, 0, 0, KNUMAD_CHUNK_AGREE_MAX);
	}
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.spread, 0);

	chunk = seen(0, 2, 14, true);
	knumad_chunk_rehome(&chunk, NOWHERE);
	KUNIT_EXPECT_EQ(test, (int)chunk.node, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 1);
	KUNIT_EXPECT_EQ(test, (int)chunk.mixed, 0);
	KUNIT_EXPECT_EQ(test, (int)chunk.spread, 0);
	KUNIT_EXPECT_EQ(test, (int)chunk.backoff, 0);
	KUNIT_EXPECT_EQ(test, (int)chunk.target, 0);

	/* Nobody used it yet */
	chunk = (struct knumad_chunk){};
	knumad_chunk_rehome(&chunk, NOWHERE);
	KUNIT_EXPECT_EQ(test, (int)chunk.agree, 0);
	KUNIT_EXPECT_FALSE(test, knumad_chunk_known(&chunk));
}

/* One of 2^backoff rounds, and as many chunks in each of them */
static void chunk_due_test(struct kunit *test)
{
	struct knumad_chunk chunk = {};
	unsigned long nr, first = 0x7f1234560000UL >> 21;
	unsigned int round;

	for (chunk.backoff = 0; chunk.backoff <= KNUMAD_CHUNK_MAX_BACKOFF;
	     chunk.backoff++) {
		unsigned int every = 1U << chunk.backoff;

		for (nr = first; nr < first + 100; nr++) {
			unsigned int times = 0;

			/* Across the end of the numbers */
			for (round = 0; round < every; round++)
				times += knumad_chunk_due(&chunk, 0, round - 7, nr);
			KUNIT_EXPECT_EQ(test, times, 1U);
		}
		for (round = 0; round < every; round++) {
			unsigned int times = 0;

			for (nr = first; nr < first + 16 * every; nr++)
				times += knumad_chunk_due(&chunk, 0, round, nr);
			KUNIT_EXPECT_EQ(test, times, 16U);
		}
	}
}

/* Pages that nobody uses are tried later and later */
static void chunk_due_armed_test(struct kunit *test)
{
	static const unsigned int times[] = { 256, 64, 16, 4, 0, 0 };
	struct knumad_chunk chunk = {};
	unsigned int armed, round, nr;

	for (armed = 0; armed < ARRAY_SIZE(times); armed++)
		for (chunk.backoff = 0; chunk.backoff <= KNUMAD_CHUNK_MAX_BACKOFF;
		     chunk.backoff++) {
			unsigned int want = min(times[armed], 256U >> chunk.backoff);

			nr = 0;
			for (round = 0; round < 256; round++)
				nr += knumad_chunk_due(&chunk, armed, round, 12345);
			KUNIT_EXPECT_EQ(test, nr, want);
		}
}

/* So are chunks where there was nothing to arm */
static void chunk_due_idle_test(struct kunit *test)
{
	static const unsigned int times[] = { 256, 64, 16 };
	struct knumad_chunk chunk = {};
	unsigned int idle, round, nr;

	for (idle = 0; idle <= KNUMAD_CHUNK_MAX_IDLE; idle++) {
		chunk.idle = idle;
		nr = 0;
		for (round = 0; round < 256; round++)
			nr += knumad_chunk_due(&chunk, 0, round, 12345);
		KUNIT_EXPECT_EQ(test, nr, times[idle]);
	}
}

/* Two users, each of one half: they never agree */
static void chunk_first_test(struct kunit *test)
{
	static const struct {
		unsigned long nr;
		unsigned long first[2];
		unsigned long range;
	} cases[] = {
		{ 512, { 0, 256 }, 256 },
		{ 5, { 0, 2 }, 3 },
		{ 1, { 0, 0 }, 1 },
	};
	struct knumad_chunk c = {};
	unsigned long range;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (k = 0; k < 4; k++) {
			KUNIT_EXPECT_EQ(test, cases[i].first[k % 2],
					knumad_chunk_first(&c, cases[i].nr, &range));
			KUNIT_EXPECT_EQ(test, cases[i].range, range);
			c.half = !c.half;
		}
	}
	for (i = 0; i < 4; i++) {
		int home = knumad_chunk_first(&c, 512, &range) / 256;

		KUNIT_EXPECT_FALSE(test, c.spread);
		knumad_chunk_sample(&c, home, home, KNUMAD_CHUNK_AGREE);
		c.half = !c.half;
	}
	KUNIT_EXPECT_TRUE(test, c.spread);
}

/* The worked table */
static void chunk_looked_test(struct kunit *test)
{
	static const struct {
		unsigned int armed;
		bool found;
		unsigned int all_armed, idle;
	} vma[] = {
		{ 0, false, 0, 2 },
		{ 2, false, 2, 0 },
		{ 0, false, 2, 0 },
		{ 0, true, 2, 0 },
		{ 3, false, KNUMAD_CHUNK_MAX_ARMED, 0 },
	};
	struct knumad_chunk c = { .armed = 1, .idle = 1 };
	struct knumad_chunk_look look = { .idle = c.idle };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vma); i++) {
		knumad_chunk_looked(&c, &look, vma[i].armed, vma[i].found);
		KUNIT_EXPECT_EQ_MSG(test, vma[i].all_armed, (unsigned int)c.armed, "VMA %u", i);
		KUNIT_EXPECT_EQ_MSG(test, vma[i].idle, (unsigned int)c.idle, "VMA %u", i);
	}
	/* In vain in all VMAs is one look in vain */
	c.idle = 0;
	look = (struct knumad_chunk_look) { .idle = c.idle };
	for (i = 0; i < 3; i++)
		knumad_chunk_looked(&c, &look, 0, false);
	KUNIT_EXPECT_EQ(test, 1U, (unsigned int)c.idle);
}

static void chunk_spread_test(struct kunit *test)
{
	nodemask_t set = NODE_MASK_NONE;

	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(7, &set), NOWHERE);
	if (MAX_NUMNODES < 8)
		kunit_skip(test, "the kernel is built for %d nodes",
			   MAX_NUMNODES);
	node_set(4, set);
	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(7, &set), 4);
	node_set(1, set);
	node_set(6, set);
	/* The worked table */
	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(7, &set), 4);
	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(8, &set), 6);
	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(9, &set), 1);
	KUNIT_EXPECT_EQ(test, knumad_chunk_spread(10, &set), 4);
}

static struct kunit_case chunk_cases_all[] = {
	KUNIT_CASE_PARAM(chunk_test, chunk_gen_params),
	KUNIT_CASE(chunk_limits_test),
	KUNIT_CASE(chunk_enough_test),
	KUNIT_CASE(chunk_enough_order_test),
	KUNIT_CASE(chunk_one_sided_test),
	KUNIT_CASE(page_doubt_test),
	KUNIT_CASE(phase_ended_test),
	KUNIT_CASE(phase_doubt_test),
	KUNIT_CASE(phase_listen_test),
	KUNIT_CASE(chunk_compare_test),
	KUNIT_CASE(chunk_repeats_test),
	KUNIT_CASE(chunk_rehome_test),
	KUNIT_CASE(chunk_due_test),
	KUNIT_CASE(chunk_due_armed_test),
	KUNIT_CASE(chunk_due_idle_test),
	KUNIT_CASE(chunk_first_test),
	KUNIT_CASE(chunk_looked_test),
	KUNIT_CASE(chunk_spread_test),
	{}
};

static struct kunit_suite chunk_suite = {
	.name = "knumad_chunk",
	.test_cases = chunk_cases_all,
};

kunit_test_suite(chunk_suite);
