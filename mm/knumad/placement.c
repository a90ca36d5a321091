// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the placement policy
 *
 * Pure: numbers in, verdicts out. No mm, no task, no lock, no clock. What homes
 * cost is for placement_cost.c to say, and as how many cores a node counts for
 * placement_crowd.c. Each worked table below is a KUnit case of the same name in one
 * of tests/placement_*_kunit.c.
 */

/**
 * DOC: Order of decisions
 *
 * 1. Processes that have a home keep it if it still fits, with half a core of
 *    grace so that a load near the limit does not flap.
 * 2. The homeless are placed in the order of their regret, the difference
 *    between their second best and their best node: who has no alternative
 *    chooses first.
 * 3. Homes are improved by moves and by swaps of two processes. A process that
 *    already had a home changes it only if the same change was proposed in the
 *    pass before.
 *
 * ::
 *
 *   3 processes of 2.5 GB on 2 nodes of 4 GB: two are placed, the third fits
 *   nowhere ("no_room") and keeps spanning. One quits: 4 GB are free on its
 *   node, the third gets it as its home.
 *
 *   2 processes of 2 threads, both first touched on node 0, 2 cores per node:
 *   4 threads do not fit on node 0, so the one that is cheaper to move goes to
 *   node 1.
 *
 *   1 process of 3 threads on nodes of 2 cores: "no_cpus", left spanning.
 *
 * A process that is left alone for good (out, bound) keeps the cores that it uses. Who has
 * a home already keeps that beside it: the load balancer finds others for those who may move.
 *
 * ::
 *
 *   2 processes of 2 threads, 2 cores per node, all memory on node 1; one runs there and is
 *   out: the other, on node 0, gets node 0.
 */

#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "placement.h"

/* Candidate swaps looked at, per process and node */
#define KNUMAD_SWAP_STEPS	4

/* One homeless process in the queue of step 2 */
struct queue_entry {
	unsigned int idx;
	u64 regret;
	unsigned long pages;
	bool tried;
};

/*
 * The state of one run. @room and @cores are what is left per node after the
 * claims of all homes so far; both may go below zero: when incumbents have
 * outgrown their node, and @room where somebody claims what others have there.
 * @load is what runs on a node now, @taken the part of it that is left alone,
 * @homed that of processes that have their home there to begin with.
 */
struct place_state {
	struct knumad_placement *pl;
	s64 *cost;
	struct queue_entry *queue;
	unsigned int queued;
	int *proposed;
	unsigned long *size;
	bool *fresh;
	s64 room[MAX_NUMNODES];
	s64 cores[MAX_NUMNODES];
	unsigned long load[MAX_NUMNODES];
	unsigned long taken[MAX_NUMNODES];
	unsigned long homed[MAX_NUMNODES];
};

/* Cores that a process uses on a node, thousandths */
static unsigned long load_on(const struct knumad_pl_proc *p, int nid)
{
	return p->load * p->cpu[nid] / 1000;
}

static unsigned long total_movable(const struct knumad_placement *pl,
				   const struct knumad_pl_proc *p)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		sum += knumad_movable(p, i);
	return sum;
}

static s64 cost_of(const struct place_state *s, unsigned int idx, int nid)
{
	return s->cost[(size_t)idx * s->pl->nr_nodes + nid];
}

/* So much more load may be on a node, thousandths, before who has his home there loses it */
static unsigned long grace(const struct place_state *s, const struct knumad_pl_proc *p, int nid)
{
	unsigned long cores = s->pl->nodes[nid].cores;

	if (s->pl->crowd == KNUMAD_NO_CROWD)
		return KNUMAD_CPU_SLACK;
	if (p->cap)
		cores = min_t(unsigned long, cores, p->cap[nid]);
	return max_t(unsigned long, KNUMAD_CPU_SLACK, knumad_crowd_cores(s->pl->crowd, cores) / 8);
}

/*
 * Are there cores enough for @p left on a node, and does it have the use of that many?
 * With so much more as @grace.
 *
 *   2 nodes of 4 cores, 3 threads that may use one CPU of node 0 and all of node 1:
 *   "no_cpus" on node 0, though it is idle.
 */
static bool fits_cpu(const struct place_state *s, const struct knumad_pl_proc *p, int nid,
		     s64 grace)
{
	s64 cores = s->cores[nid];

	if (p->bound)
		return true;
	if (p->cap)
		cores = min(cores, (s64)knumad_crowd_cores(s->pl->crowd, p->cap[nid]));
	return (s64)p->load <= cores + KNUMAD_CPU_SLACK + grace;
}

static bool usable(const struct place_state *s,
		   const struct knumad_pl_proc *p, int nid)
{
	return node_isset(nid, p->allowed) && s->pl->nodes[nid].cores;
}

/*
 * Is there room on a node for @all of a process, or for nearly all of it, or is that there?
 * What has none is used from there, as what cannot move is. Where page cache has all nodes
 * stand at their watermarks nobody has room for the last page, and what each one has there is
 * all that will be free.
 *
 *   2 nodes, nothing free: 990 and 10 pages			home 0, 10 stay where they are
 *   600 and 400						"no_room"
 *   995 and 5, home 0					keeps it
 *   two of 990 and 10 pages				home 0 for both
 */
static bool fits_room(const struct place_state *s, unsigned int idx, int nid, bool all)
{
	s64 has = knumad_movable(&s->pl->procs[idx], nid), size = s->size[idx];

	if (all)
		return size <= s->room[nid];
	return size - size / KNUMAD_LEFT_PART <= max(s->room[nid], has);
}

/* Pages of it that have no room on a node; those that are there have */
static unsigned long left_at(const struct place_state *s, unsigned int idx, int nid)
{
	s64 has = knumad_movable(&s->pl->procs[idx], nid), size = s->size[idx];

	return size - clamp(s->room[nid], has, size);
}

/*
 * What it costs to be at home on a node in the room that is there now.
 *
 *   2 nodes, 2000 pages free on node 1, none on 0: 990 and 10 pages, horizon 30
 *     home 0: 10 stay where they are, 10 x 10 x 30		=  3000
 *     home 1: 990 x 10 + 990 x 40				= 49500
 */
static s64 cost_now(const struct place_state *s, unsigned int idx, int nid)
{
	unsigned long left = left_at(s, idx, nid);

	if (!left)
		return cost_of(s, idx, nid);
	s->pl->steps += s->pl->nr_nodes;
	return cost_of(s, idx, nid) + knumad_left_cost(s->pl, &s->pl->procs[idx], nid, left);
}

static bool fits(const struct place_state *s, unsigned int idx, int nid, bool all)
{
	const struct knumad_pl_proc *p = &s->pl->procs[idx];

	return usable(s, p, nid) && fits_cpu(s, p, nid, 0) && fits_room(s, idx, nid, all);
}

/* The memory of a process, but for what is left, takes room at its home, or does so no longer */
static void take_room(struct place_state *s, unsigned int idx, int home, s64 sign)
{
	const struct knumad_pl_proc *p = &s->pl->procs[idx];
	unsigned long left = p->left;
	int i;

	for (i = 0; left && i < s->pl->nr_nodes; i++) {
		unsigned long part = knumad_left_on(p, home, i, left);

		s->room[i] -= sign * (s64)part;
		left -= part;
	}
	s->room[home] -= sign * (s64)(s->size[idx] - p->left + left);
}

static void claim(struct place_state *s, unsigned int idx, int nid)
{
	struct knumad_pl_proc *p = &s->pl->procs[idx];

	p->left = left_at(s, idx, nid);
	take_room(s, idx, nid, 1);
	s->cores[nid] -= p->load;
}

static void unclaim(struct place_state *s, unsigned int idx, int nid)
{
	struct knumad_pl_proc *p = &s->pl->procs[idx];

	take_room(s, idx, nid, -1);
	p->left = 0;
	s->cores[nid] += p->load;
}

/* Put the pages of a process that is not placed back to where they are */
static void claim_in_place(struct place_state *s, unsigned int idx)
{
	int i;

	for (i = 0; i < s->pl->nr_nodes; i++)
		s->room[i] -= knumad_movable(&s->pl->procs[idx], i);
}

static bool is_idle(const struct knumad_placement *pl,
		    const struct knumad_pl_proc *p)
{
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		if (p->used[i])
			return false;
	return true;
}

/*
 * A process is alone if its running threads span nodes and no other process
 * that we know runs on any of them. Policy "spread" leaves it there, for the
 * bandwidth of all the nodes' memory.
 */
static bool is_alone(const struct place_state *s, unsigned int idx)
{
	const struct knumad_pl_proc *p = &s->pl->procs[idx];
	unsigned int spans = 0;
	int i;

	for (i = 0; i < s->pl->nr_nodes; i++) {
		if (p->cpu[i] < 100)
			continue;
		spans++;
		if (s->load[i] - load_on(p, i) > KNUMAD_CPU_SLACK)
			return false;
	}
	s->pl->steps += s->pl->nr_nodes;
	return spans > 1;
}

static void init_state(struct place_state *s)
{
	struct knumad_placement *pl = s->pl;
	unsigned long all = 0;
	unsigned int p;
	int i;

	for (i = 0; i < pl->nr_nodes; i++)
		all += pl->nodes[i].cores;

	for (i = 0; i < pl->nr_nodes; i++) {
		unsigned long elsewhere = all - pl->nodes[i].cores;

		s64 cores = pl->nodes[i].cores;

		/* What others need of this node even if they had all the rest */
		if (pl->others > elsewhere)
			cores -= pl->others - elsewhere;
		s->cores[i] = cores > 0 ? knumad_crowd_cores(pl->crowd, cores) : cores;
		s->room[i] = pl->nodes[i].free;
	}

	/* Lift everything that may move; what is not placed is put back later */
	for (p = 0; p < pl->nr_procs; p++) {
		struct knumad_pl_proc *proc = &pl->procs[p];

		knumad_breathe(p);
		s->size[p] = total_movable(pl, proc);
		s->proposed[p] = NUMA_NO_NODE;
		proc->verdict = KNUMAD_V_NONE;
		proc->left = 0;
		for (i = 0; i < pl->nr_nodes; i++) {
			s->cost[(size_t)p * pl->nr_nodes + i] =
				knumad_place_cost(pl, proc, i);
			if (!proc->skip)
				s->room[i] += knumad_movable(proc, i);
			s->load[i] += load_on(proc, i);
			if (proc->stays)
				s->taken[i] += load_on(proc, i);
		}
		pl->steps += (u64)pl->nr_nodes * pl->nr_nodes;
	}
}

/* Step 1: who has a home keeps it, if it is still possible */
static void keep_incumbents(struct place_state *s)
{
	struct knumad_placement *pl = s->pl;
	unsigned int idx;

	for (idx = 0; idx < pl->nr_procs; idx++) {
		struct knumad_pl_proc *p = &pl->procs[idx];
		int home = p->home;

		s->fresh[idx] = home == NUMA_NO_NODE;
		if (s->fresh[idx])
			continue;
		if (p->skip || !usable(s, p, home) ||
		    !fits_cpu(s, p, home, grace(s, p, home)) ||
		    !fits_room(s, idx, home, false)) {
			p->home = NUMA_NO_NODE;
			s->fresh[idx] = true;
			continue;
		}
		claim(s, idx, home);
		p->verdict = KNUMAD_V_HOME;
	}
}

/*
 * The cheapest node on which @all of a process fits now, or nearly; among equals the one
 * with most cores to spare, then with most room, then the first. @cost gets what it costs,
 * @second that of the next best; S64_MAX if there is none.
 */
static int best_node(const struct place_state *s, unsigned int idx, bool all, s64 *cost,
		     s64 *second)
{
	int nid, best = NUMA_NO_NODE;

	*cost = S64_MAX;
	*second = S64_MAX;
	for (nid = 0; nid < s->pl->nr_nodes; nid++) {
		s64 here, diff = -1;

		if (!fits(s, idx, nid, all))
			continue;
		here = cost_now(s, idx, nid);
		if (best != NUMA_NO_NODE)
			diff = here - *cost;
		if (!diff)
			diff = s->cores[best] - s->cores[nid];
		if (!diff)
			diff = s->room[best] - s->room[nid];
		if (diff < 0) {
			*second = *cost;
			*cost = here;
			best = nid;
		} else {
			*second = min(*second, here);
		}
	}
	s->pl->steps += s->pl->nr_nodes;
	return best;
}

/* Why a process fits nowhere: memory first, it is what the admin can add */
static enum knumad_verdict misfit(const struct place_state *s, unsigned int idx)
{
	const struct knumad_pl_proc *p = &s->pl->procs[idx];
	bool any = false;
	int nid;

	for (nid = 0; nid < s->pl->nr_nodes; nid++) {
		if (!usable(s, p, nid))
			continue;
		any = true;
		if (fits_room(s, idx, nid, false))
			return KNUMAD_V_NO_CPUS;
	}
	return any ? KNUMAD_V_NO_ROOM : KNUMAD_V_AFFINITY;
}

static int by_regret(const void *a, const void *b)
{
	const struct queue_entry *x = a, *y = b;

	if (x->regret != y->regret)
		return x->regret > y->regret ? -1 : 1;
	if (x->pages != y->pages)
		return x->pages > y->pages ? -1 : 1;
	return x->idx < y->idx ? -1 : 1;
}

/* Step 2: the homeless, in the order of their regret */
static void place_homeless(struct place_state *s)
{
	struct knumad_placement *pl = s->pl;
	unsigned int idx, n = 0, k;

	for (idx = 0; idx < pl->nr_procs; idx++) {
		struct knumad_pl_proc *p = &pl->procs[idx];
		s64 cost, second;
		int best;

		if (p->home != NUMA_NO_NODE || p->skip)
			continue;
		if (is_idle(pl, p)) {
			p->verdict = KNUMAD_V_IDLE;
			continue;
		}
		if (pl->spread && is_alone(s, idx)) {
			p->verdict = KNUMAD_V_SPREAD;
			continue;
		}
		best = best_node(s, idx, false, &cost, &second);
		s->queue[n++] = (struct queue_entry) {
			.idx = idx,
			.pages = s->size[idx],
			.regret = best == NUMA_NO_NODE ? 0 : second - cost,
		};
	}

	s->queued = n;
	sort(s->queue, n, sizeof(*s->queue), by_regret, NULL);

	for (k = 0; k < n; k++) {
		struct knumad_pl_proc *p;
		s64 cost, second;
		int best;

		knumad_breathe(k);
		idx = s->queue[k].idx;
		p = &pl->procs[idx];
		best = best_node(s, idx, false, &cost, &second);
		if (best == NUMA_NO_NODE) {
			p->verdict = misfit(s, idx);
		} else if (cost > knumad_stay_cost(pl, p)) {
			p->verdict = KNUMAD_V_NOT_WORTH;
		} else {
			p->home = best;
			p->verdict = KNUMAD_V_HOME;
			claim(s, idx, best);
		}
		pl->steps += (u64)pl->nr_nodes * pl->nr_nodes;
	}
}

/* Is a node worth it as home of a process in the room that is there? */
static bool is_worth(const struct place_state *s, unsigned int idx, int nid)
{
	struct knumad_placement *pl = s->pl;

	pl->steps += (u64)pl->nr_nodes * pl->nr_nodes;
	return fits_room(s, idx, nid, false) &&
	       cost_now(s, idx, nid) <= knumad_stay_cost(pl, &pl->procs[idx]);
}

/*
 * Give up fresh homes that bring memory to a node without room, or to any node
 * if @all, the last placed first; but for those that need not bring all. Return: whether
 * there was one.
 *
 *   2 nodes, nothing free: 990 and 10 pages, and 100 pages on node 0 of one that has no
 *   home: it was to leave them, but home 0 is kept without the 10.
 */
static bool give_up(struct place_state *s, bool all)
{
	struct knumad_placement *pl = s->pl;
	unsigned int k = s->queued;
	bool any = false;

	while (k--) {
		unsigned int idx = s->queue[k].idx;
		struct knumad_pl_proc *p = &pl->procs[idx];
		bool last = all || s->queue[k].tried;
		int home = p->home;

		pl->steps++;
		if (home == NUMA_NO_NODE ||
		    s->size[idx] - p->left <= knumad_movable(p, home) ||
		    (s->room[home] >= 0 && !all))
			continue;
		any = true;
		s->queue[k].tried = true;
		unclaim(s, idx, home);
		if (!last && is_worth(s, idx, home)) {
			claim(s, idx, home);
			continue;
		}
		p->home = NUMA_NO_NODE;
		p->verdict = KNUMAD_V_NO_ROOM;
		claim_in_place(s, idx);
	}
	return any;
}

static bool is_overfull(const struct place_state *s)
{
	int nid;

	for (nid = 0; nid < s->pl->nr_nodes; nid++)
		if (s->room[nid] < 0)
			return true;
	return false;
}

/*
 * What is not placed stays where it is. If that overfills a node, fresh homes
 * that bring memory there are given up again: they counted on room that nobody
 * leaves. What they give back may overfill the next node, so repeat; in the end
 * everybody new stays in place, which is always possible. Incumbents keep their home, but
 * not the room that is then missing.
 */
static void put_back(struct place_state *s)
{
	struct knumad_placement *pl = s->pl;
	unsigned int idx;
	int round;

	for (idx = 0; idx < pl->nr_procs; idx++)
		if (pl->procs[idx].home == NUMA_NO_NODE &&
		    !pl->procs[idx].skip)
			claim_in_place(s, idx);

	for (round = 0; round <= 2 * pl->nr_nodes && is_overfull(s); round++)
		if (!give_up(s, round == 2 * pl->nr_nodes))
			break;

	for (idx = 0; idx < pl->nr_procs; idx++) {
		int home = pl->procs[idx].home;

		if (s->fresh[idx] || home == NUMA_NO_NODE || s->room[home] >= 0)
			continue;
		unclaim(s, idx, home);
		claim(s, idx, home);
	}
}

/*
 * May process @idx go to @nid now? An incumbent may only if the same was
 * proposed in the last pass.
 */
static bool is_confirmed(const struct place_state *s, unsigned int idx, int nid)
{
	return s->fresh[idx] || s->pl->procs[idx].pending == nid;
}

/* Make @nid the home of process @idx, or propose it for the next pass */
static void decide_on(struct place_state *s, unsigned int idx, int nid, bool now)
{
	struct knumad_pl_proc *p = &s->pl->procs[idx];

	if (now)
		p->home = nid;
	p->verdict = now ? KNUMAD_V_HOME : KNUMAD_V_PENDING;
	s->proposed[idx] = now ? NUMA_NO_NODE : nid;
}

/* A change must gain an eighth of what the home costs, noise does not */
static bool is_gain(s64 before, s64 after)
{
	return after < before - before / 8;
}

/* Step 3: move to a better node that has room; others may count on that of all its pages */
static bool try_move(struct place_state *s, unsigned int idx)
{
	struct knumad_pl_proc *p = &s->pl->procs[idx];
	int from = p->home, to;
	s64 cost, second;

	unclaim(s, idx, from);
	to = best_node(s, idx, true, &cost, &second);
	if (to != NUMA_NO_NODE && to != from && is_gain(cost_now(s, idx, from), cost))
		decide_on(s, idx, to, is_confirmed(s, idx, to));
	claim(s, idx, p->home);
	return p->home != from;
}

/* Step 3: exchange the homes of two processes */
static bool try_swap(struct place_state *s, unsigned int a, unsigned int b)
{
	struct knumad_pl_proc *p = &s->pl->procs[a], *q = &s->pl->procs[b];
	int ha = p->home, hb = q->home;
	bool now = false;

	if (!is_gain(cost_of(s, a, ha) + cost_of(s, b, hb),
		     cost_of(s, a, hb) + cost_of(s, b, ha)))
		return false;

	unclaim(s, a, ha);
	unclaim(s, b, hb);
	if (fits(s, a, hb, true) && fits(s, b, ha, true)) {
		now = is_confirmed(s, a, hb) && is_confirmed(s, b, ha);
		/* Both wait for the one that has to */
		decide_on(s, a, hb, now);
		decide_on(s, b, ha, now);
	}
	claim(s, a, p->home);
	claim(s, b, q->home);
	return now;
}

static int cheapest(const struct place_state *s, unsigned int idx)
{
	const struct knumad_pl_proc *p = &s->pl->procs[idx];
	int nid, best = p->home;

	for (nid = 0; nid < s->pl->nr_nodes; nid++)
		if (usable(s, p, nid) &&
		    cost_of(s, idx, nid) < cost_of(s, idx, best))
			best = nid;
	return best;
}

/* Step 3: moves and swaps while they help, bounded */
static void improve(struct place_state *s)
{
	struct knumad_placement *pl = s->pl;
	u64 budget = (u64)pl->nr_procs * pl->nr_nodes * KNUMAD_SWAP_STEPS;
	unsigned int a, b;

	for (a = 0; a < pl->nr_procs; a++) {
		bool crammed;
		int want;

		knumad_breathe(a);
		if (pl->procs[a].home == NUMA_NO_NODE)
			continue;
		crammed = pl->procs[a].left > s->size[a] / KNUMAD_LEFT_PART;
		want = cheapest(s, a);
		pl->steps += pl->nr_nodes;
		if (want == pl->procs[a].home && !crammed)
			continue;
		if (try_move(s, a) || want == pl->procs[a].home)
			continue;
		for (b = 0; b < pl->nr_procs && budget; b++) {
			budget--;
			pl->steps++;
			if (pl->procs[b].home == want && try_swap(s, a, b))
				break;
		}
	}
}

/**
 * knumad_place_max_steps - upper bound of the steps of knumad_place()
 * @nr_procs: processes
 * @nr_nodes: nodes
 *
 * Return: O(P x N x (N + 1)); KUnit holds knumad_place() to it.
 */
u64 knumad_place_max_steps(unsigned int nr_procs, int nr_nodes)
{
	u64 pn = (u64)nr_procs * nr_nodes;

	return 7 * pn * nr_nodes + (9 + KNUMAD_SWAP_STEPS) * pn +
	       (1 + KNUMAD_CROWD_ROUNDS) * (u64)nr_procs;
}

/**
 * knumad_place - choose homes for all processes together
 * @pl: the problem; @home, @pending and @verdict of its processes are updated
 *
 * May sleep, also to allocate (O(P x N) words). On failure nothing is changed.
 *
 * Return: 0 or -ENOMEM.
 */
int knumad_place(struct knumad_placement *pl)
{
	unsigned int n = pl->nr_procs, idx;
	struct place_state *s;
	int ret = -ENOMEM;

	pl->steps = 0;
	pl->bytes = 0;
	pl->crowd = KNUMAD_NO_CROWD;
	if (!n)
		return 0;

	s = kvzalloc(sizeof(*s), KNUMAD_GFP);
	if (!s)
		return -ENOMEM;
	s->pl = pl;
	s->cost = kvcalloc((size_t)n * pl->nr_nodes, sizeof(*s->cost),
			   KNUMAD_GFP);
	s->queue = kvcalloc(n, sizeof(*s->queue), KNUMAD_GFP);
	s->proposed = kvcalloc(n, sizeof(*s->proposed), KNUMAD_GFP);
	s->size = kvcalloc(n, sizeof(*s->size), KNUMAD_GFP);
	s->fresh = kvcalloc(n, sizeof(*s->fresh), KNUMAD_GFP);
	if (!s->cost || !s->queue || !s->proposed || !s->size || !s->fresh)
		goto out;

	knumad_find_crowd(pl, s->homed);
	init_state(s);
	keep_incumbents(s);
	for (idx = 0; idx < pl->nr_nodes; idx++)
		s->cores[idx] -= s->taken[idx];
	place_homeless(s);
	put_back(s);
	improve(s);

	for (idx = 0; idx < n; idx++)
		pl->procs[idx].pending = s->proposed[idx];
	pl->bytes = sizeof(*s) + n * (pl->nr_nodes * sizeof(*s->cost) +
				      sizeof(*s->queue) + sizeof(*s->proposed) +
				      sizeof(*s->size) + sizeof(*s->fresh));
	ret = 0;
out:
	kvfree(s->fresh);
	kvfree(s->size);
	kvfree(s->proposed);
	kvfree(s->queue);
	kvfree(s->cost);
	kvfree(s);
	return ret;
}
