// SPDX-License-Identifier: GPL-2.0
/*
 * misplaced: a program in huge pages, left behind on the wrong node
 *
 * Usage: misplaced MEMORY_NODE RUN_NODE MB
 *
 * The memory is touched first by a thread that is pinned to MEMORY_NODE, so it
 * lies there and no mempolicy says so. Then the process gets the CPUs of
 * RUN_NODE, as "taskset" would do it, and two threads sweep all of the memory,
 * until they are killed: every thread writes one word of every cache line, one
 * thread upwards and the other one downwards. Nothing but the memory can move.
 *
 * What was asked for is checked before the threads start: every page on
 * MEMORY_NODE, every page huge. Prints nothing but errors.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_SIZE	(2UL << 20)
#define LINE_WORDS	(64 / sizeof(unsigned long))

static unsigned long *memory;
static size_t nr_lines;

static long number(const char *arg)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 0)
		errx(1, "bad argument: %s", arg);
	return n;
}

/* An affinity and nothing else: no mempolicy. */
static void run_on(int node)
{
	char path[64];
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d", node, cpu);
		if (!access(path, F_OK))
			CPU_SET(cpu, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot run on node %d", node);
}

static void check_node(void *start, size_t size, int node)
{
	size_t off;

	for (off = 0; off < size; off += HUGE_SIZE) {
		void *page = (char *)start + off;
		int status;

		if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0))
			err(1, "move_pages");
		if (status != node)
			errx(1, "page at %zu MB is on node %d, not %d", off >> 20, status, node);
	}
}

static void check_huge(size_t size)
{
	unsigned long kb = 0;
	char line[256];
	FILE *f;

	f = fopen("/proc/self/smaps_rollup", "r");
	if (!f)
		err(1, "smaps_rollup");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			break;
	fclose(f);
	if (kb < size >> 10)
		errx(1, "only %lu of %zu kB in huge pages", kb, size >> 10);
}

static void *sweep(void *arg)
{
	bool down = arg;
	size_t i;

	for (;;) {
		for (i = 0; i < nr_lines; i++)
			memory[(down ? nr_lines - 1 - i : i) * LINE_WORDS]++;
		/* what was written counts */
		asm volatile("" ::: "memory");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int memory_node, run_node, error;
	pthread_t thread;
	size_t size;
	char *map;

	if (argc != 4)
		errx(1, "usage: misplaced MEMORY_NODE RUN_NODE MB");
	memory_node = number(argv[1]);
	run_node = number(argv[2]);
	size = number(argv[3]) << 20;
	if (!size || size % HUGE_SIZE)
		errx(1, "MB has to be a multiple of %lu", HUGE_SIZE >> 20);

	map = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		err(1, "mmap");
	map += -(uintptr_t)map % HUGE_SIZE;
	if (madvise(map, size, MADV_HUGEPAGE))
		err(1, "madvise");

	run_on(memory_node);
	memset(map, 1, size);
	check_node(map, size, memory_node);
	check_huge(size);

	run_on(run_node);
	memory = (unsigned long *)map;
	nr_lines = size / 64;
	error = pthread_create(&thread, NULL, sweep, NULL);
	if (error)
		errx(1, "pthread_create: %s", strerror(error));
	sweep(map);
	return 0;
}
