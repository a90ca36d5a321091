/* SPDX-License-Identifier: GPL-2.0 */
/*
 * knumadctl: threads, where they run and how much
 */
#ifndef KNUMADCTL_TASKS_H
#define KNUMADCTL_TASKS_H

#include "knumadctl.h"
#include "machine.h"

/**
 * struct task - a thread, or a process without its threads
 * @tid: its number
 * @parent: the process that started its process
 * @comm: its name
 * @kernel: it is a thread of the kernel
 * @ticks: CPU time it used
 * @cpu: where it runs, or ran last
 */
struct task {
	pid_t tid;
	pid_t parent;
	char comm[64];
	bool kernel;
	__u64 ticks;
	int cpu;
};

/**
 * struct tasks - several of them
 * @nr: how many
 * @v: the threads, by tid
 * @time: when they were read, s
 */
struct tasks {
	size_t nr;
	double time;
	struct task *v;
};

bool task_parse(const char *text, struct task *t);
bool task_read(const struct paths *paths, pid_t pid, struct task *t);
int task_home(const struct paths *paths, pid_t pid, pid_t tid);
void tasks_read(const struct paths *paths, pid_t pid, struct tasks *ts);
void processes_list(const struct paths *paths, struct tasks *ts);
struct task *tasks_find(const struct tasks *ts, pid_t tid);
void tasks_free(struct tasks *ts);
void tasks_by_node(const struct tasks *now, const struct tasks *before,
		   const struct machine *m, __u64 *ticks);

#endif /* KNUMADCTL_TASKS_H */
