// SPDX-License-Identifier: GPL-2.0
/*
 * What short-lived processes cost: forkloop [N] forks and reaps N processes,
 * then N that also exec, then lets two processes pass a byte N times. Prints
 * elapsed nanoseconds. Not a test: compare knumad never and always.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void fork_exit(long nr, int exec)
{
	pid_t pid;

	while (nr--) {
		pid = fork();
		if (!pid) {
			if (exec)
				execl("/proc/self/exe", "forkloop", "--exit", NULL);
			_exit(exec);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
			perror("fork");
			exit(1);
		}
	}
}

static void pass(long nr, int from, int to)
{
	char byte = 0;

	while (nr--)
		if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
			_exit(1);
}

static void ping_pong(long nr)
{
	int there[2], back[2];
	pid_t pid;

	if (pipe(there) || pipe(back)) {
		perror("pipe");
		exit(1);
	}
	pid = fork();
	if (!pid) {
		pass(nr, there[0], back[1]);
		_exit(0);
	}
	if (pid < 0 || write(there[1], "", 1) != 1) {
		perror("fork");
		exit(1);
	}
	pass(nr - 1, back[0], there[1]);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	long long start, forked, execed, passed;
	long nr = 1000;

	if (argc > 1 && !strcmp(argv[1], "--exit"))
		return 0;
	if (argc > 1)
		nr = strtol(argv[1], NULL, 10);
	if (nr < 1) {
		fprintf(stderr, "usage: forkloop [N]\n");
		return 2;
	}
	start = now_ns();
	fork_exit(nr, 0);
	forked = now_ns();
	fork_exit(nr, 1);
	execed = now_ns();
	ping_pong(nr);
	passed = now_ns();
	printf("fork_exit_ns %lld\nfork_exec_exit_ns %lld\npipe_ping_pong_ns %lld\n",
	       forked - start, execed - forked, passed - execed);
	return 0;
}
