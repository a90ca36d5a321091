// SPDX-License-Identifier: GPL-2.0
/*
 * settled: processes that are at home, and use all of their memory now and then
 *
 * In every loop each thread increments one word of every page of its process, then
 * sleeps for a second. With --home there is nothing that a balancer should move, and
 * the loops before the first marker give it the time to find that out: from there
 * on all that it does is what it costs to look.
 */
#include <unistd.h>

#include "bench.h"

static void work(const struct bench_thread *t, long phase)
{
	long loops = phase < 0 ? t->b->settle : t->p->loops;
	unsigned long *end = t->p->arena + t->p->words;
	unsigned long *word;

	while (loops--) {
		for (word = t->p->arena + t->nr; word < end; word += PAGE_WORDS)
			asm volatile("addq $1, %0" : "+m" (*word));
		sleep(1);
	}
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "settled",
		.example = "--home --settle 25 --loops 60 --mb 2048",
		.processes = 2,
		.threads = 2,
		.max_threads = BENCH_LANES,
		.mb = 128,
		.loops = 60,
		.extra_name = "settle",
		.extra = 25,
		.extra_max = 1 << 20,
		.once_per_page = true,
		.work = work,
	};

	bench_parse(&b, argc, argv);
	b.lanes = b.threads;
	b.settle = b.extra;
	return bench_run(&b);
}
