// SPDX-License-Identifier: GPL-2.0
/*
 * Each of knumad's internal checks is made to fail: it warns, is switched off, holds
 * nothing and leaves nothing armed, says why, and can be switched on again. Needs
 * CONFIG_FAULT_INJECTION_DEBUG_FS; the kernel's log shows a warning for each check.
 */
#include <errno.h>
#include <fcntl.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define PANIC_ON_WARN	"/proc/sys/kernel/panic_on_warn"

/* More than a node has CPUs, on the small machines that this is for */
#define MANY		4

FIXTURE(failsafe)
{
	struct kn_worker *worker;
	int node[2];
	__u64 disabled, failed;
	int kmsg;
	char failures[64];		/* the counter of the check */
	char dir[128];			/* where it is made to fail */
};

FIXTURE_VARIANT(failsafe)
{
	const char *check;
	int threads;
};

FIXTURE_VARIANT_ADD(failsafe, moved) { .check = "moved", .threads = 1 };
FIXTURE_VARIANT_ADD(failsafe, reserved) { .check = "reserved", .threads = 1 };
FIXTURE_VARIANT_ADD(failsafe, target) { .check = "target", .threads = 1 };
FIXTURE_VARIANT_ADD(failsafe, watched) { .check = "watched", .threads = 1 };
FIXTURE_VARIANT_ADD(failsafe, home) { .check = "home", .threads = 1 };
FIXTURE_VARIANT_ADD(failsafe, thread_home) { .check = "thread_home", .threads = MANY };
FIXTURE_VARIANT_ADD(failsafe, bytes) { .check = "bytes", .threads = MANY };

static int set_attr(struct _test_data_failsafe *self, const char *name, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	return kn_write(path, value);
}

/* Has the kernel said so? It does once since boot. */
static bool has_warned(int kmsg, const char *check)
{
	char record[1024], text[64];
	ssize_t len;

	snprintf(text, sizeof(text), "check '%s' failed", check);
	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[len > 0 ? len : 0] = '\0';
		if (strstr(record, text))
			return true;
	}
	return false;
}

/* The next time it is checked, and not again */
static bool make_fail(struct _test_data_failsafe *self)
{
	/* One warning is enough: without those of the injection itself */
	return !set_attr(self, "verbose", "0") && !set_attr(self, "times", "1") &&
	       !set_attr(self, "probability", "100");
}

FIXTURE_SETUP(failsafe)
{
	const char *why;

	why = kn_begin(2);
	snprintf(self->dir, sizeof(self->dir), KN_DEBUGFS "fail_%s", variant->check);
	if (!why && access(self->dir, F_OK))
		why = "needs CONFIG_FAULT_INJECTION_DEBUG_FS";
	if (!why && kn_max_cpus() >= MANY)
		why = "needs nodes with less than four CPUs";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	kn_write(PANIC_ON_WARN, "0");
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
	snprintf(self->failures, sizeof(self->failures), "failed_%s", variant->check);
	self->disabled = kn_stat("self_disabled");
	self->failed = kn_stat(self->failures);
	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->kmsg);
	lseek(self->kmsg, 0, SEEK_END);
}

FIXTURE_TEARDOWN(failsafe)
{
	set_attr(self, "probability", "0");
	set_attr(self, "times", "1");
	close(self->kmsg);
	kn_end();
}

/* All of it on the first node, one thread, or more than fit there, on the second */
static void start(struct __test_metadata *_metadata, struct _test_data_failsafe *self,
		  int threads)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = threads,
		.cpu_node = threads == 1 ? self->node[1] : KN_NONE, .pinned = threads == 1,
		/* Of many each has two parts of the memory, and uses one */
		.sets = threads == 1 ? 0 : 2 * threads,
	};

	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
}

/* Does knumad do again what it is for? */
static bool works(struct _test_data_failsafe *self, int threads)
{
	struct kn_spanning spanning;

	if (threads == 1)
		return kn_wait_share(self->worker, self->node[1], KN_GATHERED, KN_PATIENCE);
	return kn_wait_until(kn_spanning(self->worker->pid, &spanning) &&
			     spanning.rounds >= 4, KN_PATIENCE);
}

TEST_F(failsafe, switches_itself_off)
{
	struct kn_events before, after;

	start(_metadata, self, variant->threads);
	if (!strcmp(variant->check, "bytes")) {
		/* Checked at the end: when there is nothing more to switch off */
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(works(self, variant->threads))
			kn_dump();
		ASSERT_TRUE(make_fail(self));
		ASSERT_EQ(0, kn_enable("never"));
	} else if (variant->threads > 1) {
		/* While something is armed */
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(works(self, variant->threads))
			kn_dump();
		ASSERT_TRUE(kn_arm_idle(self->worker))
			kn_dump();
		ASSERT_TRUE(make_fail(self));
	} else {
		ASSERT_TRUE(make_fail(self));
		ASSERT_EQ(0, kn_enable("always"));
	}
	ASSERT_TRUE(kn_wait_until(kn_stat(self->failures) > self->failed, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_mode_is("never"), KN_PATIENCE));
	EXPECT_TRUE(kn_wait_until(!kn_thread_pid() && !kn_stat("bytes"), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->failed + 1, kn_stat(self->failures));
	if (!self->failed)
		EXPECT_TRUE(has_warned(self->kmsg, variant->check));
	EXPECT_EQ(self->disabled + 1, kn_stat("self_disabled"));
	EXPECT_EQ(0, kn_stat("mms_watched"));
	EXPECT_EQ(0, kn_stat("mms_sampled"));
	EXPECT_EQ(0, kn_nr_processes());

	/* The process goes on, and meets nothing that was left armed */
	kn_wait_sweeps(self->worker, 2, KN_PATIENCE);
	kn_events(&before);
	if (variant->threads > 1)
		kn_use_sets(self->worker, 0, 0);
	EXPECT_TRUE(kn_wait_sweeps(self->worker, 4, KN_PATIENCE));
	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
	EXPECT_EQ(before.knumad_migrated, after.knumad_migrated);

	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(works(self, variant->threads))
		kn_dump();
	EXPECT_TRUE(kn_mode_is("always"));
	EXPECT_EQ(self->disabled + 1, kn_stat("self_disabled"));
	EXPECT_EQ(0, kn_stop(self->worker));
}

int main(int argc, char **argv)
{
	kn_save(PANIC_ON_WARN);
	kn_save_system();
	return test_harness_run(argc, argv);
}
