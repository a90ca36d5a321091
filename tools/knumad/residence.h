/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: on which nodes the memory of a process is, address by address
 */
#ifndef KNUMADCTL_RESIDENCE_H
#define KNUMADCTL_RESIDENCE_H

#include "knumadctl.h"

/**
 * struct range - some addresses
 * @start: the first one
 * @end: the first one behind
 */
struct range {
	__u64 start;
	__u64 end;
};

/**
 * struct block - a block of a process's address space
 * @start: its first address, a multiple of its size
 * @pages: pages in it by node, estimated from a sample
 */
struct block {
	__u64 start;
	__u64 *pages;
};

/**
 * struct residence - where the memory of a process is
 * @nr_nodes: how many nodes there are
 * @size: of each block
 * @nr: how many blocks have pages
 * @blocks: the blocks, by address
 * @pages: pages by node, estimated from the same sample
 */
struct residence {
	size_t nr_nodes;
	__u64 size;
	size_t nr;
	struct block *blocks;
	__u64 *pages;
};

size_t ranges_parse(char *maps, struct range **ranges);
__u64 block_size(const struct range *ranges, size_t nr);
int residence_read(const struct paths *paths, pid_t pid, size_t nr_nodes,
		   struct residence *r);
void residence_free(struct residence *r);

#endif /* KNUMADCTL_RESIDENCE_H */
