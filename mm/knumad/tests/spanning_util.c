// SPDX-License-Identifier: GPL-2.0
/*
 * What the KUnit tests of knumad's policy for processes that span nodes share: processes,
 * and what is expected of any problem
 */

#include <kunit/test.h>
#include <linux/numa.h>
#include <linux/string.h>

#include "../spanning.h"
#include "kunit_util.h"
#include "spanning_util.h"

static nodemask_t to_nodes(unsigned long bits, int nr)
{
	nodemask_t mask = NODE_MASK_NONE;
	int nid;

	for (nid = 0; nid < nr; nid++)
		if (bits & BIT(nid))
			node_set(nid, mask);
	return mask;
}

/**
 * knumad_test_process - make a problem of a case
 * @test: the test, with which the process goes
 * @c: the case
 *
 * Return: the process.
 */
struct process *knumad_test_process(struct kunit *test, const struct span_case *c)
{
	bool any_cores = memchr_inv(c->cores, 0, sizeof(c->cores));
	bool any_pages = memchr_inv(c->pages, 0, sizeof(c->pages));
	struct process *p = zalloc(test, 1, sizeof(*p));
	bool sharing = c->all;
	int i, j;

	for (i = 0; i < c->nodes; i++) {
		p->cores[i] = any_cores ? c->cores[i] : 2000;
		p->pages[i] = any_pages ? c->pages[i] : 1000;
	}
	for (i = 0; i < c->threads; i++) {
		const struct thread_spec *t = &c->thread[i];

		memcpy(p->seen[i], t->seen, sizeof(t->seen));
		p->threads[i] = (struct knumad_sp_thread) {
			.seen = p->seen[i],
			.load = t->load ?: 1000,
			.node = t->node,
			.allowed = to_nodes(t->allowed ?: ~0UL, c->nodes),
			.home = t->at_home ? t->node :
				t->home ? t->home - 1 : NOWHERE,
		};
		for (j = 0; j < c->threads; j++)
			p->shares[i * c->threads + j] = i == j ? 0 : c->all;
	}
	for (i = 0; i < MAX_PAIRS; i++) {
		int a = c->pair[i].a, b = c->pair[i].b;

		if (!c->pair[i].n)
			break;
		p->shares[a * c->threads + b] += c->pair[i].n;
		p->shares[b * c->threads + a] += c->pair[i].n;
		sharing = true;
	}
	p->sp = (struct knumad_span) {
		.nr_nodes = c->nodes,
		.cores = p->cores,
		.pages = p->pages,
		.distance = c->distance,
		.nr_threads = c->threads,
		.threads = p->threads,
		.shares = sharing ? p->shares : NULL,
		.resident = c->resident,
		.set = to_nodes(c->set, c->nodes),
		.keep = c->keep,
	};
	return p;
}

/**
 * knumad_test_span - solve a problem in as many steps as are allowed
 * @test: the test
 * @sp: the problem
 */
void knumad_test_span(struct kunit *test, struct knumad_span *sp)
{
	KUNIT_ASSERT_EQ(test, knumad_span_place(sp), 0);
	KUNIT_EXPECT_LE(test, sp->steps,
			knumad_span_max_steps(sp->nr_threads, sp->nr_nodes));
}

static void expect(struct kunit *test, const struct process *p,
		   const struct span_case *c)
{
	unsigned long want_set = c->want_set ?: ~0UL;
	int i;

	for (i = 0; i < c->nodes; i++)
		KUNIT_EXPECT_EQ_MSG(test, node_isset(i, p->sp.set),
				    !!(want_set & BIT(i)), "node %d", i);
	for (i = 0; i < c->threads; i++)
		KUNIT_EXPECT_EQ_MSG(test, p->threads[i].home, c->thread[i].want,
				    "thread %d", i);
}

/**
 * knumad_test_span_case - solve the problem that is the parameter of a test
 * @test: the test
 *
 * And who went home stays there.
 */
void knumad_test_span_case(struct kunit *test)
{
	const struct span_case *c = test->param_value;
	struct process *p = knumad_test_process(test, c);
	int run, i;

	for (run = 0; run < 3; run++) {
		knumad_test_span(test, &p->sp);
		expect(test, p, c);
		for (i = 0; i < c->threads && run; i++)
			if (p->threads[i].home != NOWHERE)
				p->threads[i].node = p->threads[i].home;
	}
}
