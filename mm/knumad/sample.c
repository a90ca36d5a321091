// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: what samples tell about a process that does not fit in one node
 *
 * Rounds arm a few pages (arm.c), hinting faults tell who used them (fault.c). What they
 * say is kept per thread (threads.c) and per chunk of 2 MiB (table.c), and turned into
 * homes by the policy (spanning_homes.c, chunk.c). Rounds follow each other quickly while
 * there is something to learn, and ever more slowly when there is not.
 *
 * All by the knumad thread.
 */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <trace/events/knumad.h>

#include "internal.h"

/* How much faster rounds follow each other while there is something to learn */
#define KNUMAD_LEARN_SPEED	8

/*
 * How much slower at most while there is nothing. Of the 512 chunks of 1 GiB 8 are due in
 * a round, that makes 0.5 faults per second. Of few chunks a sample is rarer, and the first
 * one of a new phase must not come too late.
 */
#define KNUMAD_ROUND_BACKOFF		16UL
#define KNUMAD_ROUND_BACKOFF_FEW	10UL

/* Chunks that say nothing yet about a process */
#define KNUMAD_FEW		16

/* The rate of the whole machine: that of so many processes */
#define KNUMAD_CROWD		8

/* Comparisons of samples after which the older ones count half */
#define KNUMAD_COMPARED		128

/**
 * knumad_sampling_due - shall a chunk be sampled in this round?
 * @s: sampling of its process
 * @c: the chunk
 * @armed: samples armed of it that nobody used yet
 * @addr: any address in the chunk
 *
 * Those that are long known have rounds of their own, so that it costs nothing more to
 * sample them while there is something to learn about others.
 *
 * Return: true if so.
 */
bool knumad_sampling_due(const struct knumad_sampling *s, const struct knumad_chunk *c,
			 unsigned int armed, unsigned long addr)
{
	bool known = c->backoff == KNUMAD_CHUNK_MAX_BACKOFF;

	return (!known || s->late) &&
	       knumad_chunk_due(c, armed, known ? s->late_round : s->round,
				addr >> PMD_SHIFT);
}

/**
 * knumad_sampling_part - the part of a shared chunk to sample first in this round
 * @s: sampling of its process
 * @c: the chunk, due in this round
 * @addr: any address in the chunk
 *
 * The same one twice, so that samples can be compared soon.
 *
 * Return: its number.
 */
unsigned int knumad_sampling_part(const struct knumad_sampling *s,
				  const struct knumad_chunk *c, unsigned long addr)
{
	unsigned int round = c->backoff == KNUMAD_CHUNK_MAX_BACKOFF ? s->late_round : s->round;

	return ((round >> c->backoff) / 2 + (addr >> PMD_SHIFT)) % KNUMAD_PARTS;
}

/* === Learning === */

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

/* Does this thread take the samples of others: more than its part, when few take most? */
static bool is_leading(const struct knumad_sampling *s, unsigned int at)
{
	return s->one_sided && (u64)s->threads[at].recent * s->running > s->recent;
}

/* A second sample agreed with the first one, 1, or not, -1; the older ones count half */
static void count_compared(unsigned int *agreed, unsigned int *disagreed, int same)
{
	*agreed += same > 0;
	*disagreed += same < 0;
	if (*agreed + *disagreed >= KNUMAD_COMPARED) {
		*agreed /= 2;
		*disagreed /= 2;
	}
}

/* Return: samples in a row that tell where a chunk of this process belongs */
static unsigned int compare(struct knumad_sampling *s, const struct knumad_chunk *c,
			    int home, bool leading)
{
	int same = knumad_chunk_compare(c, home);

	if (leading)
		return KNUMAD_CHUNK_AGREE_MAX;
	count_compared(&s->agreed, &s->disagreed, same);
	return knumad_chunk_enough(s->agreed, s->disagreed, nodes_weight(s->set));
}

/* Is it parts of chunks that tell which threads share memory? */
static bool parts_tell(const struct knumad_sampling *s)
{
	return knumad_parts_tell(s->parts_agreed, s->parts_disagreed, nodes_weight(s->set));
}

/* A thread has used what another one, @user - 1, if any, had used before */
static void share(struct knumad_sampling *s, unsigned int user, unsigned int at)
{
	if (user && user - 1 != at && user <= s->nr_threads)
		knumad_threads_share(s, user - 1, at);
}

/* Second samples of parts: once they tell it, what chunks told before is void */
static void compare_part(struct knumad_sampling *s, const struct knumad_part *p, int home)
{
	bool told = parts_tell(s);

	count_compared(&s->parts_agreed, &s->parts_disagreed, knumad_part_compare(p, home));
	if (!told && parts_tell(s))
		knumad_threads_unshare(s);
}

/* A page of a part that is mixed. Return: is there more to learn? */
static bool learn_page(struct knumad_proc *proc, const struct knumad_sample *sample, int home)
{
	if (sample->record != KNUMAD_RECORD_OTHER && sample->cpu_nid == home &&
	    sample->mem_nid != home) {
		want(proc, home);
		proc->sampling->misplaced++;
	}
	return sample->record == KNUMAD_RECORD_FIRST;
}

/* A shared chunk of small pages: whose is this part of it? Return: are parts worth it? */
static bool learn_part(struct knumad_proc *proc, const struct knumad_sample *sample,
		       unsigned int at, int home, struct knumad_chunk *c)
{
	struct knumad_part *p = knumad_part_get(proc, knumad_part_addr(sample->addr,
								       sample->index));
	struct knumad_sampling *s = proc->sampling;
	unsigned int nodes = nodes_weight(s->set), enough = KNUMAD_CHUNK_AGREE_MAX;
	int before, target;
	bool more;

	if (!p)
		return false;
	/* Who is in the lead says nothing about the others */
	if (!is_leading(s, at)) {
		compare_part(s, p, home);
		enough = knumad_part_enough(s->parts_agreed, s->parts_disagreed, nodes);
	}
	if (parts_tell(s))
		share(s, p->user, at);
	before = knumad_part_target(p);
	more = knumad_part_sample(p, at, home, enough);
	target = knumad_part_target(p);
	if (knumad_part_mixed(p))
		more = learn_page(proc, sample, home);
	if (target != NUMA_NO_NODE && target != sample->mem_nid) {
		want(proc, target);
		if (target != before)
			s->misplaced += PMD_SIZE / PAGE_SIZE / KNUMAD_PARTS;
	}
	if (!knumad_parts_worth(s->parts_agreed, s->parts_disagreed, nodes))
		return false;
	if (more) {
		s->fresh = true;
		c->backoff = 0;
	}
	return true;
}

static void learn_chunk(struct knumad_proc *proc, const struct knumad_sample *sample,
			unsigned int at, int home)
{
	struct knumad_chunk *c = knumad_chunk_get(proc, sample->addr);
	unsigned long nr = sample->addr >> PMD_SHIFT;
	struct knumad_sampling *s = proc->sampling;
	bool spread, known, leading, parts = false;
	unsigned int target, backoff, enough;

	if (!c)
		return;
	if (c->spread && !sample->huge)
		parts = learn_part(proc, sample, at, home, c);
	backoff = c->backoff;
	if (knumad_chunk_repeats(c, at))
		return;
	spread = c->spread;
	target = c->target;
	known = knumad_chunk_known(c);
	knumad_threads_hear(s, at);
	/* A surprise? If all are learnt anew, not those that have not yet been asked */
	if (known && !spread && c->backoff) {
		bool surprise = c->node != home + 1;

		knumad_phase_doubt(&s->doubt, surprise);
		if (surprise)
			s->surprised = s->late_round;
	}
	if (sample->huge || !parts_tell(s))
		share(s, c->user, at);
	leading = is_leading(s, at);
	enough = compare(s, c, home, leading);
	/* Samples in a row are of parts in a row, which may have one user for long */
	if (parts && knumad_parts_differ(knumad_part_get(proc, sample->addr & PMD_MASK)))
		enough = KNUMAD_CHUNK_NEVER;
	knumad_chunk_sample(c, at, home, enough);
	/* If it was the lead that made most chunks its own, this one, too */
	if (leading && knumad_chunk_known(c) && !c->spread && 2 * s->shared > s->known)
		knumad_chunk_share(c);
	if (c->spread && !spread)
		c->target = knumad_chunk_spread(nr, &s->set) + 1;
	/* As long as parts are worth it, it is they that tell whether there is more to learn */
	if (parts && c->spread)
		c->backoff = backoff;
	if (c->target != target)
		trace_knumad_chunk(pid_nr(proc->pid), nr << PMD_SHIFT, (int)target - 1,
				   c->target - 1, c->spread);
	s->known += knumad_chunk_known(c) - known;
	s->shared += c->spread - spread;
	/* A surprise: there is something to learn */
	if (!knumad_chunk_known(c) || (!c->spread && (!known || c->agree < 2)))
		s->fresh = true;
	/* Its parts go where they belong, or stay until that is known */
	if (parts && c->spread)
		return;
	if (!knumad_chunk_known(c) || c->target - 1 == sample->mem_nid)
		return;
	want(proc, c->target - 1);
	if (c->target != target)
		s->misplaced += PMD_SIZE / PAGE_SIZE;
}

/**
 * knumad_sampling_learn - count a hinting fault and learn from it
 * @sample: who used which page
 *
 * Also of a process that is not sampled, or not watched any more: counted only.
 * Knumad thread, and whoever switches knumad off once that is gone.
 */
void knumad_sampling_learn(const struct knumad_sample *sample)
{
	struct knumad_proc *proc = knumad_registry_find(sample->mm);
	struct knumad_sampling *s;
	int at;

	trace_knumad_sample(sample->tid, sample->addr, sample->cpu_nid, sample->mem_nid);
	if (proc)
		knumad_stat_add_mm(KNUMAD_S_HINT_FAULTS, 1, proc->slot.mm);
	else
		knumad_stat_add(KNUMAD_S_HINT_FAULTS, 1);
	if (sample->cpu_nid == sample->mem_nid)
		knumad_stat_add(KNUMAD_S_HINT_FAULTS_LOCAL, 1);
	/* Armed by mainline, before it had to stand still */
	if (!proc || !proc->sampling)
		return;
	WRITE_ONCE(proc->faults, proc->faults + 1);
	s = proc->sampling;
	at = knumad_threads_find(s, sample->tid);
	if (at < 0 || s->threads[at].home == NUMA_NO_NODE)
		return;
	knumad_threads_see(s, at, sample->mem_nid);
	learn_chunk(proc, sample, at, s->threads[at].home);
}

/**
 * knumad_sampling_local - how much of what it uses is local, or soon will be
 * @proc: the process
 *
 * A chunk that belongs to one node is moved there, of one that nodes share each has
 * its part. If that is nothing but the chunk, parts of it belong to one node.
 *
 * Also by readers of debugfs while the knumad thread counts: each count is read once.
 *
 * Return: thousandths of the chunks that are known; 0 if these are few.
 */
unsigned int knumad_sampling_local(const struct knumad_proc *proc)
{
	const struct knumad_sampling *s = proc->sampling;
	unsigned int agreed, disagreed;
	unsigned long known, shared;
	int nodes;

	if (!s)
		return 0;
	known = READ_ONCE(s->known);
	if (known < KNUMAD_FEW)
		return 0;
	nodes = max(nodes_weight(s->set), 1);
	shared = min(READ_ONCE(s->shared), known);
	agreed = READ_ONCE(s->parts_agreed);
	disagreed = READ_ONCE(s->parts_disagreed);
	if (knumad_parts_tell(agreed, disagreed, nodes))
		shared -= min(shared, READ_ONCE(s->parted)) * agreed / (agreed + disagreed);
	return 1000 - 1000 * (shared - shared / nodes) / known;
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
static void arm(struct knumad_proc *proc, u64 deadline)
{
	unsigned long rate = READ_ONCE(knumad_tun.samples_per_s), nr, armed;
	struct knumad_sampling *s = proc->sampling;
	u64 now = task_sched_runtime(current);

	if (now >= deadline)
		return;
	/* Half of what is left of either: there may be others behind us */
	nr = min(refill(&s->allowance, rate),
		 DIV_ROUND_UP(refill(&everybody, KNUMAD_CROWD * rate), 2));
	if (!nr)
		return;
	knumad_chunks_prune(proc);
	s->arming = knumad_arm(proc, &s->cursor, nr, now + (deadline - now) / 2, &armed);
	s->allowance.tokens -= armed * HZ;
	everybody.tokens -= armed * HZ;
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
	struct knumad_chunk_iter it = {};
	struct knumad_chunk *c;

	while ((c = knumad_chunk_next(s, &it)))
		if (!c->spread)
			c->backoff = 0;
}

/* Time between two rounds while there is nothing to learn, jiffies: two intervals a sample */
static unsigned long slowly(const struct knumad_sampling *s)
{
	return msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms)) *
	       clamp(2 * (s->known >> KNUMAD_CHUNK_MAX_BACKOFF),
		     KNUMAD_ROUND_BACKOFF_FEW, KNUMAD_ROUND_BACKOFF);
}

static void begin_round(struct knumad_proc *proc)
{
	unsigned long interval = msecs_to_jiffies(READ_ONCE(knumad_tun.scan_interval_ms));
	struct knumad_sampling *s = proc->sampling;

	if (knumad_phase_changed(&s->doubt)) {
		learn_anew(s);
		s->doubt = (struct knumad_doubt){};
		s->probes = 0;
	}
	/* By now all that are long known have been due, and nobody has used them */
	if (s->late_round - s->surprised >= 1U << KNUMAD_CHUNK_MAX_BACKOFF)
		s->doubt.listen = 0;
	knumad_threads_count(s);

	s->pause = s->probes ? quickly() :
		   clamp(s->pause + DIV_ROUND_UP(s->pause, 2), quickly(),
			 slowly(s));
	s->round++;
	/* After a surprise, see at once whether there are more */
	s->late = s->doubt.listen || s->probes || time_after_eq(jiffies, s->next_late);
	if (s->probes)
		s->probes--;
	if (s->late) {
		/* Or a program with the same period would always show the same side */
		s->next_late = jiffies + slowly(s) - get_random_u32_below(interval);
		s->late_round++;
	}
	/* Not a little earlier than those that are long known are due */
	s->next_round = jiffies + min(s->pause, s->next_late - jiffies);
	s->arming = true;
	s->cursor = 0;
}

/* The interval may have become shorter since it was decided when the next ones are due */
static void follow_interval(struct knumad_sampling *s)
{
	unsigned long latest = jiffies + slowly(s);

	if (time_after(s->next_late, latest))
		s->next_late = latest;
	if (time_after(s->next_round, latest))
		s->next_round = latest;
}

/* Return: jiffies until there is more to do */
static long do_round(struct knumad_proc *proc, u64 deadline)
{
	struct knumad_sampling *s = proc->sampling;

	follow_interval(s);
	if (s->fresh) {
		s->fresh = false;
		s->pause = quickly();
		if (time_after(s->next_round, jiffies + s->pause))
			s->next_round = jiffies + s->pause;
		if (knumad_threads_place(proc))
			knumad_tasks_settle(proc);
	}
	if (!s->arming && time_after_eq(jiffies, s->next_round))
		begin_round(proc);
	if (s->arming) {
		arm(proc, deadline);
		return quickly();
	}
	return max(1L, (long)(s->next_round - jiffies));
}

/**
 * knumad_sampling_rounds - learn from the samples there are, arm new ones
 * @deadline: CPU time of this thread at which to arm no more, ns
 *
 * Knumad thread only; sleeps.
 *
 * Return: jiffies until the next round is due, MAX_SCHEDULE_TIMEOUT if there is none.
 */
long knumad_sampling_rounds(u64 deadline)
{
	long pause = MAX_SCHEDULE_TIMEOUT;
	struct knumad_proc *proc;

	knumad_fault_drain(knumad_sampling_learn);
	knumad_for_each_proc(proc)
		if (proc->sampling && !knumad_should_stop())
			pause = min(pause, do_round(proc, deadline));
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
	s = kzalloc(sizeof(*s), KNUMAD_GFP);
	if (!s)
		return;
	s->move_cursor = kcalloc(knumad_topo.nr, sizeof(*s->move_cursor), KNUMAD_GFP);
	if (!s->move_cursor) {
		kfree(s);
		return;
	}
	xa_init(&s->chunks);
	xa_init(&s->parts);
	xa_init(&s->places);
	s->next_round = jiffies;
	s->next_late = jiffies;
	s->wait_end = jiffies;
	s->next_probe = jiffies;
	s->allowance.stamp = jiffies - HZ;
	s->fresh = true;
	knumad_stat_bytes(sizeof(*s));
	knumad_stat_add(KNUMAD_S_MMS_SAMPLED, 1);
	/* Somebody may be reading debugfs */
	mutex_lock(&knumad_procs_lock);
	proc->sampling = s;
	mutex_unlock(&knumad_procs_lock);
	knumad_threads_look(proc);
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

	if (!s)
		return;
	knumad_chunks_disarm(proc);
	mutex_lock(&knumad_procs_lock);
	proc->sampling = NULL;
	proc->moving = false;
	mutex_unlock(&knumad_procs_lock);
	knumad_chunks_free(s);
	knumad_threads_free(s);
	kfree(s->move_cursor);
	kfree(s);
	knumad_stat_bytes(-(long)sizeof(*s));
	knumad_stat_add(KNUMAD_S_MMS_SAMPLED, -1);
}
