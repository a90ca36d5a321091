// SPDX-License-Identifier: GPL-2.0
/*
 * pairs: one process of two groups of threads, each with a working set
 *
 * The first half of the threads sweep the first half of the memory, the others
 * the second half: each increments one word of every cache line of its set and
 * reads the others. A group belongs on one node together with its set, but the
 * threads are started in turn, A B A B, so that their order says nothing.
 */
#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	long group = t->p->threads / 2;
	unsigned long *set;
	size_t words;
	long loop;

	(void)phase;
	set = bench_slice(t->p, t->nr / group, 2, &words);
	for (loop = 0; loop < t->p->loops; loop++)
		sweep_lane(set, words, t->nr % group);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "pairs",
		.example = "--mb 64 --loops 86 --seed 7",
		.processes = 1,
		.threads = 4,
		.max_threads = 2 * BENCH_LANES,
		.mb = 128,
		.loops = 43,
		.bind_threads = true,
		.interleave = true,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	if (b.threads % 2)
		bench_usage(&b, "--threads has to be even");
	b.lanes = b.threads / 2;
	return bench_run(&b);
}
