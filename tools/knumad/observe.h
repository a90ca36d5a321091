/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: where a process is that knumad does not look at
 */
#ifndef KNUMADCTL_OBSERVE_H
#define KNUMADCTL_OBSERVE_H

#include "machine.h"
#include "process.h"

bool observe(const struct paths *paths, const struct machine *machine, struct process *p);
size_t observe_misplaced(const struct paths *paths, const struct machine *machine,
			 struct processes *ps, struct process ***order);

#endif /* KNUMADCTL_OBSERVE_H */
