// SPDX-License-Identifier: GPL-2.0
/*
 * knumad: decayed counters that tie processes to nodes
 *
 * Pure arithmetic on samples that tasks.c and scan.c take.
 */

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "internal.h"

/* Passes the policy looks ahead, at least and at most */
#define KNUMAD_HORIZON_MIN	30
#define KNUMAD_HORIZON_MAX	1000

/**
 * knumad_decay - decayed average that forgets half of its past per sample
 * @avg: the average so far
 * @sample: the new sample
 *
 *   samples  2000 2000    0    0    0
 *   average  2000 2000 1000  500  250
 *
 * Rounds toward the sample, so that a constant sample is reached.
 *
 * Return: the new average.
 */
unsigned long knumad_decay(unsigned long avg, unsigned long sample)
{
	if (sample > avg)
		return sample - (sample - avg) / 2;
	return sample + (avg - sample) / 2;
}

/**
 * knumad_decay_for - decayed average of samples over unequal times
 * @avg: the average so far
 * @sample: the new sample
 * @ns: the time that @sample is of
 *
 * Forgets half of its past in a tenth of a second or more, less of it in less time: of
 * looks that follow each other at once none may tell much.
 *
 *   2000, then 0 for 100 ms or 1 s	-> 1000
 *   2000, then 0 for 10 ms		-> 1900
 *
 * Return: the new average.
 */
unsigned long knumad_decay_for(unsigned long avg, unsigned long sample, u64 ns)
{
	u64 part = min_t(u64, ns, NSEC_PER_SEC / 10);
	u64 diff = mul_u64_u64_div_u64(abs_diff(avg, sample), part, NSEC_PER_SEC / 5);

	return sample > avg ? avg + diff : avg - diff;
}

/**
 * knumad_load_sample - how many cores a process can use
 * @cpu_ns: CPU time it used since the last look
 * @elapsed_ns: time since the last look, 0 for none
 * @running: threads found running or waiting for a CPU
 *
 * CPU time alone is too low for threads that had to wait for a CPU, the number
 * of runnable threads alone is noisy for threads that sleep often: the larger
 * one counts.
 *
 *   2 threads with a CPU each        2000 ms of 1000 ms, 2 runnable -> 2000
 *   4 threads that share 2 CPUs      2000 ms of 1000 ms, 4 runnable -> 4000
 *   1 thread half of its time asleep  500 ms of 1000 ms, 0 runnable ->  500
 *
 * Return: thousandths of a core.
 */
unsigned long knumad_load_sample(u64 cpu_ns, u64 elapsed_ns,
				 unsigned int running)
{
	u64 used = 0;

	if (elapsed_ns)
		used = mul_u64_u64_div_u64(cpu_ns, 1000, elapsed_ns);
	return max_t(u64, used, (u64)running * 1000);
}

/**
 * knumad_shares - decay the share of CPU time per node
 * @share: thousandths per node, updated
 * @cpu_ns: CPU time since the last look, per node
 * @nr: nodes
 * @first: there is no past to decay
 *
 * A look that finds no CPU time changes nothing: the process rests where it was.
 */
void knumad_shares(unsigned int *share, const u64 *cpu_ns, int nr, bool first)
{
	u64 all = 0;
	int i;

	for (i = 0; i < nr; i++)
		all += cpu_ns[i];
	if (!all)
		return;
	for (i = 0; i < nr; i++) {
		unsigned int sample = mul_u64_u64_div_u64(cpu_ns[i], 1000,
							  all);

		WRITE_ONCE(share[i], first ? sample :
			   knumad_decay(share[i], sample));
	}
}

/**
 * knumad_horizon - for how many passes a process is expected to go on as it does
 * @age_ns: how long it has been watched
 * @interval_ms: length of a pass
 *
 * As long as it has been around already, within bounds.
 *
 * Return: passes.
 */
unsigned int knumad_horizon(u64 age_ns, unsigned long interval_ms)
{
	u64 passes = div64_u64(age_ns, (u64)interval_ms * NSEC_PER_MSEC);

	return clamp_t(u64, passes, KNUMAD_HORIZON_MIN, KNUMAD_HORIZON_MAX);
}

/**
 * knumad_counts_differ - did a process change between two walks?
 * @a: counts of one walk
 * @b: counts of the other
 * @nr: nodes
 *
 * Return: true if residency on any node changed by more than an eighth of the
 * process, or if it fell idle or woke up.
 */
bool knumad_counts_differ(const struct knumad_counts *a,
			  const struct knumad_counts *b, int nr)
{
	unsigned long all_a = 0, all_b = 0, used_a = 0, used_b = 0, moved = 0;
	int i;

	for (i = 0; i < nr; i++) {
		all_a += a->resident[i];
		all_b += b->resident[i];
		moved = max(moved, max(a->resident[i], b->resident[i]) -
				   min(a->resident[i], b->resident[i]));
		used_a += a->used[i];
		used_b += b->used[i];
	}
	return moved > max(all_a, all_b) / 8 || !used_a != !used_b;
}
