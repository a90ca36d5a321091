/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy of knumad for the memory of a process that does not fit in one node:
 * samples in, the node of each 2 MiB out
 *
 * Nothing here knows an mm, a task or a lock.
 */
#ifndef _KNUMAD_CHUNK_H
#define _KNUMAD_CHUNK_H

#include <linux/build_bug.h>
#include <linux/nodemask.h>
#include <linux/types.h>

/* Samples in a row from one node that tell where a chunk belongs, at least */
#define KNUMAD_CHUNK_AGREE		2

/* ... and at most: in a process whose threads share everything */
#define KNUMAD_CHUNK_AGREE_MAX		8

/* No number of them does, of a shared chunk */
#define KNUMAD_CHUNK_NEVER		0

/* @mixed from which on a chunk is shared: three disagreements ... */
#define KNUMAD_CHUNK_MIXED		12

/* ... of this weight, each of which is outweighed by as many agreements */
#define KNUMAD_CHUNK_DISAGREE		4

/* Armed pages of a chunk that nobody used yet: then it is idle */
#define KNUMAD_CHUNK_MAX_ARMED		4

/* Each look that found nothing to arm makes the next one four times as rare, so often */
#define KNUMAD_CHUNK_MAX_IDLE		2

/* A chunk is sampled in one of 64 rounds, at least */
#define KNUMAD_CHUNK_MAX_BACKOFF	6

/**
 * struct knumad_chunk - what samples tell about 2 MiB of address space
 * @user:	who used it last: index of the thread + 1, 0: nobody yet
 * @node:	home of the last user, + 1, 0: not known
 * @target:	node where it belongs, + 1, 0: not known
 * @agree:	samples in a row from the same node, 31 for more
 * @mixed:	how much samples disagree: up by a disagreement, down by agreements
 * @backoff:	it is sampled in one of 2^backoff rounds
 * @half:	of its small pages, the next sample is one of the upper half
 * @armed:	so many samples are under way, for all that is known, up to
 *		KNUMAD_CHUNK_MAX_ARMED
 * @idle:	looks at its small pages in a row that found none to arm, up to
 *		KNUMAD_CHUNK_MAX_IDLE
 * @touched:	it was armed at any time
 * @spread:	it is used from several nodes: its target is for good. It has
 *		none when this is set, the caller gives it one
 */
struct knumad_chunk {
	u16 user;
	u16 node : 11;
	u16 agree : 5;
	u16 target : 11;
	u16 mixed : 5;
	u16 backoff : 3;
	u16 half : 1;
	u16 armed : 3;
	u16 idle : 2;
	u16 touched : 1;
	u16 spread : 1;
};

/* 4 bytes per MiB of address space */
static_assert(sizeof(struct knumad_chunk) == 8);

/**
 * struct knumad_chunk_look - a chunk in one round, VMA by VMA
 * @armed:	samples armed of small pages, or large folios, in all VMAs so far
 * @alive:	there was one that is armed, or might be
 * @idle:	@idle of the chunk before the first of them
 */
struct knumad_chunk_look {
	unsigned int armed;
	bool alive;
	unsigned int idle;
};

/* How often threads go to sleep is counted in parts */
#define KNUMAD_SLEEP_UNIT		16

/*
 * What threads share of a chunk may be nothing but the chunk: of small pages, parts of
 * it are looked at, a 32nd each, 64 KiB
 */
#define KNUMAD_PART_SHIFT		5
#define KNUMAD_PARTS			32

/* Disagreements after which a part is looked at page by page */
#define KNUMAD_PART_MIXED		3

/* @agree of a part that is known to belong to a node */
#define KNUMAD_PART_KNOWN		7

/* Parts to sample in one round, of a chunk of which that is worth it */
#define KNUMAD_PARTS_AT_ONCE		4

/**
 * struct knumad_part - what samples tell about one part of a shared chunk
 * @user:	who used it last: index of the thread + 1, 0: nobody yet
 * @node:	home of the last user, + 1, 0: not known
 * @agree:	samples in a row from the same node, or KNUMAD_PART_KNOWN
 * @mixed:	disagreements; KNUMAD_PART_MIXED: users on several nodes, for good
 */
struct knumad_part {
	u16 user;
	u16 node : 11;
	u16 agree : 3;
	u16 mixed : 2;
};

/* 128 bytes per chunk that is shared and of small pages */
static_assert(sizeof(struct knumad_part) == 4);

int knumad_part_compare(const struct knumad_part *p, int home);
bool knumad_part_sample(struct knumad_part *p, unsigned int user, int home,
			unsigned int enough);
int knumad_part_target(const struct knumad_part *p);
bool knumad_part_mixed(const struct knumad_part *p);
void knumad_part_rehome(struct knumad_part *p, int home);
unsigned int knumad_part_enough(unsigned int agreed, unsigned int disagreed,
				unsigned int nr_nodes);
bool knumad_parts_worth(unsigned int agreed, unsigned int disagreed,
			unsigned int nr_nodes);
bool knumad_parts_differ(const struct knumad_part *parts);
bool knumad_parts_tell(unsigned int agreed, unsigned int disagreed,
		       unsigned int nr_nodes);

/**
 * struct knumad_doubt - about what is known of the chunks of a process
 * @sum:	of surprises, less the samples that were none
 * @listen:	samples in a row that are none until the next ones are waited for
 */
struct knumad_doubt {
	unsigned int sum;
	unsigned int listen;
};

bool knumad_chunk_repeats(const struct knumad_chunk *c, unsigned int user);
int knumad_chunk_compare(const struct knumad_chunk *c, int home);
unsigned int knumad_chunk_enough(unsigned int agreed, unsigned int disagreed,
				 unsigned int nr_nodes);
bool knumad_chunk_one_sided(unsigned int samples, u64 squares, unsigned int running);
unsigned int knumad_page_doubt(unsigned int doubt, bool same);
bool knumad_page_trusted(unsigned int doubt);
unsigned long knumad_usual_sleeps(unsigned long usual, unsigned long slept);
bool knumad_phase_ended(unsigned long slept, unsigned long usual);
void knumad_phase_doubt(struct knumad_doubt *d, bool surprise);
bool knumad_phase_changed(const struct knumad_doubt *d);
void knumad_chunk_sample(struct knumad_chunk *c, unsigned int user, int home,
			 unsigned int enough);
void knumad_chunk_share(struct knumad_chunk *c);
void knumad_chunk_rehome(struct knumad_chunk *c, int home);
bool knumad_chunk_due(const struct knumad_chunk *c, unsigned int armed,
		      unsigned int round, unsigned long nr);
unsigned long knumad_chunk_first(const struct knumad_chunk *c, unsigned long nr,
				 unsigned long *range);
void knumad_chunk_looked(struct knumad_chunk *c, struct knumad_chunk_look *look,
			 unsigned int armed, bool found);
bool knumad_chunk_known(const struct knumad_chunk *c);
int knumad_chunk_spread(unsigned long nr, const nodemask_t *set);

#endif /* _KNUMAD_CHUNK_H */
