/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what knumad has done since boot
 */
#ifndef KNUMADCTL_COUNTERS_H
#define KNUMADCTL_COUNTERS_H

#include "knumadctl.h"

/**
 * enum counter - what is counted
 * @C_PAGES_MIGRATED: pages moved
 * @C_THP_MIGRATED: huge pages moved whole
 * @C_MIGRATE_FAILED: folios that could not be moved
 * @C_HINT_FAULTS: hinting faults
 * @C_HINT_FAULTS_LOCAL: of those, from the node of the page
 * @C_PAGES_ARMED: pages armed for one
 * @C_PAGES_SCANNED: pages looked at, a huge page is 512
 * @C_TASKS_MOVED: threads moved to an idle or less busy CPU
 * @C_TASKS_SWAPPED: threads exchanged
 * @NR_COUNTERS: their number
 */
enum counter {
	C_PAGES_MIGRATED,
	C_THP_MIGRATED,
	C_MIGRATE_FAILED,
	C_HINT_FAULTS,
	C_HINT_FAULTS_LOCAL,
	C_PAGES_ARMED,
	C_PAGES_SCANNED,
	C_TASKS_MOVED,
	C_TASKS_SWAPPED,
	NR_COUNTERS
};

extern const char *const counter_names[NR_COUNTERS];

bool counters_read(const struct paths *paths, __u64 v[NR_COUNTERS]);

#endif /* KNUMADCTL_COUNTERS_H */
