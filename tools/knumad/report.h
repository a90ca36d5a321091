/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: drawing a recording
 */
#ifndef KNUMADCTL_REPORT_H
#define KNUMADCTL_REPORT_H

#include "recording.h"

/* rows.c */

/**
 * struct rows - the address space of a process, divided into rows of one size
 * @size: of each
 * @nr: how many have memory at some time
 * @start: where each begins, in order
 */
struct rows {
	__u64 size;
	size_t nr;
	__u64 *start;
};

void rows_find(const struct track *t, size_t most, struct rows *rows);
size_t rows_at(const struct rows *rows, __u64 address);
void rows_pages(const struct rows *rows, const struct track *t, const struct point *p,
		size_t nr_nodes, __u64 *pages);
void rows_free(struct rows *rows);

/* verdicts in the order in which a process had them */
size_t track_verdicts(const struct track *t, const char ***verdicts);
bool track_is_chosen(const struct recording *r, const struct track *t, pid_t pid);

/* chart.c */
void chart_process(FILE *out, const struct recording *r, const struct track *t, int width);

/* plot.c */
int plot(const struct recording *r, pid_t pid, const char *format, const char *dir);
void plot_script(FILE *out, const struct recording *r, const struct track *t,
		 const char *format, const char *file);
void plot_overview(FILE *out, const struct recording *r, pid_t pid, const char *format,
		   const char *file);

#endif /* KNUMADCTL_REPORT_H */
