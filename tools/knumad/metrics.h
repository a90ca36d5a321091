/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: figures for Prometheus
 */
#ifndef KNUMADCTL_METRICS_H
#define KNUMADCTL_METRICS_H

#include "knumadctl.h"
#include "process.h"

void metrics_label(FILE *out, const char *text);
void metrics_verdicts(FILE *out, const struct processes *ps);

#endif /* KNUMADCTL_METRICS_H */
