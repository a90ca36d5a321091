// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: what samples tell about a process that does not fit in one node
 *
 * Rounds arm a few pages (arm.c), hinting faults tell who used them (fault.c). Here it
 * is kept, per thread and per chunk of 2 MiB, and turned into homes of threads and
 * chunks by the policy (spanning.c, chunk.c). Rounds follow each other quickly while
 * there is something to learn, and at intervals that double when there is not.
 *
 * All by the knumad thread, but for knumad_chunk_target(), which movers call while the
 * knumad thread waits for them.
 */

#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <trace/events/knumad.h>

#include "internal.h"

#define KNUMAD_TABLE_SHIFT	PUD_SHIFT

/* With more threads, who shares with whom is not kept */
#define KNUMAD_MAX_SHARERS	128

/* Threads beyond this many are not told apart: their samples do not count */
#define KNUMAD_MAX_THREADS	1024

/* How much faster rounds follow each other while there is something to learn */
#define KNUMAD_LEARN_SPEED	8

/*
 * How much slower at most while there is nothing: of the 512 chunks of 1 GiB 8 are due
 * in a round, that makes 0.8 faults per second.
 */
#define KNUMAD_ROUND_BACKOFF	10

/* A surprise in so many samples, and not just one: more than a chunk has changed */
#define KNUMAD_SURPRISES	4

/* Samples of a thread after which the older ones count half */
#define KNUMAD_MEMORY		64

/* Samples of a thread, or chunks of a process, that say nothing yet */
#define KNUMAD_FEW		16

/* The rate of the whole machine: that of so many processes */
#define KNUMAD_CROWD		8

/* Samples per running thread that tell who takes them, and threads, at least */
#define KNUMAD_RECENT		4U

/* Comparisons of samples after which the older ones count half */
#define KNUMAD_COMPARED		128

static struct knumad_table *find_table(struct knumad_sampling *s, unsigned long addr)
{
	return xa_load(&s->chunks, addr >> KNUMAD_TABLE_SHIFT);
}

static struct knumad_chunk *chunk_of(struct knumad_table *t, unsigned long addr)
{
	return &t->chunk[(addr >> PMD_SHIFT) % KNUMAD_TABLE_CHUNKS];
}

/**
 * knumad_chunk_get - what is known of a chunk
 * @proc: the process, being sampled
 * @addr: any address in the chunk
 *
 * Knumad thread only; may sleep to allocate.
 *
 * Return: its state, NULL without memory for it.
 */
struct knumad_chunk *knumad_chunk_get(struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_table *t = find_table(s, addr);

	if (!t) {
		t = kzalloc(sizeof(*t), GFP_KERNEL | __GFP_NOWARN);
		if (!t)
			return NULL;
		if (xa_err(xa_store(&s->chunks, addr >> KNUMAD_TABLE_SHIFT, t,
				    GFP_KERNEL | __GFP_NOWARN))) {
			kfree(t);
			return NULL;
		}
		knumad_stat_bytes(sizeof(*t));
	}
	return chunk_of(t, addr);
}

/**
 * knumad_chunk_target - the node where a chunk belongs
 * @proc: the process
 * @addr: any address in the chunk
 *
 * Return: a node, NUMA_NO_NODE if it is not known or not allowed any more.
 */
int knumad_chunk_target(const struct knumad_proc *proc, unsigned long addr)
{
	struct knumad_table *t = find_table(proc->sampling, addr);
	int nid = t ? chunk_of(t, addr)->target - 1 : NUMA_NO_NODE;

	return nid != NUMA_NO_NODE && node_isset(nid, proc->mems) ? nid : NUMA_NO_NODE;
}

/**
 * knumad_sampling_due - should this chunk be looked at in this round?
 * @proc: the process, being sampled
 * @c: the chunk
 * @addr: where it is
 *
 * Return: true if so, also if a sample of it is under way.
 */
bool knumad_sampling_due(const struct knumad_proc *proc, const struct knumad_chunk *c,
			 unsigned long addr)
{
	struct knumad_chunk idle = *c;

	idle.armed = false;
	return knumad_chunk_due(&idle, proc->sampling->round, addr >> PMD_SHIFT);
}

/* === Threads === */

static int find_thread(const struct knumad_sampling *s, pid_t tid, unsigned int hint)
{
	unsigned int i;

	for (i = 0; i < s->nr_threads; i++) {
		unsigned int at = (hint + i) % s->nr_threads;

		if (s->threads[at].tid == tid)
			return at;
	}
	return -ENOENT;
}

static size_t threads_size(unsigned int nr)
{
	size_t size = nr * (sizeof(struct knumad_sthread) + knumad_topo.nr * sizeof(u32));

	return nr <= KNUMAD_MAX_SHARERS ? size + nr * nr * sizeof(u32) : size;
}

/* Make room for so many threads. What was learnt of them so far is forgotten. */
static bool resize(struct knumad_sampling *s, unsigned int nr)
{
	struct knumad_sthread *threads = kvzalloc(threads_size(nr), GFP_KERNEL);
	unsigned int i;

	if (!threads)
		return false;
	for (i = 0; i < nr; i++)
		threads[i].home = NUMA_NO_NODE;
	/* Somebody may be reading debugfs */
	mutex_lock(&knumad_procs_lock);
	if (s->threads) {
		memcpy(threads, s->threads, s->nr_threads * sizeof(*threads));
		knumad_stat_bytes(-(long)threads_size(s->nr_threads));
		kvfree(s->threads);
	}
	knumad_stat_bytes(threads_size(nr));
	s->threads = threads;
	s->nr_threads = nr;
	s->seen = (u32 *)(threads + nr);
	s->shares = nr <= KNUMAD_MAX_SHARERS ? s->seen + nr * knumad_topo.nr : NULL;
	mutex_unlock(&knumad_procs_lock);
	return true;
}

static void forget_thread(struct knumad_sampling *s, unsigned int at)
{
	unsigned int recent = s->threads[at].recent, i;

	s->recent -= recent;
	s->squares -= recent * recent;
	s->threads[at] = (struct knumad_sthread){ .home = NUMA_NO_NODE };
	memset(s->seen + at * knumad_topo.nr, 0, knumad_topo.nr * sizeof(*s->seen));
	for (i = 0; s->shares && i < s->nr_threads; i++) {
		s->shares[at * s->nr_threads + i] = 0;
		s->shares[i * s->nr_threads + at] = 0;
	}
}

/*
 * The next thread at the place of one that is gone has not used its chunks, and who
 * takes them over may be at home elsewhere.
 */
static void forget_users(struct knumad_sampling *s)
{
	struct knumad_table *t;
	unsigned long index;
	int i;

	xa_for_each(&s->chunks, index, t)
		for (i = 0; i < KNUMAD_TABLE_CHUNKS; i++) {
			struct knumad_chunk *c = &t->chunk[i];

			if (!c->user || c->user > s->nr_threads ||
			    s->threads[c->user - 1].tid)
				continue;
			c->user = 0;
			if (!c->spread)
				c->target = 0;
		}
}

static void look_at_thread(struct knumad_sampling *s, struct task_struct *t,
			   unsigned int at, u64 elapsed)
{
	struct knumad_sthread *st = &s->threads[at];
	u64 now = READ_ONCE(t->se.sum_exec_runtime);
	unsigned long load;
	int nid;

	load = knumad_load_sample(now - min(st->cpu_ns, now),
				  st->tid ? elapsed : 0, task_is_running(t));
	st->load = st->tid ? knumad_decay(st->load, load) : load;
	st->cpu_ns = now;
	st->tid = t->pid;
	st->node = cpu_to_node(task_cpu(t));
	st->look = s->looks;
	s->running += st->load >= KNUMAD_SPAN_HELPER;
	nodes_clear(st->allowed);
	for_each_node_state(nid, N_CPU)
		if (cpumask_intersects(cpumask_of_node(nid), t->cpus_ptr))
			node_set(nid, st->allowed);
}

/**
 * knumad_sampling_look - look at the threads of a process
 * @proc: the process, being sampled
 *
 * Knumad thread only; may sleep. New threads get a place, those that are gone lose it.
 */
void knumad_sampling_look(struct knumad_proc *proc)
{
	struct task_struct *leader = knumad_proc_task(proc), *t;
	struct knumad_sampling *s = proc->sampling;
	u64 elapsed = knumad_topo.stamp - s->look_ns;
	unsigned int nr, hint = 0, i;
	bool gone = false;

	if (!leader)
		return;
	/* The cpuset may have changed */
	nodes_and(s->moving, s->moving, proc->mems);
	nr = min(get_nr_threads(leader) + 2, KNUMAD_MAX_THREADS);
	if (nr > s->nr_threads && !resize(s, clamp(2 * s->nr_threads, nr, KNUMAD_MAX_THREADS)))
		goto out;
	s->looks++;
	s->running = 0;
	rcu_read_lock();
	for_each_thread(leader, t) {
		int at = find_thread(s, t->pid, hint);

		if (at < 0)
			at = find_thread(s, 0, hint);
		if (at < 0)
			break;
		look_at_thread(s, t, at, elapsed);
		hint = at + 1;
	}
	rcu_read_unlock();
	for (i = 0; i < s->nr_threads; i++)
		if (s->threads[i].tid && s->threads[i].look != s->looks) {
			forget_thread(s, i);
			gone = true;
		}
	if (gone)
		forget_users(s);
	s->look_ns = knumad_topo.stamp;
out:
	put_task_struct(leader);
}

/**
 * knumad_thread_home - the home of a thread
 * @proc: its process
 * @tid: the thread's id, in the initial namespace
 *
 * Return: a node, NUMA_NO_NODE for none.
 */
int knumad_thread_home(const struct knumad_proc *proc, pid_t tid)
{
	int at;

	if (!proc->sampling)
		return proc->home;
	at = find_thread(proc->sampling, tid, 0);
	return at < 0 ? NUMA_NO_NODE : proc->sampling->threads[at].home;
}

/* === Learning === */

static unsigned int total(const u32 *seen)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < knumad_topo.nr; i++)
		sum += seen[i];
	return sum;
}

/* Samples beyond the memory of a thread push the older ones out */
static void see(struct knumad_sampling *s, unsigned int at, int nid)
{
	u32 *seen = s->seen + at * knumad_topo.nr;
	int i;

	seen[nid]++;
	if (total(seen) <= KNUMAD_MEMORY)
		return;
	for (i = 0; i < knumad_topo.nr; i++)
		seen[i] /= 2;
}

static void share(struct knumad_sampling *s, unsigned int a, unsigned int b)
{
	unsigned int nr = s->nr_threads, i;
	u32 *row = s->shares + a * nr;

	if (++row[b] + ++s->shares[b * nr + a] <= 2 * KNUMAD_MEMORY)
		return;
	for (i = 0; i < nr; i++) {
		row[i] /= 2;
		s->shares[i * nr + a] = row[i];
	}
}

/* Something is to be moved to a node; who moves there already goes round once more */
static void want(struct knumad_proc *proc, int nid)
{
	struct knumad_sampling *s = proc->sampling;

	if (!node_isset(nid, proc->mems))
		return;
	if (node_isset(nid, s->moving))
		node_set(nid, s->again);
	node_set(nid, s->moving);
	WRITE_ONCE(proc->moving, true);
}

/* Count who took the recent samples: the older ones count half */
static void hear(struct knumad_sampling *s, unsigned int at)
{
	struct knumad_sthread *st = &s->threads[at];
	unsigned int i;

	s->heard++;
	s->recent++;
	s->squares += 2 * st->recent++ + 1;
	if (s->recent < KNUMAD_RECENT * max(s->running, KNUMAD_RECENT))
		return;
	s->recent = 0;
	s->squares = 0;
	for (i = 0, st = s->threads; i < s->nr_threads; i++, st++) {
		st->recent /= 2;
		s->recent += st->recent;
		s->squares += st->recent * st->recent;
	}
}

/* Return: samples in a row that tell where a chunk of this process belongs */
static unsigned int compare(struct knumad_sampling *s, const struct knumad_chunk *c,
			    int home)
{
	int same = knumad_chunk_compare(c, home);

	if (knumad_chunk_one_sided(s->recent, s->squares, s->running))
		return KNUMAD_CHUNK_AGREE_MAX;
	s->agreed += same > 0;
	s->disagreed += same < 0;
	if (s->agreed + s->disagreed >= KNUMAD_COMPARED) {
		s->agreed /= 2;
		s->disagreed /= 2;
	}
	return knumad_chunk_enough(s->agreed, s->disagreed, nodes_weight(s->set));
}

static void learn_chunk(struct knumad_proc *proc, const struct knumad_sample *sample,
			unsigned int at, int home)
{
	struct knumad_chunk *c = knumad_chunk_get(proc, sample->addr);
	unsigned long nr = sample->addr >> PMD_SHIFT;
	struct knumad_sampling *s = proc->sampling;
	bool spread, known;

	if (!c || knumad_chunk_repeats(c, at))
		return;
	spread = c->spread;
	known = knumad_chunk_known(c);
	hear(s, at);
	s->surprises += known && !spread && c->agree > 1 && c->node != home + 1;
	if (s->shares && c->user && c->user - 1 != at && c->user <= s->nr_threads)
		share(s, c->user - 1, at);
	knumad_chunk_sample(c, at, home, compare(s, c, home));
	if (c->spread && !spread)
		c->target = knumad_chunk_spread(nr, &s->set) + 1;
	/* A surprise: there is something to learn */
	if (!knumad_chunk_known(c) || (!c->spread && (!known || c->agree < 2)))
		s->fresh = true;
	if (knumad_chunk_known(c) && c->target - 1 != sample->mem_nid)
		want(proc, c->target - 1);
}

static void learn(const struct knumad_sample *sample)
{
	struct knumad_proc *proc = knumad_registry_find(sample->mm);
	struct knumad_sampling *s;
	int at;

	knumad_stat_add(KNUMAD_S_HINT_FAULTS, 1);
	if (sample->cpu_nid == sample->mem_nid)
		knumad_stat_add(KNUMAD_S_HINT_FAULTS_LOCAL, 1);
	/* Armed by mainline, before it had to stand still */
	if (!proc || !proc->sampling)
		return;
	WRITE_ONCE(proc->faults, proc->faults + 1);
	s = proc->sampling;
	at = find_thread(s, sample->tid, 0);
	if (at < 0 || s->threads[at].home == NUMA_NO_NODE)
		return;
	see(s, at, sample->mem_nid);
	learn_chunk(proc, sample, at, s->threads[at].home);
}

/**
 * knumad_sampling_local - how much of what it uses is local, or soon will be
 * @proc: the process
 *
 * A chunk that belongs to one node is moved there, of one that nodes share each has
 * its part.
 *
 * Return: thousandths of the chunks that are known; 0 if these are few.
 */
unsigned int knumad_sampling_local(const struct knumad_proc *proc)
{
	unsigned long index, known = 0, shared = 0;
	struct knumad_sampling *s = proc->sampling;
	struct knumad_table *t;
	int i, nodes;

	if (!s)
		return 0;
	xa_for_each(&s->chunks, index, t)
		for (i = 0; i < KNUMAD_TABLE_CHUNKS; i++) {
			known += knumad_chunk_known(&t->chunk[i]);
			shared += t->chunk[i].spread;
		}
	nodes = max(nodes_weight(s->set), 1);
	return known < KNUMAD_FEW ? 0 : 1000 - 1000 * (shared - shared / nodes) / known;
}

/* === Deciding === */

/* Nobody knows yet what a thread uses: like as not what the others do */
static void sum_up(const struct knumad_sampling *s, u32 *all)
{
	unsigned int at;
	int i;

	memset(all, 0, knumad_topo.nr * sizeof(*all));
	for (at = 0; at < s->nr_threads; at++)
		for (i = 0; i < knumad_topo.nr; i++)
			all[i] += s->seen[at * knumad_topo.nr + i];
}

/*
 * As many samples of each thread: how many it took depends on the chunks that were due,
 * not on the thread. A few of them are as those of all threads.
 */
static void even_out(u32 *to, const u32 *seen, const u32 *all)
{
	unsigned int sum = total(seen), everybody = max(total(all), 1U);
	int i;

	for (i = 0; i < knumad_topo.nr; i++) {
		unsigned int few = DIV_ROUND_CLOSEST(all[i] * KNUMAD_FEW, everybody);

		to[i] = DIV_ROUND_CLOSEST((seen[i] + few) * KNUMAD_MEMORY,
					  sum + KNUMAD_FEW);
	}
}

static void fill_threads(const struct knumad_sampling *s, struct knumad_sp_thread *to,
			 u32 *seen)
{
	u32 *all = seen + s->nr_threads * knumad_topo.nr;
	unsigned int i;

	sum_up(s, all);
	for (i = 0; i < s->nr_threads; i++, seen += knumad_topo.nr) {
		even_out(seen, s->seen + i * knumad_topo.nr, all);
		to[i] = (struct knumad_sp_thread) {
			.seen = seen,
			.load = s->threads[i].load,
			.node = s->threads[i].node,
			.allowed = s->threads[i].allowed,
			.home = s->threads[i].home,
		};
	}
}

/* A node that is claimed altogether still has cores, or nobody could live there */
static void claim(unsigned long *cores, int nid, unsigned long load)
{
	if (nid != NUMA_NO_NODE && cores[nid])
		cores[nid] -= min(cores[nid] - 1, load);
}

/* What homes of other processes and threads leave of the nodes */
static void fill_nodes(const struct knumad_proc *proc, unsigned long *cores,
		       unsigned long *pages)
{
	struct knumad_proc *other;
	int i;

	for (i = 0; i < knumad_topo.nr; i++) {
		cores[i] = node_isset(i, proc->mems) ? knumad_topo.node[i].cores : 0;
		pages[i] = knumad_topo.node[i].free + proc->now.resident[i];
	}
	knumad_for_each_proc(other) {
		const struct knumad_sampling *s = other->sampling;
		unsigned int at;

		claim(cores, other->home, other->load);
		for (at = 0; s && other != proc && at < s->nr_threads; at++)
			claim(cores, s->threads[at].home, s->threads[at].load);
	}
}

/* Has a thread another home now, so that what its chunks say is no longer true? */
static bool is_rehomed(const struct knumad_sthread *st, const struct knumad_sp_thread *to)
{
	return st->tid && st->load >= KNUMAD_SPAN_HELPER && st->home != to->home &&
	       st->home != NUMA_NO_NODE && to->home != NUMA_NO_NODE;
}

static void rehome_chunks(struct knumad_sampling *s, const struct knumad_sp_thread *to)
{
	struct knumad_table *t;
	unsigned long index;
	int i;

	xa_for_each(&s->chunks, index, t)
		for (i = 0; i < KNUMAD_TABLE_CHUNKS; i++) {
			struct knumad_chunk *c = &t->chunk[i];
			unsigned int at = c->user - 1;
			bool moved = c->user && at < s->nr_threads &&
				     is_rehomed(&s->threads[at], &to[at]);

			knumad_chunk_rehome(c, moved ? to[at].home : NUMA_NO_NODE);
		}
	/* Who shared across nodes may be together now, and who was together apart */
	s->agreed = 0;
	s->disagreed = 0;
	s->fresh = true;
}

/**
 * knumad_sampling_place - choose the homes of the threads of a process
 * @proc: the process, being sampled
 *
 * Knumad thread only; may sleep.
 *
 * Return: true if any has a new home.
 */
bool knumad_sampling_place(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_span sp = {
		.nr_nodes = knumad_topo.nr,
		.distance = knumad_topo.distance,
		.nr_threads = s->nr_threads,
		.shares = s->shares,
		.set = s->set,
	};
	unsigned long *left;
	bool changed = false, rehomed = false;
	unsigned int i;
	u32 *seen;

	left = kcalloc(2 * knumad_topo.nr, sizeof(*left), GFP_KERNEL);
	sp.threads = kvcalloc(sp.nr_threads, sizeof(*sp.threads), GFP_KERNEL);
	seen = kvcalloc(sp.nr_threads + 1, knumad_topo.nr * sizeof(*seen), GFP_KERNEL);
	if (!left || !sp.threads || !seen)
		goto out;
	sp.cores = left;
	sp.pages = left + knumad_topo.nr;
	fill_nodes(proc, left, left + knumad_topo.nr);
	fill_threads(s, sp.threads, seen);
	for (i = 0; i < knumad_topo.nr; i++)
		sp.resident += proc->now.resident[i];
	if (knumad_span_place(&sp))
		goto out;
	s->set = sp.set;
	for (i = 0; i < sp.nr_threads; i++)
		rehomed |= is_rehomed(&s->threads[i], &sp.threads[i]);
	if (rehomed)
		rehome_chunks(s, sp.threads);
	for (i = 0; i < sp.nr_threads; i++) {
		struct knumad_sthread *st = &s->threads[i];

		if (!st->tid || st->home == sp.threads[i].home)
			continue;
		trace_knumad_thread(st->tid, st->home, sp.threads[i].home);
		WRITE_ONCE(st->home, sp.threads[i].home);
		knumad_stat_add(KNUMAD_S_THREAD_HOMES_SET, 1);
		changed = true;
	}
out:
	kvfree(seen);
	kvfree(sp.threads);
	kfree(left);
	return changed;
}

/* === Rounds === */

/* Of the whole machine */
static struct knumad_allowance everybody;

/* Return: samples that may be armed now; a second's worth may pile up */
static unsigned long refill(struct knumad_allowance *a, unsigned long rate)
{
	unsigned long elapsed = min(jiffies - a->stamp, (unsigned long)HZ);

	a->tokens = min(a->tokens + rate * elapsed, rate * HZ);
	a->stamp = jiffies;
	return a->tokens / HZ;
}

/* Arm what is due and allowed, from the cursor on */
static void arm(struct knumad_proc *proc)
{
	unsigned long rate = READ_ONCE(knumad_tun.samples_per_s), nr;
	struct knumad_sampling *s = proc->sampling;

	/* Half of what is left of it: there may be others behind us */
	nr = min(refill(&s->allowance, rate),
		 DIV_ROUND_UP(refill(&everybody, KNUMAD_CROWD * rate), 2));
	if (!nr)
		return;
	nr = knumad_arm(proc, &s->cursor, nr) * HZ;
	s->allowance.tokens -= nr;
	everybody.tokens -= nr;
	s->arming = s->cursor;
}

/* Time between two rounds while there is something to learn, jiffies */
static unsigned long quickly(void)
{
	return msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms) /
				KNUMAD_LEARN_SPEED) ?: 1;
}

/*
 * Much of what was known is no longer true: another phase of the program. Sample all
 * chunks again, but for those that all share.
 */
static void learn_anew(struct knumad_sampling *s)
{
	struct knumad_table *t;
	unsigned long index;
	int i;

	xa_for_each(&s->chunks, index, t)
		for (i = 0; i < KNUMAD_TABLE_CHUNKS; i++)
			if (!t->chunk[i].spread)
				t->chunk[i].backoff = 0;
}

static void begin_round(struct knumad_proc *proc)
{
	unsigned long interval = msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms));
	struct knumad_sampling *s = proc->sampling;

	if (s->surprises > 1 && KNUMAD_SURPRISES * s->surprises >= s->heard) {
		learn_anew(s);
		s->heard = KNUMAD_FEW;
	}
	if (s->heard >= KNUMAD_FEW) {
		s->heard = 0;
		s->surprises = 0;
	}
	s->pause = clamp(s->pause + DIV_ROUND_UP(s->pause, 2), quickly(),
			 KNUMAD_ROUND_BACKOFF * interval);
	s->next_round = jiffies + s->pause;
	s->round++;
	s->arming = true;
	s->cursor = 0;
}

/**
 * knumad_sampling_settle - learn from what has been moved
 * @proc: the process, being sampled
 *
 * Knumad thread only. Where all that belongs to a node has been moved there, what threads
 * at home there used elsewhere before is local to them now.
 */
void knumad_sampling_settle(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	unsigned int i;

	for (i = 0; i < s->nr_threads; i++) {
		u32 *seen = s->seen + i * knumad_topo.nr;
		int home = s->threads[i].home;
		unsigned int sum;

		if (home == NUMA_NO_NODE || !node_isset(home, s->arrived))
			continue;
		sum = total(seen);
		memset(seen, 0, knumad_topo.nr * sizeof(*seen));
		seen[home] = sum;
	}
	nodes_clear(s->arrived);
}

/* Return: jiffies until there is more to do */
static long do_round(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;

	if (s->fresh) {
		s->fresh = false;
		s->pause = quickly();
		if (time_after(s->next_round, jiffies + s->pause))
			s->next_round = jiffies + s->pause;
		if (knumad_sampling_place(proc))
			knumad_tasks_settle(proc);
	}
	if (!s->arming && time_after_eq(jiffies, s->next_round))
		begin_round(proc);
	if (s->arming) {
		arm(proc);
		return quickly();
	}
	return max(1L, (long)(s->next_round - jiffies));
}

/**
 * knumad_sampling_rounds - learn from the samples there are, arm new ones
 *
 * Knumad thread only; sleeps.
 *
 * Return: jiffies until the next round is due, MAX_SCHEDULE_TIMEOUT if there is none.
 */
long knumad_sampling_rounds(void)
{
	long pause = MAX_SCHEDULE_TIMEOUT;
	struct knumad_proc *proc;

	knumad_fault_drain(learn);
	knumad_for_each_proc(proc)
		if (proc->sampling && !knumad_should_stop())
			pause = min(pause, do_round(proc));
	return pause;
}

/* === Begin and end === */

/**
 * knumad_sampling_begin - sample a process that does not fit in one node
 * @proc: the process
 *
 * Knumad thread only; may sleep. Without memory nothing happens; it is tried again.
 */
void knumad_sampling_begin(struct knumad_proc *proc)
{
	struct knumad_sampling *s;

	if (proc->sampling)
		return;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return;
	s->move_cursor = kcalloc(knumad_topo.nr, sizeof(*s->move_cursor), GFP_KERNEL);
	if (!s->move_cursor) {
		kfree(s);
		return;
	}
	xa_init(&s->chunks);
	s->next_round = jiffies;
	s->allowance.stamp = jiffies - HZ;
	s->fresh = true;
	knumad_stat_bytes(sizeof(*s));
	knumad_stat_add(KNUMAD_S_MMS_SAMPLED, 1);
	/* Somebody may be reading debugfs */
	mutex_lock(&knumad_procs_lock);
	proc->sampling = s;
	mutex_unlock(&knumad_procs_lock);
	knumad_sampling_look(proc);
}

/* Nothing stays armed of a process that lives on */
static void disarm_all(struct knumad_proc *proc)
{
	struct mm_struct *mm = proc->slot.mm;
	unsigned long index, i;
	struct knumad_table *t;

	if (!mmget_not_zero(mm))
		return;
	xa_for_each(&proc->sampling->chunks, index, t)
		for (i = 0; i < KNUMAD_TABLE_CHUNKS; i++) {
			if (!t->chunk[i].touched)
				continue;
			mmap_read_lock(mm);
			knumad_disarm(mm, (index << KNUMAD_TABLE_SHIFT) +
					  (i << PMD_SHIFT));
			mmap_read_unlock(mm);
			cond_resched();
		}
	mmput_async(mm);
}

/**
 * knumad_sampling_end - forget what samples have told
 * @proc: the process
 *
 * Knumad thread, or after it has gone; sleeps.
 */
void knumad_sampling_end(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	unsigned long index;
	struct knumad_table *t;

	if (!s)
		return;
	disarm_all(proc);
	mutex_lock(&knumad_procs_lock);
	proc->sampling = NULL;
	proc->moving = false;
	mutex_unlock(&knumad_procs_lock);
	xa_for_each(&s->chunks, index, t) {
		kfree(t);
		knumad_stat_bytes(-(long)sizeof(*t));
	}
	xa_destroy(&s->chunks);
	if (s->threads)
		knumad_stat_bytes(-(long)threads_size(s->nr_threads));
	kvfree(s->threads);
	kfree(s->move_cursor);
	kfree(s);
	knumad_stat_bytes(-(long)sizeof(*s));
	knumad_stat_add(KNUMAD_S_MMS_SAMPLED, -1);
}
