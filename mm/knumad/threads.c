// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the threads of a process that spans nodes
 *
 * Each has a place: there is counted on which nodes the memory is that it uses, with
 * whom it shares, and how much it runs. From that the policy (spanning_homes.c) chooses a
 * home for each.
 *
 * All by the knumad thread.
 */

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <trace/events/knumad.h>

#include "internal.h"

/* With more threads, who shares with whom is not kept */
#define KNUMAD_MAX_SHARERS	128U

/* Threads beyond this many are not told apart: their samples do not count */
#define KNUMAD_MAX_THREADS	1024U

/* Samples of a thread after which the older ones count half */
#define KNUMAD_MEMORY		64

/* Samples of a thread that say nothing yet */
#define KNUMAD_PRIOR		16

/* Looks at which homes are kept when threads have stopped, at most */
#define KNUMAD_WAIT_LOOKS	8

/* After a phase, so many samples of chunks that are long known, of which one in 64 is due */
#define KNUMAD_PROBE		(8UL << KNUMAD_CHUNK_MAX_BACKOFF)
#define KNUMAD_MAX_PROBES	8UL

/* One of so many of the threads that run: many of them have moved */
#define KNUMAD_REHOME_SHARE	8

/* Samples per running thread that tell who takes them, and threads, at least */
#define KNUMAD_RECENT		4U

/* === Places === */

/**
 * knumad_threads_find - the place of a thread
 * @s: sampling of its process
 * @tid: the thread's id, in the initial namespace
 *
 * Knumad thread only. Does not take longer where there are many threads without a place.
 *
 * Return: its index, -ENOENT if it has none.
 */
int knumad_threads_find(struct knumad_sampling *s, pid_t tid)
{
	void *place = xa_load(&s->places, tid);

	return place ? xa_to_value(place) : -ENOENT;
}

/*
 * A free place for a thread, of those from @from on; that is moved to the next one. Without
 * memory it has none for now. Return: its index, or an error.
 */
static int take_place(struct knumad_sampling *s, pid_t tid, unsigned int *from)
{
	int ret;

	while (*from < s->nr_threads && s->threads[*from].tid)
		++*from;
	if (*from == s->nr_threads)
		return -ENOSPC;
	ret = xa_err(xa_store(&s->places, tid, xa_mk_value(*from), GFP_NOWAIT | __GFP_NOWARN));
	return ret ?: (*from)++;
}

static size_t threads_size(unsigned int nr)
{
	size_t size = nr * (sizeof(struct knumad_sthread) + knumad_topo.nr * sizeof(u32));

	return nr <= KNUMAD_MAX_SHARERS ? size + nr * nr * sizeof(u32) : size;
}

/* Make room for so many threads. What was learnt of them so far is forgotten. */
static bool resize(struct knumad_sampling *s, unsigned int nr)
{
	struct knumad_sthread *threads = kvzalloc(threads_size(nr), KNUMAD_GFP);
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
	u64 recent = s->threads[at].recent;
	unsigned int i;

	xa_erase(&s->places, s->threads[at].tid);
	s->recent -= recent;
	s->squares -= recent * recent;
	s->threads[at] = (struct knumad_sthread){ .home = NUMA_NO_NODE };
	memset(s->seen + at * knumad_topo.nr, 0, knumad_topo.nr * sizeof(*s->seen));
	for (i = 0; s->shares && i < s->nr_threads; i++) {
		s->shares[at * s->nr_threads + i] = 0;
		s->shares[i * s->nr_threads + at] = 0;
	}
}

/* Was this the last user, 1 + its place, or 0, and is it there no more? */
static bool is_gone(const struct knumad_sampling *s, unsigned int user)
{
	return user && user <= s->nr_threads && !s->threads[user - 1].tid;
}

/*
 * The next thread at the place of one that is gone has not used its chunks, and who
 * takes them over may be at home elsewhere.
 */
static void forget_users(struct knumad_sampling *s)
{
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;
	struct knumad_part *parts;
	unsigned long index;
	unsigned int i;

	while ((c = knumad_chunk_next(s, &it))) {
		if (!is_gone(s, c->user))
			continue;
		c->user = 0;
		if (c->spread)
			continue;
		/* Not long known any more, but in no hurry: all may be about to exit */
		c->target = 0;
		c->backoff = 0;
	}
	knumad_chunks_count(s);
	xa_for_each(&s->parts, index, parts) {
		for (i = 0; i < KNUMAD_PARTS; i++)
			if (is_gone(s, parts[i].user))
				parts[i].user = 0;
		cond_resched();
	}
}

/* Return: its load since the last look */
static unsigned long look_at_thread(struct knumad_sampling *s, struct task_struct *t,
				    unsigned int at, u64 elapsed)
{
	struct knumad_sthread *st = &s->threads[at];
	u64 now = READ_ONCE(t->se.sum_exec_runtime), recent;
	unsigned int sleeps = READ_ONCE(t->nvcsw);
	unsigned long load;
	int nid;

	/* What is more came late, see look_at_threads() in tasks.c */
	recent = min(now - min(st->cpu_ns, now), elapsed);
	load = knumad_load_sample(recent, st->tid ? elapsed : 0, task_is_running(t));
	st->load = st->tid ? knumad_decay(st->load, load) : load;
	st->cpu_ns = now;
	s->load += st->load;
	if (st->tid && st->load >= KNUMAD_SPAN_HELPER)
		s->slept += sleeps - st->sleeps;
	st->sleeps = sleeps;
	st->tid = t->pid;
	st->node = cpu_to_node(task_cpu(t));
	st->look = s->looks;
	s->running += st->load >= KNUMAD_SPAN_HELPER;
	nodes_clear(st->allowed);
	for_each_node_state(nid, N_CPU)
		if (cpumask_intersects(cpumask_of_node(nid), &t->cpus_mask))
			node_set(nid, st->allowed);
	return load;
}

/* How long KNUMAD_WAIT_LOOKS take at least, jiffies */
static unsigned long wait_time(void)
{
	return KNUMAD_WAIT_LOOKS * msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms));
}

/*
 * Threads have stopped, @sum is much less than it was @before.  For a while, or only for
 * others to catch up?  Until that is known, or the loads are as they were, nothing is
 * decided by them; but not all the time, where threads come and go.
 */
static void wait_for_others(struct knumad_sampling *s, unsigned long sum, unsigned long before)
{
	unsigned long patience = wait_time();

	if (s->waiting && (time_after_eq(jiffies, s->wait_end) ||
			   s->load >= s->wait_load - s->wait_load / 16)) {
		s->waiting = false;
		s->wait_end = jiffies;
		s->fresh = true;
	} else if (!s->waiting && sum < before - before / 8 &&
		   time_after_eq(jiffies, s->wait_end + patience)) {
		s->waiting = true;
		s->wait_end = jiffies + patience;
		s->wait_load = before;
	}
}

/*
 * Threads that compute go to sleep when they have to wait for each other: a phase of the
 * program has ended.  When all is calm again, see whether they use other memory now.
 */
static void watch_for_phases(struct knumad_sampling *s)
{
	unsigned long patience = wait_time();
	bool ended = knumad_phase_ended(s->slept, s->usual);

	if (!s->stirred && ended && time_after_eq(jiffies, s->next_probe)) {
		s->stirred = KNUMAD_WAIT_LOOKS;
	} else if (!s->stirred) {
		s->usual = knumad_usual_sleeps(s->usual, s->slept);
	} else if (!ended) {
		s->stirred = 0;
		s->next_probe = jiffies + 2 * patience;
		s->probes = clamp(KNUMAD_PROBE / max(s->known, 1UL), 1UL, KNUMAD_MAX_PROBES);
		s->fresh = true;
	} else if (!--s->stirred) {
		s->usual = KNUMAD_SLEEP_UNIT * s->slept;
	}
}

/* Threads that have a place, or need one: of a thousand that wait nothing is to be learnt */
static unsigned int count_threads(const struct knumad_proc *proc, struct task_struct *leader)
{
	struct task_struct *t;
	unsigned int nr = 0;

	rcu_read_lock();
	for_each_thread(leader, t)
		nr += knumad_threads_find(proc->sampling, t->pid) >= 0 ||
		      knumad_task_works(proc, t);
	rcu_read_unlock();
	return nr;
}

/**
 * knumad_threads_look - look at the threads of a process
 * @proc: the process, being sampled
 *
 * Knumad thread only; may sleep. Threads that work get a place, those that are gone lose it.
 *
 * Return: true if the next look should not be long in coming.
 */
bool knumad_threads_look(struct knumad_proc *proc)
{
	struct task_struct *leader = knumad_proc_task(proc), *t;
	struct knumad_sampling *s = proc->sampling;
	u64 elapsed = knumad_topo.stamp - s->look_ns;
	unsigned long before = s->load, sum = 0;
	unsigned int nr, size, next = 0, i;
	bool gone = false;

	if (!leader)
		return false;
	/* The cpuset may have changed */
	nodes_and(s->moving, s->moving, proc->mems);
	nr = min(count_threads(proc, leader) + 2U, KNUMAD_MAX_THREADS);
	/* With some to spare, but not so many that who shares is not kept any more */
	size = min(2 * s->nr_threads, nr <= KNUMAD_MAX_SHARERS ? KNUMAD_MAX_SHARERS :
								 KNUMAD_MAX_THREADS);
	if (nr > s->nr_threads && !resize(s, max(size, nr)))
		goto out;
	s->looks++;
	s->running = 0;
	s->load = 0;
	s->slept = 0;
	rcu_read_lock();
	for_each_thread(leader, t) {
		int at = knumad_threads_find(s, t->pid);

		if (at < 0 && next < s->nr_threads && knumad_task_works(proc, t))
			at = take_place(s, t->pid, &next);
		if (at >= 0)
			sum += look_at_thread(s, t, at, elapsed);
	}
	rcu_read_unlock();
	for (i = 0; i < s->nr_threads; i++)
		if (s->threads[i].tid && s->threads[i].look != s->looks) {
			forget_thread(s, i);
			gone = true;
		}
	if (gone)
		forget_users(s);
	wait_for_others(s, sum, before);
	watch_for_phases(s);
	s->look_ns = knumad_topo.stamp;
out:
	put_task_struct(leader);
	return s->waiting || s->stirred;
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
	at = knumad_threads_find(proc->sampling, tid);
	return at < 0 ? NUMA_NO_NODE : proc->sampling->threads[at].home;
}

/**
 * knumad_threads_free - forget all threads
 * @s: sampling of a process
 */
void knumad_threads_free(struct knumad_sampling *s)
{
	if (s->threads)
		knumad_stat_bytes(-(long)threads_size(s->nr_threads));
	kvfree(s->threads);
	xa_destroy(&s->places);
}

/* === What they use === */

static unsigned int total(const u32 *seen)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < knumad_topo.nr; i++)
		sum += seen[i];
	return sum;
}

/**
 * knumad_threads_see - a thread has used memory
 * @s: sampling of its process
 * @at: place of the thread
 * @nid: node of the memory
 *
 * Samples beyond the memory of a thread push the older ones out.
 */
void knumad_threads_see(struct knumad_sampling *s, unsigned int at, int nid)
{
	u32 *seen = s->seen + at * knumad_topo.nr;
	int i;

	seen[nid]++;
	if (total(seen) <= KNUMAD_MEMORY)
		return;
	for (i = 0; i < knumad_topo.nr; i++)
		seen[i] /= 2;
}

/**
 * knumad_threads_share - two threads have used the same chunk
 * @s: sampling of their process
 * @a: place of one thread
 * @b: place of the other one
 */
void knumad_threads_share(struct knumad_sampling *s, unsigned int a, unsigned int b)
{
	unsigned int nr = s->nr_threads, i;
	u32 *row;

	if (!s->shares)
		return;
	row = s->shares + a * nr;
	if (++row[b] + ++s->shares[b * nr + a] <= 2 * KNUMAD_MEMORY)
		return;
	for (i = 0; i < nr; i++) {
		row[i] /= 2;
		s->shares[i * nr + a] = row[i];
	}
}

/**
 * knumad_threads_unshare - forget which threads share memory
 * @s: sampling of their process
 */
void knumad_threads_unshare(struct knumad_sampling *s)
{
	if (s->shares)
		memset(s->shares, 0, s->nr_threads * s->nr_threads * sizeof(*s->shares));
}

/**
 * knumad_threads_hear - a thread has taken a sample
 * @s: sampling of its process
 * @at: place of the thread
 */
void knumad_threads_hear(struct knumad_sampling *s, unsigned int at)
{
	struct knumad_sthread *st = &s->threads[at];

	s->recent++;
	s->squares += 2ULL * st->recent++ + 1;
}

/**
 * knumad_threads_count - does one thread take the samples of others?
 * @s: sampling of a process
 *
 * Between rounds, since within one samples come by CPU, and so thread by thread. Looks at
 * them when there are enough; after that they count half.
 */
void knumad_threads_count(struct knumad_sampling *s)
{
	struct knumad_sthread *st;
	unsigned int i;

	if (s->recent < KNUMAD_RECENT * max(s->running, KNUMAD_RECENT))
		return;
	s->one_sided = knumad_chunk_one_sided(s->recent, s->squares, s->running);
	s->recent = 0;
	s->squares = 0;
	for (i = 0, st = s->threads; i < s->nr_threads; i++, st++) {
		st->recent /= 2;
		s->recent += st->recent;
		s->squares += (u64)st->recent * st->recent;
	}
}

/**
 * knumad_threads_local - share of the samples that threads took at home
 * @s: sampling of a process
 *
 * Return: thousandths, -1 if there are none.
 */
int knumad_threads_local(const struct knumad_sampling *s)
{
	unsigned int all = 0, local = 0, i;

	for (i = 0; i < s->nr_threads; i++) {
		const u32 *seen = s->seen + i * knumad_topo.nr;
		int home = READ_ONCE(s->threads[i].home);

		if (home == NUMA_NO_NODE)
			continue;
		all += total(seen);
		local += READ_ONCE(seen[home]);
	}
	return all ? min(1000 * local / all, 1000U) : -1;
}

/**
 * knumad_threads_settle - learn from what has been moved
 * @proc: the process, being sampled
 *
 * Knumad thread only. Where all that belongs to a node has been moved there, what threads
 * at home there used elsewhere before is local to them now.
 */
void knumad_threads_settle(struct knumad_proc *proc)
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

/* === Homes === */

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
		unsigned int few = DIV_ROUND_CLOSEST(all[i] * KNUMAD_PRIOR, everybody);

		to[i] = DIV_ROUND_CLOSEST((seen[i] + few) * KNUMAD_MEMORY,
					  sum + KNUMAD_PRIOR);
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

/* What homes of other processes and threads leave of the nodes, and it may use, in a crowd */
static void fill_nodes(const struct knumad_proc *proc, unsigned long *cores,
		       unsigned long *pages)
{
	struct knumad_proc *other;
	int i;

	for (i = 0; i < knumad_topo.nr; i++) {
		cores[i] = node_isset(i, proc->mems) ?
			   knumad_crowd_cores(knumad_topo.crowd, knumad_topo.node[i].cores) : 0;
		pages[i] = knumad_topo.node[i].free + proc->now.resident[i];
	}
	knumad_for_each_proc(other) {
		const struct knumad_sampling *s = other->sampling;
		unsigned int at;

		claim(cores, other->home, other->load);
		for (at = 0; s && other != proc && at < s->nr_threads; at++)
			claim(cores, s->threads[at].home, s->threads[at].load);
	}
	for (i = 0; i < knumad_topo.nr; i++)
		cores[i] = min(cores[i], knumad_crowd_cores(knumad_topo.crowd, proc->cap[i]));
}

/* Has a thread another home now, so that what its chunks say is no longer true? */
static bool is_rehomed(const struct knumad_sthread *st, const struct knumad_sp_thread *to)
{
	return st->tid && st->load >= KNUMAD_SPAN_HELPER && st->home != to->home &&
	       st->home != NUMA_NO_NODE && to->home != NUMA_NO_NODE;
}

/* The new home of the last user, 1 + its place, or 0; NUMA_NO_NODE if it has none */
static int new_home(const struct knumad_sampling *s, const struct knumad_sp_thread *to,
		    unsigned int user)
{
	if (!user || user > s->nr_threads ||
	    !is_rehomed(&s->threads[user - 1], &to[user - 1]))
		return NUMA_NO_NODE;
	return to[user - 1].home;
}

/* Parts go with their user, and more samples have to tell that it is so */
static void rehome_parts(struct knumad_sampling *s, const struct knumad_sp_thread *to)
{
	struct knumad_part *parts;
	unsigned long index;
	unsigned int i;

	xa_for_each(&s->parts, index, parts) {
		for (i = 0; i < KNUMAD_PARTS; i++) {
			int home = new_home(s, to, parts[i].user);

			if (home != NUMA_NO_NODE)
				knumad_part_rehome(&parts[i], home);
		}
		cond_resched();
	}
}

/*
 * Chunks go with their user, one of @nr that have moved. If these are many, what was shared
 * across nodes may be so no longer, and the other way round; by one thread of a thousand
 * that does not change, but one by one they become many, too.
 */
static void rehome_chunks(struct knumad_sampling *s, const struct knumad_sp_thread *to,
			  unsigned int nr)
{
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;
	bool all;

	s->rehomed += nr;
	all = s->rehomed >= s->running / KNUMAD_REHOME_SHARE;
	if (all)
		s->rehomed = 0;
	while ((c = knumad_chunk_next(s, &it))) {
		int home = new_home(s, to, c->user);

		if (all || (home != NUMA_NO_NODE && !c->spread))
			knumad_chunk_rehome(c, home);
		else if (home != NUMA_NO_NODE)
			c->backoff = 0;
	}
	knumad_chunks_count(s);
	s->fresh = true;
	if (!all) {
		rehome_parts(s, to);
		return;
	}
	knumad_parts_free(s);
	/*
	 * Who shared across nodes may be together now, and who was together apart. Where
	 * parts have one user each that makes no difference.
	 */
	s->agreed = 0;
	s->disagreed = 0;
	if (!knumad_parts_tell(s->parts_agreed, s->parts_disagreed, nodes_weight(s->set))) {
		s->parts_agreed = 0;
		s->parts_disagreed = 0;
	}
}

static bool is_sane(const struct knumad_span *sp)
{
	unsigned int i;

	for (i = 0; i < sp->nr_threads; i++) {
		int home = sp->threads[i].home;

		if (home != NUMA_NO_NODE && !knumad_is_node(home, sp->nr_nodes))
			return false;
	}
	return true;
}

/**
 * knumad_threads_place - choose the homes of the threads of a process
 * @proc: the process, being sampled
 *
 * Knumad thread only; may sleep.
 *
 * Return: true if any has a new home.
 */
bool knumad_threads_place(struct knumad_proc *proc)
{
	struct knumad_sampling *s = proc->sampling;
	struct knumad_span sp = {
		.nr_nodes = knumad_topo.nr,
		.distance = knumad_topo.distance,
		.nr_threads = s->nr_threads,
		.shares = s->shares,
		.set = s->set,
		.keep = s->waiting,
	};
	unsigned long *left;
	unsigned int rehomed = 0, i;
	bool changed = false;
	u32 *seen;

	left = kcalloc(2 * knumad_topo.nr, sizeof(*left), KNUMAD_GFP);
	sp.threads = kvcalloc(sp.nr_threads, sizeof(*sp.threads), KNUMAD_GFP);
	seen = kvcalloc(sp.nr_threads + 1, knumad_topo.nr * sizeof(*seen), KNUMAD_GFP);
	if (!left || !sp.threads || !seen)
		goto out;
	sp.cores = left;
	sp.pages = left + knumad_topo.nr;
	fill_nodes(proc, left, left + knumad_topo.nr);
	fill_threads(s, sp.threads, seen);
	for (i = 0; i < knumad_topo.nr; i++)
		sp.resident += proc->now.resident[i];
	if (knumad_span_place(&sp) || knumad_inconsistent(KNUMAD_C_THREAD_HOME, !is_sane(&sp)))
		goto out;
	s->set = sp.set;
	for (i = 0; i < sp.nr_threads; i++)
		rehomed += is_rehomed(&s->threads[i], &sp.threads[i]);
	if (rehomed)
		rehome_chunks(s, sp.threads, rehomed);
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
