// SPDX-License-Identifier: GPL-2.0
/*
 * sampler: run a program and write down, once per second, where its memory and
 * its threads are
 *
 * Usage: sampler [-s PROCESSESxTHREADS] ROUND PHASE SECONDS COMMAND [ARGUMENT...]
 *
 * Looks at the command and its children, at those that hold at least 16 MB of
 * anonymous memory. Writes one JSON object per line to standard output:
 *
 *   type "system"   system-wide counters, and the sampler's own system time; at
 *                   the start, every second, at the end
 *   type "start"    the command, and with -s all of its threads, began to work;
 *                   the seconds are counted from here
 *   type "process"  pid, comm, pages per node (4 KiB units), threads per node,
 *                   user and system time in ticks
 *   type "knumad"   a line of knumad's "processes" file, if there is one
 *   type "end"      "ok" if the command ran until it was killed, or how it ended
 *
 * A thread counts for the node of its CPU if it used CPU time since the last
 * sample. After SECONDS the command is killed, with its children; for it
 * to end earlier is a failure.
 *
 * With -s: as soon as so many threads of so many children of the command are
 * there (those of "perf bench numa", by their names), thread i of every process
 * is put on node i and set free again. So a run starts with the threads of all
 * processes spread over the nodes, whatever the scheduler made of their start.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_NODES	64
#define MAX_CPUS	1024
#define MAX_THREADS	256
#define MIN_PAGES	(16UL << 20 >> 12)

/* Fields of a stat file from the state on, see proc(5) */
#define STAT_STATE	0
#define STAT_PPID	1
#define STAT_UTIME	11
#define STAT_STIME	12
#define STAT_CPU	36

static const char *round_name, *phase_name;
static int second;
static int nr_nodes = 1;
static int nr_cpus;
static int cpu_node[MAX_CPUS];

/* CPU time of the threads at the last sample, by slot; pid 0 is a free slot. */
static struct {
	int tid;
	unsigned long ticks;
	unsigned int seen;
} threads[MAX_THREADS];
static unsigned int generation;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void read_topology(void)
{
	char path[64];
	int node, cpu;

	for (node = 0; node < MAX_NODES; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (access(path, F_OK))
			continue;
		nr_nodes = node + 1;
		for (cpu = 0; cpu < MAX_CPUS; cpu++) {
			snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d",
				 node, cpu);
			if (access(path, F_OK))
				continue;
			cpu_node[cpu] = node;
			if (cpu >= nr_cpus)
				nr_cpus = cpu + 1;
		}
	}
}

static void begin_line(const char *type)
{
	printf("{\"type\":\"%s\",\"round\":\"%s\",\"phase\":\"%s\",\"second\":%d,\"t\":%.3f",
	       type, round_name, phase_name, second, now());
}

static void end_line(void)
{
	printf("}\n");
	fflush(stdout);
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if (isprint(*s))
			putchar(*s);
	}
	putchar('"');
}

static void print_array(const char *name, const unsigned long *n)
{
	int node;

	printf(",\"%s\":[", name);
	for (node = 0; node < nr_nodes; node++)
		printf("%s%lu", node ? "," : "", n[node]);
	putchar(']');
}

static void print_system(void)
{
	static const char * const names[] = {
		"numa_pages_migrated", "numa_hint_faults", "numa_pte_updates",
		"thp_split_page", "thp_split_pmd", "thp_migration_success", "pgmigrate_fail",
		"nr_anon_transparent_hugepages",
	};
	unsigned long value, system;
	char line[256], name[64];
	unsigned int i;
	FILE *f;

	begin_line("system");
	f = fopen("/proc/vmstat", "r");
	if (!f)
		err(1, "vmstat");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu", name, &value) != 2)
			continue;
		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strcmp(name, names[i]))
				printf(",\"%s\":%lu", name, value);
	}
	fclose(f);

	f = fopen("/proc/stat", "r");
	if (!f || fscanf(f, "cpu %*u %*u %lu", &system) != 1)
		errx(1, "no CPU times");
	fclose(f);
	printf(",\"system_ticks\":%lu", system);
	end_line();
}

struct stat_file {
	char comm[64];
	char state;
	int ppid;
	int cpu;
	unsigned long utime;
	unsigned long stime;
};

static bool read_stat(const char *path, struct stat_file *st)
{
	char line[1024], *open, *close, *field, *next;
	int nr = 0;
	FILE *f;

	f = fopen(path, "r");
	if (!f)
		return false;
	next = fgets(line, sizeof(line), f);
	fclose(f);
	if (!next)
		return false;

	/* The name of the command may contain anything */
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close)
		return false;
	*close = '\0';
	snprintf(st->comm, sizeof(st->comm), "%s", open + 1);

	next = close + 1;
	while ((field = strsep(&next, " "))) {
		if (!*field)
			continue;
		switch (nr++) {
		case STAT_STATE:
			st->state = *field;
			break;
		case STAT_PPID:
			st->ppid = atoi(field);
			break;
		case STAT_UTIME:
			st->utime = strtoul(field, NULL, 10);
			break;
		case STAT_STIME:
			st->stime = strtoul(field, NULL, 10);
			break;
		case STAT_CPU:
			st->cpu = atoi(field);
			return true;
		}
	}
	return false;
}

/* Did the thread run since the last sample? */
static bool has_run(int tid, unsigned long ticks, char state)
{
	int i, slot = -1;
	bool ran;

	for (i = 0; i < MAX_THREADS; i++) {
		if (threads[i].tid == tid) {
			ran = ticks != threads[i].ticks || state == 'R';
			threads[i].ticks = ticks;
			threads[i].seen = generation;
			return ran;
		}
		if (slot < 0 && (!threads[i].tid || threads[i].seen + 1 < generation))
			slot = i;
	}
	if (slot < 0)
		errx(1, "more than %d threads", MAX_THREADS);
	threads[slot].tid = tid;
	threads[slot].ticks = ticks;
	threads[slot].seen = generation;
	return state == 'R';
}

static void read_threads(int pid, unsigned long *per_node)
{
	struct dirent *entry;
	struct stat_file st;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!isdigit(*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		if (read_stat(path, &st) && st.cpu < MAX_CPUS &&
		    has_run(atoi(entry->d_name), st.utime + st.stime, st.state))
			per_node[cpu_node[st.cpu]]++;
	}
	closedir(dir);
}

/* Anonymous memory outside of files' mappings, in units of 4 KiB. */
static void read_memory(int pid, unsigned long *per_node)
{
	char path[64], line[4096], *p;
	unsigned long pages;
	int node;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", pid);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " file="))
			continue;
		for (p = line; (p = strstr(p, " N")); p++)
			if (sscanf(p, " N%d=%lu", &node, &pages) == 2 && node < nr_nodes)
				per_node[node] += pages;
	}
	fclose(f);
}

static bool is_big(int pid)
{
	unsigned long resident, shared;
	char path[64];
	bool big;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	big = fscanf(f, "%*u %lu %lu", &resident, &shared) == 2 &&
	      resident >= shared + MIN_PAGES;
	fclose(f);
	return big;
}

static void print_process(int pid, const struct stat_file *st)
{
	unsigned long pages[MAX_NODES] = {}, running[MAX_NODES] = {};

	read_threads(pid, running);
	read_memory(pid, pages);
	begin_line("process");
	printf(",\"pid\":%d,\"comm\":", pid);
	print_string(st->comm);
	print_array("pages", pages);
	print_array("threads", running);
	printf(",\"utime\":%lu,\"stime\":%lu", st->utime, st->stime);
	end_line();
}

/* The n-th CPU of a node; more threads than CPUs share them. */
static int nth_cpu(int node, int n)
{
	int cpu, nr = 0;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		nr += cpu_node[cpu] == node;
	if (!nr)
		errx(1, "node %d has no CPU", node);
	n %= nr;
	for (cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu_node[cpu] == node && !n--)
			break;
	return cpu;
}

static void put_on(int tid, int cpu)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_getaffinity(tid, sizeof(all), &all) ||
	    sched_setaffinity(tid, sizeof(one), &one) ||
	    sched_setaffinity(tid, sizeof(all), &all))
		err(1, "cannot move thread %d to CPU %d", tid, cpu);
}

/* Threads of "perf bench numa": "thread PROCESS/THREAD". Returns their number. */
static int scatter_threads(int pid, bool move)
{
	struct dirent *entry;
	struct stat_file st;
	int process, thread, nr = 0;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		if (!isdigit(*entry->d_name) || !read_stat(path, &st) ||
		    sscanf(st.comm, "thread %d/%d", &process, &thread) != 2)
			continue;
		nr++;
		if (move)
			put_on(atoi(entry->d_name), nth_cpu(thread % nr_nodes, process));
	}
	closedir(dir);
	return nr;
}

static int scatter_children(int child, bool move)
{
	struct dirent *entry;
	struct stat_file st;
	char path[300];
	int nr = 0;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		err(1, "/proc");
	while ((entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		if (isdigit(*entry->d_name) && read_stat(path, &st) && st.ppid == child)
			nr += scatter_threads(atoi(entry->d_name), move);
	}
	closedir(proc);
	return nr;
}

static bool has_ended(int child, siginfo_t *info)
{
	info->si_pid = 0;
	if (waitid(P_PID, child, info, WEXITED | WNOHANG | WNOWAIT))
		err(1, "waitid");
	return info->si_pid;
}

/* The threads are named when they are through with their own affinity calls. */
static void scatter(int child, int threads, double deadline)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	siginfo_t info;

	while (scatter_children(child, false) < threads) {
		if (has_ended(child, &info))
			return;
		if (now() > deadline)
			errx(1, "still no %d threads", threads);
		nanosleep(&pause, NULL);
	}
	scatter_children(child, true);
}

static void print_knumad(void)
{
	char line[1024];
	FILE *f;

	f = fopen("/sys/kernel/debug/knumad/processes", "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		begin_line("knumad");
		printf(",\"line\":");
		print_string(line);
		end_line();
	}
	fclose(f);
}

static void sample(int child)
{
	struct dirent *entry;
	struct stat_file st;
	char path[300];
	DIR *proc;
	int pid;

	generation++;
	print_system();
	proc = opendir("/proc");
	if (!proc)
		err(1, "/proc");
	while ((entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (read_stat(path, &st) && (pid == child || st.ppid == child) && is_big(pid))
			print_process(pid, &st);
	}
	closedir(proc);
	print_knumad();
}

int main(int argc, char **argv)
{
	const struct sched_param fifo = { .sched_priority = 1 };
	int child, seconds, processes, threads;
	struct timespec start, next;
	bool scattered = false, early;
	siginfo_t info;

	if (argc > 2 && !strcmp(argv[1], "-s")) {
		scattered = sscanf(argv[2], "%dx%d", &processes, &threads) == 2;
		argc -= 2;
		argv += 2;
	}
	if (argc < 5)
		errx(1, "usage: sampler [-s PROCESSESxTHREADS] ROUND PHASE SECONDS COMMAND...");
	round_name = argv[1];
	phase_name = argv[2];
	seconds = atoi(argv[3]);
	if (seconds <= 0)
		errx(1, "not a number of seconds: %s", argv[3]);
	read_topology();
	print_system();

	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		setpgid(0, 0);
		/* Standard output is ours */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[4], argv + 4);
		err(1, "%s", argv[4]);
	}
	setpgid(child, child);

	/* A sample is a moment: do not share a CPU with the programs meanwhile */
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		err(1, "sched_setscheduler");
	if (scattered)
		scatter(child, processes * threads, now() + seconds + 20);
	clock_gettime(CLOCK_MONOTONIC, &start);
	begin_line("start");
	end_line();
	sample(child);
	while (second < seconds && !has_ended(child, &info)) {
		second++;
		next = start;
		next.tv_sec += second;
		/* A slow host must not make us sample all the time */
		if (now() - next.tv_sec - next.tv_nsec / 1e9 > 1)
			continue;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		sample(child);
	}
	print_system();
	begin_line("end");
	early = has_ended(child, &info);
	if (!early)
		printf(",\"how\":\"ok\"");
	else
		printf(",\"how\":\"%s %d\"", info.si_code == CLD_EXITED ? "exit status" : "signal",
		       info.si_status);
	end_line();
	kill(-child, SIGKILL);
	waitid(P_PID, child, &info, WEXITED);
	return early;
}
