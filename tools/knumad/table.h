/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: what top shows, line by line
 */
#ifndef KNUMADCTL_TABLE_H
#define KNUMADCTL_TABLE_H

#include "tasks.h"
#include "view.h"

#define LEAST_COLUMNS	60
#define LEAST_ROWS	12

/**
 * enum style - how a line looks
 * @PLAIN: as any other
 * @HEADING: names of columns
 * @SELECTED: the process that keys act on
 * @STRONG: a process that is not where it should be
 */
enum style {
	PLAIN,
	HEADING,
	SELECTED,
	STRONG,
};

/**
 * struct line - a line of the screen
 * @text: what it says
 * @style: how it looks
 */
struct line {
	char text[512];
	enum style style;
};

/**
 * struct table - several lines
 * @nr: how many
 * @v: the lines
 */
struct table {
	size_t nr;
	struct line *v;
};

/**
 * struct top - what is shown, and how
 * @paths: where the files of the kernel are
 * @now: the state of things
 * @before: the state before that; all zeroes at first
 * @sort: the key of the column to sort by
 * @reverse: smallest first
 * @all: also processes that are not watched
 * @all_nodes: all nodes, even if few rows are left for processes
 * @threads: show the threads of the selected process
 * @selected: that process
 * @tasks: its threads
 * @tasks_before: its threads as they were before
 * @width: columns that there are
 */
struct top {
	const struct paths *paths;
	struct view now;
	struct view before;
	char sort;
	bool reverse;
	bool all;
	bool all_nodes;
	bool threads;
	pid_t selected;
	struct tasks tasks;
	struct tasks tasks_before;
	size_t width;
};

#define SORT_KEYS	"PMLFVN"

void table_head(const struct top *top, struct table *table);
void table_nodes(const struct top *top, size_t most, struct table *table);
void table_heading(const struct top *top, struct table *table);
void table_processes(const struct top *top, struct table *table);
void table_free(struct table *table);
size_t top_order(const struct top *top, const struct process ***order);

#endif /* KNUMADCTL_TABLE_H */
