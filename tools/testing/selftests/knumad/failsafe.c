// SPDX-License-Identifier: GPL-2.0
/*
 * Each of knumad's internal checks is made to fail while something is armed: it warns
 * once, is switched off, holds nothing and leaves nothing armed, says why, and can be
 * switched on again. Needs CONFIG_FAULT_INJECTION_DEBUG_FS; the kernel's log shows a
 * warning for each check.
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
	struct kn_worker *worker;	/* spans nodes */
	struct kn_worker *mover;	/* its memory moves, where that is checked */
	int node[2];
	__u64 disabled, failed;
	int kmsg;
	char failures[64];		/* the counter of the check */
	char dir[128];			/* where it is made to fail */
};

enum when {
	MOVING,				/* whenever memory moves */
	LOOKING,			/* at each look */
	ENDING,				/* when there is nothing more to switch off */
};

FIXTURE_VARIANT(failsafe)
{
	const char *check;
	enum when when;
};

FIXTURE_VARIANT_ADD(failsafe, moved) { .check = "moved", .when = MOVING };
FIXTURE_VARIANT_ADD(failsafe, reserved) { .check = "reserved", .when = MOVING };
FIXTURE_VARIANT_ADD(failsafe, target) { .check = "target", .when = MOVING };
FIXTURE_VARIANT_ADD(failsafe, watched) { .check = "watched", .when = LOOKING };
FIXTURE_VARIANT_ADD(failsafe, home) { .check = "home", .when = LOOKING };
FIXTURE_VARIANT_ADD(failsafe, thread_home) { .check = "thread_home", .when = LOOKING };
FIXTURE_VARIANT_ADD(failsafe, bytes) { .check = "bytes", .when = ENDING };

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

/* More threads than a node has CPUs; each has two parts of the memory, and uses one */
static void start_spanning(struct __test_metadata *_metadata, struct _test_data_failsafe *self)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = MANY, .cpu_node = KN_NONE,
		.sets = 2 * MANY,
	};

	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
}

/* All of it is to move to the second node */
static void start_moving(struct __test_metadata *_metadata, struct _test_data_failsafe *self)
{
	struct kn_work work = {
		.size = MEM, .node = self->node[0], .threads = 1,
		.cpu_node = self->node[1], .pinned = true,
	};

	self->mover = kn_start(&work);
	ASSERT_NE(NULL, self->mover);
}

/* Does knumad what it is for? */
static bool works(struct _test_data_failsafe *self)
{
	struct kn_spanning spanning;

	if (!kn_wait_until(kn_spanning(self->worker->pid, &spanning) && spanning.rounds >= 4,
			   KN_PATIENCE))
		return false;
	return !self->mover ||
	       kn_wait_share(self->mover, self->node[1], KN_GATHERED, KN_PATIENCE);
}

/* Have the check fail, for the @nr-th time here; all is switched off, released, and said. */
static void fail(struct __test_metadata *_metadata, struct _test_data_failsafe *self,
		 enum when when, unsigned int nr)
{
	ASSERT_TRUE(make_fail(self));
	if (when == MOVING)
		start_moving(_metadata, self);
	if (when == ENDING)
		ASSERT_EQ(0, kn_enable("never"));
	ASSERT_TRUE(kn_wait_until(kn_stat(self->failures) >= self->failed + nr, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_until(kn_mode_is("never"), KN_PATIENCE));
	EXPECT_TRUE(kn_wait_until(!kn_thread_pid() && !kn_stat("bytes"), KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(self->failed + nr, kn_stat(self->failures));
	EXPECT_EQ(self->disabled + nr, kn_stat("self_disabled"));
	EXPECT_EQ(0, kn_stat("mms_watched"));
	EXPECT_EQ(0, kn_stat("mms_sampled"));
	EXPECT_EQ(0, kn_nr_processes());
}

TEST_F(failsafe, switches_itself_off)
{
	struct kn_events before, after;
	__u64 disarmed;

	start_spanning(_metadata, self);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(works(self))
		kn_dump();
	ASSERT_TRUE(kn_arm_idle(self->worker))
		kn_dump();
	disarmed = kn_stat("pages_disarmed");
	fail(_metadata, self, variant->when, 1);
	if (!self->failed)
		EXPECT_TRUE(has_warned(self->kmsg, variant->check));
	EXPECT_LT(disarmed, kn_stat("pages_disarmed"));

	/* The processes go on, and meet nothing that was left armed */
	kn_events(&before);
	kn_use_sets(self->worker, 0, 0);
	EXPECT_TRUE(kn_wait_sweeps(self->worker, 4, KN_PATIENCE));
	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
	EXPECT_EQ(before.knumad_migrated, after.knumad_migrated);

	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(works(self))
		kn_dump();
	EXPECT_TRUE(kn_mode_is("always"));
	EXPECT_EQ(self->disabled + 1, kn_stat("self_disabled"));

	/* Whoever switches it on again is not told again */
	if (self->mover)
		EXPECT_EQ(0, kn_stop(self->mover));
	fail(_metadata, self, variant->when, 2);
	EXPECT_FALSE(has_warned(self->kmsg, variant->check));
	if (self->mover)
		EXPECT_EQ(0, kn_stop(self->mover));
	EXPECT_EQ(0, kn_stop(self->worker));
}

int main(int argc, char **argv)
{
	kn_save(PANIC_ON_WARN);
	kn_save_system();
	return test_harness_run(argc, argv);
}
