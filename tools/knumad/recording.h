/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what record writes and report reads
 *
 * A recording is lines of words. The first line is RECORDING_HEADER. Names have their
 * white space escaped as \ooo. "LIST" is numbers separated by commas, one per node.
 *
 *	host NAME
 *	kernel RELEASE
 *	start SECONDS			since 1970
 *	interval SECONDS		between two samples
 *	nodes NUMBER			how long lists are
 *	node ID CPULIST TOTAL_KB
 *	command WORD...			what was started, if anything
 *
 * and then, for each sample,
 *
 *	t SECONDS MODE			since the start; always, opt-in or never
 *	n ID BUSY_PERCENT FREE_KB	of a node, since the sample before
 *	p PID COMM VERDICT HOME LOCAL FAULTS MOVED_PAGES RESIDENT_PAGES_LIST CPU_MS_LIST
 *	b PID ADDRESS SIZE PAGES_LIST	of a block of the address space, in hexadecimal
 *
 * HOME is -1 for none, LOCAL thousandths, as knumad tells it or -1. FAULTS and MOVED_PAGES
 * count since knumad watches the process. RESIDENT_PAGES_LIST and PAGES_LIST are estimated
 * from a sample of its pages. CPU_MS_LIST is CPU time since the sample before, by the node
 * where the threads ran last.
 */
#ifndef KNUMADCTL_RECORDING_H
#define KNUMADCTL_RECORDING_H

#include "knumadctl.h"

#define RECORDING_HEADER	"knumadctl recording 1"
#define RECORDING_FILE		"knumad.rec"	/* if no other name is given */

/**
 * struct node_point - a node at the time of a sample
 * @busy: percent of its CPU time
 * @free_kb: free memory
 */
struct node_point {
	double busy;
	__u64 free_kb;
};

/**
 * struct sample - the time of a sample, and what holds for the machine
 * @time: seconds since the start
 * @mode: of knumad
 * @nodes: one per node
 */
struct sample {
	double time;
	char mode[16];
	struct node_point *nodes;
};

/**
 * struct point - a process at the time of a sample
 * @time: seconds since the start
 * @verdict: as knumad says it
 * @home: its home, -1 for none
 * @local: thousandths, -1 if knumad does not tell
 * @faults: hinting faults since it is watched
 * @moved: pages moved since it is watched
 * @pages: pages by node
 * @cpu_ms: CPU time since the sample before, by node
 */
struct point {
	double time;
	char verdict[32];
	int home;
	int local;
	__u64 faults;
	__u64 moved;
	__u64 *pages;
	__u64 *cpu_ms;
};

/**
 * struct heat - a block of an address space at the time of a sample
 * @point: number of the point of the process
 * @address: where it begins
 * @size: of the block
 * @pages: pages by node
 */
struct heat {
	size_t point;
	__u64 address;
	__u64 size;
	__u64 *pages;
};

/**
 * struct track - a process over time
 * @pid: its number
 * @comm: its name, the last one that it had
 * @nr_points: how many points
 * @points: where it was, in order of time
 * @nr_heat: how many blocks
 * @heat: blocks of all points, in order of time
 */
struct track {
	pid_t pid;
	char comm[64];
	size_t nr_points;
	struct point *points;
	size_t nr_heat;
	struct heat *heat;
};

/**
 * struct recording - all of it
 * @host: where it was made
 * @kernel: release of the kernel there
 * @command: what was started, "" if nothing
 * @start: when, in seconds since 1970
 * @interval: seconds between two samples
 * @nr_nodes: how many nodes
 * @nr_samples: how many samples
 * @samples: the samples
 * @nr_tracks: how many processes
 * @tracks: the processes, in the order in which they appeared
 */
struct recording {
	char host[64];
	char kernel[64];
	char command[256];
	__u64 start;
	double interval;
	size_t nr_nodes;
	size_t nr_samples;
	struct sample *samples;
	size_t nr_tracks;
	struct track *tracks;
};

int recording_read(const char *file, struct recording *r);
int recording_parse(const char *file, char *text, struct recording *r);
void recording_free(struct recording *r);
double recording_end(const struct recording *r);

const struct point *track_at(const struct track *t, double from, double to);
double point_local(const struct point *p, size_t nr_nodes);
int majority(const __u64 *v, size_t nr);

#endif /* KNUMADCTL_RECORDING_H */
