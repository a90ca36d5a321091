// SPDX-License-Identifier: GPL-2.0
/*
 * slices: one process on all nodes, whose threads share nothing
 *
 * Every thread increments all words of its own slice of the memory, and never
 * looks at the others. The best place for a slice is the node of its thread,
 * although it lies in the same address space as all the other slices. With --settle
 * there are loops before the first marker, in which a balancer can find that out.
 */
#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	long loops = phase < 0 ? t->b->settle : t->p->loops;
	unsigned long *slice;
	size_t words;

	slice = bench_slice(t->p, t->nr, t->p->threads, &words);
	while (loops--)
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
		.extra_name = "settle",
		.extra_max = 1 << 20,
		.lanes = BENCH_LANES,
		.bind_threads = true,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	b.settle = b.extra;
	return bench_run(&b);
}
