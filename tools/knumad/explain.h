/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: why knumad does not look at a process
 */
#ifndef KNUMADCTL_EXPLAIN_H
#define KNUMADCTL_EXPLAIN_H

#include "knumadctl.h"

/**
 * struct unwatched - what is known of a process that knumad does not look at
 * @pid: the process
 * @enabled: always, opt-in or never
 * @mode: what it said: in, out or default; "" if that is not known
 * @group: what its control groups say, "" if that is not known
 * @anon_kb: its anonymous memory
 * @cpu_ms: CPU time it has used
 * @min_resident_mb: processes are watched from this size on
 * @min_cpu_ms: and from this CPU time on
 */
struct unwatched {
	pid_t pid;
	const char *enabled;
	const char *mode;
	const char *group;
	__u64 anon_kb;
	__u64 cpu_ms;
	__u64 min_resident_mb;
	__u64 min_cpu_ms;
};

void explain_unwatched(char *to, size_t size, const struct unwatched *c);

#endif /* KNUMADCTL_EXPLAIN_H */
