// SPDX-License-Identifier: GPL-2.0
/*
 * Those who mean harm: users who want to see or to set what is not theirs, who have
 * knumad work for nothing, or keep it from working for others. What contains them is in
 * Documentation/mm/knumad-threats.rst, line by line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define CHUNK		(2 * KN_MB)

/* What is moved to a node at once, above the rate: see rate_tokens() in migrate.c */
#define BURST		(4 * KN_MB)

/* How often who jumps does so */
#define JUMP_MS		100
#define JUMPS		100

/* Pages that a CPU may have charged to a group for later */
#define CHARGE_BATCH	64

#define INSIDE		"/tmp/knumad-cgroup"

FIXTURE(threats)
{
	int node[2];
	__u64 oom;
};

FIXTURE_SETUP(threats)
{
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[kn_topo.nr_full - 1];
	self->oom = kn_vmstat("oom_kill");
}

FIXTURE_TEARDOWN(threats)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	EXPECT_EQ(self->oom, kn_vmstat("oom_kill"));
	kn_end();
	kn_drop_groups();
	EXPECT_TRUE(kn_balanced());
}

static struct kn_work misplaced(struct _test_data_threats *self, size_t size)
{
	return kn_misplaced(size, self->node[0], self->node[1]);
}

/*
 * Who wants to see
 */

/* Does a word look like an address of the kernel, or one that @pid uses? */
static bool is_address(const char *word, pid_t pid)
{
	unsigned long from, to, value;
	char path[64], line[512], *end;
	bool found = false;
	FILE *maps;
	int base;

	for (base = 10; base <= 16 && !found; base += 6) {
		value = strtoul(word, &end, base);
		if (*end || end == word)
			continue;
		/* -1 says that there is none */
		if (value >= 0xffff800000000000 && strcmp(word, "-1"))
			return true;
		/* Of a mapping: more digits than a count in a test has, and within one */
		snprintf(path, sizeof(path), "/proc/%d/maps", pid);
		maps = value > 0xffffffff ? fopen(path, "re") : NULL;
		while (maps && !found && fgets(line, sizeof(line), maps))
			found = sscanf(line, "%lx-%lx", &from, &to) == 2 && value >= from &&
				value < to;
		if (maps)
			fclose(maps);
	}
	return found;
}

static void check_no_address(struct __test_metadata *_metadata, const char *path, pid_t pid)
{
	char *text = malloc(65536), *word, *next;

	ASSERT_NE(NULL, text);
	ASSERT_LT(0, kn_read(path, text, 65536))
		TH_LOG("%s", path);
	word = strtok_r(text, " ,\n[]", &next);
	while (word) {
		EXPECT_FALSE(is_address(word, pid))
			TH_LOG("%s says %s", path, word);
		word = strtok_r(NULL, " ,\n[]", &next);
	}
	free(text);
}

/* Kernels with fault injection have directories, which are the kernel's own, for each check */
static bool is_file_of_knumad(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strncmp(entry->d_name, "fail_", strlen("fail_"));
}

static void check_directory(struct __test_metadata *_metadata, const char *name, pid_t pid)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	char path[512];

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (!is_file_of_knumad(entry))
			continue;
		snprintf(path, sizeof(path), "%s%s", name, entry->d_name);
		check_no_address(_metadata, path, pid);
	}
	closedir(dir);
}

/* No file has an address of the kernel, or of the process it is about. */
TEST_F(threats, no_address)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .align = CHUNK, .node = self->node[0], .threads = 4,
		.cpu_node = KN_NONE, .before = kn_enter_child,
	};
	const char *why = kn_make_groups();
	struct kn_worker *worker;
	char path[64];

	if (why)
		SKIP(return, "%s", why);
	/* The test itself */
	EXPECT_TRUE(is_address("ffff888012345678", getpid()));
	EXPECT_TRUE(is_address("0xffffffff81000000", getpid()));
	EXPECT_TRUE(is_address("18446744073709551615", getpid()));
	snprintf(path, sizeof(path), "%lu", (unsigned long)path);
	EXPECT_TRUE(is_address(path, getpid()));
	EXPECT_FALSE(is_address("-1", getpid()));
	EXPECT_FALSE(is_address("4096", getpid()));

	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	/* Where it spans nodes, there are rows of its threads and chunks, too */
	if (kn_max_cpus() < work.threads)
		ASSERT_TRUE(kn_wait_until(kn_stat("hint_faults") && kn_stat("mms_sampled"),
					  KN_PATIENCE))
			kn_dump();
	ASSERT_TRUE(kn_wait_until(kn_stat("mms_watched") && kn_stat("pages_scanned"),
				  KN_PATIENCE));
	check_directory(_metadata, KN_SYSFS, worker->pid);
	check_directory(_metadata, KN_DEBUGFS, worker->pid);
	check_no_address(_metadata, KN_CHILD "/memory.knumad", worker->pid);
	check_no_address(_metadata, KN_CHILD "/memory.knumad.stat", worker->pid);
	snprintf(path, sizeof(path), "/proc/%d/knumad", worker->pid);
	check_no_address(_metadata, path, worker->pid);
	EXPECT_EQ(0, kn_stop(worker));
}

static void check_mode(struct __test_metadata *_metadata, const char *path, mode_t mode, uid_t uid)
{
	struct stat st;

	ASSERT_EQ(0, stat(path, &st))
		TH_LOG("%s", path);
	EXPECT_EQ(mode, st.st_mode & 07777)
		TH_LOG("%s", path);
	EXPECT_EQ(uid, st.st_uid)
		TH_LOG("%s", path);
}

/* Whose the files are that abi.c does not look at; only root comes to those of debugfs. */
TEST_F(threats, modes)
{
	static const char *const files[] = { "stats", "processes", "threads", "spanning", "nodes" };
	const char *why = kn_make_groups();
	struct dirent *entry;
	unsigned int nr = 0;
	char path[64];
	pid_t pid;
	DIR *dir;

	if (why)
		SKIP(return, "%s", why);
	for (nr = 0; nr < ARRAY_SIZE(files); nr++) {
		snprintf(path, sizeof(path), KN_DEBUGFS "%s", files[nr]);
		check_mode(_metadata, path, 0444, 0);
		EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, kn_try_read, path));
	}
	dir = opendir(KN_DEBUGFS);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		nr -= is_file_of_knumad(entry);
	closedir(dir);
	EXPECT_EQ(0, nr);

	check_mode(_metadata, KN_CHILD "/memory.knumad", 0644, 0);
	check_mode(_metadata, KN_CHILD "/memory.knumad.stat", 0444, 0);
	pid = kn_sleeper_of(KN_SOMEBODY);
	ASSERT_LT(0, pid);
	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	check_mode(_metadata, path, 0644, KN_SOMEBODY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* As a container sees it: its own group is the root, and there is nothing above. */
static int look_from_inside(void *data)
{
	char buf[64];
	int ret = -200;

	if (kn_write(KN_CHILD "/cgroup.procs", "0") ||
	    unshare(CLONE_NEWCGROUP | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return ret;
	mkdir(INSIDE, 0755);
	if (mount("cgroup2", INSIDE, "cgroup2", 0, NULL))
		return ret;
	if (kn_read(INSIDE "/memory.knumad", buf, sizeof(buf)) <= 0 || strcmp(buf, "never\n"))
		ret = -1;
	else if (!access(INSIDE "/knumad-test", F_OK) || !access(INSIDE "/child", F_OK))
		ret = -2;
	else
		ret = kn_write(INSIDE "/memory.knumad", "always");
	umount(INSIDE);
	return ret;
}

/* The options of the hierarchy as it is mounted; a remount keeps none that it does not name. */
static bool hierarchy_options(char *options, size_t size)
{
	static const char * const known[] = {
		"nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot",
		"memory_hugetlb_accounting", "pids_localevents",
	};
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	bool found = false;
	unsigned int i;
	int len = 0;

	options[0] = '\0';
	while (mounts && !found && (entry = getmntent(mounts))) {
		found = !strcmp(entry->mnt_type, "cgroup2");
		for (i = 0; found && i < ARRAY_SIZE(known); i++)
			if (hasmntopt(entry, known[i]))
				len += snprintf(options + len, size - len, "%s%s", len ? "," : "",
						known[i]);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

static int remount_hierarchy(const char *options)
{
	struct statvfs now;

	if (statvfs(KN_CGROUP, &now))
		return -errno;
	return mount("cgroup2", KN_CGROUP, "cgroup2",
		     MS_REMOUNT | (now.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)), options);
}

/*
 * A container neither sees groups beside its own nor lifts what its own says, even if it
 * is root's, where the hierarchy was mounted with nsdelegate.
 */
TEST_F(threats, container)
{
	const char *why = kn_make_groups();
	char buf[64], options[256], with[280];
	int ret;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, kn_write(KN_CHILD "/memory.knumad", "never"));
	ASSERT_TRUE(hierarchy_options(options, sizeof(options)));
	snprintf(with, sizeof(with), "nsdelegate%s%s", options[0] ? "," : "", options);
	if (remount_hierarchy(with))
		SKIP(return, "cannot mount with nsdelegate");
	ret = kn_as_user(0, look_from_inside, NULL);
	EXPECT_EQ(0, remount_hierarchy(options));
	rmdir(INSIDE);
	EXPECT_EQ(-EPERM, ret);
	ASSERT_LT(0, kn_read(KN_CHILD "/memory.knumad", buf, sizeof(buf)));
	EXPECT_STREQ("never\n", buf);
}

/*
 * Who has knumad work for nothing
 */

/* A group near its limit is moved without an OOM kill, and leaves no charge behind. */
TEST_F(threats, group_near_its_limit)
{
	struct kn_work work = misplaced(self, 24 * KN_MB);
	const char *why = kn_make_groups();
	__s64 before, now, most = 0, least = INT64_MAX, slack;
	struct kn_worker *worker;
	char limit[32];

	if (why)
		SKIP(return, "%s", why);
	slack = sysconf(_SC_NPROCESSORS_ONLN) * CHARGE_BATCH * KN_PAGE;
	work.before = kn_enter_child;
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	before = kn_read_number(KN_CHILD "/memory.current");
	ASSERT_LT((__s64)work.size, before);
	snprintf(limit, sizeof(limit), "%lld", before + slack);
	ASSERT_EQ(0, kn_write(KN_CHILD "/memory.max", limit));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(({
		now = kn_read_number(KN_CHILD "/memory.current");
		most = now > most ? now : most;
		least = now < least ? now : least;
		kn_share_on(worker, self->node[1], 1) >= KN_GATHERED;
	}), KN_PATIENCE))
		kn_dump();
	EXPECT_GE(before + slack, most);
	EXPECT_LE(before - slack, least);
	EXPECT_EQ(0, kn_group_stat(KN_CHILD, "memory.events", "max"));
	EXPECT_EQ(0, kn_group_stat(KN_CHILD, "memory.events", "oom"));
	EXPECT_EQ(0, kn_group_stat(KN_CHILD, "memory.events", "oom_kill"));
	EXPECT_EQ(0, kn_stop(worker));
	kn_kill(worker);
	EXPECT_TRUE(kn_wait_until(kn_read_number(KN_CHILD "/memory.current") <= slack,
				  KN_PATIENCE))
		TH_LOG("%lld bytes are still charged", kn_read_number(KN_CHILD "/memory.current"));
}

static bool is_above_reserve(int node, __u64 percent, __u64 slack)
{
	struct kn_zone_sums sums;

	if (kn_zones(node, &sums) &&
	    sums.free + sums.pcp + slack >= sums.high + sums.managed * percent / 100)
		return true;
	printf("# node %d: %llu pages free, high watermark %llu, %llu managed\n", node,
	       sums.free + sums.pcp, sums.high, sums.managed);
	return false;
}

#define RESERVE	10

/*
 * A user fills a node: memory of others goes there up to the reserve and not beyond, and
 * when the user has taken that, too, not at all.
 */
TEST_F(threats, node_filled)
{
	struct kn_work work = misplaced(self, 48 * KN_MB);
	struct kn_events before, after;
	struct kn_zone_sums sums;
	struct kn_worker *worker;
	__u64 refused, there;
	pid_t early, late;
	int i;

	ASSERT_EQ(0, kn_tunable_set("reserve_percent", RESERVE));
	ASSERT_TRUE(kn_zones(self->node[1], &sums));
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	/* It leaves one percent by itself */
	early = kn_fill_node(self->node[1],
			     sums.managed * (RESERVE - 1) / 100 * KN_PAGE + 12 * KN_MB);
	ASSERT_LT(0, early);
	kn_events(&before);
	refused = kn_verdict("node_full");
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_share_on(worker, self->node[1], 1) &&
				  kn_verdict("node_full") > refused, KN_PATIENCE))
		kn_dump();
	/* Pages of others come and go: a batch of theirs */
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(is_above_reserve(self->node[1], RESERVE, KN_MB / KN_PAGE));
		ASSERT_TRUE(kn_wait_passes(1, KN_PATIENCE));
	}
	EXPECT_GT(KN_GATHERED, kn_share_on(worker, self->node[1], 1));

	late = kn_fill_node(self->node[1], 4 * KN_MB);
	ASSERT_LT(0, late);
	/* What was on its way when the room went */
	ASSERT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	there = kn_share_on(worker, self->node[1], 1);
	ASSERT_TRUE(kn_wait_passes(8, KN_PATIENCE));
	EXPECT_EQ(there, kn_share_on(worker, self->node[1], 1));
	kn_events(&after);
	EXPECT_EQ(before.scanned, after.scanned)
		TH_LOG("memory was reclaimed to make room");

	kill(early, SIGKILL);
	kill(late, SIGKILL);
	waitpid(early, NULL, 0);
	waitpid(late, NULL, 0);
	EXPECT_TRUE(kn_wait_share(worker, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Who keeps it busy
 */

/* How they do it */
enum how {
	AT_TIMES,		/* threads change nodes all the time */
	WHEN_THERE,		/* threads change nodes when their memory has come */
	EXCHANGE,		/* threads exchange their memory all the time */
};

FIXTURE(restless)
{
	struct kn_worker *adversary;
	struct kn_worker *neighbour;
	int node[2];
	__u64 migrated, armed, start_ms;
	unsigned int jumps;
	enum how how;
};

FIXTURE_VARIANT(restless)
{
	enum how how;
	__u64 mb_per_s;
	__u64 samples_per_s;
};

FIXTURE_VARIANT_ADD(restless, at_times)
{
	.how = AT_TIMES,
	.mb_per_s = 2,
	.samples_per_s = 1000,
};

FIXTURE_VARIANT_ADD(restless, when_there)
{
	.how = WHEN_THERE,
	.mb_per_s = 2,
	.samples_per_s = 1000,
};

FIXTURE_VARIANT_ADD(restless, exchange)
{
	.how = EXCHANGE,
	.mb_per_s = 2,
	.samples_per_s = 50,
};

FIXTURE_SETUP(restless)
{
	const char *why;

	why = kn_begin_once(2);
	if (why)
		SKIP(return, "%s", why);
	if (variant->how == EXCHANGE && kn_max_cpus() >= 4)
		SKIP(return, "needs nodes with less than four CPUs");
	self->how = variant->how;
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[kn_topo.nr_full - 1];
	kn_tunable_set("migrate_mb_per_s", variant->mb_per_s);
	kn_tunable_set("samples_per_s", variant->samples_per_s);
}

FIXTURE_TEARDOWN(restless)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/* Make it look misplaced once more, if it is time. */
static void jump(struct _test_data_restless *self)
{
	const struct kn_worker *worker = self->adversary;
	int node = self->node[self->jumps & 1], i;

	if (self->how == WHEN_THERE && kn_share_on(worker, node, 16) < 500)
		return;
	self->jumps++;
	if (self->how != EXCHANGE)
		kn_pin(worker, self->node[self->jumps & 1]);
	for (i = 0; self->how == EXCHANGE && i < worker->work.threads; i++)
		KN_WRITE(worker->sh->set_of[i], (i + self->jumps) % worker->work.threads);
}

static __u64 elapsed_ms(const struct _test_data_restless *self)
{
	return kn_now_ms() - self->start_ms;
}

/*
 * Someone whose memory is never where it should be has it moved no faster than the rate,
 * takes no more samples than his own, and does not keep others from coming home.
 */
TEST_F(restless, is_contained)
{
	struct kn_work work = {
		.size = 24 * KN_MB, .align = CHUNK, .node = self->node[0], .threads = 1,
		.cpu_node = self->node[1], .pinned = true, .pause_us = 100,
	};
	__u64 moved, armed, seconds, end, due = 0, bytes;
	unsigned int pages = work.size / KN_PAGE;
	bool home = false;
	char path[64], text[1024];

	if (self->how == EXCHANGE) {
		work.threads = 4;
		work.cpu_node = KN_NONE;
		work.pinned = false;
		work.pause_us = 0;
		work.slow = true;
	}
	self->adversary = kn_start(&work);
	ASSERT_NE(NULL, self->adversary);
	self->migrated = kn_stat("pages_migrated");
	self->armed = kn_stat("pages_armed");
	self->start_ms = kn_now_ms();
	ASSERT_EQ(0, kn_enable("always"));
	/* At it before the neighbour comes */
	ASSERT_TRUE(kn_wait_until(({
		jump(self);
		kn_home(self->adversary->pid) != KN_NONE || kn_stat("mms_sampled") ||
		kn_stat("pages_migrated") > self->migrated;
	}), KN_PATIENCE))
		kn_dump();
	work = (struct kn_work) {
		.size = 16 * KN_MB, .node = self->node[0], .threads = 1,
		.cpu_node = self->node[1], .pinned = true, .pause_us = 100,
	};
	self->neighbour = kn_start(&work);
	ASSERT_NE(NULL, self->neighbour);
	end = kn_now_ms() + KN_PATIENCE * 1000;
	while (kn_now_ms() < end && (!home || self->jumps < JUMPS)) {
		if (kn_now_ms() >= due) {
			jump(self);
			due = kn_now_ms() + JUMP_MS;
			home = home || kn_share_on(self->neighbour, self->node[1], 1) >=
				       KN_GATHERED;
		}
		kn_nap();
		/* Who waits for his memory jumps only so often */
		if (self->how == WHEN_THERE && home && self->jumps >= 4)
			break;
	}
	snprintf(path, sizeof(path), "/proc/%d/knumad", self->neighbour->pid);
	if (kn_read(path, text, sizeof(text)) < 0)
		text[0] = '\0';
	EXPECT_TRUE(home) {
		TH_LOG("the neighbour: %s", text);
		kn_dump();
	}
	moved = kn_stat("pages_migrated") - self->migrated;
	armed = kn_stat("pages_armed") - self->armed;
	seconds = elapsed_ms(self) / 1000 + 1;
	bytes = kn_topo.nr_memory * (variant->mb_per_s * KN_MB * seconds + BURST);
	EXPECT_GE(bytes, moved * KN_PAGE);
	/* At most a second's worth is saved up */
	EXPECT_GE(variant->samples_per_s * (seconds + 1), armed);
	TH_LOG("%u jumps in %llu s: %llu MB moved of %llu that may be, %llu pages armed",
	       self->jumps, seconds, moved * KN_PAGE / KN_MB, bytes / KN_MB, armed);
	/* It was worth to look at: some of it did move, or was asked for */
	EXPECT_LT(0, self->how == EXCHANGE ? armed : moved);
	if (self->how == WHEN_THERE)
		EXPECT_LT(pages, moved);
	EXPECT_EQ(0, kn_stop(self->adversary));
	EXPECT_EQ(0, kn_stop(self->neighbour));
}

/*
 * Who has it remember what is gone
 */

/* Address space of which knumad has a table if there is anything in it */
#define STRIDE		(1024 * KN_MB)
#define TABLE		KN_PAGE
#define FIRST		(16384 * STRIDE)
#define PAGES		128

/* Of page tables, for the rest of the process */
#define OTHER_TABLES	64
#define FLIGHTS		8

/* A page in each GiB of a stretch of address space, and when told so, of the next one */
static void *nomad_main(void *data)
{
	struct kn_shared *sh = data;
	unsigned long at, i;

	while (!KN_READ(sh->stop)) {
		at = FIRST + sh->rounds * PAGES * STRIDE;
		for (i = 0; i < PAGES; i++)
			if (mmap((void *)(at + i * STRIDE), KN_PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
				 MAP_POPULATE, -1, 0) == MAP_FAILED)
				return "mmap";
		KN_WRITE(sh->rounds, sh->rounds + 1);
		while (KN_READ(sh->go) < (int)sh->rounds && !KN_READ(sh->stop))
			usleep(1000);
		for (i = 0; i < PAGES; i++)
			if (munmap((void *)(at + i * STRIDE), KN_PAGE))
				return "munmap";
	}
	return NULL;
}

static int begin_nomad(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_begin_helper(sh, nomad_main);
}

/*
 * A process that maps a page here and then there is known by what it has, not by all
 * it ever had: knumad's memory is charged to nobody.
 */
TEST_F(threats, sparse_memory)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .align = CHUNK, .node = self->node[0], .threads = 4,
		.cpu_node = KN_NONE, .prepare = begin_nomad, .finish = kn_end_helper,
	};
	struct kn_worker *worker;
	__u64 before, at, most;
	int i;

	if (kn_max_cpus() >= work.threads)
		SKIP(return, "needs nodes with less than four CPUs");
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	/* Without what is known of any process: nobody has opted in */
	ASSERT_EQ(0, kn_enable("opt-in"));
	before = kn_stat("bytes");
	ASSERT_EQ(0, kn_enable("always"));
	most = before;
	ASSERT_TRUE(kn_wait_until(kn_rounds(worker->pid), KN_PATIENCE))
		kn_dump();
	for (i = 1; i <= FLIGHTS; i++) {
		ASSERT_TRUE(kn_wait_until(KN_READ(worker->sh->rounds) == (__u64)i, KN_PATIENCE));
		at = kn_rounds(worker->pid);
		ASSERT_TRUE(kn_wait_until(kn_rounds(worker->pid) >= at + 2, KN_PATIENCE))
			kn_dump();
		at = kn_stat("bytes");
		most = at > most ? at : most;
		KN_WRITE(worker->sh->go, i);
	}
	TH_LOG("%llu KiB, at most %llu, for %u pages in %u GiB", before / 1024, most / 1024,
	       PAGES, FLIGHTS * PAGES);
	/* That of the first stretch was seen ... */
	EXPECT_LE(before + PAGES * TABLE, most);
	/* ... of all others there is no more than they had page tables at a time: two per page */
	EXPECT_GE(before + (2 * PAGES + OTHER_TABLES) * TABLE, most);
	EXPECT_EQ(0, kn_stop(worker));
}

/*
 * Who has it run after them
 */

#define LIVES		200
#define LOOKS		40

/* Of the thread, in percent of a CPU, by cpu_percent */
#define PERCENT		10

/*
 * What it may use more than that: finding out who is new cannot be put off, and on an
 * emulated machine the time of a CPU goes on while others have their turn.
 */
#define MARGIN		2

struct lives {
	int nr;
};

static void *live(void *mem)
{
	return (void *)(long)kn_touch(mem, CHUNK, 50);
}

/* Processes with threads and memory, again and again */
static void crowd_main(struct lives *lives, unsigned int state)
{
	pthread_t thread[4];
	char *mem;
	pid_t pid;
	int i;

	if (setgid(KN_NOBODY) || setuid(KN_NOBODY))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		pid = fork();
		if (!pid) {
			mem = kn_map(2 * CHUNK, 0);
			for (i = 0; mem && i < 4 && kn_random(&state) % 8; i++)
				pthread_create(&thread[i], NULL, live, mem + i % 2 * CHUNK);
			while (i--)
				pthread_join(thread[i], NULL);
			_exit(0);
		}
		if (pid < 0)
			_exit(2);
		waitpid(pid, NULL, 0);
		__atomic_fetch_add(&lives->nr, 1, __ATOMIC_RELAXED);
	}
}

/* Many that come and go do not have it use more CPU time than it may. */
TEST_F_TIMEOUT(threats, crowd, 3 * KN_PATIENCE)
{
	__u64 used, start_ms, elapsed, passes, enrolled;
	struct lives *lives;
	pid_t pids[6], knumad;
	unsigned int i;

	lives = mmap(NULL, sizeof(*lives), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)lives);
	kn_tunable_set("min_cpu_ms", 0);
	kn_tunable_set("min_resident_mb", 1);
	kn_tunable_set("cpu_percent", PERCENT);
	ASSERT_EQ(0, kn_enable("always"));
	knumad = kn_thread_pid();
	ASSERT_LT(0, knumad);
	fflush(stdout);
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (!pids[i])
			crowd_main(lives, i);
		ASSERT_LT(0, pids[i]);
	}
	ASSERT_TRUE(kn_wait_until(KN_READ(lives->nr) >= 6, KN_PATIENCE));
	used = kn_cpu_ns(knumad);
	ASSERT_LT(0, used);
	start_ms = kn_now_ms();
	passes = kn_stat("passes");
	enrolled = kn_stat("mms_enrolled");
	ASSERT_TRUE(kn_wait_until(KN_READ(lives->nr) >= LIVES &&
				  kn_stat("passes") >= passes + LOOKS, 2 * KN_PATIENCE))
		kn_dump();
	elapsed = kn_now_ms() - start_ms;
	used = kn_cpu_ns(knumad) - used;
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	TH_LOG("%llu ms of %llu, %d processes, %llu enrolled in %llu looks", used / 1000000,
	       elapsed, lives->nr, kn_stat("mms_enrolled") - enrolled, kn_stat("passes") - passes);
	EXPECT_LT(enrolled, kn_stat("mms_enrolled"));
	EXPECT_GE(MARGIN * PERCENT * elapsed / 100, used / 1000000);
	EXPECT_TRUE(kn_wait_until(!kn_stat("mms_watched"), KN_PATIENCE))
		kn_dump();
	munmap(lives, sizeof(*lives));
}

/* So much address space, and nothing there */
#define HOLLOW		(8192 * KN_MB)

/* A page of each page table was read, and never written: it is that of zeros */
static int read_here_and_there(struct kn_shared *sh, const struct kn_work *work)
{
	size_t at;

	sh->extra = mmap(NULL, HOLLOW, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sh->extra == MAP_FAILED || madvise(sh->extra, HOLLOW, MADV_NOHUGEPAGE))
		return -errno;
	sh->extra_size = HOLLOW;
	sh->extra_idle = true;
	for (at = 0; at < HOLLOW; at += CHUNK)
		if (KN_READ(sh->extra[at]))
			return -EINVAL;
	return 0;
}

/* Nor does one whose page tables take long to read, for nothing; it is sampled all the same. */
TEST_F(threats, hollow_memory)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .align = CHUNK, .node = self->node[0], .threads = 4,
		.cpu_node = KN_NONE, .prepare = read_here_and_there,
	};
	__u64 used, start_ms, elapsed, first;
	struct kn_worker *worker;
	pid_t knumad;

	if (kn_max_cpus() >= work.threads)
		SKIP(return, "needs nodes with less than four CPUs");
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	kn_tunable_set("cpu_percent", PERCENT);
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 1000));
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 1000));
	ASSERT_EQ(0, kn_enable("always"));
	knumad = kn_thread_pid();
	ASSERT_LT(0, knumad);
	ASSERT_TRUE(kn_wait_until(kn_rounds(worker->pid), KN_PATIENCE))
		kn_dump();
	used = kn_cpu_ns(knumad);
	ASSERT_LT(0, used);
	start_ms = kn_now_ms();
	first = kn_rounds(worker->pid);
	ASSERT_TRUE(kn_wait_passes(8, KN_PATIENCE))
		kn_dump();
	elapsed = kn_now_ms() - start_ms;
	used = kn_cpu_ns(knumad) - used;
	TH_LOG("%llu ms of %llu, %llu rounds", used / 1000000, elapsed,
	       kn_rounds(worker->pid) - first);
	EXPECT_GE(MARGIN * PERCENT * elapsed / 100, used / 1000000);
	EXPECT_TRUE(kn_wait_until(kn_rounds(worker->pid) >= first + 8, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
