// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: what knumad knows of processes
 *
 * The kernel tells it of each process in /proc/PID/knumad, to whom may know.
 * Older versions of knumad have only a list of all in debugfs, for root.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "read.h"
#include "tasks.h"

#define LOCAL_LEAST_CHUNKS	16	/* the kernel says 0 if it knows fewer */

static void process_init(struct process *p, size_t nr_nodes)
{
	*p = (struct process) { .home = -1, .local = -1, .nr = nr_nodes };
	p->resident = xalloc(3 * nr_nodes, sizeof(__u64));
	p->used = p->resident + nr_nodes;
	p->cpu = p->used + nr_nodes;
}

/**
 * process_free - forget a process
 * @p: the process
 */
void process_free(struct process *p)
{
	free(p->resident);
	*p = (struct process) { 0 };
}

/**
 * process_watched - does knumad look at it?
 * @p: the process
 *
 * Return: whether it has a verdict of knumad.
 */
bool process_watched(const struct process *p)
{
	return strcmp(p->verdict, "off") && strcmp(p->verdict, "unwatched");
}

/**
 * process_comm - the name of a process
 * @paths: where to look it up
 * @pid: the process
 * @comm: where to store it, "" if it is gone
 * @size: of @comm
 */
void process_comm(const struct paths *paths, pid_t pid, char *comm, size_t size)
{
	char *text = read_file("%s/%d/comm", paths->proc, pid);

	snprintf(comm, size, "%.*s", text ? (int)strcspn(text, "\n") : 0, text ?: "");
	free(text);
}

static bool list_of(const char *text, const char *name, __u64 *v, size_t nr)
{
	const char *value = value_of(text, name);

	return value && parse_list(value, v, nr);
}

/**
 * process_parse - understand /proc/PID/knumad
 * @text: what it says
 * @nr_nodes: how many nodes there are
 * @p: where to store it; to be freed unless this fails
 *
 * Return: whether everything was there.
 */
bool process_parse(const char *text, size_t nr_nodes, struct process *p)
{
	process_init(p, nr_nodes);
	if (!copy_value(p->mode, sizeof(p->mode), text, "mode") ||
	    !copy_value(p->group, sizeof(p->group), text, "group") ||
	    !copy_value(p->verdict, sizeof(p->verdict), text, "verdict") ||
	    !copy_value(p->reason, sizeof(p->reason), text, "reason") ||
	    !list_of(text, "resident", p->resident, nr_nodes) ||
	    !list_of(text, "used", p->used, nr_nodes) ||
	    !list_of(text, "cpu", p->cpu, nr_nodes)) {
		process_free(p);
		return false;
	}
	p->home = signed_of(text, "home", -1);
	p->local = signed_of(text, "local", -1);
	p->load_mcpu = number_of(text, "load_mcpu", 0);
	p->threads = number_of(text, "threads", 0);
	p->faults = number_of(text, "faults", 0);
	p->moved = number_of(text, "moved", 0);
	p->scan_us = number_of(text, "scan_us", 0);
	p->interval_ms = number_of(text, "interval_ms", 0);
	return true;
}

/*
 * The share of the memory it uses that is on the node of its threads, if each
 * thread uses all of that memory alike.
 */
static int estimate_local(const struct process *p)
{
	double used = sum(p->used, p->nr), cpu = sum(p->cpu, p->nr), local = 0;
	size_t i;

	if (used <= 0 || cpu <= 0)
		return -1;
	for (i = 0; i < p->nr; i++)
		local += p->used[i] / used * p->cpu[i] / cpu;
	return 1000 * local + 0.5;
}

/* A line of debugfs processes: 13 words, of which four are lists */
static bool parse_line(char *line, size_t nr_nodes, struct process *p)
{
	char *word[13], *home = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = strsep(&line, " ");
		if (!word[i])
			return false;
	}
	process_init(p, nr_nodes);
	p->pid = atoi(word[0]);
	unescape(word[1]);
	snprintf(p->comm, sizeof(p->comm), "%s", word[1]);
	p->home = strtol(word[2], &home, 10);
	if (line || home == word[2] || !parse_list(word[3], p->resident, nr_nodes) ||
	    !parse_list(word[4], p->used, nr_nodes) ||
	    !parse_list(word[5], p->cpu, nr_nodes)) {
		process_free(p);
		return false;
	}
	p->load_mcpu = strtoull(word[6], NULL, 10);
	p->threads = strtoull(word[7], NULL, 10);
	p->faults = strtoull(word[8], NULL, 10);
	p->moved = strtoull(word[9], NULL, 10);
	p->scan_us = strtoull(word[10], NULL, 10);
	p->interval_ms = strtoull(word[11], NULL, 10);
	snprintf(p->verdict, sizeof(p->verdict), "%s", word[12]);
	p->local = estimate_local(p);
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

static void sort(struct processes *ps)
{
	if (ps->nr)
		qsort(ps->v, ps->nr, sizeof(*ps->v), by_pid);
}

/**
 * processes_parse - understand the list in debugfs
 * @text: what it says; changed
 * @nr_nodes: how many nodes there are
 * @ps: where to store it
 *
 * Return: whether all of it was understood.
 */
bool processes_parse(char *text, size_t nr_nodes, struct processes *ps)
{
	bool good = true;
	char *line;

	*ps = (struct processes) { 0 };
	while ((line = next_line(&text))) {
		if (*line == '#')
			continue;
		ps->v = xgrow(ps->v, ps->nr, sizeof(*ps->v));
		if (parse_line(line, nr_nodes, &ps->v[ps->nr]))
			ps->nr++;
		else
			good = false;
	}
	sort(ps);
	return good;
}

/**
 * spanning_parse - understand a line of debugfs spanning
 * @line: "pid nodes rounds chunks_used chunks_one_node chunks_spread chunks_armed local"
 * @s: where to store it
 *
 * Return: whether it is one.
 */
bool spanning_parse(const char *line, struct spanning *s)
{
	int at = 0, nodes;

	if (sscanf(line, "%d%n", &s->pid, &at) != 1 || line[at++] != ' ')
		return false;
	nodes = strspn(line + at, "0123456789,-");
	snprintf(s->nodes, sizeof(s->nodes), "%.*s", nodes, line + at);
	return line[at + nodes] == ' ' &&
	       sscanf(line + at + nodes, "%llu %llu %llu %llu %llu %llu", &s->rounds, &s->used,
		      &s->one_node, &s->spread, &s->armed, &s->local) == 6;
}

/* Of processes that span nodes, the samples tell what is local */
static void add_spanning(const struct paths *paths, struct processes *ps)
{
	char *text = read_file("%s/knumad/spanning", paths->debugfs), *rest = text, *line;
	struct spanning s;
	struct process *p;

	while ((line = next_line(&rest))) {
		if (!spanning_parse(line, &s) || !*s.nodes)
			continue;
		p = processes_find(ps, s.pid);
		if (p)
			p->local = s.one_node + s.spread < LOCAL_LEAST_CHUNKS ? -1 : (int)s.local;
	}
	free(text);
}

static int read_debugfs(const struct paths *paths, size_t nr_nodes, struct processes *ps)
{
	char *text = read_file("%s/knumad/processes", paths->debugfs);
	bool good;

	if (!text)
		return -errno;
	good = processes_parse(text, nr_nodes, ps);
	free(text);
	if (!good) {
		processes_free(ps);
		return -EPROTO;
	}
	add_spanning(paths, ps);
	return 0;
}

/**
 * has_process_files - does this kernel have /proc/PID/knumad?
 * @paths: where it would be
 *
 * Return: whether it has.
 */
bool has_process_files(const struct paths *paths)
{
	return exists("%s/self/knumad", paths->proc);
}

/* 0, or -errno: ENOENT or ESRCH if it is gone, EACCES if it is somebody else's */
static int read_proc(const struct paths *paths, size_t nr_nodes, pid_t pid, struct process *p)
{
	char *text = read_file("%s/%d/knumad", paths->proc, pid);
	bool good;

	if (!text)
		return -errno;
	good = process_parse(text, nr_nodes, p);
	free(text);
	if (!good)
		return -EPROTO;
	p->pid = pid;
	process_comm(paths, pid, p->comm, sizeof(p->comm));
	return 0;
}

/* Of a process? Kernel threads have nothing to be seen by anybody. */
static bool is_denied(const struct paths *paths, pid_t pid)
{
	struct task t;

	return task_read(paths, pid, &t) && !t.kernel;
}

static int read_procs(const struct paths *paths, size_t nr_nodes, struct processes *ps)
{
	DIR *dir = opendir(paths->proc);
	struct dirent *entry;
	int ret;

	*ps = (struct processes) { 0 };
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		ps->v = xgrow(ps->v, ps->nr, sizeof(*ps->v));
		ret = read_proc(paths, nr_nodes, atoi(entry->d_name), &ps->v[ps->nr]);
		if (!ret)
			ps->nr++;
		else if (ret == -EACCES || ret == -EPERM)
			ps->denied += is_denied(paths, atoi(entry->d_name));
	}
	closedir(dir);
	sort(ps);
	return 0;
}

/**
 * processes_read - all processes that we may look at
 * @paths: where to look
 * @nr_nodes: how many nodes there are
 * @ps: where to store them; also those that are not watched, if that is known
 *
 * Return: 0, or -errno if there is no way: EACCES, or ENOENT without debugfs, or EPROTO
 * if what the kernel says is not understood.
 */
int processes_read(const struct paths *paths, size_t nr_nodes, struct processes *ps)
{
	return has_process_files(paths) ? read_procs(paths, nr_nodes, ps) :
					  read_debugfs(paths, nr_nodes, ps);
}

/**
 * processes_free - forget them
 * @ps: the processes
 */
void processes_free(struct processes *ps)
{
	size_t i;

	for (i = 0; i < ps->nr; i++)
		process_free(&ps->v[i]);
	free(ps->v);
	*ps = (struct processes) { 0 };
}

/**
 * processes_find - look one up
 * @ps: the processes
 * @pid: its number
 *
 * Return: the process, or NULL.
 */
struct process *processes_find(const struct processes *ps, pid_t pid)
{
	struct process key = { .pid = pid };

	return ps->nr ? bsearch(&key, ps->v, ps->nr, sizeof(key), by_pid) : NULL;
}

/* Without /proc/PID/knumad: a process that is not in the list is not watched */
static int find_in_debugfs(const struct paths *paths, size_t nr_nodes, pid_t pid,
			   struct process *p)
{
	struct processes ps;
	struct process *found;
	int ret = read_debugfs(paths, nr_nodes, &ps);

	if (ret)
		return ret;
	process_init(p, nr_nodes);
	p->pid = pid;
	process_comm(paths, pid, p->comm, sizeof(p->comm));
	snprintf(p->verdict, sizeof(p->verdict), "unwatched");
	found = processes_find(&ps, pid);
	if (found) {
		struct process other = *p;

		*p = *found;
		*found = other;
	}
	processes_free(&ps);
	return 0;
}

/**
 * process_read - one process
 * @paths: where to look it up
 * @nr_nodes: how many nodes there are
 * @pid: which one
 * @p: where to store it
 *
 * Return: 0 or -errno: EACCES, ENOENT without debugfs, ESRCH for a kernel thread
 * or one that is gone.
 */
int process_read(const struct paths *paths, size_t nr_nodes, pid_t pid, struct process *p)
{
	int ret;

	if (!has_process_files(paths))
		return find_in_debugfs(paths, nr_nodes, pid, p);
	ret = read_proc(paths, nr_nodes, pid, p);
	return ret == -EINVAL || ret == -ENOENT ? -ESRCH : ret;
}
