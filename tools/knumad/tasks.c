// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: threads, where they run and how much
 */

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"
#include "tasks.h"

#define PF_KTHREAD	0x00200000	/* of the kernel's include/linux/sched.h */

/* Fields of /proc/PID/stat behind the name, counted from 0: see proc(5) */
enum {
	F_PPID		= 1,
	F_FLAGS		= 6,
	F_UTIME		= 11,
	F_STIME		= 12,
	F_PROCESSOR	= 36,
	NR_FIELDS
};

/**
 * task_parse - understand /proc/PID/stat
 * @text: what it says
 * @t: where to store it
 *
 * Return: whether it is well-formed.
 */
bool task_parse(const char *text, struct task *t)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	long long field[NR_FIELDS];
	char *end;
	int i;

	if (!open || !close || close < open || !close[1] || !close[2] || close[3] != ' ')
		return false;
	/* The first field is a letter, the state */
	text = close + 3;
	for (i = 1; i < NR_FIELDS; i++, text = end) {
		field[i] = strtoll(text, &end, 10);
		if (end == text)
			return false;
	}
	snprintf(t->comm, sizeof(t->comm), "%.*s", (int)(close - open - 1), open + 1);
	t->parent = field[F_PPID];
	t->kernel = field[F_FLAGS] & PF_KTHREAD;
	t->ticks = field[F_UTIME] + field[F_STIME];
	t->cpu = field[F_PROCESSOR];
	return true;
}

static bool read_stat(const char *dir, pid_t tid, struct task *t)
{
	char *text = read_file("%s/%d/stat", dir, tid);
	bool good = text && task_parse(text, t);

	t->tid = tid;
	free(text);
	return good;
}

/**
 * task_read - look at a process as a whole
 * @paths: where to look
 * @pid: the process
 * @t: where to store it
 *
 * Return: false if it is gone.
 */
bool task_read(const struct paths *paths, pid_t pid, struct task *t)
{
	return read_stat(paths->proc, pid, t);
}

/**
 * task_home - the preferred node of a thread
 * @paths: where to look it up
 * @pid: its process
 * @tid: the thread
 *
 * Return: the node, or -1 if it has none or the kernel does not tell.
 */
int task_home(const struct paths *paths, pid_t pid, pid_t tid)
{
	char *text = read_file("%s/%d/task/%d/sched", paths->proc, pid, tid);
	int home = signed_of(text, "numa_preferred_nid", -1);

	free(text);
	return home;
}

static int by_tid(const void *a, const void *b)
{
	const struct task *t = a, *u = b;

	return (t->tid > u->tid) - (t->tid < u->tid);
}

static void read_all(const char *path, struct tasks *ts)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	*ts = (struct tasks) { .time = now_s() };
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		ts->v = xgrow(ts->v, ts->nr, sizeof(*ts->v));
		if (read_stat(path, atoi(entry->d_name), &ts->v[ts->nr]))
			ts->nr++;
	}
	if (dir)
		closedir(dir);
	if (ts->nr)
		qsort(ts->v, ts->nr, sizeof(*ts->v), by_tid);
}

/**
 * tasks_read - the threads of a process
 * @paths: where to look
 * @pid: the process
 * @ts: where to store them; none if it is gone
 */
void tasks_read(const struct paths *paths, pid_t pid, struct tasks *ts)
{
	char *path = xprintf("%s/%d/task", paths->proc, pid);

	read_all(path, ts);
	free(path);
}

/**
 * processes_list - all processes
 * @paths: where to look
 * @ts: where to store them, as threads
 */
void processes_list(const struct paths *paths, struct tasks *ts)
{
	read_all(paths->proc, ts);
}

/**
 * tasks_find - look one up
 * @ts: threads
 * @tid: which one
 *
 * Return: the thread, or NULL.
 */
struct task *tasks_find(const struct tasks *ts, pid_t tid)
{
	struct task key = { .tid = tid };

	return ts->nr ? bsearch(&key, ts->v, ts->nr, sizeof(key), by_tid) : NULL;
}

/**
 * tasks_free - forget them
 * @ts: threads
 */
void tasks_free(struct tasks *ts)
{
	free(ts->v);
	*ts = (struct tasks) { 0 };
}

/**
 * tasks_by_node - CPU time of threads by node
 * @now: the threads
 * @before: the same threads some time ago; NULL: since they began
 * @m: the machine
 * @ticks: where to add the CPU time since then, by the node where they run now
 */
void tasks_by_node(const struct tasks *now, const struct tasks *before,
		   const struct machine *m, __u64 *ticks)
{
	const struct task *old;
	size_t i;
	int nid;

	for (i = 0; i < now->nr; i++) {
		old = before ? tasks_find(before, now->v[i].tid) : NULL;
		nid = machine_node_of(m, now->v[i].cpu);
		/* A number may have been given to another thread since */
		if (nid >= 0 && now->v[i].ticks >= (old ? old->ticks : 0))
			ticks[nid] += now->v[i].ticks - (old ? old->ticks : 0);
	}
}
