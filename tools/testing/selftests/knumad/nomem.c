// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of knumad fails once, one after the other: at switch-on and
 * switch-off, in its thread, in those that move, and in those that read its files.
 * Nothing is lost, nothing stays, and it works again afterwards. Needs CONFIG_FAILSLAB
 * and CONFIG_FAIL_PAGE_ALLOC, with their files in debugfs.
 */
#include <errno.h>
#include <fcntl.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define MANY		4
#define SLAB		"/sys/kernel/debug/failslab/"
#define PAGES		"/sys/kernel/debug/fail_page_alloc/"

/* More than there can be: a test that never comes to an end fails */
#define MOST_SITES	300

/* Of tests that begin again for each site, s: both, and the others, in what settings says */
#define LONG		280

FIXTURE(nomem)
{
	struct kn_worker *worker;
	int node[2];
	unsigned int sites;		/* that failed */
};

FIXTURE_SETUP(nomem)
{
	const char *why = kn_begin(2);

	if (!why && (access(SLAB "ignore-gfp-wait", F_OK) ||
		     access(PAGES "ignore-gfp-wait", F_OK)))
		why = "needs CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and their files in debugfs";
	if (!why && kn_max_cpus() >= MANY)
		why = "needs nodes with less than four CPUs";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	/* Its allocations must not be those that fail; it can not be switched on again */
	kn_write("/sys/kernel/debug/kmemleak", "off");
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
	ASSERT_EQ(0, kn_write(SLAB "ignore-gfp-wait", "N"));
	ASSERT_EQ(0, kn_write(SLAB "verbose", "0"));
	ASSERT_EQ(0, kn_write(PAGES "verbose", "0"));
}

FIXTURE_TEARDOWN(nomem)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
	TH_LOG("%u allocations failed", self->sites);
}

/* Have the @nth allocation of a thread fail, from now on; 0: none */
static int set_nth(pid_t tid, unsigned int nth)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", tid);
	snprintf(text, sizeof(text), "%u", nth);
	return kn_write(path, text);
}

/* How many more allocations until the one that fails: 0, it has failed */
static __s64 nth_left(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", tid);
	return kn_read_number(path);
}

/*
 * Have the @nth allocation of the calling thread fail. Return: a descriptor for own_failed(),
 * since to open it once more would be an allocation, too; negative: it cannot be.
 */
static int own_nth(unsigned int nth)
{
	int own = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	if (own >= 0 && write(own, text, strlen(text)) < 0) {
		close(own);
		return -1;
	}
	return own;
}

/* Did it fail? None does from now on. */
static bool own_failed(int own)
{
	char text[16];
	bool failed = pread(own, text, sizeof(text), 0) > 0 && text[0] == '0';

	pwrite(own, "0", 1, 0);
	close(own);
	return failed;
}

/* Write a word to "enabled", the @nth allocation of that failing. Return: did one fail? */
static bool enable_failing(const char *word, unsigned int nth, int *error)
{
	int fd = open(KN_SYSFS "enabled", O_WRONLY | O_CLOEXEC);
	int own = own_nth(nth);
	bool failed;

	*error = 0;
	if (own < 0 || write(fd, word, strlen(word)) < 0)
		*error = errno;
	failed = own_failed(own);
	close(fd);
	return failed;
}

/* One thread away from its memory, or more threads than a node has CPUs */
static void start(struct __test_metadata *_metadata, struct _test_data_nomem *self, int threads)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = threads,
		.cpu_node = threads == 1 ? self->node[1] : KN_NONE, .pinned = threads == 1,
		.thin = true, .pause_us = threads == 1 ? 1000 : 0, .before = kn_stand_back,
	};

	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
}

static bool is_sampled(struct _test_data_nomem *self, unsigned int rounds)
{
	struct kn_spanning spanning;

	return kn_spanning(self->worker->pid, &spanning) && spanning.rounds >= rounds;
}

TEST_F(nomem, switch_on)
{
	bool failed = true;
	int error;

	while (failed && self->sites < MOST_SITES) {
		failed = enable_failing("always", self->sites + 1, &error);
		self->sites += failed;
		if (error) {
			EXPECT_EQ(ENOMEM, error);
			EXPECT_TRUE(kn_mode_is("never"));
			EXPECT_EQ(0, kn_thread_pid());
		} else {
			EXPECT_TRUE(kn_mode_is("always"));
		}
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_stat("bytes"));
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, self->sites);
}

TEST_F(nomem, switch_off)
{
	bool failed = true;
	int error;

	start(_metadata, self, MANY);
	while (failed && self->sites < MOST_SITES) {
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(kn_wait_until(is_sampled(self, 2), KN_PATIENCE))
			kn_dump();
		failed = enable_failing("never", self->sites + 1, &error);
		self->sites += failed;
		/* Either there was no memory for the word, or it is off */
		EXPECT_TRUE(kn_mode_is(error ? "always" : "never"));
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_stat("bytes"));
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, self->sites);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* From the first look at a process to its samples, each time from the beginning */
TEST_F_TIMEOUT(nomem, thread, LONG)
{
	bool failed = true;
	pid_t thread;

	start(_metadata, self, MANY);
	while (failed && self->sites < MOST_SITES) {
		/* Not watched yet: nobody asked for it */
		ASSERT_EQ(0, kn_enable("opt-in"));
		thread = kn_thread_pid();
		ASSERT_LT(0, thread);
		ASSERT_EQ(0, set_nth(thread, self->sites + 1));
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(kn_wait_until(!nth_left(thread) || is_sampled(self, 4), KN_PATIENCE))
			kn_dump();
		failed = !nth_left(thread);
		self->sites += failed;
		/* What failed is done at another time */
		ASSERT_TRUE(kn_wait_until(is_sampled(self, 1), KN_PATIENCE))
			kn_dump();
		ASSERT_EQ(0, set_nth(thread, 0));
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_stat("bytes"));
	}
	EXPECT_FALSE(failed);
	/* A process, its threads, what is known of its chunks, the room to decide in */
	EXPECT_LE(10, self->sites);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Pages for copies, and what migration itself allocates: all are moved in the end */
TEST_F_TIMEOUT(nomem, movers, LONG)
{
	__u64 failed = kn_stat("migrate_failed");
	unsigned int nth, i = 1;

	/* Pages that are not worth a reclaim, such as the copies */
	ASSERT_EQ(0, kn_write(PAGES "ignore-gfp-highmem", "N"));
	ASSERT_EQ(0, kn_write(PAGES "min-order", "0"));
	start(_metadata, self, 1);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(self->worker, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	for (nth = 1; nth < 2048; nth += nth < 16 ? 1 : nth / 2, i++) {
		int node = self->node[i % 2 ? 0 : 1];
		pid_t pid = kn_mover_pid(node);

		ASSERT_LT(0, pid);
		ASSERT_EQ(0, set_nth(pid, nth));
		ASSERT_EQ(0, kn_pin(self->worker, node));
		ASSERT_TRUE(kn_wait_share(self->worker, node, KN_GATHERED, KN_PATIENCE))
			kn_dump();
		self->sites += !nth_left(pid);
		ASSERT_EQ(0, set_nth(pid, 0));
	}
	EXPECT_LE(10, self->sites);
	EXPECT_LT(failed, kn_stat("migrate_failed"));
	EXPECT_EQ(0, kn_stop(self->worker));
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(0, kn_stat("bytes"));
}

/* Read a file to its end, the @nth allocation failing. Return: did one fail? */
static bool read_failing(const char *path, unsigned int nth, bool *ok)
{
	int own = own_nth(nth);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;
	char buf[4096];
	bool failed;

	*ok = own >= 0;
	while (fd >= 0 && (got = read(fd, buf, sizeof(buf))) > 0)
		;
	/* That is what procfs says if it has no memory for an inode */
	if (fd < 0 || got < 0)
		*ok &= errno == ENOMEM || errno == ENOENT;
	failed = own_failed(own);
	if (fd >= 0)
		close(fd);
	return failed;
}

TEST_F(nomem, readers)
{
	static const char *const files[] = {
		KN_DEBUGFS "stats", KN_DEBUGFS "processes", KN_DEBUGFS "threads",
		KN_DEBUGFS "spanning", KN_DEBUGFS "nodes", KN_SYSFS "enabled",
		KN_SYSFS "scan_pages", "", "/proc/vmstat",
	};
	char own[64], buf[4096];
	unsigned int i, nth;
	bool failed, ok;

	start(_metadata, self, MANY);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(is_sampled(self, 2), KN_PATIENCE))
		kn_dump();
	snprintf(own, sizeof(own), "/proc/%d/knumad", self->worker->pid);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = *files[i] ? files[i] : own;

		for (nth = 1, failed = true; failed && nth < MOST_SITES; nth++) {
			failed = read_failing(path, nth, &ok);
			self->sites += failed;
			EXPECT_TRUE(ok)
				TH_LOG("%s, allocation %u", path, nth);
		}
		EXPECT_FALSE(failed);
		EXPECT_LT(0, kn_read(path, buf, sizeof(buf)))
			TH_LOG("%s", path);
	}
	/* Each of them allocates something */
	EXPECT_LE(ARRAY_SIZE(files), self->sites);
	EXPECT_EQ(0, kn_stop(self->worker));
}

int main(int argc, char **argv)
{
	kn_save(SLAB "ignore-gfp-wait");
	kn_save(SLAB "verbose");
	kn_save(PAGES "ignore-gfp-highmem");
	kn_save(PAGES "min-order");
	kn_save(PAGES "verbose");
	kn_save_system();
	return test_harness_run(argc, argv);
}
