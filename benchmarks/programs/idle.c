// SPDX-License-Identifier: GPL-2.0
/*
 * idle: a process that runs beside much memory that nobody uses
 *
 * The first process writes its large memory once and then sleeps until all is
 * done, the others sweep theirs as in sweep. The sleeper's memory is on the first
 * node as well, where it takes the room but causes no accesses.
 */
#include "bench.h"

static void setup(const struct bench *b, struct bench_process *p)
{
	if (p->nr)
		return;
	p->mb = b->extra;
	p->threads = 1;
	p->loops = 0;
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "idle",
		.example = "--idle-mb 256 --mb 64 --loops 86 --seed 7",
		.processes = 2,
		.threads = 2,
		.max_threads = BENCH_LANES,
		.mb = 128,
		.loops = 43,
		.extra_name = "idle-mb",
		.extra = 192,
		.extra_max = 1 << 20,
		.setup = setup,
		.work = bench_sweep_all,
	};

	bench_parse(&b, argc, argv);
	if (b.processes < 2)
		bench_usage(&b, "--processes has to be 2 or more, the first one sleeps");
	b.lanes = b.threads;
	return bench_run(&b);
}
