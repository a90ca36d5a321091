// SPDX-License-Identifier: GPL-2.0
/*
 * What the KUnit tests of knumad's placement policy share: machines, and what is expected
 * of any problem
 */

#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/string.h>

#include "../placement.h"
#include "placement_util.h"

static void add_proc(struct machine *m, const struct proc_spec *spec)
{
	unsigned int n = m->pl.nr_procs++;

	memcpy(m->resident[n], spec->pages, sizeof(spec->pages));
	memcpy(m->fixed[n], spec->fixed, sizeof(spec->fixed));
	memcpy(m->cpu[n], spec->cpu, sizeof(spec->cpu));
	if (!spec->idle)
		memcpy(m->used[n], spec->pages, sizeof(spec->pages));
	m->procs[n] = (struct knumad_pl_proc) {
		.resident = m->resident[n],
		.used = m->used[n],
		.fixed = m->fixed[n],
		.cpu = m->cpu[n],
		.cap = memchr_inv(spec->cap, 0, sizeof(spec->cap)) ? spec->cap : NULL,
		.load = spec->load,
		.got = spec->got,
		.horizon = spec->horizon ?: 10,
		.allowed = to_nodes(spec->allowed),
		.bound = spec->bound,
		.skip = spec->skip || spec->stays,
		.stays = spec->stays,
		.home = spec->home,
		.pending = spec->pending,
		/* To be overwritten */
		.verdict = KNUMAD_NR_VERDICTS,
	};
}

/**
 * knumad_test_machine - make a problem of a case
 * @test: the test, with which the machine goes
 * @c: the case
 *
 * Return: the machine.
 */
struct machine *knumad_test_machine(struct kunit *test, const struct place_case *c)
{
	bool any_cores = memchr_inv(c->cores, 0, sizeof(c->cores));
	bool any_memory = memchr_inv(c->memory, 0, sizeof(c->memory));
	struct machine *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->pl = (struct knumad_placement) {
		.nr_nodes = c->nodes,
		.nodes = m->nodes,
		.distance = c->distance ?: m->distance,
		.procs = m->procs,
		.others = c->others,
		.spread = c->spread,
	};
	for (i = 0; i < c->nodes; i++)
		for (j = 0; j < c->nodes; j++)
			m->distance[i * c->nodes + j] = i == j ? 10 : 20;
	for (i = 0; i < c->procs; i++)
		add_proc(m, &c->proc[i]);
	for (i = 0; i < c->nodes; i++) {
		unsigned long memory = any_memory ? c->memory[i] : 4 * GB;

		for (j = 0; j < c->procs; j++) {
			KUNIT_ASSERT_GE_MSG(test, memory, m->resident[j][i],
					    "more pages than node %d has", i);
			memory -= m->resident[j][i];
		}
		m->nodes[i].free = memory;
		m->nodes[i].cores = any_cores ? c->cores[i] : 2000;
	}
	return m;
}

static unsigned long movable(const struct knumad_pl_proc *p, int nid)
{
	return p->resident[nid] - min(p->fixed[nid], p->resident[nid]);
}

static unsigned long all_movable(const struct knumad_placement *pl,
				 const struct knumad_pl_proc *p)
{
	unsigned long pages = 0;
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		pages += movable(p, i);
	return pages;
}

/* Pages of who has a home that stay on another node */
static unsigned long left_on(const struct knumad_pl_proc *p, int nid)
{
	unsigned long left = p->left, part = 0;
	int i;

	for (i = 0; i <= nid; i++) {
		part = i == p->home ? 0 : min(left, movable(p, i));
		left -= part;
	}
	return part;
}

/**
 * knumad_test_room_left - room that homes leave on a node
 * @pl: a problem that was solved
 * @nid: the node
 *
 * Once everybody is at home, and all others are where they were, what would be
 * free there?
 *
 * Return: pages; below zero: the policy gave away room that is not there.
 */
s64 knumad_test_room_left(const struct knumad_placement *pl, int nid)
{
	s64 room = pl->nodes[nid].free;
	unsigned int i;

	for (i = 0; i < pl->nr_procs; i++) {
		const struct knumad_pl_proc *p = &pl->procs[i];

		if (p->skip || p->home == NOWHERE)
			continue;
		room += movable(p, nid) - left_on(p, nid);
		if (p->home == nid)
			room -= all_movable(pl, p) - p->left;
	}
	return room;
}

/**
 * knumad_test_place - solve a problem, which must not fill a node beyond its room
 * @test: the test
 * @m: the machine
 */
void knumad_test_place(struct kunit *test, struct machine *m)
{
	int nid;

	KUNIT_ASSERT_EQ(test, knumad_place(&m->pl), 0);
	KUNIT_EXPECT_LE(test, m->pl.steps,
			knumad_place_max_steps(m->pl.nr_procs, m->pl.nr_nodes));
	for (nid = 0; nid < m->pl.nr_nodes; nid++)
		KUNIT_EXPECT_GE_MSG(test, knumad_test_room_left(&m->pl, nid), 0,
				    "node %d is overfilled", nid);
}

/**
 * knumad_test_settle - everybody goes home: threads, and all pages that may and have room
 * @m: the machine
 */
void knumad_test_settle(struct machine *m)
{
	int i, nid;

	for (i = 0; i < m->pl.nr_procs; i++) {
		struct knumad_pl_proc *p = &m->procs[i];
		int home = p->home;

		if (p->skip || home == NOWHERE)
			continue;
		for (nid = 0; nid < m->pl.nr_nodes; nid++) {
			unsigned long pages = movable(p, nid) - left_on(p, nid);
			unsigned long used = min(m->used[i][nid], pages);

			m->cpu[i][nid] = nid == home ? 1000 : 0;
			if (nid == home)
				continue;
			m->resident[i][nid] -= pages;
			m->resident[i][home] += pages;
			m->used[i][nid] -= used;
			m->used[i][home] += used;
			m->nodes[nid].free += pages;
			m->nodes[home].free -= pages;
		}
	}
}

/**
 * knumad_test_expect - is this what has become of a process?
 * @test: the test
 * @m: the machine
 * @idx: the process
 * @home: its home
 * @pending: the home that is proposed
 * @verdict: why
 */
void knumad_test_expect(struct kunit *test, const struct machine *m, int idx, int home,
			int pending, enum knumad_verdict verdict)
{
	const struct knumad_pl_proc *p = &m->procs[idx];

	KUNIT_EXPECT_EQ_MSG(test, p->home, home, "process %d", idx);
	KUNIT_EXPECT_EQ_MSG(test, p->pending, pending, "process %d", idx);
	KUNIT_EXPECT_EQ_MSG(test, p->verdict, verdict, "process %d", idx);
}

static void expect_case(struct kunit *test, const struct machine *m,
			const struct place_case *c)
{
	int i;

	if (c->crowd)
		KUNIT_EXPECT_EQ(test, m->pl.crowd, c->crowd);
	for (i = 0; i < c->procs; i++)
		knumad_test_expect(test, m, i, c->proc[i].want_home,
				   c->proc[i].want_pending, c->proc[i].want);
}

/**
 * knumad_test_place_case - solve the problem that is the parameter of a test
 * @test: the test
 */
void knumad_test_place_case(struct kunit *test)
{
	const struct place_case *c = test->param_value;
	struct machine *m = knumad_test_machine(test, c);

	knumad_test_place(test, m);
	expect_case(test, m, c);
}

/**
 * knumad_test_place_case_again - who went home stays there
 * @test: the test; of its parameter nothing may be about to change
 *
 * The same machine once everybody is where he goes.
 */
void knumad_test_place_case_again(struct kunit *test)
{
	const struct place_case *c = test->param_value;
	struct machine *m = knumad_test_machine(test, c);
	int run;

	knumad_test_place(test, m);
	for (run = 0; run < 3; run++) {
		knumad_test_settle(m);
		knumad_test_place(test, m);
		expect_case(test, m, c);
	}
}
