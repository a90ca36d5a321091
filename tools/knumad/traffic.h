/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: from which nodes memory is used
 */
#ifndef KNUMADCTL_TRAFFIC_H
#define KNUMADCTL_TRAFFIC_H

#include "knumadctl.h"
#include "process.h"

/**
 * struct traffic - estimated use of memory, node by node
 * @nr: how many nodes there are
 * @share: share[i * nr + j]: of threads on node i, of memory on node j; cores
 */
struct traffic {
	size_t nr;
	double *share;
};

void traffic_estimate(const struct processes *ps, char *threads, size_t nr_nodes,
		      struct traffic *t);
double traffic_from(const struct traffic *t, size_t node);
double traffic_local(const struct traffic *t, ssize_t node);
void traffic_free(struct traffic *t);

#endif /* KNUMADCTL_TRAFFIC_H */
