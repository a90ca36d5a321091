// SPDX-License-Identifier: GPL-2.0
/*
 * quit: processes that fit only when one of them is gone
 *
 * Three processes of two threads sweep as in sweep, on two nodes of two CPUs one
 * too many. The first one exits after a third of the loops: then each of the
 * others can have a node, if somebody notices.
 */
#include "bench.h"

static void setup(const struct bench *b, struct bench_process *p)
{
	if (p->nr || b->processes == 1)
		return;
	p->loops = (b->loops + 2) / 3;
	p->leaves = true;
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "quit",
		.example = "--mb 48 --loops 48 --seed 7",
		.processes = 3,
		.threads = 2,
		.max_threads = BENCH_LANES,
		.mb = 96,
		.loops = 24,
		.setup = setup,
		.work = bench_sweep_all,
	};

	bench_parse(&b, argc, argv);
	b.lanes = b.threads;
	return bench_run(&b);
}
