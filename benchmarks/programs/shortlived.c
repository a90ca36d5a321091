// SPDX-License-Identifier: GPL-2.0
/*
 * shortlived: many small processes, too short to be worth moving
 *
 * One process after the other, four at a time, touches a little memory, wherever
 * it happens to run, sweeps it a few times, checks it and exits. All of that is
 * the work here and so it is counted, first touch and check included.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

static void child(const struct bench *b, long nr)
{
	struct bench_process p = {
		.nr = nr,
		.mb = b->mb,
		.threads = 1,
		.loops = b->loops,
	};
	long loop;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_alloc(b, &p);
	if (b->bind)
		bench_bind(bench_process_node(nr));
	bench_first_touch(b, &p);
	for (loop = 0; loop < p.loops; loop++)
		sweep(p.arena, p.words);
	_exit(!bench_verify(b, &p));
}

static void reap(void)
{
	int status;

	if (wait(&status) < 0)
		err(1, "wait");
	if (status)
		errx(1, "a process failed, wait status %#x", status);
}

int main(int argc, char **argv)
{
	struct bench b = {
		.name = "shortlived",
		.example = "--processes 800 --parallel 4 --mb 1 --loops 10 --seed 7",
		.processes = 400,
		.threads = 1,
		.max_threads = 1,
		.mb = 1,
		.loops = 20,
		.first_node = -1,
		.extra_name = "parallel",
		.extra = 4,
		.extra_max = 64,
		.lanes = BENCH_LANES,
	};
	long nr, running = 0;
	pid_t pid;

	bench_parse(&b, argc, argv);
	bench_read_nodes();
	bench_delay(b.seed, 0);
	BENCH_MARK(BENCH_MARK_START);
	for (nr = 0; nr < b.processes; nr++) {
		if (running == b.extra)
			reap();
		else
			running++;
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (!pid)
			child(&b, nr);
	}
	while (running--)
		reap();
	BENCH_MARK(BENCH_MARK_STOP);
	bench_report(&b);
	return 0;
}
