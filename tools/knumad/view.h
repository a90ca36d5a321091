/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: the state of things, and how it is shown
 */
#ifndef KNUMADCTL_VIEW_H
#define KNUMADCTL_VIEW_H

#include "counters.h"
#include "json.h"
#include "machine.h"
#include "process.h"
#include "traffic.h"

/**
 * struct view - the state of things at one time
 * @time: when, as now_s()
 * @mode: always, opt-in or never
 * @policy: pack or spread
 * @machine: the nodes
 * @processes: the processes
 * @error: why there are no processes, as processes_read() returned it
 * @counted: whether there are counters
 * @counters: the counters
 * @traffic: between nodes
 */
struct view {
	double time;
	char mode[16];
	char policy[16];
	struct machine machine;
	struct processes processes;
	int error;
	bool counted;
	__u64 counters[NR_COUNTERS];
	struct traffic traffic;
};

int view_read(const struct paths *paths, struct view *v);
void view_free(struct view *v);

/**
 * struct rates - what happened between two views, per second
 * @seconds: the time between; 0 if there is no other view
 * @faults: hinting faults
 * @moved_mb: MiB moved
 * @scan: CPU time of looking at it, in percent of a CPU
 */
struct rates {
	double seconds;
	double faults;
	double moved_mb;
	double scan;
};

struct rates process_rates(const struct view *now, const struct view *before,
			   const struct process *p);
struct rates counter_rates(const struct view *now, const struct view *before);

void format_mb(char *to, size_t size, double mb);
void format_local(char *to, size_t size, double percent);
void format_bar(char *to, size_t width, const __u64 *v, size_t nr);
char node_digit(size_t node);

void json_view(struct json *j, const struct view *now, const struct view *before);
void json_process(struct json *j, const char *name, const struct process *p,
		  const struct rates *rates);

#endif /* KNUMADCTL_VIEW_H */
