// SPDX-License-Identifier: GPL-2.0
/*
 * What knumad costs processes that it does not watch. Not a test: prints, for
 * blocks of half a second with knumad off and on in turn,
 *
 *	MODE WORK NS BACKGROUND_NS ELAPSED_NS
 *
 * NS is the mean time of an operation without its fastest and slowest quarter:
 * what else the kernel does now and then (freeing in batches, ticks) comes in
 * bursts that are larger than what is measured. BACKGROUND_NS is the CPU time
 * of knumad's own threads, which the mean therefore leaves out. On that clock it
 * contains what other CPUs executed in the meantime: it is an upper bound.
 *
 * Meant for a guest whose clock counts instructions, pinned to one CPU.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENABLED		"/sys/kernel/mm/knumad/enabled"
#define MAX_OPS		8192

static int there[2], back[2];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void do_fork(int exec)
{
	pid_t pid = fork();

	if (!pid) {
		if (exec)
			execl("/proc/self/exe", "forkloop", "--exit", NULL);
		_exit(exec);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

static void fork_exit(void)
{
	do_fork(0);
}

static void fork_exec_exit(void)
{
	do_fork(1);
}

/* A hundred round trips: one alone is hardly longer than reading the clock */
static void ping_pong(void)
{
	char byte = 0;
	int i;

	for (i = 0; i < 100; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			die("pipe");
}

static void start_echo(void)
{
	char byte;

	if (pipe(there) || pipe(back))
		die("pipe");
	switch (fork()) {
	case -1:
		die("fork");
		break;
	case 0:
		close(there[1]);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(0);
	}
}

/* CPU time of the threads named knumad..., 0 if there is none */
static long long background_ns(void)
{
	struct dirent *entry;
	long long ns = 0, one;
	char path[300], comm[32];
	DIR *proc = opendir("/proc");
	FILE *f;

	if (!proc)
		die("/proc");
	while ((entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = 0;
		fclose(f);
		if (strncmp(comm, "knumad", 6))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/schedstat", entry->d_name);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%lld", &one) != 1)
			die(path);
		fclose(f);
		ns += one;
	}
	closedir(proc);
	return ns;
}

static void set_mode(const char *mode)
{
	static const char *now;
	FILE *f;

	/* To set it again would make knumad look around at once */
	if (now && !strcmp(now, mode))
		return;
	now = mode;
	f = fopen(ENABLED, "w");
	if (!f || fputs(mode, f) == EOF || fclose(f))
		die(ENABLED);
}

static int by_size(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *mode, const char *work, void (*op)(void), int nr)
{
	static long long ns[MAX_OPS];
	long long sum = 0, start, elapsed, background;
	int i;

	set_mode(mode);
	for (i = 0; i < nr / 8; i++)
		op();
	background = background_ns();
	start = now_ns();
	for (i = 0; i < nr; i++) {
		long long begin = now_ns();

		op();
		ns[i] = now_ns() - begin;
	}
	elapsed = now_ns() - start;
	background = background_ns() - background;
	qsort(ns, nr, sizeof(*ns), by_size);
	for (i = nr / 4; i < nr - nr / 4; i++)
		sum += ns[i];
	printf("%s %s %lld %lld %lld\n", mode, work, sum / (nr - 2 * (nr / 4)),
	       background, elapsed);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*op)(void);
		int nr, blocks;
	} works[] = {
		{ "fork+exit", fork_exit, 240, 40 },
		{ "fork+exec+exit", fork_exec_exit, 80, 16 },
		{ "pipe", ping_pong, 40, 10 },
	};
	int w, i;

	if (argc > 1 && !strcmp(argv[1], "--exit"))
		return 0;
	if (argc > 1) {
		fprintf(stderr, "usage: forkloop\n");
		return 2;
	}
	start_echo();
	for (w = 0; w < 3; w++) {
		for (i = 0; i < works[w].blocks; i++) {
			/* Off first, then on first: what drifts hits both */
			measure(i % 2 ? "always" : "never", works[w].name,
				works[w].op, works[w].nr);
			measure(i % 2 ? "never" : "always", works[w].name,
				works[w].op, works[w].nr);
		}
	}
	return 0;
}
