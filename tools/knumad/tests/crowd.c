// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of processes, for knumad to watch; and what a command costs then
 *
 * Usage: crowd NUMBER KB		processes with so much memory, until it is killed
 *        crowd cost COMMAND [ARGUMENT...]
 *
 * The memory is there once: the processes inherit it, and none of them writes to it. It
 * counts for each of them, though. When all are there it prints "ready".
 *
 * "cost" runs the command twice, without its output, and prints how many system calls it
 * makes, microseconds of CPU time that it uses, and kB that it has at most. The first is
 * counted in the first run, which is slowed down by that, the others in the second one.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int die(const char *what)
{
	perror(what);
	return 1;
}

static int crowd(long number, long kb)
{
	char *memory = mmap(NULL, kb << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	pid_t parent = getpid(), pid;

	if (number <= 0 || kb <= 0 || memory == MAP_FAILED)
		return die("crowd");
	/* Small pages: nobody moves, or splits, what several processes have */
	madvise(memory, kb << 10, MADV_NOHUGEPAGE);
	memset(memory, 1, kb << 10);
	while (number--) {
		pid = fork();
		if (pid < 0)
			return die("fork");
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static pid_t start(char **command, int traced)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);
	if (traced)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execvp(command[0], command);
	_exit(127);
}

/* Of the main thread, from its exec to its exit; negative: it failed */
static long count_calls(char **command)
{
	pid_t pid = start(command, 1);
	long stops = 0, signal = 0;
	int status;

	/* The first stop is that of its exec */
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return -1;
	while (!ptrace(PTRACE_SYSCALL, pid, NULL, signal) && waitpid(pid, &status, 0) == pid) {
		if (!WIFSTOPPED(status))
			break;
		signal = 0;
		/* A call stops it on its way in and out */
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
		else
			signal = WSTOPSIG(status);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? stops / 2 : -1;
}

static int cost(char **command)
{
	long calls = count_calls(command);
	struct rusage used;
	pid_t pid;
	int status;

	if (calls < 0) {
		fprintf(stderr, "crowd: %s failed\n", command[0]);
		return 1;
	}
	pid = start(command, 0);
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		return die("wait4");
	printf("%ld %ld %ld\n", calls,
	       (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
	       used.ru_utime.tv_usec + used.ru_stime.tv_usec, used.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "cost"))
		return cost(argv + 2);
	if (argc == 3)
		return crowd(atol(argv[1]), atol(argv[2]));
	fprintf(stderr, "usage: crowd NUMBER KB | cost COMMAND [ARGUMENT...]\n");
	return 2;
}
