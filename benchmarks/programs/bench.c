// SPDX-License-Identifier: GPL-2.0
/*
 * What the benchmark programs share, see bench.h
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define HUGE_SIZE	(2UL << 20)
#define BLOCK_WORDS	64
#define MAX_GAP		128		/* huge pages */
#define MAX_PROCESSES	64		/* at a time */
#define MAX_DELAY_NS	50000000UL
#define NODES		"/sys/devices/system/node"

/* In memory that all processes share */
struct sync {
	pthread_barrier_t all;		/* every thread, and the parent */
	pthread_barrier_t done;		/* the processes that stay, and the parent */
};

static struct sync *sync_page;
static cpu_set_t initial_cpus;
static long nodes[64];
static long nr_nodes;
static long nr_children;

/* ---- options ---- */

static void print_usage(const struct bench *b, FILE *to)
{
	fprintf(to, "usage: %s [--mb %ld] [--threads %ld] [--processes %ld]",
		b->name, b->mb, b->threads, b->processes);
	fprintf(to, " [--loops %ld] [--first-node %ld]", b->loops, b->first_node);
	if (b->extra_name)
		fprintf(to, " [--%s %ld]", b->extra_name, b->extra);
	fprintf(to, " [--seed %ld] [--home] [--bind] [--help]\n", b->seed);
	fprintf(to, "example: %s %s\n", b->name, b->example);
}

void bench_usage(const struct bench *b, const char *problem)
{
	fprintf(stderr, "%s: %s\n", b->name, problem);
	print_usage(b, stderr);
	exit(2);
}

static long number(const struct bench *b, const char *name, long min, long max)
{
	char problem[160];
	char *end;
	long n;

	errno = 0;
	n = strtol(optarg, &end, 10);
	if (errno || end == optarg || *end || n < min || n > max) {
		snprintf(problem, sizeof(problem), "--%s has to be %ld to %ld, not %.40s",
			 name, min, max, optarg);
		bench_usage(b, problem);
	}
	return n;
}

void bench_parse(struct bench *b, int argc, char **argv)
{
	const struct bench defaults = *b;
	const struct option options[] = {
		{ "mb", required_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' },
		{ "processes", required_argument, NULL, 'p' },
		{ "loops", required_argument, NULL, 'l' },
		{ "first-node", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "bind", no_argument, NULL, 'b' },
		{ "home", no_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ b->extra_name, required_argument, NULL, 'x' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			b->mb = number(&defaults, "mb", 1, 1 << 20);
			break;
		case 't':
			b->threads = number(&defaults, "threads", 1, b->max_threads);
			break;
		case 'p':
			b->processes = number(&defaults, "processes", 1, 100000);
			break;
		case 'l':
			b->loops = number(&defaults, "loops", 1, 1L << 30);
			break;
		case 'f':
			b->first_node = number(&defaults, "first-node", -1, 63);
			break;
		case 's':
			b->seed = number(&defaults, "seed", 0, INT64_MAX);
			break;
		case 'x':
			b->extra = number(&defaults, b->extra_name, 1, b->extra_max);
			break;
		case 'b':
			b->bind = true;
			break;
		case 'o':
			b->home = true;
			break;
		case 'h':
			print_usage(&defaults, stdout);
			exit(0);
		default:
			print_usage(&defaults, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		bench_usage(&defaults, "there are no arguments but options");
}

/* ---- chance ---- */

/* splitmix64: number "stream" of the sequence that starts at "seed" */
unsigned long bench_random(long seed, unsigned long stream)
{
	unsigned long x = seed + (stream + 1) * 0x9e3779b97f4a7c15UL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebUL;
	return x ^ (x >> 31);
}

/* The loop stays in registers: what is counted already sees few accesses of it. */
void bench_delay(long seed, unsigned long stream)
{
	unsigned long used, wanted;
	struct timespec ts;
	long i;

	if (!seed)
		return;
	wanted = bench_random(~seed, stream) % MAX_DELAY_NS;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	wanted += ts.tv_sec * 1000000000UL + ts.tv_nsec;
	do {
		for (i = 0; i < 5000; i++)
			asm volatile("" : "+r" (i));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
		used = ts.tv_sec * 1000000000UL + ts.tv_nsec;
	} while (used < wanted);
}

/* ---- markers ---- */

void bench_mark(long n)
{
	switch (n) {
	case 0:
		BENCH_MARK(0);
		break;
	case 1:
		BENCH_MARK(1);
		break;
	case 2:
		BENCH_MARK(2);
		break;
	case 3:
		BENCH_MARK(3);
		break;
	case 4:
		BENCH_MARK(4);
		break;
	case 5:
		BENCH_MARK(5);
		break;
	case 6:
		BENCH_MARK(6);
		break;
	case 7:
		BENCH_MARK(7);
		break;
	case 8:
		BENCH_MARK(8);
		break;
	case 9:
		BENCH_MARK(9);
		break;
	case 10:
		BENCH_MARK(10);
		break;
	case 11:
		BENCH_MARK(11);
		break;
	case 12:
		BENCH_MARK(12);
		break;
	case 13:
		BENCH_MARK(13);
		break;
	case 14:
		BENCH_MARK(14);
		break;
	case 15:
		BENCH_MARK(15);
		break;
	default:
		errx(1, "there is no marker %ld", n);
	}
}

/* ---- nodes ---- */

/* A list such as "0-1,4" of CPUs or of nodes */
static void read_list(const char *path, cpu_set_t *set)
{
	int first, last, sep;
	FILE *f;

	CPU_ZERO(set);
	f = fopen(path, "r");
	if (!f)
		err(1, "%s", path);
	while (fscanf(f, "%d", &first) == 1) {
		last = first;
		sep = fgetc(f);
		if (sep == '-') {
			if (fscanf(f, "%d", &last) != 1)
				errx(1, "%s: not a list", path);
			sep = fgetc(f);
		}
		for (; first <= last; first++)
			CPU_SET(first, set);
		if (sep != ',')
			break;
	}
	fclose(f);
}

static void node_cpus(long node, cpu_set_t *set)
{
	char path[80];

	snprintf(path, sizeof(path), NODES "/node%ld/cpulist", node);
	read_list(path, set);
	if (!CPU_COUNT(set))
		errx(1, "node %ld has no CPUs", node);
}

void bench_read_nodes(void)
{
	cpu_set_t set;
	long node;

	if (sched_getaffinity(0, sizeof(initial_cpus), &initial_cpus))
		err(1, "sched_getaffinity");
	read_list(NODES "/has_cpu", &set);
	nr_nodes = 0;
	for (node = 0; node < 64; node++)
		if (CPU_ISSET(node, &set))
			nodes[nr_nodes++] = node;
	if (!nr_nodes)
		errx(1, "no node has CPUs");
}

long bench_node_cpus(void)
{
	cpu_set_t set;

	node_cpus(nodes[0], &set);
	return CPU_COUNT(&set);
}

long bench_process_node(long process)
{
	return nodes[process % nr_nodes];
}

/* The threads of all processes, in order, are spread evenly. */
long bench_thread_node(const struct bench *b, const struct bench_process *p, long nr)
{
	return nodes[(p->nr * b->threads + nr) * nr_nodes / (b->processes * b->threads)];
}

static void run_on(long node)
{
	cpu_set_t set;

	node_cpus(node, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot run on node %ld", node);
}

static void run_anywhere(void)
{
	if (sched_setaffinity(0, sizeof(initial_cpus), &initial_cpus))
		err(1, "cannot run on the initial CPUs");
}

void bench_bind(long node)
{
	unsigned long mask = 1UL << node;

	run_on(node);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask) + 1))
		err(1, "set_mempolicy to node %ld", node);
}

/* ---- memory ---- */

/* The gap is address space, and never memory. */
void bench_alloc(const struct bench *b, struct bench_process *p)
{
	size_t gap = b->seed ? bench_random(b->seed, p->nr) % MAX_GAP * HUGE_SIZE : 0;
	size_t size = p->mb << 20;
	char *map;

	map = mmap(NULL, gap + size + HUGE_SIZE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		err(1, "address space");
	map += gap;
	map += -(uintptr_t)map % HUGE_SIZE;
	map = mmap(map, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (map == MAP_FAILED)
		err(1, "%ld MiB", p->mb);
	p->arena = (unsigned long *)map;
	p->words = size / sizeof(unsigned long);
}

/* What the first word of a page starts from: pages must not be mixed up. */
static unsigned long page_id(const struct bench_process *p, size_t page)
{
	return ((unsigned long)p->nr << 24 | page) << 32;
}

static void touch(const struct bench_process *p, unsigned long *from, size_t words)
{
	unsigned long *page;

	for (page = from; page != from + words; page += PAGE_WORDS)
		*page = page_id(p, (page - p->arena) / PAGE_WORDS);
}

/* Ordinary first touch: no mempolicy, and no affinity afterwards */
void bench_first_touch(const struct bench *b, const struct bench_process *p)
{
	long node = b->home ? bench_process_node(p->nr) : b->first_node;

	if (node >= 0 && !b->bind)
		run_on(node);
	touch(p, p->arena, p->words);
	if (node >= 0 && !b->bind)
		run_anywhere();
}

static long lane(const struct bench *b, size_t word)
{
	return b->once_per_page ? word : word % BENCH_LANES;
}

bool bench_verify(const struct bench *b, const struct bench_process *p)
{
	long increments = p->loops * (b->phases ? b->phases : 1) + b->settle;
	unsigned long expected[PAGE_WORDS];
	const unsigned long *page = p->arena;
	unsigned long first;
	size_t i;

	for (i = 0; i < PAGE_WORDS; i++)
		expected[i] = lane(b, i) < b->lanes ? increments : 0;
	first = expected[0];
	for (; page != p->arena + p->words; page += PAGE_WORDS) {
		expected[0] = first + page_id(p, (page - p->arena) / PAGE_WORDS);
		if (!memcmp(page, expected, sizeof(expected)))
			continue;
		for (i = 0; page[i] == expected[i]; i++)
			;
		fprintf(stderr, "%s: process %ld: word %zu of %zu is %#lx, not %#lx\n",
			b->name, p->nr, page + i - p->arena, p->words, page[i], expected[i]);
		return false;
	}
	return true;
}

/* Slice nr of so many, in whole pages */
unsigned long *bench_slice(const struct bench_process *p, long nr, long of, size_t *words)
{
	size_t pages = p->words / PAGE_WORDS;
	size_t first = pages * nr / of;

	*words = (pages * (nr + 1) / of - first) * PAGE_WORDS;
	return p->arena + first * PAGE_WORDS;
}

/* ---- the work: about one instruction per word, and only on memory ---- */

static __always_inline void increment(unsigned long *word)
{
	asm volatile("addq $1, %0" : "+m" (*word));
}

static __always_inline void look_at(const unsigned long *word)
{
	asm volatile("movq %0, %%rax" : : "m" (*word) : "rax");
}

/* Every word */
void sweep(unsigned long *p, size_t words)
{
	unsigned long *end = p + words;
	int i;

	for (; p != end; p += BLOCK_WORDS)
#pragma GCC unroll 64
		for (i = 0; i < BLOCK_WORDS; i++)
			increment(&p[i]);
}

static __always_inline void do_sweep_lane(unsigned long *p, size_t words, int lane)
{
	unsigned long *end = p + words;
	int i;

	for (; p != end; p += BLOCK_WORDS)
#pragma GCC unroll 64
		for (i = 0; i < BLOCK_WORDS; i++)
			if (i % BENCH_LANES == lane)
				increment(&p[i]);
			else
				look_at(&p[i]);
}

/*
 * For threads that share memory: increments the one word of every line that is
 * this thread's, so that none gets lost without atomics, and reads the others.
 */
void sweep_lane(unsigned long *p, size_t words, long lane)
{
	switch (lane) {
	case 0:
		do_sweep_lane(p, words, 0);
		break;
	case 1:
		do_sweep_lane(p, words, 1);
		break;
	case 2:
		do_sweep_lane(p, words, 2);
		break;
	case 3:
		do_sweep_lane(p, words, 3);
		break;
	case 4:
		do_sweep_lane(p, words, 4);
		break;
	case 5:
		do_sweep_lane(p, words, 5);
		break;
	case 6:
		do_sweep_lane(p, words, 6);
		break;
	case 7:
		do_sweep_lane(p, words, 7);
		break;
	default:
		errx(1, "there is no lane %ld", lane);
	}
}

/* The work of a thread that sweeps all memory of its process, in a lane of its own */
void bench_sweep_all(const struct bench_thread *t, long phase)
{
	long loop;

	(void)phase;
	for (loop = 0; loop < t->p->loops; loop++)
		sweep_lane(t->p->arena, t->p->words, t->nr);
}

/* ---- processes and threads ---- */

static long first_phase(const struct bench *b)
{
	return b->settle ? -1 : 0;
}

static void *thread_main(void *arg)
{
	const struct bench_thread *t = arg;
	const struct bench *b = t->b;
	unsigned long *slice;
	size_t words;
	long phase;

	if (b->bind && b->bind_threads) {
		bench_bind(bench_thread_node(b, t->p, t->nr));
		slice = bench_slice(t->p, t->nr, t->p->threads, &words);
		touch(t->p, slice, words);
	}
	for (phase = first_phase(b); phase < b->phases; phase++) {
		/* first all are ready, then the parent has marked it */
		pthread_barrier_wait(&sync_page->all);
		pthread_barrier_wait(&sync_page->all);
		if (phase == first_phase(b))
			bench_delay(b->seed, t->p->nr * BENCH_MAX_THREADS + t->nr);
		b->work(t, phase);
	}
	return NULL;
}

/* The main thread is thread 0. */
static void process_main(const struct bench *b, struct bench_process *p)
{
	struct bench_thread threads[BENCH_MAX_THREADS];
	pthread_t ids[BENCH_MAX_THREADS];
	long i, nr;
	int error;

	/* also if the parent fails, or is killed */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		err(1, "PR_SET_PDEATHSIG");
	bench_alloc(b, p);
	if (b->bind && !b->bind_threads)
		bench_bind(bench_process_node(p->nr));
	if (!b->bind || !b->bind_threads)
		bench_first_touch(b, p);

	for (i = 0; i < p->threads; i++) {
		nr = i;
		if (b->interleave)
			nr = i / 2 + i % 2 * p->threads / 2;
		threads[nr] = (struct bench_thread){ b, p, nr };
		if (!nr)
			continue;
		error = pthread_create(&ids[nr], NULL, thread_main, &threads[nr]);
		if (error)
			errx(1, "pthread_create: %s", strerror(error));
	}
	thread_main(&threads[0]);
	for (nr = 1; nr < p->threads; nr++)
		pthread_join(ids[nr], NULL);

	if (!p->leaves) {
		pthread_barrier_wait(&sync_page->done);
		pthread_barrier_wait(&sync_page->done);
	}
	exit(!bench_verify(b, p));
}

/* A child that failed will never come to the barrier: so do not wait for it. */
static void reap(int sig)
{
	int saved = errno;
	int status;

	(void)sig;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		nr_children--;
		if (status) {
			dprintf(2, "a process failed, wait status %#x\n", status);
			_exit(1);
		}
	}
	errno = saved;
}

static void init_barrier(pthread_barrier_t *barrier, long count)
{
	pthread_barrierattr_t attr;

	if (pthread_barrierattr_init(&attr) ||
	    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ||
	    pthread_barrier_init(barrier, &attr, count))
		errx(1, "cannot make a barrier");
}

void bench_report(const struct bench *b)
{
	printf("%s: %ld process%s x %ld thread%s, %ld MiB each, %ld loops",
	       b->name, b->processes, b->processes == 1 ? "" : "es",
	       b->threads, b->threads == 1 ? "" : "s", b->mb, b->loops);
	if (b->extra_name)
		printf(", %s %ld", b->extra_name, b->extra);
	printf(": memory intact\n");
}

int bench_run(struct bench *b)
{
	static struct bench_process processes[MAX_PROCESSES];
	struct sigaction on_child = { .sa_handler = reap };
	struct bench_process *p;
	long nr_threads = 0, nr_stay = 0, phase;
	sigset_t blocked, before;
	pid_t pid;

	if (b->processes > MAX_PROCESSES)
		bench_usage(b, "too many processes");
	if (!b->phases)
		b->phases = 1;
	bench_read_nodes();
	for (p = processes; p < processes + b->processes; p++) {
		*p = (struct bench_process){
			.nr = p - processes,
			.mb = b->mb,
			.threads = b->threads,
			.loops = b->loops,
		};
		if (b->setup)
			b->setup(b, p);
		nr_threads += p->threads;
		nr_stay += !p->leaves;
	}

	sync_page = mmap(NULL, sizeof(*sync_page), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sync_page == MAP_FAILED)
		err(1, "mmap");
	init_barrier(&sync_page->all, nr_threads + 1);
	init_barrier(&sync_page->done, nr_stay + 1);

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	nr_children = b->processes;
	sigaction(SIGCHLD, &on_child, NULL);
	for (p = processes; p < processes + b->processes; p++) {
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (!pid)
			process_main(b, p);
	}

	for (phase = first_phase(b); phase < b->phases; phase++) {
		pthread_barrier_wait(&sync_page->all);
		if (phase >= 0)
			bench_mark(BENCH_MARK_START + phase);
		pthread_barrier_wait(&sync_page->all);
	}
	pthread_barrier_wait(&sync_page->done);
	BENCH_MARK(BENCH_MARK_STOP);
	pthread_barrier_wait(&sync_page->done);

	sigprocmask(SIG_BLOCK, &blocked, &before);
	while (nr_children)
		sigsuspend(&before);
	bench_report(b);
	return 0;
}
