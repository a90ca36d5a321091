// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: on which nodes the memory of a process is, address by address
 *
 * move_pages(2) without a target tells the node of single pages. That of every
 * page would be a long walk; a sample of some thousand takes the same short time
 * for each process, however large. The pages are neither touched nor marked.
 */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "read.h"
#include "residence.h"

#define MOST_BLOCKS	64		/* of one process */
#define LEAST_BLOCK	(2ULL << 20)	/* a huge page */
#define BLOCK_SAMPLES	64		/* pages of a block that are looked at */

/* Memory that knumad may move: private, anonymous, and not the stack's guard and such */
static bool is_anonymous(const char *line)
{
	const char *name = strpbrk(line, "/[");

	if (!strstr(line, " rw") || !strstr(line, "p 00000000 00:00 0"))
		return false;
	return !name || !strncmp(name, "[heap]", 6) || !strncmp(name, "[anon", 5);
}

/**
 * ranges_parse - the anonymous ranges in /proc/PID/maps
 * @maps: what it says; changed
 * @ranges: where to store them, to be freed
 *
 * Return: how many.
 */
size_t ranges_parse(char *maps, struct range **ranges)
{
	struct range range;
	size_t nr = 0;
	char *line;

	*ranges = NULL;
	while ((line = next_line(&maps))) {
		if (!is_anonymous(line) || sscanf(line, "%llx-%llx", &range.start, &range.end) != 2)
			continue;
		*ranges = xgrow(*ranges, nr, sizeof(range));
		(*ranges)[nr++] = range;
	}
	return nr;
}

/* Blocks of this size that the ranges touch */
static size_t count_blocks(const struct range *ranges, size_t nr, __u64 size)
{
	__u64 first, last, next = 0;
	size_t i, count = 0;

	for (i = 0; i < nr; i++) {
		first = ranges[i].start / size;
		last = (ranges[i].end - 1) / size;
		/* The ranges are in order: the first block may be counted already */
		if (first < next)
			first = next;
		if (last + 1 > first)
			count += last + 1 - first;
		next = last + 1 > next ? last + 1 : next;
	}
	return count;
}

/**
 * block_size - into which blocks to divide an address space
 * @ranges: what is used of it, in order
 * @nr: how many ranges
 *
 * Return: the least power of two from 2 MiB on that takes at most MOST_BLOCKS,
 * unless the ranges are as many and far apart.
 */
__u64 block_size(const struct range *ranges, size_t nr)
{
	__u64 size = LEAST_BLOCK;

	while (count_blocks(ranges, nr, size) > MOST_BLOCKS && size < 1ULL << 40)
		size *= 2;
	return size;
}

static struct block *block_at(struct residence *r, __u64 start)
{
	struct block *b = r->nr ? &r->blocks[r->nr - 1] : NULL;

	if (b && b->start == start)
		return b;
	r->blocks = xgrow(r->blocks, r->nr, sizeof(*r->blocks));
	b = &r->blocks[r->nr++];
	b->start = start;
	b->pages = xalloc(r->nr_nodes, sizeof(__u64));
	return b;
}

static long page_nodes(pid_t pid, size_t nr, void **pages, int *nodes)
{
	return syscall(SYS_move_pages, pid, nr, pages, NULL, nodes, 0);
}

/* Look at some pages of a part of a block; each one found stands for @step bytes */
static int sample(struct residence *r, pid_t pid, __u64 start, __u64 end)
{
	__u64 page = sysconf(_SC_PAGESIZE), step = r->size / BLOCK_SAMPLES, at;
	struct block *b = NULL;
	void *pages[BLOCK_SAMPLES + 1];
	int nodes[BLOCK_SAMPLES + 1];
	size_t nr = 0, i;

	for (at = start; at < end; at += step)
		pages[nr++] = (void *)(uintptr_t)at;
	if (page_nodes(pid, nr, pages, nodes) < 0)
		return -errno;
	for (i = 0; i < nr; i++) {
		/* A negative number: there is no page, or none of its own */
		if (nodes[i] < 0 || (size_t)nodes[i] >= r->nr_nodes)
			continue;
		at = start + i * step;
		b = block_at(r, start & ~(r->size - 1));
		b->pages[nodes[i]] += (end - at < step ? end - at : step) / page;
		r->pages[nodes[i]] += (end - at < step ? end - at : step) / page;
	}
	return 0;
}

static int sample_range(struct residence *r, pid_t pid, const struct range *range)
{
	__u64 at, end;
	int ret = 0;

	for (at = range->start; at < range->end && !ret; at = end) {
		end = (at & ~(r->size - 1)) + r->size;
		if (end > range->end)
			end = range->end;
		ret = sample(r, pid, at, end);
	}
	return ret;
}

/**
 * residence_read - where is the memory of a process?
 * @paths: where its maps are
 * @pid: the process
 * @nr_nodes: how many nodes there are
 * @r: where to store it; to be freed unless this fails
 *
 * Return: 0 or -errno: EPERM or EACCES if it is somebody else's, ESRCH or ENOENT if it
 * is gone.
 */
int residence_read(const struct paths *paths, pid_t pid, size_t nr_nodes,
		   struct residence *r)
{
	struct range *ranges;
	char *maps = read_file("%s/%d/maps", paths->proc, pid);
	size_t nr, i;
	int ret = 0;

	if (!maps)
		return -errno;
	/* One that has ended and was not waited for has no memory */
	if (!*maps) {
		free(maps);
		return -ESRCH;
	}
	nr = ranges_parse(maps, &ranges);
	*r = (struct residence) { .nr_nodes = nr_nodes, .size = block_size(ranges, nr) };
	r->pages = xalloc(nr_nodes, sizeof(__u64));
	for (i = 0; i < nr && !ret; i++)
		ret = sample_range(r, pid, &ranges[i]);
	free(ranges);
	free(maps);
	if (ret)
		residence_free(r);
	return ret;
}

/**
 * residence_free - forget it
 * @r: where the memory of a process is
 */
void residence_free(struct residence *r)
{
	size_t i;

	for (i = 0; i < r->nr; i++)
		free(r->blocks[i].pages);
	free(r->blocks);
	free(r->pages);
	*r = (struct residence) { 0 };
}
