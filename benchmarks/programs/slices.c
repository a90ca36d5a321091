// SPDX-License-Identifier: GPL-2.0
/*
 * slices: one process on all nodes, whose threads share nothing
 *
 * Every thread increments all words of its own slice of the memory, and never
 * looks at the others. The best place for a slice is the node of its thread,
 * although it lies in the same address space as all the other slices.
 */
#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	unsigned long *slice;
	size_t words;
	long loop;

	(void)phase;
	slice = bench_slice(t->p, t->nr, t->p->threads, &words);
	for (loop = 0; loop < t->p->loops; loop++)
		sweep(slice, words);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "slices",
		.example = "--threads 4 --mb 64 --loops 170 --seed 7",
		.processes = 1,
		.threads = 4,
		.max_threads = BENCH_MAX_THREADS,
		.mb = 128,
		.loops = 85,
		.lanes = BENCH_LANES,
		.bind_threads = true,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	return bench_run(&b);
}
