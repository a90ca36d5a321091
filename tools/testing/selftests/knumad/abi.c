// SPDX-License-Identifier: GPL-2.0
/*
 * The files in sysfs and debugfs and the prctl(): what they contain, accept and
 * refuse, who may write them, and what happens when several do at once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

static const struct tunable {
	const char *name;
	__s64 def, min, max;
} tunables[] = {
	{ "scan_interval_ms", 1000, 100, 3600000 },
	{ "scan_max_interval_ms", 60000, 100, 3600000 },
	{ "scan_pages", 1048576, 512, 1073741824 },
	{ "cpu_percent", 10, 1, 100 },
	{ "migrate_mb_per_s", 1024, 1, 1048576 },
	{ "reserve_percent", 1, 0, 50 },
	{ "min_resident_mb", 16, 1, 1048576 },
	{ "min_cpu_ms", 500, 0, 3600000 },
	{ "samples_per_s", 125, 0, 100000 },	/* for each CPU, at least 1000, at most 50000 */
};

static const char *const words[] = { "enabled", "policy" };

static const char *const bad_numbers[] = {
	"\n", " ", "-", "-1", "-0", "+5", "+200", "5x", "200x", "200 ", " 200", "200\n\n", "200\n1",
	"200,", "200.0", "0x80", "2e2", "x", "garbage", "always", "4294967296", "4294967497",
	"4294967495", "18446744073709551615", "18446744073709551616", "18446744073709551816",
	"99999999999999999999999999999999999999999999", "0200x",
};

static bool is_documented(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tunables); i++)
		if (!strcmp(name, tunables[i].name))
			return true;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}

/* What all values but those of the two that depend on each other may become */
static bool in_range(const struct tunable *tunable, __s64 value)
{
	return value >= tunable->min && value <= tunable->max;
}

FIXTURE(abi)
{
	__s64 boot[ARRAY_SIZE(tunables)];
	char boot_policy[64];
};

FIXTURE_SETUP(abi)
{
	const char *why;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tunables); i++)
		self->boot[i] = kn_tunable(tunables[i].name);
	kn_tunable_read("policy", self->boot_policy, sizeof(self->boot_policy));
	why = kn_begin_once(0);
	if (why)
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(abi)
{
	kn_end();
}

/* The directory has the documented files, all 0644 and root's, and no other. */
TEST_F(abi, sysfs_modes)
{
	struct dirent *entry;
	char path[512];
	struct stat st;
	unsigned int nr = 0;
	DIR *dir;

	ASSERT_EQ(0, stat(KN_SYSFS, &st));
	EXPECT_EQ(0755, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);

	dir = opendir(KN_SYSFS);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		EXPECT_TRUE(is_documented(entry->d_name))
			TH_LOG("%s is not documented", entry->d_name);
		nr++;
		snprintf(path, sizeof(path), KN_SYSFS "%s", entry->d_name);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0644, st.st_mode & 07777)
			TH_LOG("%s", path);
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
	}
	closedir(dir);
	EXPECT_EQ(ARRAY_SIZE(tunables) + ARRAY_SIZE(words), nr);
}

/* Each tunable starts with its documented default (on a machine just booted). */
TEST_F(abi, defaults)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		__s64 def = tunables[i].def;

		if (!strcmp(tunables[i].name, "samples_per_s")) {
			def *= sysconf(_SC_NPROCESSORS_ONLN);
			def = def < 1000 ? 1000 : def > 50000 ? 50000 : def;
		}
		EXPECT_EQ(def, self->boot[i])
			TH_LOG("%s", tunables[i].name);
	}
	EXPECT_STREQ("[pack] spread\n", self->boot_policy);
}

/* A number is written with or without newline, and read back with one. */
TEST_F(abi, valid_numbers)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		const struct tunable *tunable = &tunables[i];
		__s64 values[] = {
			tunable->min, tunable->max, tunable->min + 1, tunable->max - 1, tunable->def
		};

		/* Room for all values of both intervals */
		kn_tunable_set("scan_interval_ms", 100);
		kn_tunable_set("scan_max_interval_ms",
			       !strcmp(tunable->name, "scan_interval_ms") ? 3600000 : 100);
		for (j = 0; j < 2 * ARRAY_SIZE(values); j++) {
			char path[128], text[32], back[64];

			snprintf(path, sizeof(path), KN_SYSFS "%s", tunable->name);
			snprintf(text, sizeof(text), "%lld\n", values[j / 2]);
			EXPECT_EQ(0, kn_write_len(path, text, strlen(text) - j % 2))
				TH_LOG("%s: %s", tunable->name, text);
			ASSERT_LT(0, kn_read(path, back, sizeof(back)));
			EXPECT_STREQ(text, back);
		}
	}
}

/* Anything else is -EINVAL, and the value stays. */
TEST_F(abi, invalid_numbers)
{
	char path[128], text[32], before[64], after[64];
	char *endless;
	unsigned int i, j;

	endless = malloc(8192);
	ASSERT_NE(NULL, endless);
	memset(endless, '1', 8191);
	endless[8191] = '\0';

	for (i = 0; i < ARRAY_SIZE(tunables); i++) {
		const struct tunable *tunable = &tunables[i];

		snprintf(path, sizeof(path), KN_SYSFS "%s", tunable->name);
		ASSERT_LT(0, kn_read(path, before, sizeof(before)));

		for (j = 0; j < ARRAY_SIZE(bad_numbers); j++) {
			EXPECT_EQ(-EINVAL, kn_write(path, bad_numbers[j]))
				TH_LOG("%s: \"%s\"", tunable->name, bad_numbers[j]);
		}
		snprintf(text, sizeof(text), "%lld", tunable->max + 1);
		EXPECT_EQ(-EINVAL, kn_write(path, text))
			TH_LOG("%s: \"%s\"", tunable->name, text);
		if (tunable->min) {
			snprintf(text, sizeof(text), "%lld", tunable->min - 1);
			EXPECT_EQ(-EINVAL, kn_write(path, text))
				TH_LOG("%s: \"%s\"", tunable->name, text);
		}
		EXPECT_EQ(-EINVAL, kn_write_len(path, endless, 300));
		EXPECT_EQ(-EINVAL, kn_write_len(path, endless, 8191));
		EXPECT_EQ(-EINVAL, kn_write_len(path, "\0", 1));
		EXPECT_EQ(-EINVAL, kn_write_len(path, "\xff\xfe", 2));
		/* Nothing written: sysfs does not even ask, but nothing may change */
		kn_write_len(path, "", 0);

		ASSERT_LT(0, kn_read(path, after, sizeof(after)));
		EXPECT_STREQ(before, after)
			TH_LOG("%s was changed by an invalid write", tunable->name);
	}
	free(endless);
}

/* The longest interval is never shorter than the shortest. */
TEST_F(abi, intervals_in_order)
{
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 100));
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 1000));

	EXPECT_EQ(-EINVAL, kn_tunable_set("scan_interval_ms", 1001));
	EXPECT_EQ(100, kn_tunable("scan_interval_ms"));
	EXPECT_EQ(0, kn_tunable_set("scan_interval_ms", 1000));
	EXPECT_EQ(-EINVAL, kn_tunable_set("scan_max_interval_ms", 999));
	EXPECT_EQ(1000, kn_tunable("scan_max_interval_ms"));
	EXPECT_EQ(0, kn_tunable_set("scan_max_interval_ms", 1001));
	EXPECT_EQ(0, kn_tunable_set("scan_interval_ms", 1001));
}

/* The two files of words: valid ones, with and without newline */
TEST_F(abi, valid_words)
{
	static const char *const enabled[][2] = {
		{ "never", "always opt-in [never]\n" },
		{ "always", "[always] opt-in never\n" },
		{ "opt-in", "always [opt-in] never\n" },
		{ "always\n", "[always] opt-in never\n" },
		{ "always", "[always] opt-in never\n" },
		{ "opt-in\n", "always [opt-in] never\n" },
		{ "never\n", "always opt-in [never]\n" },
		{ "never\n", "always opt-in [never]\n" },
	};
	unsigned int i;
	char buf[64];

	if (kn_topo.nr_memory < 2)
		SKIP(return, "one node with memory: cannot be enabled");
	for (i = 0; i < ARRAY_SIZE(enabled); i++) {
		EXPECT_EQ(0, kn_enable(enabled[i][0]));
		ASSERT_LT(0, kn_tunable_read("enabled", buf, sizeof(buf)));
		EXPECT_STREQ(enabled[i][1], buf);
		EXPECT_EQ(!!strncmp(enabled[i][0], "never", 5), !!kn_thread_pid())
			TH_LOG("after %s", enabled[i][0]);
	}
}

TEST_F(abi, valid_policies)
{
	static const char *const policy[][2] = {
		{ "spread", "pack [spread]\n" },
		{ "pack", "[pack] spread\n" },
		{ "spread\n", "pack [spread]\n" },
		{ "pack\n", "[pack] spread\n" },
	};
	unsigned int i;
	char buf[64];

	for (i = 0; i < ARRAY_SIZE(policy); i++) {
		EXPECT_EQ(0, kn_tunable_write("policy", policy[i][0]));
		ASSERT_LT(0, kn_tunable_read("policy", buf, sizeof(buf)));
		EXPECT_STREQ(policy[i][1], buf);
	}
}

TEST_F(abi, invalid_words)
{
	static const char *const bad[] = {
		"\n", " ", "Always", "NEVER", "alway", "alwaysx", "always x", "always never",
		" always", "always ", "[always]", "never\n\n", "opt_in", "optin", "opt-in,", "1",
		"0", "y", "madvise", "pac", "packs", "Pack", "[pack]", "pack spread", "\"pack\"",
	};
	char path[128], before[64], after[64], endless[4096];
	unsigned int i, j;

	memset(endless, 'a', sizeof(endless));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(path, sizeof(path), KN_SYSFS "%s", words[i]);
		ASSERT_LT(0, kn_read(path, before, sizeof(before)));
		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			EXPECT_EQ(-EINVAL, kn_write(path, bad[j]))
				TH_LOG("%s: \"%s\"", words[i], bad[j]);
		}
		EXPECT_EQ(-EINVAL, kn_write_len(path, endless, sizeof(endless)));
		kn_write_len(path, "", 0);
		ASSERT_LT(0, kn_read(path, after, sizeof(after)));
		EXPECT_STREQ(before, after);
	}
}

/* Users may read, not write. */
TEST_F(abi, only_root_writes)
{
	unsigned int i, bad = 0;
	char path[128];
	pid_t pid;
	int status;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(100);
		for (i = 0; i < ARRAY_SIZE(tunables) + ARRAY_SIZE(words); i++) {
			snprintf(path, sizeof(path), KN_SYSFS "%s", i < ARRAY_SIZE(tunables) ?
				 tunables[i].name : words[i - ARRAY_SIZE(tunables)]);
			bad += open(path, O_WRONLY) >= 0 || errno != EACCES;
			bad += open(path, O_RDWR) >= 0 || errno != EACCES;
			bad += open(path, O_RDONLY) < 0;
		}
		_exit(bad);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

struct writer {
	const struct tunable *tunable;
	__s64 values[2];
	const int *stop;
	unsigned long writes, refused, failed, torn;
};

static void *write_tunable(void *data)
{
	struct writer *writer = data;
	__s64 value;
	int ret;

	while (!KN_READ(*writer->stop)) {
		ret = kn_tunable_set(writer->tunable->name, writer->values[writer->writes & 1]);
		writer->writes++;
		if (ret == -EINVAL)
			writer->refused++;
		else if (ret)
			writer->failed++;
		value = kn_tunable(writer->tunable->name);
		writer->torn += !in_range(writer->tunable, value);
	}
	return NULL;
}

/*
 * Two writers for each file while knumad is switched on and off: no write is
 * lost half way, none fails, and the last value is one of those written.
 */
TEST_F(abi, concurrent_writers)
{
	static const char *const modes[] = { "always", "opt-in", "always", "never" };
	struct writer writers[2 * ARRAY_SIZE(tunables)];
	pthread_t threads[2 * ARRAY_SIZE(tunables)];
	bool possible = kn_topo.nr_memory > 1;
	int stop = 0, ret;
	unsigned int i;
	__u64 end;

	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		const struct tunable *tunable = &tunables[i / 2];

		/* Four values, of which the intervals' are always in order */
		writers[i] = (struct writer) {
			.tunable = tunable,
			.values = { tunable->min + (i % 2), tunable->min + 10 + (i % 2) },
			.stop = &stop,
		};
		if (!strcmp(tunable->name, "scan_max_interval_ms")) {
			writers[i].values[0] += 1000;
			writers[i].values[1] += 1000;
		}
	}
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 2000));
	for (i = 0; i < ARRAY_SIZE(writers); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_tunable, &writers[i]));

	end = kn_now_ms() + 2000;
	for (i = 0; kn_now_ms() < end || i < 40; i++) {
		ret = kn_enable(modes[i % ARRAY_SIZE(modes)]);
		EXPECT_EQ(possible || i % 4 == 3 ? 0 : -ENODEV, ret);
		EXPECT_EQ(possible && i % 4 != 3, !!kn_thread_pid());
	}
	KN_WRITE(stop, 1);
	for (i = 0; i < ARRAY_SIZE(writers); i++)
		pthread_join(threads[i], NULL);

	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		struct writer *writer = &writers[i], *other = &writers[i ^ 1];
		__s64 value = kn_tunable(writer->tunable->name);

		EXPECT_LT(0, writer->writes);
		EXPECT_EQ(0, writer->refused);
		EXPECT_EQ(0, writer->failed);
		EXPECT_EQ(0, writer->torn);
		EXPECT_TRUE(value == writer->values[0] || value == writer->values[1] ||
			    value == other->values[0] || value == other->values[1])
			TH_LOG("%s: %lld was never written", writer->tunable->name, value);
	}
	EXPECT_EQ(0, kn_enable("never"));
	EXPECT_EQ(0, kn_thread_pid());
}

/* The two intervals written at once, in all orders: the invariant holds. */
TEST_F(abi, concurrent_intervals)
{
	struct writer writers[4];
	pthread_t threads[4];
	unsigned long written = 0;
	unsigned int i, round;
	int stop;

	/* What breaks it is made good by the next write: stopped, and looked at, often */
	for (round = 0; round < 50; round++) {
		stop = 0;
		for (i = 0; i < ARRAY_SIZE(writers); i++) {
			writers[i] = (struct writer) {
				.tunable = &tunables[i % 2],
				.values = { 200 + 100 * i, 1000 - 100 * i },
				.stop = &stop,
			};
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_tunable, &writers[i]));
		}
		for (i = 0; i < ARRAY_SIZE(writers); i++)
			EXPECT_TRUE(kn_wait_until(KN_READ(writers[i].writes) >= 8, KN_PATIENCE));
		KN_WRITE(stop, 1);
		for (i = 0; i < ARRAY_SIZE(writers); i++)
			pthread_join(threads[i], NULL);
		EXPECT_LE(kn_tunable("scan_interval_ms"), kn_tunable("scan_max_interval_ms"));
		for (i = 0; i < ARRAY_SIZE(writers); i++) {
			EXPECT_EQ(0, writers[i].failed);
			EXPECT_EQ(0, writers[i].torn);
			written += writers[i].writes - writers[i].refused;
		}
	}
	EXPECT_LT(100, written);
}

/* debugfs: all files, 0444 */
TEST_F(abi, debugfs_modes)
{
	static const char *const files[] = { "stats", "processes", "nodes", "spanning", "threads" };
	char path[128];
	struct stat st;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), KN_DEBUGFS "%s", files[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0444, st.st_mode & 07777)
			TH_LOG("%s", path);
		EXPECT_EQ(0, st.st_uid);
	}
}

/* stats: every documented name once, each with a number, and nothing else */
TEST_F(abi, debugfs_stats)
{
	unsigned int i, lines = 0, names = 0;
	char line[256], name[128];
	unsigned long long number;
	__u64 value;
	FILE *file;
	int nr;

	for (i = 0; kn_stat_names[i]; i++, names++) {
		EXPECT_TRUE(kn_find_stat(kn_stat_names[i], &value))
			TH_LOG("no %s", kn_stat_names[i]);
	}
	for (i = 0; kn_verdict_names[i]; i++, names++) {
		snprintf(name, sizeof(name), "verdict_%s", kn_verdict_names[i]);
		EXPECT_TRUE(kn_find_stat(name, &value))
			TH_LOG("no %s", name);
	}
	for (i = 0; kn_check_names[i]; i++, names++) {
		snprintf(name, sizeof(name), "failed_%s", kn_check_names[i]);
		EXPECT_TRUE(kn_find_stat(name, &value))
			TH_LOG("no %s", name);
	}
	file = fopen(KN_DEBUGFS "stats", "re");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		char again[256];

		lines++;
		nr = sscanf(line, "%127[a-z_] %llu", name, &number);
		ASSERT_EQ(2, nr)
			TH_LOG("%s", line);
		snprintf(again, sizeof(again), "%s %llu\n", name, number);
		EXPECT_STREQ(again, line);
	}
	fclose(file);
	EXPECT_EQ(names, lines);
}

/* What knumad says may be used of a node: what the allocator would give, but for the reserve */
static bool room_agrees(int nid)
{
	struct kn_zone_sums sums;
	struct kn_node node;
	__u64 reserve;

	if (!kn_node(nid, &node) || !kn_zones(nid, &sums))
		return false;
	reserve = sums.managed / 100 * kn_tunable("reserve_percent");
	return node.usable_pages == (sums.room > reserve ? sums.room - reserve : 0);
}

/* nodes: a row per node, with the CPUs and the memory that it has */
TEST_F(abi, debugfs_nodes)
{
	bool seen[KN_MAX_NODES] = { false };
	struct kn_zone_sums sums;
	unsigned long long v[10];
	char line[512];
	FILE *file;
	int node, nr;

	file = fopen(KN_DEBUGFS "nodes", "re");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	EXPECT_STREQ(KN_NODES_HEADER, line);
	while (fgets(line, sizeof(line), file)) {
		nr = sscanf(line, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1],
			    &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9]);
		ASSERT_EQ(10, nr)
			TH_LOG("%s", line);
		ASSERT_GT(KN_MAX_NODES, v[0]);
		node = v[0];
		EXPECT_FALSE(seen[node]);
		seen[node] = true;
		EXPECT_EQ(kn_topo.cpus[node], v[1]);
		EXPECT_LE(v[2], v[1]);
		EXPECT_LE(v[6], v[5]);
		kn_zones(node, &sums);
		EXPECT_LE(v[5], sums.managed);
	}
	fclose(file);
	for (node = 0; node < kn_topo.nr; node++) {
		/* What is free changes: both are seldom read at the same time, but will be */
		if (kn_topo.memory[node])
			EXPECT_TRUE(kn_wait_until(room_agrees(node), KN_PATIENCE))
				kn_dump();
		EXPECT_EQ(kn_topo.memory[node] || kn_topo.cpus[node], seen[node])
			TH_LOG("node %d", node);
	}
}

/* processes: the header, and one well-formed row per watched process */
TEST_F(abi, debugfs_processes)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .threads = 2, .cpu_node = KN_NONE, .pause_us = 1000,
	};
	struct kn_process process;
	struct kn_worker *worker;
	bool found = false;
	char line[4096];
	unsigned int i;
	FILE *file;
	__u64 sum;

	if (kn_topo.nr_memory < 2)
		SKIP(return, "one node with memory: cannot be enabled");
	work.node = kn_topo.full[0];
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_process(worker->pid, &process) &&
				  process.resident[0] + process.resident[1], KN_PATIENCE))
		kn_dump();

	file = fopen(KN_DEBUGFS "processes", "re");
	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	EXPECT_STREQ(KN_PROCESSES_HEADER, line);
	while (fgets(line, sizeof(line), file)) {
		ASSERT_EQ(0, kn_parse_process(line, &process))
			TH_LOG("a field of \"%s...\" is not well-formed", line);
		for (i = 0; kn_verdict_names[i]; i++)
			if (!strcmp(kn_verdict_names[i], process.verdict))
				break;
		EXPECT_NE(NULL, kn_verdict_names[i])
			TH_LOG("%s is no verdict", process.verdict);
		for (i = 0, sum = 0; i < KN_MAX_NODES; i++)
			sum += process.cpu[i];
		EXPECT_GE(1001, sum);
		if (process.pid != worker->pid)
			continue;
		found = true;
		EXPECT_STREQ("abi", process.comm);
		/* The two, and the one that waits for commands */
		EXPECT_EQ(3, process.threads);
		for (i = 0, sum = 0; i < KN_MAX_NODES; i++)
			sum += process.resident[i];
		/* An estimate: one page in eight, memory begins and ends between them */
		EXPECT_LE(work.size / KN_PAGE, sum + KN_SAMPLED);
		EXPECT_GT(work.size / KN_PAGE + 1024, sum);
	}
	fclose(file);
	EXPECT_TRUE(found);
	EXPECT_EQ(kn_stat("mms_watched"), kn_nr_processes());
	EXPECT_EQ(0, kn_stop(worker));
}

static int set_knumad(unsigned long value, unsigned long a, unsigned long b, unsigned long c)
{
	return prctl(PR_SET_KNUMAD, value, a, b, c) ? -errno : 0;
}

static int get_knumad(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	int ret = prctl(PR_GET_KNUMAD, a, b, c, d);

	return ret < 0 ? -errno : ret;
}

/* The prctl: three values, everything else is -EINVAL and changes nothing */
TEST_F(abi, prctl_values)
{
	EXPECT_EQ(PR_KNUMAD_DEFAULT, get_knumad(0, 0, 0, 0));
	EXPECT_EQ(0, set_knumad(PR_KNUMAD_IN, 0, 0, 0));
	EXPECT_EQ(PR_KNUMAD_IN, get_knumad(0, 0, 0, 0));
	EXPECT_EQ(0, set_knumad(PR_KNUMAD_OUT, 0, 0, 0));
	EXPECT_EQ(PR_KNUMAD_OUT, get_knumad(0, 0, 0, 0));
	EXPECT_EQ(0, set_knumad(PR_KNUMAD_DEFAULT, 0, 0, 0));
	EXPECT_EQ(PR_KNUMAD_DEFAULT, get_knumad(0, 0, 0, 0));

	EXPECT_EQ(0, set_knumad(PR_KNUMAD_IN, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set_knumad(3, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set_knumad(-1UL, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set_knumad(1UL << 32 | PR_KNUMAD_OUT, 0, 0, 0));
	EXPECT_EQ(-EINVAL, set_knumad(PR_KNUMAD_OUT, 1, 0, 0));
	EXPECT_EQ(-EINVAL, set_knumad(PR_KNUMAD_OUT, 0, 1, 0));
	EXPECT_EQ(-EINVAL, set_knumad(PR_KNUMAD_OUT, 0, 0, 1));
	EXPECT_EQ(-EINVAL, get_knumad(1, 0, 0, 0));
	EXPECT_EQ(-EINVAL, get_knumad(0, 1, 0, 0));
	EXPECT_EQ(-EINVAL, get_knumad(0, 0, 1, 0));
	EXPECT_EQ(-EINVAL, get_knumad(0, 0, 0, 1));
	EXPECT_EQ(PR_KNUMAD_IN, get_knumad(0, 0, 0, 0));
}

/* Run in a child: what does prctl say there? */
static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static pid_t fork_and_tell(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(get_knumad(0, 0, 0, 0));
	return pid;
}

static pid_t exec_and_tell(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/proc/self/exe", "abi", "--tell", NULL);
		_exit(100);
	}
	return pid;
}

/* A child inherits it, a new program keeps it, and neither gives it back. */
TEST_F(abi, prctl_inherited)
{
	unsigned long value;
	pid_t pid;

	for (value = PR_KNUMAD_DEFAULT; value <= PR_KNUMAD_OUT; value++) {
		ASSERT_EQ(0, set_knumad(value, 0, 0, 0));
		EXPECT_EQ((int)value, status_of(fork_and_tell()));
		EXPECT_EQ((int)value, status_of(exec_and_tell()));
	}
	ASSERT_EQ(0, set_knumad(PR_KNUMAD_IN, 0, 0, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(set_knumad(PR_KNUMAD_OUT, 0, 0, 0));
	EXPECT_EQ(0, status_of(pid));
	EXPECT_EQ(PR_KNUMAD_IN, get_knumad(0, 0, 0, 0));
}

static void *thread_sets(void *data)
{
	return (void *)(long)set_knumad(PR_KNUMAD_OUT, 0, 0, 0);
}

/* It belongs to the process: what one thread sets, all have. Users may, too. */
TEST_F(abi, prctl_whole_process)
{
	pthread_t thread;
	void *ret;
	pid_t pid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, thread_sets, NULL));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(PR_KNUMAD_OUT, get_knumad(0, 0, 0, 0));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534) || set_knumad(PR_KNUMAD_IN, 0, 0, 0))
			_exit(100);
		_exit(get_knumad(0, 0, 0, 0));
	}
	EXPECT_EQ(PR_KNUMAD_IN, status_of(pid));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--tell"))
		return get_knumad(0, 0, 0, 0);
	kn_save_system();
	return test_harness_run(argc, argv);
}
