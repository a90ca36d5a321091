// SPDX-License-Identifier: GPL-2.0
/* Helpers shared by the knumad selftests, see knumad_util.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "knumad_util.h"

#define PF_EXITING	0x00000004
#define PF_KTHREAD	0x00200000

struct kn_topology kn_topo;

const char *const kn_stat_names[] = {
	"passes", "wakeups", "mms_watched", "mms_enrolled", "mms_dropped",
	"pages_scanned", "scan_ns", "hint_faults", "hint_faults_local",
	"pages_armed", "pages_disarmed", "samples_lost", "mms_sampled", "thread_homes_set",
	"pages_isolated", "pages_put_back", "pages_migrated", "thp_migrated", "folios_migrated",
	"migrate_failed", "migrate_ns", "homes_set", "homes_cleared",
	"tasks_moved", "tasks_swapped", "tasks_called", "mmap_busy", "rate_limited",
	"mmap_hold_max_ns", "bytes", "bytes_max", "self_disabled", NULL
};

const char *const kn_verdict_names[] = {
	"none", "home", "moving", "idle", "no_room", "no_cpus", "policy_bound",
	"cpuset", "affinity", "opted_out", "group", "spread", "not_worth", "pending",
	"shared", "pinned", "mlocked", "uffd", "ksm", "vma_policy",
	"partially_mapped", "isolate_failed", "node_full",
	"rate_limited", "copy_failed", "mmap_busy", NULL
};

const char *const kn_check_names[] = {
	"moved", "reserved", "target", "watched", "home", "thread_home", "bytes", NULL
};

/*
 * Files. Everything returns a negative error number on failure.
 */

int kn_read(const char *path, char *buf, size_t size)
{
	size_t got = 0;
	ssize_t nr;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		nr = read(fd, buf + got, size - 1 - got);
		if (nr < 0) {
			nr = -errno;
			close(fd);
			return nr;
		}
		got += nr;
	} while (nr && got < size - 1);
	close(fd);
	buf[got] = '\0';
	return got;
}

int kn_write_len(const char *path, const char *text, size_t len)
{
	int ret = 0;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int kn_write(const char *path, const char *text)
{
	return kn_write_len(path, text, strlen(text));
}

__s64 kn_read_number(const char *path)
{
	char buf[64];
	int ret;

	ret = kn_read(path, buf, sizeof(buf));
	return ret < 0 ? ret : strtoll(buf, NULL, 10);
}

int kn_tunable_read(const char *name, char *buf, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), KN_SYSFS "%s", name);
	return kn_read(path, buf, size);
}

int kn_tunable_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), KN_SYSFS "%s", name);
	return kn_write(path, text);
}

__s64 kn_tunable(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), KN_SYSFS "%s", name);
	return kn_read_number(path);
}

int kn_tunable_set(const char *name, __s64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld\n", (long long)value);
	return kn_tunable_write(name, text);
}

int kn_enable(const char *word)
{
	return kn_tunable_write("enabled", word);
}

/* Does a file of words have @word in brackets? */
bool kn_mode_is(const char *word)
{
	char active[32], buf[64];

	if (kn_tunable_read("enabled", buf, sizeof(buf)) < 0)
		return false;
	snprintf(active, sizeof(active), "[%s]", word);
	return strstr(buf, active);
}

__u64 kn_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void kn_nap(void)
{
	usleep(20 * 1000);
}

/*
 * The machine.
 */

/* Call @visit for each number of a list like "0-2,5". */
static void for_list(const char *path, void (*visit)(int nr, int arg), int arg)
{
	char buf[1024], *at = buf;
	long first, last;

	if (kn_read(path, buf, sizeof(buf)) <= 0)
		return;
	while (*at >= '0' && *at <= '9') {
		first = strtol(at, &at, 10);
		last = first;
		if (*at == '-')
			last = strtol(at + 1, &at, 10);
		for (; first <= last; first++)
			visit(first, arg);
		if (*at != ',')
			break;
		at++;
	}
}

static void see_cpu(int cpu, int node)
{
	if (cpu >= KN_MAX_CPUS)
		return;
	kn_topo.node_of_cpu[cpu] = node;
	kn_topo.cpus[node]++;
}

static void see_memory(int node, int arg)
{
	if (node >= KN_MAX_NODES)
		return;
	kn_topo.memory[node] = true;
	kn_topo.nr_memory++;
}

static void see_node(int node, int arg)
{
	char path[128], buf[512], *at = buf;
	int i;

	if (node >= KN_MAX_NODES)
		return;
	if (node >= kn_topo.nr)
		kn_topo.nr = node + 1;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	for_list(path, see_cpu, node);
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/distance", node);
	if (kn_read(path, buf, sizeof(buf)) > 0)
		for (i = 0; i < KN_MAX_NODES && *at; i++)
			kn_topo.distance[node][i] = strtol(at, &at, 10);
}

void kn_read_topology(void)
{
	int node, cpu;

	memset(&kn_topo, 0, sizeof(kn_topo));
	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++)
		kn_topo.node_of_cpu[cpu] = KN_NONE;
	for_list("/sys/devices/system/node/online", see_node, 0);
	for_list("/sys/devices/system/node/has_memory", see_memory, 0);
	for (node = 0; node < kn_topo.nr; node++)
		if (kn_topo.memory[node] && kn_topo.cpus[node])
			kn_topo.full[kn_topo.nr_full++] = node;
}

void kn_node_cpus(int node, cpu_set_t *set)
{
	int cpu;

	CPU_ZERO(set);
	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++)
		if (kn_topo.node_of_cpu[cpu] == node)
			CPU_SET(cpu, set);
}

void kn_all_cpus(cpu_set_t *set)
{
	int cpu;

	CPU_ZERO(set);
	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++)
		CPU_SET(cpu, set);
}

/* CPUs of the node that has most */
int kn_max_cpus(void)
{
	int node, most = 0;

	for (node = 0; node < kn_topo.nr; node++)
		if (kn_topo.cpus[node] > most)
			most = kn_topo.cpus[node];
	return most;
}

/* Take blocks of memory of a node off line or put them back. Return: how many did. */
int kn_set_memory(int node, const char *state)
{
	char dir[128], path[512];
	struct dirent *entry;
	int nr = 0;
	DIR *blocks;

	snprintf(dir, sizeof(dir), "/sys/devices/system/node/node%d", node);
	blocks = opendir(dir);
	while (blocks && (entry = readdir(blocks))) {
		if (strncmp(entry->d_name, "memory", 6) ||
		    strspn(entry->d_name + 6, "0123456789") != strlen(entry->d_name + 6))
			continue;
		snprintf(path, sizeof(path), "%s/%s/state", dir, entry->d_name);
		nr += !kn_write(path, state);
	}
	if (blocks)
		closedir(blocks);
	return nr;
}

/* Free pages, high watermarks and size of all zones of a node */
bool kn_zones(int node, struct kn_zone_sums *sums)
{
	unsigned long value, free = 0, kept = 0;
	char line[256], *last;
	FILE *file;
	int nid = -1;

	memset(sums, 0, sizeof(*sums));
	file = fopen("/proc/zoneinfo", "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %d, zone", &nid) == 1)
			continue;
		if (nid != node)
			continue;
		last = strrchr(line, ',');
		if (sscanf(line, " pages free %lu", &free) == 1)
			sums->free += free;
		else if (sscanf(line, " high %lu", &kept) == 1)
			sums->high += kept;
		else if (strstr(line, " protection: (") && last &&
			 sscanf(last, ", %lu", &value) == 1)
			sums->room += free > kept + value ? free - kept - value : 0;
		else if (sscanf(line, " managed %lu", &value) == 1)
			sums->managed += value;
		else if (sscanf(line, " count: %lu", &value) == 1)
			sums->pcp += value;
	}
	fclose(file);
	return sums->managed;
}

/* Free pages of the machine */
__u64 kn_all_free(void)
{
	struct kn_zone_sums sums;
	__u64 all = 0;
	int node;

	for (node = 0; node < kn_topo.nr; node++)
		if (kn_topo.memory[node] && kn_zones(node, &sums))
			all += sums.free + sums.pcp;
	return all;
}

/*
 * Before and after a test. What the tests change is read once when a program
 * starts, and written back after each test and when the program ends: a test
 * that ran into its timeout could not do so itself.
 */

static struct {
	char path[128];
	char value[128];
} saved[64];

static unsigned int nr_saved;

/* Have a file written back after the test. */
void kn_save(const char *path)
{
	char buf[128], *from = buf, *to;

	if (kn_read(path, buf, sizeof(buf)) < 0)
		return;
	if (nr_saved == ARRAY_SIZE(saved))
		ksft_exit_fail_msg("no room to save %s\n", path);
	if (strchr(buf, '[')) {
		from = strchr(buf, '[') + 1;
		to = strchr(from, ']');
	} else {
		to = strchr(from, '\n');
	}
	if (to)
		*to = '\0';
	snprintf(saved[nr_saved].path, sizeof(saved[0].path), "%s", path);
	snprintf(saved[nr_saved].value, sizeof(saved[0].value), "%s", from);
	nr_saved++;
}

static void restore_system(void)
{
	unsigned int i;

	kn_enable("never");
	for (i = 0; i < nr_saved; i++)
		kn_write(saved[i].path, saved[i].value);
}

static pid_t main_pid;

/* No test is active */
static void do_nothing(int sig)
{
}

/* The time of all tests is over: that of the one that is active, too, else it would go on */
static void end_active_test(int sig)
{
	if (getpid() != main_pid)
		_exit(128 + sig);
	raise(SIGALRM);
	exit(128 + sig);
}

#define KSM		"/sys/kernel/mm/ksm/"

void kn_save_ksm(void)
{
	kn_save(KSM "run");
	kn_save(KSM "pages_to_scan");
	kn_save(KSM "sleep_millisecs");
}

/* Pages that have been merged, the first one of each kind included */
__s64 kn_merged(void)
{
	return kn_read_number(KSM "pages_sharing") + kn_read_number(KSM "pages_shared");
}

/*
 * Have KSM merge what it may, until so many pages are, and then no more. It may still
 * count pages of processes that are gone: it forgets them first.
 */
bool kn_merge(__s64 pages)
{
	return !kn_write(KSM "pages_to_scan", "20000") && !kn_write(KSM "sleep_millisecs", "10") &&
	       !kn_write(KSM "run", "2") && !kn_write(KSM "run", "1") &&
	       kn_wait_until(kn_merged() >= pages, KN_PATIENCE) && !kn_write(KSM "run", "0");
}

void kn_save_system(void)
{
	/*
	 * The tests set the shortest interval, so the longest goes back first; if they set both
	 * to more than it is to be, it has to wait for the shortest.
	 */
	static const char *const tunables[] = {
		"scan_max_interval_ms", "scan_interval_ms", "scan_max_interval_ms",
		"policy", "scan_pages", "cpu_percent", "migrate_mb_per_s", "reserve_percent",
		"min_resident_mb", "min_cpu_ms", "samples_per_s"
	};
	struct dirent *entry;
	char path[512];
	unsigned int i;
	DIR *dir;

	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		snprintf(path, sizeof(path), KN_SYSFS "%s", tunables[i]);
		kn_save(path);
	}
	kn_save(KN_THP "enabled");
	dir = opendir(KN_THP);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "hugepages-", 10))
			continue;
		snprintf(path, sizeof(path), KN_THP "%s/enabled", entry->d_name);
		kn_save(path);
	}
	if (dir)
		closedir(dir);
	kn_save(KN_BALANCING);
	/* Last, with everything else as it was */
	kn_save(KN_SYSFS "enabled");
	if (nr_saved)
		atexit(restore_system);
	main_pid = getpid();
	signal(SIGALRM, do_nothing);
	signal(SIGTERM, end_active_test);
}

/* A number that is set in the environment, or the preset */
__u64 kn_environment(const char *name, __u64 preset)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : preset;
}

/* Is this one of several runs, for which a look at one machine would do? */
bool kn_quick(void)
{
	const char *text = getenv("KNUMAD_QUICK");

	return text && !strcmp(text, "1");
}

/*
 * Get ready: knumad off, mainline's balancing off, tunables that make knumad
 * look often and at small processes. Returns why the test cannot run here, or
 * NULL. @full_nodes: so many nodes with CPUs and memory are needed.
 */
const char *kn_begin(int full_nodes)
{
	static char why[128];

	if (geteuid())
		return "needs root";
	if (access(KN_SYSFS "enabled", F_OK))
		return "this kernel has no knumad (" KN_SYSFS ")";
	if (access(KN_DEBUGFS "stats", F_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (access(KN_DEBUGFS "stats", F_OK))
		return "needs debugfs (" KN_DEBUGFS ")";
	kn_read_topology();
	if (kn_topo.nr_full < full_nodes) {
		snprintf(why, sizeof(why), "needs %d nodes with CPUs and memory, has %d",
			 full_nodes, kn_topo.nr_full);
		return why;
	}

	kn_enable("never");
	kn_write(KN_BALANCING, "0");
	kn_tunable_set("scan_interval_ms", 100);
	kn_tunable_set("scan_max_interval_ms", 400);
	kn_tunable_set("cpu_percent", 50);
	kn_tunable_set("min_resident_mb", 8);
	kn_tunable_set("min_cpu_ms", 20);
	return NULL;
}

/* As kn_begin(), for tests that one look at one machine is enough for */
const char *kn_begin_once(int full_nodes)
{
	if (kn_quick())
		return "KNUMAD_QUICK: does not depend on the machine's shape";
	return kn_begin(full_nodes);
}

/* As kn_begin(), for processes of so many threads, which one node is too small for but not two */
const char *kn_begin_spanning(int threads)
{
	const char *why = kn_begin(2);
	int i, nr = 0;

	if (why)
		return why;
	for (i = 0; i < kn_topo.nr_full; i++)
		nr += 2 * kn_topo.cpus[kn_topo.full[i]] >= threads;
	if (nr < 2)
		return "needs two nodes with CPUs for half of the threads each";
	if (kn_max_cpus() >= threads)
		return "needs nodes with fewer CPUs than there are threads";
	return NULL;
}

void kn_end(void)
{
	/* Before they are gone: it may have the memory of one in its hands */
	kn_enable("never");
	kn_kill_all();
	restore_system();
}

/*
 * Have the kernel use folios of this size and no other for madvise()d memory.
 * 0 is for base pages, with which nothing needs to be done.
 */
const char *kn_use_folios(size_t folio)
{
	static char why[128];
	char path[512];
	unsigned int i;

	if (!folio)
		return NULL;
	snprintf(path, sizeof(path), KN_THP "hugepages-%zukB/enabled", folio >> 10);
	if (access(path, W_OK)) {
		snprintf(why, sizeof(why), "this kernel has no huge pages of %zu kB", folio >> 10);
		return why;
	}
	for (i = 0; i < nr_saved; i++)
		if (!strncmp(saved[i].path, KN_THP "hugepages-", strlen(KN_THP "hugepages-")))
			kn_write(saved[i].path, "never");
	kn_write(path, "madvise");
	kn_write(KN_THP "enabled", "madvise");
	return NULL;
}

__u64 kn_folio_stat(size_t folio, const char *name)
{
	char path[256];
	__s64 value;

	snprintf(path, sizeof(path), KN_THP "hugepages-%zukB/stats/%s", folio >> 10, name);
	value = kn_read_number(path);
	return value < 0 ? 0 : value;
}

/*
 * What knumad tells.
 */

/* A list "1,2,3" with a number for each node. Returns how many there were. */
static int parse_list(const char *text, __u64 *values)
{
	char *end;
	int nr = 0;

	do {
		if (nr == KN_MAX_NODES || *text < '0' || *text > '9')
			return -1;
		values[nr++] = strtoull(text, &end, 10);
		text = end + 1;
	} while (*end == ',');
	return *end ? -1 : nr;
}

static bool parse_number(const char *text, __u64 *value)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 10);
	return !*end;
}

/* Read a row of `processes`. Returns 0, or the field (from 1) that is not well-formed. */
int kn_parse_process(char *line, struct kn_process *process)
{
	static const char blank[] = "\n ";
	char *field[14], *rest = NULL;
	__u64 value;
	int i;

	memset(process, 0, sizeof(*process));
	for (i = 0; i < 14; i++)
		field[i] = strtok_r(i ? NULL : line, blank, &rest);
	if (!parse_number(field[0], &value))
		return 1;
	process->pid = value;
	if (!field[1] || strlen(field[1]) >= sizeof(process->comm))
		return 2;
	snprintf(process->comm, sizeof(process->comm), "%s", field[1]);
	if (!field[2])
		return 3;
	process->home = KN_NONE;
	if (strcmp(field[2], "-1")) {
		if (!parse_number(field[2], &value) || value >= KN_MAX_NODES)
			return 3;
		process->home = value;
	}
	if (!field[3] || parse_list(field[3], process->resident) != kn_topo.nr)
		return 4;
	if (!field[4] || parse_list(field[4], process->used) != kn_topo.nr)
		return 5;
	if (!field[5] || parse_list(field[5], process->cpu) != kn_topo.nr)
		return 6;
	if (!parse_number(field[6], &process->load_mcpu))
		return 7;
	if (!parse_number(field[7], &process->threads))
		return 8;
	if (!parse_number(field[8], &process->faults))
		return 9;
	if (!parse_number(field[9], &process->moved))
		return 10;
	if (!parse_number(field[10], &process->scan_us))
		return 11;
	if (!parse_number(field[11], &process->interval_ms))
		return 12;
	if (!field[12] || strlen(field[12]) >= sizeof(process->verdict))
		return 13;
	snprintf(process->verdict, sizeof(process->verdict), "%s", field[12]);
	return field[13] ? 14 : 0;
}

/* The row of a process. False: it is not watched. */
bool kn_process(pid_t pid, struct kn_process *process)
{
	char line[4096];
	bool found = false;
	FILE *file;

	memset(process, 0, sizeof(*process));
	process->home = KN_NONE;
	file = fopen(KN_DEBUGFS "processes", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		if (line[0] != '#' && strtol(line, NULL, 10) == pid)
			found = !kn_parse_process(line, process);
	fclose(file);
	return found;
}

/* The row of a thread. False: it has none, its process does not span nodes. */
bool kn_thread(int tid, struct kn_thread *thread)
{
	bool found = false;
	char line[1024];
	FILE *file;
	int id;

	file = fopen(KN_DEBUGFS "threads", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d %d %d %d %llu", &id, &thread->home, &thread->node,
			       &thread->load_mcpu) == 4 && id == tid;
	fclose(file);
	return found;
}

/* What is known of the memory of a process that spans nodes. False: it does not. */
bool kn_spanning(pid_t pid, struct kn_spanning *spanning)
{
	bool found = false;
	char line[1024];
	FILE *file;
	int id;

	file = fopen(KN_DEBUGFS "spanning", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%d %*s %llu %llu %llu %llu %llu %llu", &id,
			       &spanning->rounds, &spanning->used, &spanning->one_node,
			       &spanning->spread, &spanning->armed,
			       &spanning->local) == 7 && id == pid;
	fclose(file);
	return found;
}

/* Rounds of sampling so far, 0 if there is none */
__u64 kn_rounds(pid_t pid)
{
	struct kn_spanning now;

	return kn_spanning(pid, &now) ? now.rounds : 0;
}

bool kn_is_armed(pid_t pid)
{
	struct kn_spanning now;

	return kn_spanning(pid, &now) && now.armed;
}

/* What knumad says of a node. False: nothing, as of one that is not on line. */
bool kn_node(int nid, struct kn_node *node)
{
	bool found = false;
	char line[512];
	FILE *file;
	int id;

	file = fopen(KN_DEBUGFS "nodes", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%d %*u %*u %llu %*u %llu %llu", &id, &node->busy_mcpu,
			       &node->free_pages, &node->usable_pages) == 4 && id == nid;
	fclose(file);
	return found;
}

bool kn_verdict_is(pid_t pid, const char *word)
{
	struct kn_process process;

	return kn_process(pid, &process) && !strcmp(process.verdict, word);
}

int kn_home(pid_t pid)
{
	struct kn_process process;

	return kn_process(pid, &process) ? process.home : KN_NONE;
}

int kn_nr_processes(void)
{
	char line[4096];
	int nr = 0;
	FILE *file;

	file = fopen(KN_DEBUGFS "processes", "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		nr += line[0] != '#';
	fclose(file);
	return nr;
}

/* A line "name value" of a file */
static bool find_line(const char *path, const char *name, __u64 *value)
{
	size_t len = strlen(name);
	bool found = false;
	char line[256];
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, len) || line[len] != ' ')
			continue;
		*value = strtoull(line + len + 1, NULL, 10);
		found = true;
	}
	fclose(file);
	return found;
}

bool kn_find_stat(const char *name, __u64 *value)
{
	return find_line(KN_DEBUGFS "stats", name, value);
}

/* A counter that is not there is not zero: a test that goes on would prove nothing. */
static void is_missing(const char *name, const char *where)
{
	ksft_print_msg("no %s in %s\n", name, where);
	fflush(stdout);
	_exit(KSFT_FAIL);
}

__u64 kn_stat(const char *name)
{
	__u64 value = 0;

	if (!kn_find_stat(name, &value))
		is_missing(name, KN_DEBUGFS "stats");
	return value;
}

__u64 kn_verdict(const char *word)
{
	char name[64];

	snprintf(name, sizeof(name), "verdict_%s", word);
	return kn_stat(name);
}

__u64 kn_vmstat(const char *name)
{
	__u64 value = 0;

	if (!find_line("/proc/vmstat", name, &value))
		is_missing(name, "/proc/vmstat");
	return value;
}

/* Private memory that the kernel may just drop counts as files' */
static __u64 nr_isolated(void)
{
	return kn_vmstat("nr_isolated_anon") + kn_vmstat("nr_isolated_file");
}

/*
 * While knumad is off: is all it ever took in hand accounted for?  Pages that it isolated
 * were moved, says the kernel, or put back, and are with nobody else; its memory is free.
 */
bool kn_balanced(void)
{
	__u64 isolated = kn_stat("pages_isolated"), moved = kn_stat("pages_migrated");
	__u64 back = kn_stat("pages_put_back"), bytes = kn_stat("bytes");

	if (isolated != moved + back)
		ksft_print_msg("%llu pages isolated, %llu moved, %llu put back\n",
			       isolated, moved, back);
	if (bytes)
		ksft_print_msg("%llu bytes of knumad are left\n", bytes);
	/* Compaction and reclaim may have some for a moment */
	if (!kn_wait_until(!nr_isolated(), KN_PATIENCE)) {
		ksft_print_msg("%llu pages stay isolated\n", nr_isolated());
		return false;
	}
	return isolated == moved + back && !bytes;
}

/* The value of a line of /proc/PID/knumad; false if it cannot be read. */
bool kn_proc_value(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64], buf[4096], *line, *next;

	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	if (kn_read(path, buf, sizeof(buf)) <= 0)
		return false;
	for (line = strtok_r(buf, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		size_t len = strlen(name);

		if (!strncmp(line, name, len) && line[len] == ' ') {
			snprintf(value, size, "%s", line + len + 1);
			return true;
		}
	}
	return false;
}

bool kn_proc_is(pid_t pid, const char *name, const char *expected)
{
	char value[4096];

	return kn_proc_value(pid, name, value, sizeof(value)) && !strcmp(value, expected);
}

/* Say for a process what it could say itself */
int kn_choose(pid_t pid, const char *word)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	return kn_write(path, word);
}

/* Wait until knumad has gone round @nr more times. */
bool kn_wait_passes(unsigned int nr, int secs)
{
	__u64 start = kn_stat("passes");

	return kn_wait_until(kn_stat("passes") >= start + nr, secs);
}

/*
 * Have it look no more while something is measured, an hour. The look that a tunable brings may
 * come at once or after the next one that was due: wait until there was none for a second, longer
 * than the intervals of before. What has to be moved goes on to be moved.
 */
bool kn_look_no_more(void)
{
	__u64 passes, start, end = kn_now_ms() + 1000 * KN_PATIENCE;

	if (kn_tunable_set("scan_max_interval_ms", KN_HOUR_MS) ||
	    kn_tunable_set("scan_interval_ms", KN_HOUR_MS))
		return false;
	do {
		passes = kn_stat("passes");
		start = kn_now_ms();
		kn_wait_until(kn_stat("passes") != passes || kn_now_ms() >= start + 1000,
			      KN_PATIENCE);
	} while (kn_stat("passes") != passes && kn_now_ms() < end);
	return kn_stat("passes") == passes;
}

/* A kernel thread by its name, or 0. One that is exiting does not count. */
static pid_t kthread_pid(const char *name)
{
	char path[512], buf[512], word[64], *at;
	unsigned long flags;
	struct dirent *entry;
	pid_t pid = 0;
	DIR *dir;

	snprintf(word, sizeof(word), "(%s)", name);
	dir = opendir("/proc");
	while (dir && !pid && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		if (kn_read(path, buf, sizeof(buf)) <= 0)
			continue;
		if (!strstr(buf, word))
			continue;
		at = strrchr(buf, ')');
		if (sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %lu", &flags) == 1 &&
		    (flags & (PF_KTHREAD | PF_EXITING)) == PF_KTHREAD)
			pid = strtol(buf, NULL, 10);
	}
	if (dir)
		closedir(dir);
	return pid;
}

/* The thread of knumad, or 0 */
pid_t kn_thread_pid(void)
{
	return kthread_pid("knumad");
}

/* The first thread that moves pages to a node, or 0 */
pid_t kn_mover_pid(int node)
{
	char name[64];

	snprintf(name, sizeof(name), "knumad/%d:0", node);
	return kthread_pid(name);
}

/* CPU time of a thread so far, ns; 0 if it is not there */
__u64 kn_cpu_ns(pid_t pid)
{
	char path[64];
	__s64 ns;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	ns = kn_read_number(path);
	return ns < 0 ? 0 : ns;
}

/*
 * Make an instance of the tracer, KN_TRACE, with room for @kb of @events. Returns why there
 * can be none, or NULL. No event is enabled yet.
 */
const char *kn_trace_begin(const char *events, const char *kb)
{
	static char why[128];
	char path[128];

	if (access(KN_TRACEFS "instances", F_OK))
		mount("tracefs", KN_TRACEFS, "tracefs", 0, NULL);
	snprintf(path, sizeof(path), KN_TRACEFS "events/%s", events);
	if (access(path, F_OK)) {
		snprintf(why, sizeof(why), "needs tracefs with the events of %s", events);
		return why;
	}
	rmdir(KN_TRACE);
	if (mkdir(KN_TRACE, 0755))
		return "cannot make an instance of the tracer";
	if (kn_write(KN_TRACE "buffer_size_kb", kb))
		return "no memory for the trace";
	return NULL;
}

/* Is all in the trace that was traced, on each CPU? */
bool kn_trace_is_whole(void)
{
	char path[128], stats[512], *overrun;
	bool whole = true;
	int cpu;

	for (cpu = 0; cpu < KN_MAX_CPUS; cpu++) {
		snprintf(path, sizeof(path), KN_TRACE "per_cpu/cpu%d/stats", cpu);
		if (kn_read(path, stats, sizeof(stats)) < 0)
			continue;
		overrun = strstr(stats, "overrun: ");
		whole = whole && overrun && !strtoul(overrun + strlen("overrun: "), NULL, 10);
	}
	return whole;
}

void kn_trace_end(void)
{
	rmdir(KN_TRACE);
}

static void dump(const char *name, bool zeroes)
{
	char path[128], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), KN_DEBUGFS "%s", name);
	file = fopen(path, "re");
	if (!file)
		return;
	ksft_print_msg("%s:\n", path);
	while (fgets(line, sizeof(line), file))
		if (zeroes || !strstr(line, " 0\n"))
			ksft_print_msg("  %s", line);
	fclose(file);
}

/* For whoever has to find out why a test failed */
void kn_dump(void)
{
	dump("stats", false);
	dump("processes", true);
	dump("threads", true);
	dump("spanning", true);
	dump("nodes", true);
}

void kn_events(struct kn_events *events)
{
	events->hint_faults = kn_vmstat("numa_hint_faults");
	events->pte_updates = kn_vmstat("numa_pte_updates");
	events->migrated = kn_vmstat("numa_pages_migrated");
	events->split_page = kn_vmstat("thp_split_page");
	events->knumad_migrated = kn_stat("pages_migrated");
	events->scanned = kn_vmstat("pgscan_kswapd") + kn_vmstat("pgscan_direct");
}

/*
 * System calls that libc does not wrap.
 */

void *kn_map(size_t size, size_t align)
{
	char *mem, *start;

	if (align < KN_PAGE)
		align = KN_PAGE;
	mem = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	start = (char *)(((uintptr_t)mem + align - 1) & ~(align - 1));
	if (start > mem)
		munmap(mem, start - mem);
	munmap(start + size, mem + align - start);
	return start;
}

int kn_mempolicy(int mode, __u64 nodes)
{
	unsigned long mask = nodes;

	if (syscall(SYS_set_mempolicy, mode, nodes ? &mask : NULL,
		    nodes ? KN_MAX_NODES + 1 : 0))
		return -errno;
	return 0;
}

int kn_mbind(void *addr, size_t size, int mode, __u64 nodes)
{
	unsigned long mask = nodes;

	if (syscall(SYS_mbind, addr, size, mode, nodes ? &mask : NULL,
		    nodes ? KN_MAX_NODES + 1 : 0, 0))
		return -errno;
	return 0;
}

/* Put memory on a node, and leave no policy behind. */
int kn_place(void *addr, size_t size, int node, __u64 seed, bool thin)
{
	int ret;

	ret = kn_mempolicy(MPOL_BIND, 1ULL << node);
	if (ret)
		return ret;
	kn_fill(addr, size, seed, thin);
	return kn_mempolicy(MPOL_DEFAULT, 0);
}

/*
 * Workers.
 */

static struct kn_worker workers[16];

static __u64 pattern(__u64 seed, __u64 index)
{
	return (index + seed) * 0x9e3779b97f4a7c15ULL;
}

/* The first word of a page is left for counting. */
void kn_fill(void *mem, size_t size, __u64 seed, bool thin)
{
	size_t words = size / sizeof(__u64), per_page = KN_PAGE / sizeof(__u64);
	__u64 *word = mem;
	size_t page, i;

	for (page = 0; page < words; page += per_page) {
		word[page] = 0;
		for (i = 1; i < (thin ? 2 : per_page); i++)
			word[page + i] = pattern(seed, page + i);
	}
}

/* How many words are not as they should be? */
__u64 kn_check(const void *mem, size_t size, __u64 seed, bool thin, __u64 count)
{
	size_t words = size / sizeof(__u64), per_page = KN_PAGE / sizeof(__u64);
	const __u64 *word = mem;
	__u64 bad = 0;
	size_t page, i;

	for (page = 0; page < words; page += per_page) {
		bad += word[page] != count;
		for (i = 1; i < (thin ? 2 : per_page); i++)
			bad += word[page + i] != pattern(seed, page + i);
	}
	return bad;
}

/*
 * Is a part of a worker's memory, @at, or a copy of it, whole, but for the counts, which
 * nobody knows while its threads run?
 */
bool kn_is_whole(const void *mem, size_t at, size_t size)
{
	return kn_check(mem, size, at / sizeof(__u64), false, ~0ULL) == size / KN_PAGE;
}

struct thread_arg {
	struct kn_worker *worker;
	int index;
};

static int nr_sets(const struct kn_work *work)
{
	if (work->sets)
		return work->sets;
	return work->sharers ? work->threads / work->sharers : work->threads;
}

static size_t set_size(const struct kn_work *work)
{
	return work->size / nr_sets(work);
}

static void pin(int node)
{
	cpu_set_t set;

	if (node == KN_NONE)
		kn_all_cpus(&set);
	else
		kn_node_cpus(node, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* All of it, word by word */
static __u64 read_whole(const char *mem, size_t size)
{
	const __u64 *word = (const __u64 *)mem, *end = (const __u64 *)(mem + size);
	__u64 sum = 0;

	while (word < end)
		sum += KN_READ(*word++);
	return sum;
}

static void *worker_thread(void *data)
{
	struct thread_arg *arg = data;
	const struct kn_work *work = &arg->worker->work;
	struct kn_shared *sh = arg->worker->sh;
	struct kn_thread_state *self = &sh->thread[arg->index];
	size_t size = set_size(work);
	__u64 *word, sum = 0;
	int node, cpu, set;
	char *start, *at;

	self->tid = syscall(SYS_gettid);
	node = work->cpu_nodes ? work->cpu_nodes[arg->index] : work->cpu_node;
	if (node != KN_NONE)
		pin(node);

	while (!KN_READ(sh->stop)) {
		set = KN_READ(sh->set_of[arg->index]);
		start = sh->mem + set * size;
		/* Others may count, too: those who share it, and those who had it before */
		for (at = start; at < start + size; at += KN_PAGE) {
			__atomic_fetch_add((__u64 *)at, 1, __ATOMIC_RELAXED);
			if (work->slow)
				sum += read_whole(at, KN_PAGE);
		}
		__atomic_fetch_add(&sh->swept[set], 1, __ATOMIC_RELAXED);
		if (!arg->index && !sh->extra_idle)
			for (at = sh->extra; at < sh->extra + sh->extra_size; at += KN_PAGE)
				sum += KN_READ(*(__u64 *)at);
		cpu = sched_getcpu();
		KN_WRITE(self->cpu, cpu);
		if (cpu >= 0 && cpu < KN_MAX_CPUS) {
			word = &self->sweeps_on[kn_topo.node_of_cpu[cpu]];
			KN_WRITE(*word, *word + 1);
		}
		KN_WRITE(self->sweeps, self->sweeps + 1);
		if (self->sweeps == 1 && node != KN_NONE && !work->pinned)
			pin(KN_NONE);
		if (work->pause_us)
			usleep(work->pause_us);
	}
	return (void *)(uintptr_t)sum;
}

/* Memory for the worker, where it is wanted */
static int worker_memory(struct kn_worker *worker)
{
	const struct kn_work *work = &worker->work;
	struct kn_shared *sh = worker->sh;
	size_t first = work->size - work->rest;
	int i, ret;

	sh->mem = kn_map(work->size, work->align > work->folio ? work->align : work->folio);
	if (!sh->mem)
		return -ENOMEM;
	sh->size = work->size;
	madvise(sh->mem, sh->size, work->folio ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	ret = kn_place(sh->mem, first, work->node, 0, work->thin);
	if (!ret && work->rest)
		ret = kn_place(sh->mem + first, work->rest, work->rest_node,
			       first / sizeof(__u64), work->thin);
	for (i = 0; i < work->threads; i++) {
		sh->thread[i].cpu = -1;
		sh->set_of[i] = work->sharers ? i / work->sharers : i;
	}
	return ret;
}

static __u64 worker_check(struct kn_worker *worker)
{
	struct kn_shared *sh = worker->sh;
	size_t size = set_size(&worker->work);
	__u64 bad = 0;
	int i;

	for (i = 0; i < nr_sets(&worker->work); i++)
		bad += kn_check(sh->mem + i * size, size, i * size / sizeof(__u64),
				worker->work.thin, sh->swept[i]);
	return bad;
}

static void answer(int fd, char reply)
{
	if (write(fd, &reply, 1) != 1)
		_exit(1);
}

/* What a worker process has, besides its memory */
struct worker_self {
	struct kn_worker *worker;
	struct thread_arg arg[KN_MAX_THREADS];
	pthread_t thread[KN_MAX_THREADS];
	int from, to;
};

/* The second half of its life: it waits until it is told to stop */
static void *worker_wait(void *data)
{
	struct worker_self *self = data;
	const struct kn_work *work = &self->worker->work;
	struct kn_shared *sh = self->worker->sh;
	int i, ret = 0;
	char command;

	if (read(self->from, &command, 1) != 1)
		_exit(1);
	KN_WRITE(sh->stop, 1);
	for (i = 0; i < work->threads; i++)
		pthread_join(self->thread[i], NULL);
	sh->bad = worker_check(self->worker);
	if (work->finish)
		ret = work->finish(sh, work);
	answer(self->to, ret ? 'f' : 'r');
	for (;;)
		pause();
}

/* The life of a worker. Answers: 'r'eady or done, 'u'nsupported, 'f'ailed. */
static void worker_main(struct kn_worker *worker, pid_t parent, int from, int to)
{
	static struct worker_self self;
	const struct kn_work *work = &worker->work;
	struct kn_shared *sh = worker->sh;
	pthread_t waiter;
	int i, ret = 0;

	self = (struct worker_self) { .worker = worker, .from = from, .to = to };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);

	if (work->before)
		ret = work->before(sh, work);
	if (!ret)
		ret = worker_memory(worker);
	if (!ret && work->prepare)
		ret = work->prepare(sh, work);
	for (i = 0; !ret && i < work->threads; i++) {
		self.arg[i].worker = worker;
		self.arg[i].index = i;
		ret = -pthread_create(&self.thread[i], NULL, worker_thread, &self.arg[i]);
	}
	if (!ret && work->leaderless)
		ret = -pthread_create(&waiter, NULL, worker_wait, &self);
	if (ret < 0 && !sh->why[0])
		snprintf(sh->why, sizeof(sh->why), "%s", strerror(-ret));
	answer(to, !ret ? 'r' : ret > 0 ? 'u' : 'f');
	if (ret)
		_exit(1);
	if (work->leaderless)
		pthread_exit(NULL);
	worker_wait(&self);
}

static char await_answer(struct kn_worker *worker)
{
	struct pollfd poll_fd = { .fd = worker->from, .events = POLLIN };
	char reply = 0;

	if (poll(&poll_fd, 1, 2 * KN_PATIENCE * 1000) != 1)
		return 0;
	return read(worker->from, &reply, 1) == 1 ? reply : 0;
}

/* Memory that knumad moves to @cpu_node, where its only user is kept */
struct kn_work kn_misplaced(size_t size, int node, int cpu_node)
{
	return (struct kn_work) {
		.size = size, .node = node, .threads = 1, .cpu_node = cpu_node,
		.pinned = true, .pause_us = 100,
	};
}

/*
 * Fork a worker, and return when its memory is in place and each of its threads
 * has touched it once. NULL: it failed, and why was printed. A worker with a text in
 * ->sh->why is no worker: the kernel lacks what it needs.
 */
struct kn_worker *kn_start(const struct kn_work *work)
{
	struct kn_worker *worker = NULL;
	int down[2], up[2];
	pid_t parent = getpid();
	unsigned int i;
	char reply;

	for (i = 0; i < ARRAY_SIZE(workers) && !worker; i++)
		if (!workers[i].pid)
			worker = &workers[i];
	if (!worker || pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC)) {
		ksft_print_msg("no further worker\n");
		return NULL;
	}
	worker->work = *work;
	worker->sh = mmap(NULL, sizeof(*worker->sh), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->sh == MAP_FAILED)
		return NULL;

	fflush(stdout);
	fflush(stderr);
	worker->pid = fork();
	if (!worker->pid) {
		close(down[1]);
		close(up[0]);
		worker_main(worker, parent, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	worker->to = down[1];
	worker->from = up[0];

	reply = await_answer(worker);
	if (reply == 'u')
		return worker;
	if (reply == 'r' && kn_wait_sweeps(worker, 1, KN_PATIENCE))
		return worker;
	ksft_print_msg("worker failed: %s\n",
		       worker->sh->why[0] ? worker->sh->why : "no sign of life");
	kn_kill(worker);
	return NULL;
}

/*
 * Stop the threads. Returns how many words of the worker's memory are wrong,
 * or -1 when the worker has died or found something else wrong. The process
 * stays, with its memory, until kn_kill().
 */
__s64 kn_stop(struct kn_worker *worker)
{
	char command = 's';

	if (write(worker->to, &command, 1) != 1)
		return -1;
	if (await_answer(worker) != 'r') {
		ksft_print_msg("worker %d: %s\n", worker->pid,
			       worker->sh->why[0] ? worker->sh->why : "died");
		return -1;
	}
	return worker->sh->bad;
}

void kn_kill(struct kn_worker *worker)
{
	if (worker->pid <= 0)
		return;
	kill(worker->pid, SIGKILL);
	waitpid(worker->pid, NULL, 0);
	close(worker->to);
	close(worker->from);
	munmap(worker->sh, sizeof(*worker->sh));
	memset(worker, 0, sizeof(*worker));
}

void kn_kill_all(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workers); i++)
		kn_kill(&workers[i]);
}

static void *idle_main(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

/* So many further threads of this process, which do nothing until it ends */
int kn_idle_threads(unsigned int nr)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16 * KN_PAGE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	while (nr-- && !ret)
		ret = -pthread_create(&thread, &attr, idle_main, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

/* A child that computes on a CPU until it is killed, by SCHED_FIFO whoever else wants it */
pid_t kn_occupy(int cpu, int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };
	pid_t pid = fork();
	cpu_set_t set;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, policy, &param))
		_exit(1);
	for (;;)
		;
}

/*
 * The hook ->before() of whose threads never sleep, where knumad, the test and a helper would
 * have to wait for them time and again on a kernel that is slow
 */
int kn_stand_back(struct kn_shared *sh, const struct kn_work *work)
{
	return setpriority(PRIO_PROCESS, 0, 19) ? -errno : 0;
}

/* Pin memory for long, as a buffer of io_uring. Returns as the hooks do, 1 if it cannot be had. */
int kn_pin_memory(struct kn_shared *sh, void *mem, size_t size)
{
	struct io_uring_params params = { };
	struct iovec iov = { mem, size };

	sh->fd = syscall(__NR_io_uring_setup, 4, &params);
	if (sh->fd < 0) {
		snprintf(sh->why, sizeof(sh->why), "no io_uring: %s", strerror(errno));
		return 1;
	}
	if (syscall(__NR_io_uring_register, sh->fd, IORING_REGISTER_BUFFERS, &iov, 1))
		return -errno;
	return 0;
}

static pthread_t helper;

/*
 * For the hooks: a further thread of the worker, until ->stop. It returns NULL, or a text
 * that says what went wrong.
 */
int kn_begin_helper(struct kn_shared *sh, void *(*helper_main)(void *sh))
{
	return -pthread_create(&helper, NULL, helper_main, sh);
}

static const char *(*pest)(struct kn_shared *sh);

static void *pest_main(void *data)
{
	struct kn_shared *sh = data;
	const char *why = setpriority(PRIO_PROCESS, 0, 0) ? "setpriority" : NULL;

	while (!why && !KN_READ(sh->stop)) {
		if (KN_READ(sh->rest)) {
			kn_nap();
			continue;
		}
		why = pest(sh);
		KN_WRITE(sh->rounds, sh->rounds + 1);
	}
	return (void *)why;
}

/* The hook ->prepare() of who has a pest */
int kn_begin_pest(struct kn_shared *sh, const struct kn_work *work)
{
	pest = work->pest;
	return kn_begin_helper(sh, pest_main);
}

/* The hook ->finish() of who has one, or a pest */
int kn_end_helper(struct kn_shared *sh, const struct kn_work *work)
{
	void *why;

	pthread_join(helper, &why);
	if (why)
		snprintf(sh->why, sizeof(sh->why), "%s", (char *)why);
	return why ? -EIO : 0;
}

/* Change where its threads may run. */
int kn_pin(const struct kn_worker *worker, int node)
{
	cpu_set_t set;
	int i;

	kn_node_cpus(node, &set);
	for (i = 0; i < worker->work.threads; i++)
		if (sched_setaffinity(worker->sh->thread[i].tid, sizeof(set), &set))
			return -errno;
	return 0;
}

/* Sweeps over its memory, so many more of each thread */
static bool have_swept(const struct kn_worker *worker, const __u64 *start, unsigned int nr)
{
	int i;

	for (i = 0; i < worker->work.threads; i++)
		if (KN_READ(worker->sh->thread[i].sweeps) < start[i] + nr)
			return false;
	return true;
}

/* Of two sweeps more one has begun since */
bool kn_wait_sweeps(const struct kn_worker *worker, unsigned int nr, int secs)
{
	__u64 start[KN_MAX_THREADS];
	int i;

	for (i = 0; i < worker->work.threads; i++)
		start[i] = KN_READ(worker->sh->thread[i].sweeps);
	return kn_wait_until(have_swept(worker, start, nr), secs);
}

/*
 * Of twice as many sets as threads, have them use this half, and nobody the other one; each
 * the set of the thread so many after it.
 */
void kn_use_sets(const struct kn_worker *worker, int half, int after)
{
	const int nr = worker->work.threads;
	int i;

	for (i = 0; i < nr; i++)
		KN_WRITE(worker->sh->set_of[i], (i + after) % nr + half * nr);
	/* One that had begun before, and one thereafter */
	kn_wait_sweeps(worker, 2, KN_PATIENCE);
}

/* Have pages of the first half armed which nobody touches. */
bool kn_arm_idle(const struct kn_worker *worker)
{
	__u64 start;

	kn_use_sets(worker, 1, 0);
	start = kn_rounds(worker->pid);
	return kn_wait_until(kn_rounds(worker->pid) >= start + 16 && kn_is_armed(worker->pid),
			     KN_PATIENCE);
}

/* The node on which all threads of the worker are, or KN_NONE */
int kn_threads_on(const struct kn_worker *worker)
{
	int i, cpu, node = KN_NONE;

	for (i = 0; i < worker->work.threads; i++) {
		cpu = KN_READ(worker->sh->thread[i].cpu);
		if (cpu < 0 || cpu >= KN_MAX_CPUS)
			return KN_NONE;
		if (i && kn_topo.node_of_cpu[cpu] != node)
			return KN_NONE;
		node = kn_topo.node_of_cpu[cpu];
	}
	return node;
}

/* Sweeps of all threads so far, and how many of them ended on @node */
static __u64 count_sweeps(const struct kn_worker *worker, int node, __u64 *there)
{
	__u64 all = 0;
	int i;

	*there = 0;
	for (i = 0; i < worker->work.threads; i++) {
		all += KN_READ(worker->sh->thread[i].sweeps);
		*there += KN_READ(worker->sh->thread[i].sweeps_on[node]);
	}
	return all;
}

/* Since there were @all, @there of them on @node: how many per mille ended there? */
static unsigned int share_of_sweeps(const struct kn_worker *worker, int node, __u64 all,
				    __u64 there)
{
	__u64 there_now, now = count_sweeps(worker, node, &there_now);

	return now > all ? (there_now - there) * 1000 / (now - all) : 0;
}

/* Of the next @nr sweeps of each thread, how many per mille ended on @node? */
unsigned int kn_threads_at_home(const struct kn_worker *worker, int node, unsigned int nr)
{
	__u64 there, all = count_sweeps(worker, node, &there);

	kn_wait_sweeps(worker, nr, KN_PATIENCE);
	return share_of_sweeps(worker, node, all, there);
}

/*
 * The same of all sweeps in sixteen looks: the scheduler may have a thread run elsewhere when
 * its CPU is taken, as by who moves its memory or by kcompactd, and it is back after a look.
 * The last looks are some times as long as the first ones, so that of eight one may be a
 * fifth of the time, and a tenth of that of two threads.
 */
unsigned int kn_threads_stay(const struct kn_worker *worker, int node)
{
	__u64 there, all = count_sweeps(worker, node, &there);

	kn_wait_passes(16, KN_PATIENCE);
	return share_of_sweeps(worker, node, all, there);
}

/*
 * Ask where every @stride-th page is. Returns how many pages were asked for,
 * @on_node counts those that have an answer.
 */
__u64 kn_pages_at(pid_t pid, const void *addr, size_t size, unsigned int stride,
		  __u64 *on_node)
{
	static void *pages[1024];
	static int status[1024];
	__u64 nr = 0;
	size_t at = 0;
	int i, batch;

	memset(on_node, 0, KN_MAX_NODES * sizeof(*on_node));
	while (at < size) {
		for (batch = 0; batch < 1024 && at < size; batch++) {
			pages[batch] = (char *)addr + at;
			status[batch] = -1;
			at += stride * KN_PAGE;
		}
		syscall(SYS_move_pages, pid, batch, pages, NULL, status, 0);
		for (i = 0; i < batch; i++)
			if (status[i] >= 0 && status[i] < KN_MAX_NODES)
				on_node[status[i]]++;
		nr += batch;
	}
	return nr;
}

static unsigned int share_on(pid_t pid, const void *addr, size_t size, int node,
			     unsigned int stride)
{
	__u64 on_node[KN_MAX_NODES];
	__u64 nr;

	nr = kn_pages_at(pid, addr, size, stride, on_node);
	return nr ? on_node[node] * 1000 / nr : 0;
}

/* The kernel tells where the memory of a thread is only while that runs */
static pid_t live_thread(const struct kn_worker *worker)
{
	return worker->work.leaderless ? worker->sh->thread[0].tid : worker->pid;
}

/* Per mille of the worker's memory (every @stride-th page of it) that is on @node */
unsigned int kn_share_on(const struct kn_worker *worker, int node, unsigned int stride)
{
	return share_on(live_thread(worker), worker->sh->mem, worker->sh->size, node, stride);
}

/* Per mille of the pages of a set that are on @node */
unsigned int kn_set_on(const struct kn_worker *worker, int set, int node)
{
	size_t size = set_size(&worker->work);

	return share_on(worker->pid, worker->sh->mem + set * size, size, node, 1);
}

/* The home of a thread of a process that spans nodes, or KN_NONE */
int kn_thread_home(const struct kn_worker *worker, int index)
{
	struct kn_thread thread;

	return kn_thread(worker->sh->thread[index].tid, &thread) ? thread.home : KN_NONE;
}

unsigned int kn_extra_on(const struct kn_worker *worker, int node)
{
	return share_on(worker->pid, worker->sh->extra, worker->sh->extra_size, node, 1);
}

/* The node that has all threads and all memory of the worker, or KN_NONE */
int kn_gathered_on(const struct kn_worker *worker, unsigned int stride)
{
	int node = kn_threads_on(worker);

	if (node != KN_NONE && kn_share_on(worker, node, stride) < KN_GATHERED)
		node = KN_NONE;
	return node;
}

int kn_wait_gathered(const struct kn_worker *worker, int secs)
{
	int node = KN_NONE;

	kn_wait_until((node = kn_gathered_on(worker, 16)) != KN_NONE &&
		      (node = kn_gathered_on(worker, 1)) != KN_NONE, secs);
	return node;
}

bool kn_wait_share(const struct kn_worker *worker, int node, unsigned int per_mille, int secs)
{
	return kn_wait_until(kn_share_on(worker, node, 16) >= per_mille &&
			     kn_share_on(worker, node, 1) >= per_mille, secs);
}

/*
 * Users, groups, and those who take what there is.
 */

/* In a child: as this user, do it. Returns what it returns. */
int kn_as_user(uid_t uid, int (*what)(void *), void *data)
{
	int status, ret;
	pid_t pid = fork();

	if (!pid) {
		if (uid && (setgid(uid) || setuid(uid)))
			_exit(255);
		_exit(-what(data) & 0xff);
	}
	ret = waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	return -ret;
}

/* For kn_as_user(): may this file be read? */
int kn_try_read(void *path)
{
	char buf[4096];
	int ret = kn_read(path, buf, sizeof(buf));

	return ret < 0 ? ret : 0;
}

/*
 * Fork a process that does something first, then sleeps until it is killed. Returns once
 * that is done; -1 if it was not, by what @first returned.
 */
pid_t kn_sleeper(int (*first)(const void *data), const void *data)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		close(ready[0]);
		if (first(data))
			_exit(1);
		/* Not before: who changes its user loses it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static int become(const void *data)
{
	uid_t uid = *(const uid_t *)data;

	/* Who changed its user is not dumpable, and so belongs to root */
	return setgid(uid) || setuid(uid) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

pid_t kn_sleeper_of(uid_t uid)
{
	return kn_sleeper(become, &uid);
}

/* Two groups, one in the other. Returns why there are none, or NULL. */
const char *kn_make_groups(void)
{
	if (access(KN_CGROUP "cgroup.controllers", F_OK))
		return "no cgroup2 at " KN_CGROUP;
	if (kn_write(KN_CGROUP "cgroup.subtree_control", "+memory"))
		return "no memory controller in the cgroup2 hierarchy";
	/* What an earlier test has left has its limits */
	kn_drop_groups();
	mkdir(KN_PARENT, 0755);
	kn_write(KN_PARENT "/cgroup.subtree_control", "+memory");
	mkdir(KN_CHILD, 0755);
	return access(KN_CHILD "/memory.knumad", F_OK) ? "no memory.knumad" : NULL;
}

/* As a worker's .before: in the inner one */
int kn_enter_child(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_write(KN_CHILD "/cgroup.procs", "0");
}

/* A line "name value" of a file of a group */
__u64 kn_group_stat(const char *group, const char *file, const char *name)
{
	__u64 value = 0;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	if (!find_line(path, name, &value))
		is_missing(name, path);
	return value;
}

void kn_drop_groups(void)
{
	rmdir(KN_CHILD);
	rmdir(KN_PARENT);
}

struct fill {
	int node;
	size_t leave;
};

static int fill_node(const void *data)
{
	const struct fill *fill = data;
	struct kn_zone_sums sums;

	kn_mempolicy(MPOL_BIND, 1ULL << fill->node);
	while (kn_zones(fill->node, &sums) &&
	       sums.room > sums.managed / 100 + fill->leave / KN_PAGE)
		if (mmap(NULL, KN_CHUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
			return -1;
	return 0;
}

/*
 * A sleeping process that has taken memory of a node until but @leave bytes above the
 * high watermark and the reserve are free.
 */
pid_t kn_fill_node(int node, size_t leave)
{
	const struct fill fill = { node, leave };

	return kn_sleeper(fill_node, &fill);
}

/* Swap on a device, as mkswap would make it. Returns why not, or NULL. */
const char *kn_swap_on(const char *device)
{
	static const char magic[] = "SWAPSPACE2";
	static char why[128];
	char page[KN_PAGE] = { 0 };
	__u32 *word = (__u32 *)(page + 1024);
	off_t size;
	bool good;
	int fd;

	fd = open(device, O_RDWR | O_CLOEXEC);
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	word[0] = 1;
	word[1] = size / KN_PAGE - 1;
	memcpy(page + KN_PAGE - strlen(magic), magic, strlen(magic));
	good = size >= (off_t)KN_MB && pwrite(fd, page, KN_PAGE, 0) == KN_PAGE && !fsync(fd);
	if (fd >= 0)
		close(fd);
	if (good && !swapon(device, 0))
		return NULL;
	snprintf(why, sizeof(why), "no swap on %s, of %lld bytes: %s", device, (long long)size,
		 strerror(errno));
	return why;
}

/*
 * Memory whose mapping is changed in all possible ways.
 */

unsigned int kn_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

/* Touch memory for a while. Returns how often. */
unsigned int kn_touch(char *mem, size_t size, int ms)
{
	__u64 end = kn_now_ms() + ms;
	unsigned int times = 0;
	__u64 *word;
	size_t at;

	do {
		for (at = 0; at < size; at += KN_PAGE) {
			word = (__u64 *)(mem + at);
			KN_WRITE(*word, KN_READ(*word) + 1);
		}
		times++;
	} while (kn_now_ms() < end);
	return times;
}

/* A page may have been given back: is each word of it zero, or none lost? */
static bool is_freed_or_whole(const char *mem, size_t at, __u64 seed, __u64 count)
{
	const __u64 *word = (const __u64 *)(mem + at);
	size_t i;

	if (!kn_check(word, KN_PAGE, seed + at / sizeof(__u64), false, count))
		return true;
	for (i = 0; i < KN_PAGE / sizeof(__u64); i++)
		if (KN_READ(word[i]))
			return false;
	return true;
}

/* Put memory on a node, or anywhere and set no policy even for a moment */
static bool fill_chunk(char *mem, int node)
{
	if (node != KN_NONE)
		return !kn_place(mem, KN_CHUNK, node, 7, false);
	kn_fill(mem, KN_CHUNK, 7, false);
	return true;
}

/*
 * One change of a chunk, or a look at it. New memory is on @node, or anywhere if that
 * is KN_NONE. Returns false if something is wrong.
 */
bool kn_change_chunk(struct kn_chunk *chunk, unsigned int *seed, int node)
{
	unsigned int what = kn_random(seed) % 10;
	char *mem = chunk->mem, *to;
	size_t at;

	if (!mem) {
		mem = kn_map(KN_CHUNK, KN_CHUNK);
		if (!mem)
			return false;
		madvise(mem, KN_CHUNK, what & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		chunk->mem = mem;
		chunk->times = 0;
		return fill_chunk(mem, node);
	}
	switch (what) {
	case 0:
		/* Gone, and back as another one later */
		if (kn_check(mem, KN_CHUNK, 7, false, chunk->times))
			return false;
		chunk->mem = NULL;
		return !munmap(mem, KN_CHUNK);
	case 1:
		/* Elsewhere */
		to = kn_map(KN_CHUNK, kn_random(seed) & 1 ? KN_CHUNK : 0);
		if (!to)
			return false;
		chunk->mem = mremap(mem, KN_CHUNK, KN_CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		return chunk->mem == to && !kn_check(to, KN_CHUNK, 7, false, chunk->times);
	case 2:
		/* Emptied: zeroes, and filled again */
		if (madvise(mem, KN_CHUNK, MADV_DONTNEED))
			return false;
		for (at = 0; at < KN_CHUNK; at += KN_PAGE)
			if (KN_READ(*(__u64 *)(mem + at)) || KN_READ(*(__u64 *)(mem + at + 8)))
				return false;
		chunk->times = 0;
		return fill_chunk(mem, node);
	case 3:
		/* A hole in the middle, which may split a huge page's mapping */
		at = KN_CHUNK / 4 + kn_random(seed) % 64 * KN_PAGE;
		if (madvise(mem + at, KN_CHUNK / 4, MADV_DONTNEED))
			return false;
		kn_fill(mem + at, KN_CHUNK / 4, 7 + at / sizeof(__u64), false);
		chunk->times = 0;
		for (at = 0; at < KN_CHUNK; at += KN_PAGE)
			KN_WRITE(*(__u64 *)(mem + at), 0);
		return true;
	case 4:
		/* Read-only and back: page table entries and mappings change. */
		if (mprotect(mem, KN_CHUNK / 2, PROT_READ) ||
		    kn_check(mem, KN_CHUNK, 7, false, chunk->times))
			return false;
		return !mprotect(mem, KN_CHUNK / 2, PROT_READ | PROT_WRITE);
	case 5:
		/* Inaccessible, which looks as if armed, and back */
		if (mprotect(mem + KN_CHUNK / 4, KN_CHUNK / 2, PROT_NONE))
			return false;
		sched_yield();
		if (mprotect(mem + KN_CHUNK / 4, KN_CHUNK / 2, PROT_READ | PROT_WRITE))
			return false;
		return !kn_check(mem, KN_CHUNK, 7, false, chunk->times);
	case 6:
		/* Given back, but perhaps not taken */
		if (madvise(mem, KN_CHUNK, MADV_FREE))
			return false;
		for (at = 0; at < KN_CHUNK; at += KN_PAGE)
			if (!is_freed_or_whole(mem, at, 7, chunk->times))
				return false;
		chunk->times = 0;
		kn_fill(mem, KN_CHUNK, 7, false);
		return true;
	default:
		chunk->times += kn_touch(mem, KN_CHUNK, 0);
		return !kn_check(mem, KN_CHUNK, 7, false, chunk->times);
	}
}

/* A field, in kB, of the mapping at @addr */
__u64 kn_smaps_kb(pid_t pid, const void *addr, const char *field)
{
	unsigned long from, to, value = 0;
	size_t len = strlen(field);
	bool here = false;
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (unsigned long)addr >= from && (unsigned long)addr < to;
		else if (here && !strncmp(line, field, len) && line[len] == ':' &&
			 sscanf(line + len + 1, "%lu", &value) == 1)
			break;
	}
	fclose(file);
	return value;
}
