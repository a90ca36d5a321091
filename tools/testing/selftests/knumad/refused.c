// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot move just then, because somebody has it in hand: pinned, isolated, under
 * writeback, or there is no page for it where it goes. It stays as it is, is counted, and
 * comes home once it is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/kernel-page-flags.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define SEED		1000000007ULL
#define LOOK		(KN_MB / 4)

/* A second region, which is written out as a whole: of one page table */
#define REGION		KN_CHUNK

/* Trips of the memory from node to node, at least, and how much of it goes, per mille */
#define TRIPS		6
#define FOLLOWED	750

/* Refusals that do not come by themselves, see the test undisturbed */
#define ENOUGH		128
#define ENOUGH_A_TRIP	64
#define ENOUGH_COPIES	16

/* Of the second region, per mille: some pages may wait to get on the LRU list */
#define MOST		950

#define FAIL		"/sys/kernel/debug/fail_page_alloc/"
#define CONFIGFS	"/sys/kernel/config/"
#define NULLB		CONFIGFS "nullb/"
#define DISK		"knumad-disk"
#define KFLAG(name)	(1ULL << KPF_##name)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* What is counted of moves that came to nothing */
struct refusals {
	__u64 pinned, isolated, copies;		/* verdicts */
	__u64 failed, back;
};

FIXTURE(refused)
{
	struct kn_worker *worker;
	struct refusals before;
	int node[2];			/* memory begins on the first, its thread on the other */
	int trips;			/* of the memory from node to node */
	bool swap;
};

static struct refusals refusals(void)
{
	return (struct refusals) {
		.pinned = kn_verdict("pinned"), .isolated = kn_verdict("isolate_failed"),
		.copies = kn_verdict("copy_failed"), .failed = kn_stat("migrate_failed"),
		.back = kn_stat("pages_put_back"),
	};
}

/* A test that ran into its timeout could not do so, nor tell what it had */
static void drop_disk(void)
{
	swapoff("/dev/" DISK);
	kn_write(NULLB DISK "/power", "0");
	rmdir(NULLB DISK);
}

FIXTURE_SETUP(refused)
{
	const char *why = kn_begin_once(2);

	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[kn_topo.nr_full - 1];
	self->before = refusals();
}

/* All here is small pages: as many as folios */
FIXTURE_TEARDOWN(refused)
{
	struct refusals after;

	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	if (self->swap)
		EXPECT_EQ(0, swapoff("/dev/" DISK));
	drop_disk();
	EXPECT_TRUE(kn_balanced());
	after = refusals();
	EXPECT_EQ(after.copies - self->before.copies, after.failed - self->before.failed);
	EXPECT_EQ(after.copies - self->before.copies, after.back - self->before.back);
	TH_LOG("pinned %llu, isolate_failed %llu, copy_failed %llu",
	       after.pinned - self->before.pinned, after.isolated - self->before.isolated,
	       after.copies - self->before.copies);
}

/* A worker away from its memory, with a pest or none; and its hooks */
static bool start(struct __test_metadata *_metadata, struct _test_data_refused *self,
		  const char *(*pest)(struct kn_shared *sh),
		  int (*prepare)(struct kn_shared *sh, const struct kn_work *work),
		  int (*finish)(struct kn_shared *sh, const struct kn_work *work))
{
	struct kn_work work = kn_misplaced(MEM, self->node[0], self->node[1]);

	work.pest = pest;
	work.prepare = prepare;
	work.finish = finish;
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	if (self->worker->sh->why[0])
		SKIP(return false, "%s", self->worker->sh->why);
	ASSERT_EQ(0, kn_enable("always"));
	return true;
}

/* Have the thread go to a node, and more than half of its memory follow. */
static void travel(struct __test_metadata *_metadata, struct _test_data_refused *self, int node)
{
	ASSERT_EQ(0, kn_pin(self->worker, node));
	ASSERT_TRUE(kn_wait_until(kn_share_on(self->worker, node, 16) >= FOLLOWED, KN_PATIENCE)) {
		TH_LOG("%llu rounds", KN_READ(self->worker->sh->rounds));
		kn_dump();
	}
}

/* At least so many refusals since before the test, of who is isolated in each trip */
static bool were_refused(const struct _test_data_refused *self, const struct refusals *least)
{
	const struct refusals *before = &self->before, now = refusals();

	return now.pinned >= before->pinned + least->pinned &&
	       now.isolated >= before->isolated + self->trips * least->isolated &&
	       now.copies >= before->copies + least->copies;
}

/* The memory goes to and fro until enough was refused, and once it is left alone, comes home. */
static void endure(struct __test_metadata *_metadata, struct _test_data_refused *self,
		   const struct refusals *least)
{
	__u64 end = kn_now_ms() + KN_PATIENCE * 1000;
	int node = self->node[0];

	while (self->trips < TRIPS || (!were_refused(self, least) && kn_now_ms() < end)) {
		node = self->node[++self->trips & 1];
		travel(_metadata, self, node);
	}
	TH_LOG("%d trips, %llu rounds", self->trips, KN_READ(self->worker->sh->rounds));
	EXPECT_TRUE(were_refused(self, least))
		kn_dump();
	KN_WRITE(self->worker->sh->rest, 1);
	kn_write(FAIL "probability", "0");
	/* Where nobody else has brought it */
	node = self->node[++self->trips & 1];
	ASSERT_EQ(0, kn_pin(self->worker, node));
	EXPECT_TRUE(kn_wait_share(self->worker, node, KN_GATHERED, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* The control: what the others wait for does not come by itself. */
TEST_F(refused, undisturbed)
{
	const struct refusals none = { 0 }, isolated = { .isolated = ENOUGH_A_TRIP };
	const struct refusals pinned = { .pinned = ENOUGH }, copies = { .copies = ENOUGH_COPIES };

	start(_metadata, self, NULL, NULL, NULL);
	endure(_metadata, self, &none);
	EXPECT_FALSE(were_refused(self, &pinned));
	EXPECT_FALSE(were_refused(self, &isolated));
	EXPECT_FALSE(were_refused(self, &copies));
}

/*
 * Pinned, and let go. What is on its way then has been isolated, but is still mapped: that it
 * is caught there, and its copy fails, is a matter of chance.
 */
static const char *pin_once(struct kn_shared *sh)
{
	struct iovec iov = { sh->mem, sh->size };

	if (syscall(__NR_io_uring_register, sh->fd, IORING_REGISTER_BUFFERS, &iov, 1))
		return "IORING_REGISTER_BUFFERS";
	usleep(1000);
	if (syscall(__NR_io_uring_register, sh->fd, IORING_UNREGISTER_BUFFERS, NULL, 0))
		return "IORING_UNREGISTER_BUFFERS";
	usleep(1000);
	return NULL;
}

static int prepare_pins(struct kn_shared *sh, const struct kn_work *work)
{
	int ret = kn_pin_memory(sh, sh->mem, sh->size);

	if (!ret && syscall(__NR_io_uring_register, sh->fd, IORING_UNREGISTER_BUFFERS, NULL, 0))
		ret = -errno;
	return ret ? ret : kn_begin_pest(sh, work);
}

TEST_F(refused, pinned)
{
	const struct refusals least = { .pinned = ENOUGH };

	if (start(_metadata, self, pin_once, prepare_pins, kn_end_helper))
		endure(_metadata, self, &least);
}

/* Read through the kernel, which pins what it copies; a part of it is looked at. */
static const char *read_once(struct kn_shared *sh)
{
	static unsigned int seed = 1;
	static char buf[4 * KN_MB];
	size_t at = kn_random(&seed) % (MEM / sizeof(buf)) * sizeof(buf);
	struct iovec local = { buf, sizeof(buf) }, remote = { sh->mem + at, sizeof(buf) };

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)sizeof(buf))
		return "process_vm_readv";
	if (!kn_is_whole(buf, at, LOOK))
		return "memory as read by process_vm_readv()";
	if (pread(sh->fd, buf, LOOK, (uintptr_t)sh->mem + at) != (ssize_t)LOOK)
		return "/proc/self/mem";
	return kn_is_whole(buf, at, LOOK) ? NULL : "memory as read from /proc/self/mem";
}

static int prepare_reads(struct kn_shared *sh, const struct kn_work *work)
{
	sh->fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	return sh->fd < 0 ? -errno : kn_begin_pest(sh, work);
}

TEST_F(refused, read_meanwhile)
{
	/* A batch that fails for it is a matter of chance: one in 30 to 300 trips */
	const struct refusals least = { .pinned = ENOUGH };

	start(_metadata, self, read_once, prepare_reads, kn_end_helper);
	endure(_metadata, self, &least);
}

/* Isolated by somebody else, who moves it to and fro. */
static const char *move_once(struct kn_shared *sh)
{
	static int status[MEM / KN_PAGE], to[MEM / KN_PAGE];
	static void *pages[MEM / KN_PAGE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = sh->mem + i * KN_PAGE;
		to[i] = kn_topo.full[sh->rounds & 1];
	}
	if (syscall(SYS_move_pages, 0, ARRAY_SIZE(pages), pages, to, status, MPOL_MF_MOVE) < 0)
		return "move_pages";
	return NULL;
}

TEST_F(refused, moved_by_others)
{
	const struct refusals least = { .isolated = ENOUGH_A_TRIP };

	start(_metadata, self, move_once, kn_begin_pest, kn_end_helper);
	endure(_metadata, self, &least);
}

/* A tenth of the pages that a thread that moves them asks for is not to be had. */
TEST_F(refused, no_page_there)
{
	const struct refusals least = { .copies = ENOUGH_COPIES };
	char path[64];
	int i;

	if (access(FAIL "task-filter", F_OK))
		SKIP(return, "needs CONFIG_FAIL_PAGE_ALLOC and its files in debugfs");
	start(_metadata, self, NULL, NULL, NULL);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/make-it-fail",
			 kn_mover_pid(self->node[i]));
		ASSERT_EQ(0, kn_write(path, "1"));
	}
	ASSERT_EQ(0, kn_write(FAIL "verbose", "0"));
	ASSERT_EQ(0, kn_write(FAIL "min-order", "0"));
	ASSERT_EQ(0, kn_write(FAIL "ignore-gfp-highmem", "N"));
	ASSERT_EQ(0, kn_write(FAIL "task-filter", "Y"));
	ASSERT_EQ(0, kn_write(FAIL "times", "-1"));
	ASSERT_EQ(0, kn_write(FAIL "probability", "10"));
	endure(_metadata, self, &least);
}

static bool has_null_blk(void)
{
	if (access(NULLB, F_OK))
		mount("configfs", CONFIGFS, "configfs", 0, NULL);
	return !access(NULLB, F_OK);
}

/*
 * Swap on a disk that takes so many ns for a page, and that many of them at a time. Returns
 * why there is none, or NULL.
 */
static const char *slow_swap_on(const char *ns, const char *depth)
{
	const char *const attribute[][2] = {
		{ "size", "64" }, { "blocksize", "4096" }, { "memory_backed", "1" },
		{ "no_sched", "1" }, { "max_sectors", "8" }, { "irqmode", "2" },
		{ "completion_nsec", ns }, { "hw_queue_depth", depth }, { "power", "1" },
	};
	char path[128];
	size_t i;

	/* What an earlier test has left */
	drop_disk();
	mkdir(NULLB DISK, 0755);
	for (i = 0; i < ARRAY_SIZE(attribute); i++) {
		snprintf(path, sizeof(path), NULLB DISK "/%s", attribute[i][0]);
		if (kn_write(path, attribute[i][1]))
			return attribute[i][0];
	}
	return kn_swap_on("/dev/" DISK);
}

/* A second region, which stays where it is until the pest has done what it does to it */
static int prepare_region(struct kn_shared *sh, const struct kn_work *work)
{
	int ret;

	sh->extra = kn_map(REGION, REGION);
	if (!sh->extra)
		return -ENOMEM;
	sh->extra_size = REGION;
	madvise(sh->extra, REGION, MADV_NOHUGEPAGE);
	ret = kn_mbind(sh->extra, REGION, MPOL_BIND, 1ULL << work->node);
	if (ret)
		return ret;
	kn_fill(sh->extra, REGION, SEED, false);
	sh->rest = 1;
	return kn_begin_pest(sh, work);
}

static int finish_region(struct kn_shared *sh, const struct kn_work *work)
{
	sh->bad += kn_check(sh->extra, REGION, SEED, false, 0);
	return kn_end_helper(sh, work);
}

/* Pages of the second region that are mapped, and of whose flags those in @mask are @flags */
static unsigned int pages_with(const struct kn_worker *worker, __u64 mask, __u64 flags)
{
	unsigned long first = (unsigned long)worker->sh->extra / KN_PAGE, i;
	int pagemap, kpageflags;
	unsigned int nr = 0;
	__u64 entry, now;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", worker->pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < REGION / KN_PAGE; i++) {
		if (pread(pagemap, &entry, sizeof(entry), (first + i) * sizeof(entry)) !=
		    sizeof(entry) || !(entry >> 63))
			continue;
		entry &= (1ULL << 55) - 1;	/* the page frame */
		nr += pread(kpageflags, &now, sizeof(now), entry * sizeof(now)) == sizeof(now) &&
		      (now & mask) == flags;
	}
	close(pagemap);
	close(kpageflags);
	return nr;
}

/*
 * With all else at home, have the pest take the second region in hand, by way of a disk that
 * is slow: pages whose @mask of flags is @flags are refused, those alone, and come home when
 * it has let them go.
 */
static void hold(struct __test_metadata *_metadata, struct _test_data_refused *self,
		 const char *(*pest)(struct kn_shared *sh), const char *ns, const char *depth,
		 __u64 mask, __u64 flags)
{
	unsigned int held;
	const char *why;
	__u64 refused;

	if (!has_null_blk())
		SKIP(return, "needs CONFIG_BLK_DEV_NULL_BLK");
	why = slow_swap_on(ns, depth);
	ASSERT_EQ(NULL, why)
		TH_LOG("%s", why);
	self->swap = true;
	start(_metadata, self, pest, prepare_region, finish_region);
	ASSERT_TRUE(kn_wait_share(self->worker, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(1000, kn_extra_on(self->worker, self->node[0]));
	refused = kn_verdict("isolate_failed");
	KN_WRITE(self->worker->sh->rest, 0);
	ASSERT_TRUE(kn_wait_until(pages_with(self->worker, mask, flags) >= ENOUGH, KN_PATIENCE));
	EXPECT_TRUE(kn_wait_until(kn_verdict("isolate_failed") >= refused + ENOUGH, KN_PATIENCE))
		kn_dump();
	refused = kn_verdict("isolate_failed") - refused;
	/* They were all the time */
	held = pages_with(self->worker, mask, flags);
	EXPECT_LE(ENOUGH, held);
	EXPECT_LE(ENOUGH * 1000 / (REGION / KN_PAGE), kn_extra_on(self->worker, self->node[0]));
	TH_LOG("%u pages held, %llu refusals", held, refused);
	EXPECT_TRUE(kn_wait_until(kn_extra_on(self->worker, self->node[1]) >= MOST, KN_PATIENCE))
		kn_dump();
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* It is used again, so that it is mapped, before it may move */
static const char *write_once(struct kn_shared *sh)
{
	size_t at;

	if (madvise(sh->extra, REGION, MADV_PAGEOUT))
		return "MADV_PAGEOUT";
	for (at = 0; at < REGION; at += KN_PAGE)
		(void)KN_READ(sh->extra[at]);
	KN_WRITE(sh->rest, 1);
	return kn_mbind(sh->extra, REGION, MPOL_DEFAULT, 0) ? "mbind" : NULL;
}

/* null_blk takes what lasts 5 s for lost */
TEST_F(refused, under_writeback)
{
	const __u64 flags = KFLAG(LRU) | KFLAG(WRITEBACK);

	hold(_metadata, self, write_once, "4000000000", "1024", flags, flags);
}

/* Reclaim isolates it as a whole, and then waits for the disk, page by page. */
static const char *reclaim_once(struct kn_shared *sh)
{
	KN_WRITE(sh->rest, 1);
	if (kn_mbind(sh->extra, REGION, MPOL_DEFAULT, 0))
		return "mbind";
	return madvise(sh->extra, REGION, MADV_PAGEOUT) ? "MADV_PAGEOUT" : NULL;
}

TEST_F(refused, isolated_by_reclaim)
{
	hold(_metadata, self, reclaim_once, "20000000", "1", KFLAG(LRU), 0);
}

int main(int argc, char **argv)
{
	static const char *const saved[] = {
		"verbose", "min-order", "ignore-gfp-highmem", "task-filter", "times", "probability",
	};
	char path[128];
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(saved); i++) {
		snprintf(path, sizeof(path), FAIL "%s", saved[i]);
		kn_save(path);
	}
	kn_save_system();
	ret = test_harness_run(argc, argv);
	drop_disk();
	return ret;
}
