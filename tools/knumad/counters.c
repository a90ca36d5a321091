// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what knumad has done since boot
 */

#include <stdlib.h>

#include "counters.h"
#include "read.h"

/* As in debugfs; with knumad_ before them as in /proc/vmstat */
const char *const counter_names[NR_COUNTERS] = {
	[C_PAGES_MIGRATED]	= "pages_migrated",
	[C_THP_MIGRATED]	= "thp_migrated",
	[C_MIGRATE_FAILED]	= "migrate_failed",
	[C_HINT_FAULTS]		= "hint_faults",
	[C_HINT_FAULTS_LOCAL]	= "hint_faults_local",
	[C_PAGES_ARMED]		= "pages_armed",
	[C_PAGES_SCANNED]	= "pages_scanned",
	[C_TASKS_MOVED]		= "tasks_moved",
	[C_TASKS_SWAPPED]	= "tasks_swapped",
};

static bool take(char *text, const char *prefix, __u64 v[NR_COUNTERS])
{
	bool found = false;
	char name[64];
	int i;

	for (i = 0; i < NR_COUNTERS; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, counter_names[i]);
		if (value_of(text, name))
			found = true;
		v[i] = number_of(text, name, 0);
	}
	free(text);
	return found;
}

/**
 * counters_read - read all of them
 * @paths: where to look
 * @v: where to store them
 *
 * Return: false if neither /proc/vmstat nor debugfs tells.
 */
bool counters_read(const struct paths *paths, __u64 v[NR_COUNTERS])
{
	return take(read_file("%s/vmstat", paths->proc), "knumad_", v) ||
	       take(read_file("%s/knumad/stats", paths->debugfs), "", v);
}
