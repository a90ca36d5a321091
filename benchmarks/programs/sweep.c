// SPDX-License-Identifier: GPL-2.0
/*
 * sweep: processes that each fit in a node
 *
 * All threads of a process sweep all of its memory: each increments one word of
 * every cache line and reads the others. Nothing is shared between processes, so
 * the best place for each one is a node of its own, threads and memory together.
 */
#include "bench.h"

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "sweep",
		.example = "--processes 2 --threads 2 --mb 64 --loops 42 --seed 7",
		.processes = 2,
		.threads = 2,
		.max_threads = BENCH_LANES,
		.mb = 128,
		.loops = 21,
		.work = bench_sweep_all,
	};

	bench_parse(&b, argc, argv);
	b.lanes = b.threads;
	return bench_run(&b);
}
