// SPDX-License-Identifier: GPL-2.0
/*
 * Three processes of 2.5 GB on a machine with two nodes of 4 GB, scaled to the
 * nodes at hand: two are gathered, the third has to span both. When one quits,
 * the third is gathered, too.
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define NR	3
#define HUGE	(2 * KN_MB)

FIXTURE(three)
{
	struct kn_worker *worker[NR];
	int node[2];
	size_t size;
	pid_t filler;
};

FIXTURE_VARIANT(three)
{
	bool mixed;
};

/* Two were started on empty nodes, the third took what was left of both. */
FIXTURE_VARIANT_ADD(three, one_after_the_other)
{
	.mixed = false,
};

/* All three lie half on each node. */
FIXTURE_VARIANT_ADD(three, all_mixed)
{
	.mixed = true,
};

FIXTURE_SETUP(three)
{
	__u64 room[2] = { 0 }, least = ~0ULL;
	const char *why = kn_begin(2);
	struct kn_zone_sums sums;
	int i;

	self->filler = 0;

	if (!why && kn_topo.nr_memory != 2)
		why = "needs exactly two nodes with memory";
	if (!why)
		why = kn_use_folios(HUGE);
	for (i = 0; !why && i < 2; i++) {
		self->node[i] = kn_topo.full[i];
		kn_zones(self->node[i], &sums);
		/* As knumad reckons, with its default reserve of 1 % */
		room[i] = (sums.room - sums.managed / 100) * KN_PAGE;
		least = room[i] < least ? room[i] : least;
	}
	/*
	 * 2.5 of 4 GB: three use 15/16 of as much of both nodes as the smaller one has,
	 * one fits on each, with half of another one, and two on none, not even without
	 * the eighth of one that may stay elsewhere.
	 */
	self->size = least * 5 / 8 & ~(HUGE - 1);
	if (!why && (self->size < 128 * KN_MB || self->size > 2560 * KN_MB))
		why = "needs 200 MB to 4 GB free on each node";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, kn_tunable_set("reserve_percent", 1));
	/* Of process affinity alone: by samples, the one that spans nodes would move, too */
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 0));
	/* The larger node has no more room than the other one */
	self->filler = kn_fill_node(self->node[room[1] > room[0]], least);
	ASSERT_LT(0, self->filler);
}

FIXTURE_TEARDOWN(three)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	if (self->filler > 0) {
		kill(self->filler, SIGKILL);
		waitpid(self->filler, NULL, 0);
	}
	kn_end();
}

/* Two of the three gathered on a node each: the one that is not, or KN_NONE */
static int odd_one(struct _test_data_three *self, unsigned int stride)
{
	int i, at, odd = KN_NONE, last = KN_NONE;

	for (i = 0; i < NR; i++) {
		at = kn_gathered_on(self->worker[i], stride);
		if (at == KN_NONE || at == last) {
			if (odd != KN_NONE)
				return KN_NONE;
			odd = i;
		} else {
			last = at;
		}
	}
	return odd;
}

TEST_F(three, third_spans_until_one_quits)
{
	struct kn_work work = {
		.size = self->size, .folio = HUGE, .threads = 1, .cpu_node = KN_NONE,
		.pause_us = 5000, .thin = true,
	};
	struct kn_events before, after;
	int i, odd, quits, home;
	unsigned int share;

	for (i = 0; i < NR; i++) {
		work.node = self->node[i & 1];
		work.rest_node = self->node[~i & 1];
		work.rest = variant->mixed || i == 2 ? self->size / 2 & ~(HUGE - 1) : 0;
		self->worker[i] = kn_start(&work);
		ASSERT_NE(NULL, self->worker[i]);
	}
	kn_events(&before);
	ASSERT_EQ(0, kn_enable("always"));

	ASSERT_TRUE(kn_wait_until((odd = odd_one(self, 128)) != KN_NONE &&
				  kn_verdict_is(self->worker[odd]->pid, "no_room"), KN_PATIENCE))
		kn_dump();
	/* Threads may be away for a moment */
	ASSERT_TRUE(kn_wait_until((odd = odd_one(self, 1)) != KN_NONE, KN_PATIENCE));
	if (!variant->mixed)
		EXPECT_EQ(2, odd);

	/* The odd one has no home and stays as it is. */
	share = kn_share_on(self->worker[odd], self->node[0], 1);
	ASSERT_TRUE(kn_wait_passes(5, KN_PATIENCE));
	EXPECT_EQ(KN_NONE, kn_home(self->worker[odd]->pid));
	EXPECT_TRUE(kn_verdict_is(self->worker[odd]->pid, "no_room"));
	EXPECT_EQ(share, kn_share_on(self->worker[odd], self->node[0], 1));
	EXPECT_TRUE(kn_wait_until(odd_one(self, 1) == odd, KN_PATIENCE));

	/* One of the others quits: its node becomes the home of the odd one. */
	quits = (odd + 1) % NR;
	ASSERT_TRUE(kn_wait_until((home = kn_gathered_on(self->worker[quits], 1)) != KN_NONE,
				  KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(self->worker[quits]));
	kn_kill(self->worker[quits]);
	ASSERT_TRUE(kn_wait_until(kn_gathered_on(self->worker[odd], 128) == home &&
				  kn_gathered_on(self->worker[odd], 1) == home, KN_PATIENCE))
		kn_dump();
	i = (odd + 2) % NR;
	EXPECT_LE(KN_GATHERED, kn_share_on(self->worker[i], self->node[home == self->node[0]], 1));

	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
	EXPECT_EQ(before.split_page, after.split_page);
	EXPECT_EQ(before.scanned, after.scanned)
		TH_LOG("memory was reclaimed to make room");
	EXPECT_EQ(0, kn_stop(self->worker[odd]));
	EXPECT_EQ(0, kn_stop(self->worker[i]));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
