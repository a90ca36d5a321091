// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: thousands of processes
 *
 * What is asked is how time grows with their number, not how long it takes. Sorting
 * makes it a little more than as many times; to look for each of them among all would
 * make it the square.
 */

#include <time.h>

#include "../metrics.h"
#include "../process.h"
#include "../table.h"
#include "../traffic.h"
#include "unit.h"

#define FEW		500
#define TIMES		64
#define MARGIN		4
#define TRIES		3

/* Half of them are at home, and all have a line in debugfs threads */
struct crowd {
	struct processes ps;
	char *threads;
};

static void make_crowd(struct crowd *c, size_t nr)
{
	static __u64 pages[2] = { 1000, 500 }, used[2] = { 1000, 400 }, cpu[2] = { 900, 100 };
	size_t i, size = nr * 64 + 1, len = 0;

	c->ps = (struct processes) { .nr = nr, .v = xalloc(nr, sizeof(*c->ps.v)) };
	c->threads = xalloc(size, 1);
	for (i = 0; i < nr; i++) {
		struct process *p = &c->ps.v[i];

		*p = (struct process) {
			.pid = i + 1, .comm = "many", .home = i < nr / 2 ? 0 : -1,
			.local = i % 1000,
			.load_mcpu = i * 7919 % 4000, .threads = 1, .nr = 2,
			.resident = pages, .used = used, .cpu = cpu,
		};
		snprintf(p->verdict, sizeof(p->verdict), i < nr / 2 ? "home" : "no_cpus");
		/* In the kernel's order, which is none */
		len += snprintf(c->threads + len, size - len, "%zu %zu 0 0 1000 3,1\n",
				nr - i, nr - i);
	}
}

static void estimate(const struct crowd *c)
{
	char *copy = xprintf("%s", c->threads);
	struct traffic t;

	traffic_estimate(&c->ps, copy, 2, &t);
	/* Each has one core, and three quarters of it are local: nobody was counted twice */
	CHECK(traffic_from(&t, 0) > c->ps.nr - 0.5 && traffic_from(&t, 0) < c->ps.nr + 0.5);
	CHECK(traffic_local(&t, -1) > 74.9 && traffic_local(&t, -1) < 75.1);
	traffic_free(&t);
	free(copy);
}

static void count_verdicts(FILE *out, void *crowd)
{
	const struct crowd *c = crowd;

	metrics_verdicts(out, &c->ps);
}

static void verdicts(const struct crowd *c)
{
	char *text = capture(count_verdicts, (void *)c);
	char *home = xprintf("{verdict=\"home\"} %zu\n", c->ps.nr / 2);
	char *spanning = xprintf("{verdict=\"no_cpus\"} %zu\n", c->ps.nr - c->ps.nr / 2);

	CHECK_HAS(text, home);
	CHECK_HAS(text, spanning);
	free(text);
	free(home);
	free(spanning);
}

/* With rates, which need each process of the look before */
static void rows(const struct crowd *c)
{
	struct top top = {
		.paths = &fake, .sort = 'F', .width = 80,
		.now = { .time = 2, .processes = c->ps },
		.before = { .time = 1, .processes = c->ps },
	};
	struct table table = { 0 };

	table_processes(&top, &table);
	CHECK(table.nr == c->ps.nr);
	table_free(&table);
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The best of some tries: others use this machine, too */
static double time_of(void (*what)(const struct crowd *c), size_t nr)
{
	double best = 0, start, took;
	struct crowd c;
	int i;

	make_crowd(&c, nr);
	for (i = 0; i < TRIES; i++) {
		start = cpu_s();
		what(&c);
		took = cpu_s() - start;
		if (!i || took < best)
			best = took;
	}
	free(c.ps.v);
	free(c.threads);
	return best;
}

static void check_growth(int line, void (*what)(const struct crowd *c))
{
	double few = time_of(what, FEW), many = time_of(what, FEW * TIMES);
	char *said = xprintf("%.2f ms for %d, %.2f ms for %d times as many", few * 1000, FEW,
			     many * 1000, TIMES);

	if (many > MARGIN * TIMES * few)
		fail_test(__FILE__, line, "time grows as the number of processes", said);
	free(said);
}

static void many_samples(void)
{
	check_growth(__LINE__, estimate);
}

static void many_verdicts(void)
{
	check_growth(__LINE__, verdicts);
}

static void many_rows(void)
{
	check_growth(__LINE__, rows);
}

const struct test many_tests[] = {
	{ "traffic of thousands of processes", many_samples },
	{ "verdicts of thousands of processes", many_verdicts },
	{ "thousands of processes in top", many_rows },
	{ NULL, NULL },
};
