// SPDX-License-Identifier: GPL-2.0
/*
 * rotate: threads that share nothing, but change places
 *
 * As slices, but when all threads have swept a slice for so many loops, each one
 * takes over the next one's slice: what was local becomes remote at once. The
 * start of a phase is marked, with 1, 2, 3 and so on.
 */
#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	long nr = (t->nr + phase) % t->p->threads;
	unsigned long *slice;
	size_t words;
	long loop;

	/* the best that can be bound: the thread goes where its slice lies */
	if (t->b->bind && phase)
		bench_bind(bench_thread_node(t->b, t->p, nr));
	slice = bench_slice(t->p, nr, t->p->threads, &words);
	for (loop = 0; loop < t->p->loops; loop++)
		sweep(slice, words);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "rotate",
		.example = "--phases 3 --mb 64 --loops 56 --seed 7",
		.processes = 1,
		.threads = 4,
		.max_threads = BENCH_MAX_THREADS,
		.mb = 128,
		.loops = 28,
		.extra_name = "phases",
		.extra = 3,
		.extra_max = BENCH_MARK_STOP - BENCH_MARK_START,
		.lanes = BENCH_LANES,
		.bind_threads = true,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	b.phases = b.extra;
	return bench_run(&b);
}
