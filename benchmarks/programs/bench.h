/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmark programs share
 *
 * A program fills in a struct bench, parses its options and calls bench_run():
 * the parent forks the processes, every process writes its memory once, on the
 * first node unless told otherwise, and starts its threads. When all of them are
 * ready the parent executes marker 1, and marker 15 when all work is done. Then
 * every word is checked. The work is so many loops, never so much time.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_MAX_THREADS	64
#define BENCH_LANES		8	/* words in a cache line */
#define PAGE_WORDS	(4096 / sizeof(unsigned long))
#define BENCH_MARK_START	1
#define BENCH_MARK_STOP		15

/*
 * A long NOP that does nothing but be seen by the emulator, n is a constant 0..15:
 * nopl (0x4b4e0000 | n)(%rax,%rax,1), always in this 8-byte form.
 */
#define BENCH_MARK(n)							\
	({ asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n\t.long %c0"	\
			: : "i" (0x4b4e0000 | (n)) : "memory"); })

struct bench_process {
	long nr;
	long mb;
	long threads;
	long loops;
	bool leaves;		/* exits when its work is done, waits for nobody */
	unsigned long *arena;
	size_t words;
};

struct bench_thread {
	const struct bench *b;
	const struct bench_process *p;
	long nr;
};

struct bench {
	const char *name;
	const char *example;

	/* options, and their defaults */
	long mb;
	long threads;
	long processes;
	long loops;
	long first_node;	/* -1: touch wherever you are */
	long seed;		/* 0: nothing varies */
	bool bind;
	bool home;		/* every process: first touch on a node of its own */
	long max_threads;

	/* an option of this program's own */
	const char *extra_name;
	long extra;
	long extra_max;

	long lanes;		/* of every line the first so many words are incremented */
	bool once_per_page;	/* of every page, not of every line */
	long phases;		/* 0 is 1 */
	long settle;		/* loops in phase -1, which comes before the marker */
	bool bind_threads;	/* --bind: threads to nodes, not processes */
	bool interleave;	/* start threads of both halves in turn */

	/* Change what is different for process p */
	void (*setup)(const struct bench *b, struct bench_process *p);
	/* What thread t does in this phase: p->loops loops, b->settle in phase -1 */
	void (*work)(const struct bench_thread *t, long phase);
};

void bench_parse(struct bench *b, int argc, char **argv);
void bench_usage(const struct bench *b, const char *problem);
int bench_run(struct bench *b);
void bench_report(const struct bench *b);

unsigned long bench_random(long seed, unsigned long stream);
void bench_delay(long seed, unsigned long stream);
void bench_mark(long n);

void bench_read_nodes(void);
long bench_node_cpus(void);
long bench_process_node(long process);
long bench_thread_node(const struct bench *b, const struct bench_process *p, long nr);
void bench_bind(long node);

void bench_alloc(const struct bench *b, struct bench_process *p);
void bench_first_touch(const struct bench *b, const struct bench_process *p);
bool bench_verify(const struct bench *b, const struct bench_process *p);
unsigned long *bench_slice(const struct bench_process *p, long nr, long of, size_t *words);

void sweep(unsigned long *p, size_t words);
void sweep_lane(unsigned long *p, size_t words, long lane);
void bench_sweep_all(const struct bench_thread *t, long phase);

#endif
