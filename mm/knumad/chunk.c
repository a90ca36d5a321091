// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: the policy for the memory of processes that do not fit in one node
 *
 * Pure: samples in, nodes out. No mm, no task, no lock, no clock. Each worked
 * table below is a KUnit case of the same name in tests/chunk_kunit.c, or, of parts
 * of chunks, in tests/part_kunit.c.
 */

/**
 * DOC: Chunks
 *
 * Chunks of 2 MiB are sampled: who used it last, and where is his home? So many
 * samples in a row from one node tell where it belongs; here two are enough::
 *
 *   samples from nodes  0 0 0 0 1 1 1 1
 *   target              - 0 0 0 0 1 1 1
 *   backoff             0 3 6 6 0 3 6 6
 *   mixed               0 0 0 0 4 3 2 1
 *
 *   samples from nodes  0 1 0 1 0 1 1 1 1 1 1 1 1
 *   mixed               0 4 8 12 ...
 *   shared              - - - s s s s s s s s s -
 *   backoff             0 0 0 0 3 6 6 6 6 6 6 6 0
 *   target              - - - *                 1
 *
 * A shared chunk stays where knumad_chunk_spread() puts it (*), until eight
 * samples in a row come from one node, or four times as many as are enough. Of
 * small pages it may be that only the chunk is shared, and no part of it: see
 * knumad_part_sample().
 *
 * How many are enough? Of two samples of a chunk that all threads share, half
 * agree by chance on two nodes, of three a quarter. How many chunks are shared
 * is estimated from all second samples, those that follow the first one from a
 * node: do they agree? See knumad_chunk_enough().
 *
 * That holds for samples that are independent. If threads sweep the same memory
 * one close behind the other, the first one takes all samples, of all chunks and
 * for as long as it is ahead: see knumad_chunk_one_sided(). Then, and if nearly
 * all is shared, eight must agree. Where they agree on another node than eight
 * before them, the next thread took the lead: the chunk is shared.
 *
 * ::
 *
 *   samples from nodes  0 ... 0 0 1 ... 1 1
 *   number              1     7 8 1     7 8
 *   target              -     - 0 0     0 *
 *   shared              -     - - -     - s
 */

#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/numa.h>

#include "chunk.h"

/* A chunk that is taken for private may be a shared one with 1 : 16 */
#define KNUMAD_CHUNK_ODDS	16

/* Each sample that agrees makes the next one eight times as rare */
#define KNUMAD_CHUNK_BACKOFF	3

/* Odd, so that 2^n chunks in a row are due in 2^n different rounds */
#define KNUMAD_CHUNK_STRIDE	37UL

/* So many times as often as usual is no chance */
#define KNUMAD_OFTEN		4

/* What a surprise counts, what is enough, and samples that settle it: see knumad_phase_doubt() */
#define KNUMAD_SURPRISE		3
#define KNUMAD_CHANGED		7
#define KNUMAD_LISTEN		8

/* Each sample that nobody used, and each look that found none, makes the next 4 times rarer */
#define KNUMAD_CHUNK_TRY_SHIFT	2

/* If more samples are needed to tell whose a part is, most parts are nobody's */
#define KNUMAD_PART_ENOUGH	4

/* A shared chunk is no longer shared after @enough samples, times this */
#define KNUMAD_CHUNK_SETTLED	4

/**
 * knumad_chunk_known - is it known where a chunk belongs?
 * @c: the chunk
 *
 * Return: whether @target is a node. It is not while a chunk is new, nor when
 * it has just turned out to be shared, until the caller has set @target.
 */
bool knumad_chunk_known(const struct knumad_chunk *c)
{
	return c->target;
}

/* Those beyond what can be counted are not told apart */
static unsigned int user_number(unsigned int user)
{
	return min(user, U16_MAX - 1U) + 1;
}

/**
 * knumad_chunk_repeats - does a sample say only what the last one said?
 * @c: the chunk, before knumad_chunk_sample()
 * @user: index of the thread
 *
 * Of a chunk of small pages several may be armed: a thread that uses them one
 * after the other is heard once.
 *
 * Return: true if nothing was armed since the last sample, of the same thread.
 */
bool knumad_chunk_repeats(const struct knumad_chunk *c, unsigned int user)
{
	return !c->armed && c->user == user_number(user);
}

/**
 * knumad_chunk_compare - does the second sample agree with the first one?
 * @c: the chunk, before knumad_chunk_sample()
 * @home: of the thread that used it
 *
 * Return: 1 if it does, -1 if not, 0 if it is not the second one or if that is
 * of no interest, since the chunk is shared already.
 */
int knumad_chunk_compare(const struct knumad_chunk *c, int home)
{
	if (home == NUMA_NO_NODE || c->agree != 1 || c->spread)
		return 0;
	return c->node == home + 1 ? 1 : -1;
}

/* At least @least samples: see knumad_chunk_enough() */
static unsigned int enough(unsigned int agreed, unsigned int disagreed,
			   unsigned int nr_nodes, unsigned int least)
{
	u64 n = max(nr_nodes, 2U), all = (2ULL + agreed + disagreed) * (n - 1);
	u64 shared = min((disagreed + 1ULL) * n, all);
	u64 right = all - shared;
	unsigned int k;

	for (k = 1; k < KNUMAD_CHUNK_AGREE_MAX; k++) {
		if (k >= least && shared * KNUMAD_CHUNK_ODDS <= right)
			break;
		right *= n;
	}
	return k;
}

/**
 * knumad_chunk_enough - samples in a row from one node that are not chance
 * @agreed: second samples that agreed with the first one
 * @disagreed: those that did not
 * @nr_nodes: nodes of the process
 *
 * Of the chunks that all nodes share, one in n agrees by chance, so n/(n-1) as
 * many as disagree are shared, with one added to either count for what is not
 * known yet. Of these, k samples agree by one in n^(k-1). That must be less
 * than a sixteenth of those that are not shared.
 *
 *   nodes  agreed  disagreed
 *   2       0       0          -> 8, nothing is known
 *   2       2       0          -> 5
 *   2       8       0          -> 3
 *   2      16       0          -> 2
 *   2      56       8          -> 4
 *   2      32      32          -> 8, all are shared
 *   4       4       0          -> 3
 *   4      16      48          -> 7
 *
 * Return: KNUMAD_CHUNK_AGREE to KNUMAD_CHUNK_AGREE_MAX.
 */
unsigned int knumad_chunk_enough(unsigned int agreed, unsigned int disagreed,
				 unsigned int nr_nodes)
{
	return enough(agreed, disagreed, nr_nodes, KNUMAD_CHUNK_AGREE);
}

/**
 * knumad_chunk_one_sided - does one thread take the samples of others?
 * @samples: recent samples of a process
 * @squares: sum of the squares of the numbers of each thread
 * @running: its threads that run
 *
 * Of samples that each of n threads takes as many of, squares = samples^2 / n. At
 * least half of those that run should be heard of, or a bit more, since one of two
 * always is.
 *
 *   of 4 threads     samples  squares
 *   4 4 4 4          16        64       each is heard of
 *   7 7 1 1          16       100       (2.56 threads)
 *   8 8 0 0          16       128       one-sided
 *   13 1 1 1         16       172       one-sided
 *   of 2 threads
 *   8 8              16       128       each is heard of
 *   14 2             16       200       one-sided
 *   of 1 thread
 *   16               16       256       the only one
 *
 * Return: true if that they agree says nothing about the threads not heard of.
 */
bool knumad_chunk_one_sided(unsigned int samples, u64 squares, unsigned int running)
{
	return running > 1 &&
	       2ULL * samples * samples <= (running + 1ULL) * squares;
}

/**
 * knumad_usual_sleeps - how often threads go to sleep
 * @usual: sixteenths, up to now
 * @slept: how often since the last look
 *
 * Return: sixteenths, an eighth of it new.
 */
unsigned long knumad_usual_sleeps(unsigned long usual, unsigned long slept)
{
	return usual - usual / 8 + KNUMAD_SLEEP_UNIT / 8 * slept;
}

/**
 * knumad_phase_ended - have threads waited for each other, as they seldom do?
 * @slept: how often they have gone to sleep since the last look, all together
 * @usual: the same, see knumad_usual_sleeps()
 *
 *   slept in a row of looks  0 1 0 0 4 0 0
 *   usual before each        0 0 2 2 2 10 9
 *   ended                    - - - - y - -
 *
 *   10 in each look: usual is 160, and 41 are needed.
 *
 * Return: true if more than once, and more than four times as often as usual.
 */
bool knumad_phase_ended(unsigned long slept, unsigned long usual)
{
	return slept > max(KNUMAD_OFTEN * usual / KNUMAD_SLEEP_UNIT, 1UL);
}

/**
 * knumad_phase_doubt - how doubtful is what was known?
 * @d: the doubt; all 0 at first
 * @surprise: a sample of a chunk that was known came from another node than known
 *
 * A surprise may be a chunk that has changed, or a thread that looked once at what another
 * one uses. Each counts three, each sample that is none takes one away: the sum stays low
 * if one in ten is a surprise, and grows by one a sample if every other one is. From
 * seven on much has changed.
 *
 *   surprises  - y y y        y - y - y          y - - - y - - - y
 *   doubt      0 3 6 9        3 2 5 4 7          3 2 1 0 3 2 1 0 3
 *   changed    - - - y        - - - - y          - - - - - - - - -
 *
 * After a surprise the next ones are not waited for, until eight in a row are none: if
 * half has changed that is one of 256, if nothing has it is soon.
 *
 * Of many samples that come together it is the last sum that counts. The highest of some
 * hundred is above seven by chance.
 */
void knumad_phase_doubt(struct knumad_doubt *d, bool surprise)
{
	if (surprise) {
		d->sum += KNUMAD_SURPRISE;
		d->listen = KNUMAD_LISTEN;
	} else {
		d->sum -= d->sum > 0;
		d->listen -= d->listen > 0;
	}
}

/**
 * knumad_phase_changed - is much of what was known no longer true?
 * @d: what knumad_phase_doubt() has made of the samples
 *
 * Return: true if so.
 */
bool knumad_phase_changed(const struct knumad_doubt *d)
{
	return d->sum >= KNUMAD_CHANGED;
}

static void leave_alone(struct knumad_chunk *c)
{
	c->backoff = min(c->backoff + KNUMAD_CHUNK_BACKOFF, KNUMAD_CHUNK_MAX_BACKOFF);
}

/**
 * knumad_chunk_share - a chunk is used from several nodes
 * @c: the chunk; the caller sets its target by knumad_chunk_spread()
 */
void knumad_chunk_share(struct knumad_chunk *c)
{
	c->spread = 1;
	c->target = 0;
}

static void chunk_agrees(struct knumad_chunk *c, unsigned int enough)
{
	c->agree = min(c->agree + 1, 31);
	if (c->mixed)
		c->mixed--;

	if (c->spread) {
		leave_alone(c);
		if (enough == KNUMAD_CHUNK_NEVER ||
		    c->agree < min(enough * KNUMAD_CHUNK_SETTLED, 31U))
			return;
		c->spread = 0;
		c->mixed = 0;
		c->backoff = 0;
		c->target = c->node;
	} else if (c->agree >= enough) {
		leave_alone(c);
		if (enough == KNUMAD_CHUNK_AGREE_MAX && c->target && c->target != c->node)
			knumad_chunk_share(c);
		else
			c->target = c->node;
	}
}

static void chunk_disagrees(struct knumad_chunk *c, int home)
{
	c->node = home + 1;
	c->agree = 1;
	c->mixed = min(c->mixed + KNUMAD_CHUNK_DISAGREE, 31);

	if (c->spread) {
		leave_alone(c);
		return;
	}
	c->backoff = 0;
	if (c->mixed >= KNUMAD_CHUNK_MIXED)
		knumad_chunk_share(c);
}

/**
 * knumad_chunk_sample - one sampled access to a chunk
 * @c: the chunk; it is not armed any more
 * @user: index of the thread
 * @home: home of the thread, NUMA_NO_NODE tells nothing about the chunk
 * @enough: samples in a row that tell where it belongs, KNUMAD_CHUNK_NEVER if it stays shared
 *
 * If it turns out that the chunk is shared, @spread is set and @target is 0:
 * the caller sets it by knumad_chunk_spread(). See "Chunks".
 */
void knumad_chunk_sample(struct knumad_chunk *c, unsigned int user, int home,
			 unsigned int enough)
{
	c->armed = 0;
	c->user = user_number(user);
	if (home == NUMA_NO_NODE)
		return;
	if (!c->node) {
		c->node = home + 1;
		c->agree = 1;
	} else if (c->node == home + 1) {
		chunk_agrees(c, enough);
	} else {
		chunk_disagrees(c, home);
	}
}

/**
 * knumad_chunk_rehome - threads have changed their homes
 * @c: a chunk of their process
 * @home: the new home of its last user, NUMA_NO_NODE if that is the old one
 *
 * What was used by a thread that has moved probably goes with it: one sample
 * for that is counted. What was used from several nodes may be so no longer.
 * Where it belongs is not known before samples agree, and it stays where it is.
 *
 *   before                         after
 *   node agree mixed spread target node agree mixed spread target
 *   0    31    0     -      0      0    31    0     -      0     the user stays
 *   0    31    0     -      0      1    1     0     -      -     he goes to 1
 *   0    2     14    s      2      0    1     0     -      -     shared so far
 */
void knumad_chunk_rehome(struct knumad_chunk *c, int home)
{
	if (home != NUMA_NO_NODE)
		c->node = home + 1;
	else if (!c->mixed && !c->spread)
		return;
	c->target = 0;
	c->agree = c->node ? 1 : 0;
	c->mixed = 0;
	c->spread = 0;
	c->backoff = 0;
}

/**
 * knumad_chunk_due - shall a chunk be sampled?
 * @c: the chunk
 * @armed: pages of it that are armed, and that nobody used yet
 * @round: number of the round
 * @nr: number of the chunk, its address / 2 MiB
 *
 * Chunks of the same backoff are spread over the rounds, and neighbours do not
 * follow each other:
 *
 *   backoff 2, 64 chunks in a row: 16 of them in each round, each of them in one
 *   of 4 rounds.
 *
 * What is armed may not be used any more, so others are tried, but later and later:
 * most are, one after the other by the same thread, and one sample would do.
 *
 *   backoff 0, samples armed  0 1 2  3  4
 *   due in one of             1 4 16 64 no more
 *
 * So it is with looks that find none to arm, as in memory that was only read and never
 * written: after two of them one in 16 rounds is enough.
 *
 * Return: true in one of 2^backoff rounds, or of 4^armed or 4^idle if that is less often.
 */
bool knumad_chunk_due(const struct knumad_chunk *c, unsigned int armed,
		      unsigned int round, unsigned long nr)
{
	unsigned int tries = max_t(unsigned int, c->idle, armed);
	unsigned int shift = max_t(unsigned int, c->backoff, KNUMAD_CHUNK_TRY_SHIFT * tries);

	return armed < KNUMAD_CHUNK_MAX_ARMED &&
	       !((round + nr * KNUMAD_CHUNK_STRIDE) & ((1U << shift) - 1));
}

/**
 * knumad_chunk_first - from which of its small pages on to look for one to sample
 * @c: the chunk
 * @nr: number of its pages
 * @range: set to the number of pages of which any one will do
 *
 * Of one half and the other in turn: the caller inverts @half of a chunk once it has
 * chosen a page. Where the memory of one thread ends and that of another begins, samples
 * from anywhere agree by chance, and such a chunk would be left alone for long.
 *
 *   512 pages  0..255  256..511  0..255  256..511
 *   5 pages    0..2    2..4      0..2    2..4
 *   1 page     0       0         0       0
 *
 * Return: the first of these pages, 0 to @nr - 1.
 */
unsigned long knumad_chunk_first(const struct knumad_chunk *c, unsigned long nr,
				 unsigned long *range)
{
	*range = nr - nr / 2;
	return c->half ? nr / 2 : 0;
}

/**
 * knumad_chunk_looked - the small pages of a chunk in one more VMA were looked at
 * @c: the chunk
 * @look: this round; all 0 but for @idle before the first VMA
 * @armed: of these pages, so many are armed
 * @found: one of them was used, and may be armed
 *
 * What is idle beside them is no reason to sample those that are used less often:
 *
 *   VMAs of a chunk      unused  2 armed  unused  used  3 armed
 *   armed, in the chunk  0       2        2       2     4, which is the most
 *   idle, 1 before       2       0        0       0     0
 */
void knumad_chunk_looked(struct knumad_chunk *c, struct knumad_chunk_look *look,
			 unsigned int armed, bool found)
{
	look->armed += armed;
	look->alive |= found || armed;
	c->armed = min(look->armed, KNUMAD_CHUNK_MAX_ARMED);
	c->idle = look->alive ? 0 : min(look->idle + 1, KNUMAD_CHUNK_MAX_IDLE);
}

/**
 * knumad_page_doubt - has a page one user?
 * @doubt: on record with the node of its last user, 0 at first
 * @same: was it used from that node again?
 *
 * Each time it is used from another node the next 1, 3, 7 and then 15 samples must agree
 * before it is believed to belong there: or a page that all use would be moved to and fro.
 *
 *   used from node  0 0 1 1 0 0 0 0 1 1 ... 1 1
 *   samples left    0 0 1 0 3 2 1 0 7 6     1 0
 *   belongs to      0 0 - 1 - - - 0 - -     - 1
 *
 * Return: what is on record then, 8 bits: in the upper half the number of changes, in the
 * lower one the number of samples that must agree.
 */
unsigned int knumad_page_doubt(unsigned int doubt, bool same)
{
	unsigned int changes = doubt >> 4, left = doubt & 15;

	if (!same) {
		changes = min(changes + 1, 4U);
		left = (1U << changes) - 1;
	} else if (left) {
		left--;
	} else if (changes) {
		changes--;
	}
	return changes << 4 | left;
}

/**
 * knumad_page_trusted - is a page believed to belong to the node on record?
 * @doubt: see knumad_page_doubt()
 *
 * Return: true if no more samples are needed.
 */
bool knumad_page_trusted(unsigned int doubt)
{
	return !(doubt & 15);
}

/**
 * knumad_part_compare - does the second sample of a part agree with the first one?
 * @p: the part, before knumad_part_sample()
 * @home: of the thread that used it
 *
 * Return: 1 if it does, -1 if not, 0 if it is not the second one.
 */
int knumad_part_compare(const struct knumad_part *p, int home)
{
	if (p->agree != 1 || p->mixed)
		return 0;
	return p->node == home + 1 ? 1 : -1;
}

/**
 * knumad_part_enough - samples in a row from one node that tell where a part belongs
 * @agreed: second samples of parts that agreed with the first one
 * @disagreed: those that did not
 * @nr_nodes: nodes of the process
 *
 * As knumad_chunk_enough(), but one is enough where hardly any part is shared: there are
 * many of them, of a chunk that all use, and the next sample puts it right.
 *
 *   nodes  agreed  disagreed
 *   2       0       0          -> 8, nothing is known
 *   2      16       0          -> 2
 *   2      32       0          -> 1
 *   2      64       1          -> 2
 *   2     100       1          -> 1
 *
 * Return: 1 to KNUMAD_CHUNK_AGREE_MAX.
 */
unsigned int knumad_part_enough(unsigned int agreed, unsigned int disagreed,
				unsigned int nr_nodes)
{
	return enough(agreed, disagreed, nr_nodes, 1);
}

/**
 * knumad_part_sample - one sampled access to a part of a shared chunk
 * @p: the part
 * @user: index of the thread that used it
 * @home: of the thread
 * @enough: samples in a row that tell where parts of this process belong
 *
 * As with chunks, but what disagrees three times is mixed for good: then its pages are
 * looked at one by one. In a process whose threads share all they use KNUMAD_CHUNK_AGREE_MAX
 * are enough, more than are counted: no part is anybody's. Two are enough here:
 *
 *   samples from nodes  0 0 1 1 1 0 1 1
 *   target              - 0 - 1 1 - - -
 *   mixed               0 0 1 1 1 2 3 3
 *
 * If one is enough, that is so for the first one: once it was wrong, it takes two.
 *
 *   samples from nodes  0 0 1 1
 *   target              0 0 - 1
 *
 * Return: true if there is more to learn about it.
 */
bool knumad_part_sample(struct knumad_part *p, unsigned int user, int home,
			unsigned int enough)
{
	p->user = user_number(user);
	if (knumad_part_mixed(p))
		return false;
	if (p->node != home + 1) {
		p->mixed += p->node > 0;
		p->node = home + 1;
		p->agree = enough == 1 && !p->mixed ? KNUMAD_PART_KNOWN : 1;
		return p->mixed < KNUMAD_PART_MIXED;
	}
	if (p->agree == KNUMAD_PART_KNOWN)
		return false;
	p->agree = p->agree + 1 >= enough ? KNUMAD_PART_KNOWN :
					    min(p->agree + 1, KNUMAD_PART_KNOWN - 1);
	return true;
}

/**
 * knumad_part_target - the node of a part
 * @p: the part
 *
 * Return: a node (not + 1), NUMA_NO_NODE if that is not known, or it is mixed.
 */
int knumad_part_target(const struct knumad_part *p)
{
	return p->agree == KNUMAD_PART_KNOWN && !knumad_part_mixed(p) ? p->node - 1 :
									NUMA_NO_NODE;
}

/**
 * knumad_part_mixed - has a part users on several nodes?
 * @p: the part
 *
 * Return: true if so.
 */
bool knumad_part_mixed(const struct knumad_part *p)
{
	return p->mixed == KNUMAD_PART_MIXED;
}

/**
 * knumad_part_rehome - the last user of a part has a new home
 * @p: the part
 * @home: the node
 *
 *   before              after home 1
 *   node agree mixed    node agree mixed
 *   0    7     0        1    1     0       to be confirmed
 *   0    2     1        1    1     1
 *   0    1     3        0    1     3       users on several nodes, for good
 */
void knumad_part_rehome(struct knumad_part *p, int home)
{
	if (knumad_part_mixed(p))
		return;
	p->node = home + 1;
	p->agree = 1;
}

/**
 * knumad_parts_worth - are parts of chunks worth samples of their own?
 * @agreed: second samples of parts that agreed with the first one
 * @disagreed: those that did not
 * @nr_nodes: nodes of the process
 *
 *   nodes  agreed  disagreed
 *   2       0       0          yes, as long as little is known
 *   2      32       0          yes
 *   2      28       4          yes, a quarter may be shared
 *   2      20      12          no, three quarters may be
 *
 * Return: true if so, or if it is not known yet.
 */
bool knumad_parts_worth(unsigned int agreed, unsigned int disagreed,
			unsigned int nr_nodes)
{
	return agreed + disagreed < KNUMAD_PARTS ||
	       knumad_part_enough(agreed, disagreed, nr_nodes) <= KNUMAD_PART_ENOUGH;
}

/**
 * knumad_parts_tell - is it parts that tell which threads share memory?
 * @agreed: second samples of parts that agreed with the first one
 * @disagreed: those that did not
 * @nr_nodes: nodes of the process
 *
 * Threads that follow each other on a chunk share no more than the chunk, if hardly
 * any part of it has two users. They may do so in the same order for ever, so that
 * some seem to share much more than others.
 *
 *   nodes  agreed  disagreed
 *   2       0       0          no, not as long as little is known
 *   2      32       0          yes
 *   2      20      12          no, parts are shared as well
 *
 * Return: true if so.
 */
bool knumad_parts_tell(unsigned int agreed, unsigned int disagreed, unsigned int nr_nodes)
{
	return agreed + disagreed >= KNUMAD_PARTS &&
	       knumad_parts_worth(agreed, disagreed, nr_nodes);
}

/**
 * knumad_parts_differ - do parts of a chunk belong to several nodes?
 * @parts: its KNUMAD_PARTS parts
 *
 * What is mixed is so for good, though it may have got one user since: that does not count, or
 * the chunk would be shared for good, too.
 *
 *   targets (m: mixed)
 *   - - - - ...         no
 *   0 m 0 - ...         no
 *   0 0 0 1 ...         yes
 *
 * Return: true if so, as far as is known.
 */
bool knumad_parts_differ(const struct knumad_part *parts)
{
	int i, nid = NUMA_NO_NODE;

	for (i = 0; i < KNUMAD_PARTS; i++) {
		int target = knumad_part_target(&parts[i]);

		if (target == NUMA_NO_NODE)
			continue;
		if (nid != NUMA_NO_NODE && target != nid)
			return true;
		nid = target;
	}
	return false;
}

/**
 * knumad_chunk_spread - the node of a chunk that is used from several nodes
 * @nr: number of the chunk, its address / 2 MiB
 * @set: the nodes of the process
 *
 *   nodes {1,4,6}, chunks 7 8 9 10 -> nodes 4 6 1 4
 *
 * Return: a node of @set (not + 1), evenly, NUMA_NO_NODE if it is empty.
 */
int knumad_chunk_spread(unsigned long nr, const nodemask_t *set)
{
	unsigned int weight = nodes_weight(*set);
	int nid = NUMA_NO_NODE;
	unsigned long k;

	if (!weight)
		return NUMA_NO_NODE;
	k = nr % weight;
	for_each_node_mask(nid, *set)
		if (!k--)
			break;
	return nid;
}
