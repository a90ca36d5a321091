// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl, reported as TAP
 *
 * "unit top": top of the made-up machine instead, for a terminal to look at.
 */

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "../read.h"
#include "unit.h"

#define MOST_ARGUMENTS	16

static char root[128], proc_dir[160], sysfs_dir[160], debugfs_dir[160], node_dir[160];

const struct paths fake = {
	.proc = proc_dir,
	.sysfs = sysfs_dir,
	.debugfs = debugfs_dir,
	.node = node_dir,
};

static bool failed;

void fail_test(const char *file, int line, const char *what, const char *more)
{
	failed = true;
	printf("# %s:%d: not so: %s\n", file, line, what);
	if (more)
		printf("# it is: %s\n", more);
}

static void make_parents(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

/* Have a file of the made-up machine say this; NULL: have no such file */
void put(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	if (!text) {
		unlink(full);
		return;
	}
	make_parents(full);
	file = fopen(full, "w");
	if (!file || fputs(text, file) < 0 || fclose(file)) {
		perror(full);
		exit(1);
	}
}

char *get(const char *path)
{
	return read_file("%s/%s", root, path) ?: xprintf("%s", "");
}

static char *rewind_and_read(FILE *file)
{
	char *text = xalloc(1 << 20, 1);

	rewind(file);
	text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* What a function prints */
char *capture(void (*run)(FILE *out, void *data), void *data)
{
	FILE *file = tmpfile();

	run(file, data);
	return rewind_and_read(file);
}

char *output_of(int (*run)(const struct paths *paths, int argc, char **argv), int *status,
		const char *name, ...)
{
	int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) }, argc = 0, ret;
	char *argv[MOST_ARGUMENTS + 1];
	FILE *file = tmpfile();
	va_list ap;

	va_start(ap, name);
	for (; name && argc < MOST_ARGUMENTS; name = va_arg(ap, const char *))
		argv[argc++] = (char *)name;
	va_end(ap);
	argv[argc] = NULL;
	fflush(NULL);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	optind = 0;
	ret = run(&fake, argc, argv);
	fflush(NULL);
	dup2(saved[0], STDOUT_FILENO);
	dup2(saved[1], STDERR_FILENO);
	close(saved[0]);
	close(saved[1]);
	if (status)
		*status = ret;
	return rewind_and_read(file);
}

static void put_node(int nid, const char *cpus, int total_kb, int free_kb)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "node/node%d/cpulist", nid);
	put(path, cpus);
	snprintf(path, sizeof(path), "node/node%d/meminfo", nid);
	snprintf(text, sizeof(text), "Node %d MemTotal: %d kB\nNode %d MemFree: %d kB\n", nid,
		 total_kb, nid, free_kb);
	put(path, text);
}

static void put_process(int pid, const char *comm, const char *knumad)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "proc/%d/comm", pid);
	put(path, comm);
	snprintf(path, sizeof(path), "proc/%d/knumad", pid);
	put(path, knumad);
	snprintf(path, sizeof(path), "proc/%d/task/%d/stat", pid, pid);
	snprintf(text, sizeof(text),
		 "%d (%.*s) S 1 %d %d 0 -1 4194304 1 2 3 4 500 100 0 0 20 0 1 0 99 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 17 3 0 0 0 0 0\n",
		 pid, (int)strcspn(comm, "\n"), comm, pid, pid);
	put(path, text);
	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	put(path, text);
	snprintf(path, sizeof(path), "proc/%d/task/%d/sched", pid, pid);
	put(path, "numa_preferred_nid                           :                    1\n");
}

static void put_tunables(void)
{
	static const char *const values[][2] = {
		{ "enabled", "[always] opt-in never\n" },
		{ "policy", "[pack] spread\n" },
		{ "scan_interval_ms", "1000\n" },
		{ "scan_max_interval_ms", "60000\n" },
		{ "scan_pages", "1048576\n" },
		{ "cpu_percent", "25\n" },
		{ "migrate_mb_per_s", "1024\n" },
		{ "reserve_percent", "1\n" },
		{ "min_resident_mb", "16\n" },
		{ "min_cpu_ms", "500\n" },
		{ "samples_per_s", "1000\n" },
	};
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(path, sizeof(path), "sysfs/%s", values[i][0]);
		put(path, values[i][1]);
	}
}

static void put_machine(void)
{
	put("node/online", "0-1\n");
	put_node(0, "0-1\n", 524288, 262144);
	put_node(1, "2-3\n", 524288, 131072);
	put("proc/stat",
	    "cpu  400 0 0 3600 0 0 0 0 0 0\n"
	    "cpu0 100 0 0 900 0 0 0 0 0 0\ncpu1 100 0 0 900 0 0 0 0 0 0\n"
	    "cpu2 0 0 0 1000 0 0 0 0 0 0\ncpu3 200 0 0 800 0 0 0 0 0 0\n");
	put("proc/vmstat",
	    "nr_free_pages 1\nknumad_pages_migrated 2560\nknumad_thp_migrated 4\n"
	    "knumad_migrate_failed 0\nknumad_hint_faults 50\nknumad_hint_faults_local 40\n"
	    "knumad_pages_armed 60\nknumad_pages_scanned 99999\nknumad_tasks_moved 3\n"
	    "knumad_tasks_swapped 1\n");
	put_tunables();
	put("proc/self/knumad", "mode default\n");
	put_process(41, "java\n",
		    "mode default\ngroup default\nverdict home\n"
		    "reason all of its memory and threads are at home\nhome 1\nlocal 998\n"
		    "resident 0,51200\nused 0,40000\ncpu 2,998\nload_mcpu 1900\nthreads 12\n"
		    "faults 0\nmoved 2560\nscan_us 1234\ninterval_ms 60000\n");
	put_process(77, "post gres\n",
		    "mode in\ngroup always\nverdict no_cpus\n"
		    "reason it can use more cores than any node has left\nhome -1\nlocal 953\n"
		    "resident 25600,25600\nused 20000,20000\ncpu 500,500\nload_mcpu 4000\n"
		    "threads 4\nfaults 50\nmoved 100\nscan_us 99\ninterval_ms 8000\n");
	put_process(90, "sh\n",
		    "mode out\ngroup default\nverdict unwatched\nreason it is out\nhome -1\n"
		    "local -1\nresident 0,0\nused 0,0\ncpu 0,0\nload_mcpu 0\nthreads 0\n"
		    "faults 0\nmoved 0\nscan_us 0\ninterval_ms 0\n");
}

static void make_root(void)
{
	snprintf(root, sizeof(root), "%s/knumadctl-unit.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(root)) {
		perror(root);
		exit(1);
	}
	snprintf(proc_dir, sizeof(proc_dir), "%s/proc", root);
	snprintf(sysfs_dir, sizeof(sysfs_dir), "%s/sysfs", root);
	snprintf(debugfs_dir, sizeof(debugfs_dir), "%s/debugfs", root);
	snprintf(node_dir, sizeof(node_dir), "%s/node", root);
}

static void remove_root(void)
{
	char *command = xprintf("rm -rf %s", root);

	if (system(command))
		printf("# %s failed\n", command);
	free(command);
}

static int run_tests(const struct test *tests, int number)
{
	for (; tests->name; tests++) {
		failed = false;
		put_machine();
		tests->run();
		printf("%s %d - %s\n", failed ? "not ok" : "ok", ++number, tests->name);
	}
	return number;
}

int main(int argc, char **argv)
{
	static const struct test *const all[] = {
		text_tests, process_tests, conf_tests, recording_tests, command_tests, many_tests,
	};
	int number = 0, ret = 0;
	size_t i;

	make_root();
	if (argc > 1 && !strcmp(argv[1], "top")) {
		put_machine();
		ret = cmd_top(&fake, argc - 1, argv + 1);
	} else {
		puts("TAP version 13");
		for (i = 0; i < ARRAY_SIZE(all); i++)
			number = run_tests(all[i], number);
		printf("1..%d\n", number);
	}
	remove_root();
	return ret;
}
