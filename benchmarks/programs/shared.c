// SPDX-License-Identifier: GPL-2.0
/*
 * shared: one process that is larger than a node
 *
 * More threads than a node has CPUs all sweep all of the memory: each increments
 * one word of every cache line and reads the others. No page has a best node, so
 * there is nothing to gain but balance, and all moving back and forth is lost.
 */
#include "bench.h"

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "shared",
		.example = "--threads 4 --mb 64 --loops 42 --seed 7",
		.processes = 1,
		.threads = 4,
		.max_threads = BENCH_LANES,
		.mb = 128,
		.loops = 21,
		.work = bench_sweep_all,
	};

	bench_parse(&b, argc, argv);
	b.lanes = b.threads;
	bench_read_nodes();
	b.bind_threads = b.threads > bench_node_cpus();
	return bench_run(&b);
}
