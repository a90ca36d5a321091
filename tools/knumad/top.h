/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: looking at everything again and again
 */
#ifndef KNUMADCTL_TOP_H
#define KNUMADCTL_TOP_H

#include "knumadctl.h"

#define WIDTH_OF_TEXT	100	/* without a terminal */

/**
 * struct top_options - how to look
 * @batch: as plain text
 * @json: as JSON
 * @threads: show the threads of a process
 * @pid: of this one
 * @sort: by which column
 * @delay: seconds between two looks
 * @rounds: how many; 0: until somebody ends it
 */
struct top_options {
	bool batch;
	bool json;
	bool threads;
	pid_t pid;
	char sort;
	double delay;
	__u64 rounds;
};

int top(const struct paths *paths, const struct top_options *o);

#endif /* KNUMADCTL_TOP_H */
