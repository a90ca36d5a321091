// SPDX-License-Identifier: GPL-2.0
/*
 * braid: one process whose threads share nothing, but lie close together
 *
 * The memory is cut into blocks of so many KiB, which the threads own in turn: a thread
 * increments all words of its own blocks, and never looks at the others. Where pages
 * are larger than blocks nothing can be local; where they are smaller all of it can.
 */
#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	size_t words = t->b->extra * 1024 / sizeof(unsigned long);
	unsigned long *end = t->p->arena + t->p->words;
	long loops = t->p->loops;

	(void)phase;
	while (loops--) {
		unsigned long *block = t->p->arena + t->nr * words;

		for (; block < end; block += t->p->threads * words)
			sweep(block, words);
	}
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "braid",
		.example = "--threads 4 --mb 64 --kb 64 --loops 170 --seed 7",
		.processes = 1,
		.threads = 4,
		.max_threads = BENCH_MAX_THREADS,
		.mb = 128,
		.loops = 85,
		.extra_name = "kb",
		.extra = 64,
		.extra_max = 1024,
		.lanes = BENCH_LANES,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	/* Else a block may be nobody's, and the check at the end does not fit */
	if (b.extra < 4 || b.mb * 1024 % (b.extra * b.threads))
		bench_usage(&b, "--kb is 4 at least, and --mb a multiple of it times --threads");
	return bench_run(&b);
}
