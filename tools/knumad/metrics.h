/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: figures for Prometheus
 */
#ifndef KNUMADCTL_METRICS_H
#define KNUMADCTL_METRICS_H

#include "knumadctl.h"

void metrics_label(FILE *out, const char *text);

#endif /* KNUMADCTL_METRICS_H */
