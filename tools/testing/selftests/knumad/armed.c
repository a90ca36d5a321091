// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever happens to a process while pages of it are armed, its memory stays intact. A
 * further thread of the worker, the pest, does something over and over; what must not be
 * moved is not armed; and processes end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define THREADS		4

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE		"/tmp/knumad-core"
#define RAM_DISK	"/dev/ram0"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

FIXTURE(pest)
{
	struct kn_worker *worker;
	__u64 faults;
	char *buf;
	bool swap;
};

FIXTURE_SETUP(pest)
{
	const char *why;

	if (kn_quick())
		SKIP(return, "KNUMAD_QUICK: does not depend on the machine's shape");
	why = kn_begin_spanning(THREADS);
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	/* For the chunks that the pest asks huge pages for */
	kn_write(KN_THP "enabled", "madvise");
	kn_tunable_set("samples_per_s", 100000);
}

FIXTURE_TEARDOWN(pest)
{
	kn_kill_all();
	if (self->swap)
		EXPECT_EQ(0, swapoff(RAM_DISK));
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

static void start_pest_in(struct __test_metadata *_metadata, struct _test_data_pest *self,
			  const char *(*once)(struct kn_shared *sh), size_t folio)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .align = KN_CHUNK, .folio = folio, .node = kn_topo.full[0],
		.threads = THREADS, .cpu_node = KN_NONE, .before = kn_stand_back,
	};

	if (once) {
		work.pest = once;
		work.prepare = kn_begin_pest;
		work.finish = kn_end_helper;
	}
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	self->faults = kn_stat("hint_faults");
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_stat("hint_faults") > self->faults, KN_PATIENCE))
		kn_dump();
}

static void start_pest(struct __test_metadata *_metadata, struct _test_data_pest *self,
		       const char *(*once)(struct kn_shared *sh))
{
	start_pest_in(_metadata, self, once, 0);
}

/*
 * Let the pest go on for so many rounds. What has been learnt is forgotten every now
 * and then, so that there is always something to learn.
 */
static void endure(struct __test_metadata *_metadata, struct _test_data_pest *self,
		   unsigned int nr)
{
	struct kn_shared *sh = self->worker->sh;
	__u64 end = KN_READ(sh->rounds) + nr, before, at;
	unsigned int times = 0;

	while (times < 3 || KN_READ(sh->rounds) < end) {
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_enable("always"));
		before = kn_stat("hint_faults");
		at = KN_READ(sh->rounds);
		ASSERT_TRUE(kn_wait_until(kn_stat("hint_faults") >= before + 20 &&
					  KN_READ(sh->rounds) > at, KN_PATIENCE)) {
			TH_LOG("%llu rounds, %llu faults", KN_READ(sh->rounds) - at,
			       kn_stat("hint_faults") - before);
			kn_dump();
		}
		times++;
	}
	TH_LOG("%llu rounds, %llu faults", KN_READ(sh->rounds),
	       kn_stat("hint_faults") - self->faults);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Threads that look at some memory and exit */
static void *short_thread(void *data)
{
	struct kn_shared *sh = data;
	size_t at = (syscall(SYS_gettid) * KN_MB) % sh->size;

	return (void *)(long)kn_is_whole(sh->mem + at, at, KN_MB / 4);
}

static const char *many_threads(struct kn_shared *sh)
{
	pthread_t thread[8];
	void *good;
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_create(&thread[i], NULL, short_thread, sh))
			return "pthread_create";
	for (i = 0; i < 8; i++)
		if (pthread_join(thread[i], &good) || !good)
			return "memory as seen by a short thread";
	return NULL;
}

TEST_F(pest, threads_come_and_go)
{
	start_pest(_metadata, self, many_threads);
	endure(_metadata, self, 50);
}

/* The child reads and writes everything. */
static const char *fork_once(struct kn_shared *sh)
{
	size_t at;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return "fork";
	if (!pid) {
		if (!kn_is_whole(sh->mem, 0, sh->size))
			_exit(1);
		for (at = 0; at < sh->size; at += KN_PAGE)
			KN_WRITE(*(__u64 *)(sh->mem + at), 4711);
		_exit(kn_check(sh->mem, sh->size, 0, false, 4711) ? 2 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return "memory as seen by the child";
	return NULL;
}

TEST_F(pest, forks)
{
	start_pest(_metadata, self, fork_once);
	endure(_metadata, self, 5);
}

/* A huge page is armed whole: it is copied for a child, split, and made huge again. */
static const char *change_huge(struct kn_shared *sh)
{
	static unsigned int seed = 1;
	char *chunk = sh->mem + kn_random(&seed) % (sh->size / KN_CHUNK) * KN_CHUNK;
	char *page = chunk + kn_random(&seed) % (KN_CHUNK / KN_PAGE) * KN_PAGE;

	if (mprotect(page, KN_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    mprotect(page, KN_PAGE, PROT_READ | PROT_WRITE))
		return "mprotect";
	/* It may be on its way to another node: then it stays as it is */
	madvise(chunk, KN_CHUNK, MADV_COLLAPSE);
	return kn_random(&seed) % 8 ? NULL : fork_once(sh);
}

TEST_F(pest, huge_pages)
{
	__u64 armed, faults;

	if (access(KN_THP "hpage_pmd_size", R_OK))
		SKIP(return, "this kernel has no huge pages");
	armed = kn_stat("pages_armed");
	start_pest_in(_metadata, self, change_huge, KN_CHUNK);
	endure(_metadata, self, 50);
	armed = kn_stat("pages_armed") - armed;
	faults = kn_stat("hint_faults") - self->faults;
	TH_LOG("%llu pages were armed", armed);
	/* Of small pages each one would have had a fault of its own */
	EXPECT_LT(16 * faults, armed);
}

/* mremap(), munmap(), mprotect(), madvise() */
static const char *change_mappings(struct kn_shared *sh)
{
	static struct kn_chunk chunk[8];
	static unsigned int seed = 1;
	int i;

	/* Use what there is, so that it is worth a sample, and change some of it. */
	for (i = 0; i < 8; i++)
		if (chunk[i].mem)
			chunk[i].times += kn_touch(chunk[i].mem, KN_CHUNK, 0);
	i = kn_random(&seed) % 8;
	return kn_change_chunk(&chunk[i], &seed, KN_NONE) ? NULL : "memory whose mapping changed";
}

TEST_F(pest, mappings_change)
{
	start_pest(_metadata, self, change_mappings);
	endure(_metadata, self, 100);
}

/* Others read its memory: process_vm_readv(), /proc/PID/mem, ptrace. */
static void read_by_vm(struct __test_metadata *_metadata, struct _test_data_pest *self,
		       size_t at, size_t size)
{
	struct iovec local = { self->buf, size };
	struct iovec remote = { self->worker->sh->mem + at, size };

	ASSERT_EQ((ssize_t)size, process_vm_readv(self->worker->pid, &local, 1, &remote, 1, 0));
	EXPECT_TRUE(kn_is_whole(self->buf, at, size));
}

static void read_by_proc(struct __test_metadata *_metadata, struct _test_data_pest *self,
			 int fd, size_t at, size_t size)
{
	ASSERT_EQ((ssize_t)size, pread(fd, self->buf, size,
				       (uintptr_t)self->worker->sh->mem + at));
	EXPECT_TRUE(kn_is_whole(self->buf, at, size));
}

static void read_by_ptrace(struct __test_metadata *_metadata, struct _test_data_pest *self,
			   size_t at)
{
	pid_t pid = self->worker->pid;
	size_t i;

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
	ASSERT_EQ(pid, waitpid(pid, NULL, __WALL));
	memset(self->buf, 0, KN_PAGE);
	for (i = 0; i < KN_PAGE; i += sizeof(long)) {
		errno = 0;
		*(long *)(self->buf + i) = ptrace(PTRACE_PEEKDATA, pid,
						  self->worker->sh->mem + at + i, NULL);
		ASSERT_EQ(0, errno);
	}
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, pid, NULL, NULL));
	EXPECT_TRUE(kn_is_whole(self->buf, at, KN_PAGE));
}

TEST_F(pest, read_by_others)
{
	unsigned int seed = 1, i;
	char path[64];
	__u64 before;
	size_t at;
	int fd;

	start_pest(_metadata, self, NULL);
	self->buf = kn_map(KN_MB, 0);
	ASSERT_NE(NULL, self->buf);
	snprintf(path, sizeof(path), "/proc/%d/mem", self->worker->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < 4; i++) {
		before = kn_stat("hint_faults");
		do {
			at = kn_random(&seed) % (self->worker->work.size / KN_MB) * KN_MB;
			read_by_vm(_metadata, self, at, KN_MB);
			at = kn_random(&seed) % (self->worker->work.size / KN_MB) * KN_MB;
			read_by_proc(_metadata, self, fd, at, KN_MB);
			at = kn_random(&seed) % (self->worker->work.size / KN_PAGE) * KN_PAGE;
			read_by_ptrace(_metadata, self, at);
		} while (kn_stat("hint_faults") < before + 20);
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_enable("always"));
	}
	close(fd);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/*
 * Others write to it, in each way there is, and read in another one that it was written. The
 * first word of a page belongs to its threads.
 */
#define OTHERS		(KN_PAGE - sizeof(__u64))

static ssize_t write_by(int way, pid_t pid, int fd, const char *buf, char *to)
{
	struct iovec local = { (void *)buf, OTHERS }, remote = { to, OTHERS };
	ssize_t at;

	if (way == 0)
		return process_vm_writev(pid, &local, 1, &remote, 1, 0);
	if (way == 1)
		return pwrite(fd, buf, OTHERS, (uintptr_t)to);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ||
	    waitpid(pid, NULL, __WALL) != pid)
		return -1;
	for (at = 0; at < (ssize_t)OTHERS; at += sizeof(long))
		if (ptrace(PTRACE_POKEDATA, pid, to + at, *(long *)(buf + at)))
			break;
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? -1 : at;
}

static void write_page(struct __test_metadata *_metadata, struct _test_data_pest *self, int fd,
		       size_t page, int way)
{
	char *to = self->worker->sh->mem + page + sizeof(__u64), back[OTHERS];
	struct iovec local = { back, OTHERS }, remote = { to, OTHERS };
	pid_t pid = self->worker->pid;
	size_t i;

	ASSERT_EQ((ssize_t)OTHERS, pread(fd, self->buf, OTHERS, (uintptr_t)to));
	for (i = 0; i < OTHERS; i++)
		self->buf[OTHERS + i] = ~self->buf[i];
	ASSERT_EQ((ssize_t)OTHERS, write_by(way, pid, fd, self->buf + OTHERS, to));
	ASSERT_EQ((ssize_t)OTHERS, way ? process_vm_readv(pid, &local, 1, &remote, 1, 0) :
				   pread(fd, back, OTHERS, (uintptr_t)to));
	EXPECT_EQ(0, memcmp(back, self->buf + OTHERS, OTHERS))
		TH_LOG("written in way %d", way);
	/* The worker looks at all of it at its end */
	ASSERT_EQ((ssize_t)OTHERS, write_by(way, pid, fd, self->buf, to));
}

TEST_F(pest, written_by_others)
{
	unsigned int seed = 1, i;
	char path[64];
	__u64 before;
	size_t page;
	int fd, way;

	start_pest(_metadata, self, NULL);
	self->buf = kn_map(2 * KN_PAGE, 0);
	ASSERT_NE(NULL, self->buf);
	snprintf(path, sizeof(path), "/proc/%d/mem", self->worker->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < 4; i++) {
		before = kn_stat("hint_faults");
		do {
			for (way = 0; way < 3; way++) {
				page = kn_random(&seed) % (self->worker->work.size / KN_PAGE);
				write_page(_metadata, self, fd, page * KN_PAGE, way);
			}
		} while (kn_stat("hint_faults") < before + 20);
		ASSERT_EQ(0, kn_enable("never"));
		ASSERT_EQ(0, kn_enable("always"));
	}
	close(fd);
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* What must not be moved is not armed. */
static enum fixed { MAY_MOVE, MLOCKED, BOUND, UFFD, PINNED, SHARED, HUGETLB, EQUAL } fixed;

#define HUGETLB_PAGES	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/* Used, so that the process is not idle when its sets do not count */
static char *beside;

static void *use_beside(void *data)
{
	struct kn_shared *sh = data;
	char *at;

	while (!KN_READ(sh->stop)) {
		for (at = beside; at < beside + sh->size; at += KN_PAGE)
			(void)KN_READ(*at);
		usleep(10000);
	}
	return NULL;
}

/* Have the memory of the sets be of another kind; there is as much of the usual one beside it. */
static int replace_memory(struct kn_shared *sh, int flags)
{
	char *copy = kn_map(sh->size, 0);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, sh->mem, sh->size);
	beside = copy;
	if (mmap(sh->mem, sh->size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | flags, -1,
		 0) == MAP_FAILED)
		return -errno;
	memcpy(sh->mem, copy, sh->size);
	return 0;
}

/* Pages that are all the same and that nobody writes to, beside the sets */
static int map_equal(struct kn_shared *sh)
{
	beside = kn_map(sh->size, 0);
	if (!beside)
		return -ENOMEM;
	memset(beside, 1, sh->size);
	return 0;
}

/* They alone may be armed, as long as KSM has not merged them. */
static int leave_equal(struct kn_shared *sh)
{
	if (munlock(beside, sh->size))
		return -errno;
	if (madvise(beside, sh->size, MADV_MERGEABLE)) {
		snprintf(sh->why, sizeof(sh->why), "no KSM: %s", strerror(errno));
		return 1;
	}
	return 0;
}

/* All but the sets, or what is beside them, is mlocked; and the sets are what @fixed says. */
static int fix_memory(struct kn_shared *sh, const struct kn_work *work)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int ret = 0;

	if (fixed == SHARED)
		ret = replace_memory(sh, MAP_SHARED);
	else if (fixed == HUGETLB)
		ret = replace_memory(sh, MAP_PRIVATE | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT);
	else if (fixed == EQUAL)
		ret = map_equal(sh);
	if (!ret && beside)
		ret = kn_begin_helper(sh, use_beside);
	if (ret)
		return ret;
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -errno;
	if (fixed == EQUAL)
		return leave_equal(sh);
	if (fixed != MLOCKED && munlock(sh->mem, sh->size))
		return -errno;
	if (fixed == BOUND)
		return kn_mbind(sh->mem, sh->size, MPOL_BIND,
				1ULL << kn_topo.full[0] | 1ULL << kn_topo.full[1]);
	if (fixed == PINNED)
		return kn_pin_memory(sh, sh->mem, sh->size);
	if (fixed != UFFD)
		return 0;
	sh->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (sh->fd < 0) {
		snprintf(sh->why, sizeof(sh->why), "no userfaultfd: %s", strerror(errno));
		return 1;
	}
	reg.range.start = (uintptr_t)sh->mem;
	reg.range.len = sh->size;
	if (ioctl(sh->fd, UFFDIO_API, &api) || ioctl(sh->fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

static void start_fixed(struct __test_metadata *_metadata, struct _test_data_pest *self,
			enum fixed as)
{
	struct kn_work work = {
		.size = 16 * KN_MB, .align = KN_CHUNK, .node = kn_topo.full[0],
		.threads = THREADS, .cpu_node = KN_NONE, .before = kn_stand_back,
		.prepare = fix_memory,
	};

	/* Before the worker is forked, which reads it */
	fixed = as;
	if (fixed == SHARED || fixed == HUGETLB || fixed == EQUAL)
		work.finish = kn_end_helper;
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
}

/* Else it would prove nothing that others are not armed. */
static void check_armed(struct __test_metadata *_metadata)
{
	__u64 armed = kn_stat("pages_armed");

	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_stat("pages_armed") >= armed + 20, KN_PATIENCE))
		kn_dump();
}

static void check_not_armed(struct __test_metadata *_metadata, struct _test_data_pest *self)
{
	__u64 armed = kn_stat("pages_armed");
	struct kn_events before, after;
	struct kn_process process;

	kn_events(&before);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_process(self->worker->pid, &process), KN_PATIENCE));
	/* It would be armed, if it could be */
	EXPECT_TRUE(kn_wait_until(kn_stat("mms_sampled"), KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_passes(15, KN_PATIENCE));
	EXPECT_TRUE(kn_process(self->worker->pid, &process));
	TH_LOG("verdict %s, sampled: %llu", process.verdict, kn_stat("mms_sampled"));
	kn_events(&after);
	EXPECT_EQ(armed, kn_stat("pages_armed"));
	EXPECT_EQ(before.pte_updates, after.pte_updates);
	EXPECT_EQ(before.hint_faults, after.hint_faults);
}

static void check_fixed(struct __test_metadata *_metadata, struct _test_data_pest *self,
			enum fixed as)
{
	start_fixed(_metadata, self, as);
	if (self->worker->sh->why[0])
		SKIP(return, "%s", self->worker->sh->why);
	check_not_armed(_metadata, self);
	EXPECT_EQ(0, kn_stop(self->worker));
}

TEST_F(pest, may_move)
{
	start_fixed(_metadata, self, MAY_MOVE);
	check_armed(_metadata);
	EXPECT_EQ(0, kn_stop(self->worker));
}

TEST_F(pest, mlocked)
{
	check_fixed(_metadata, self, MLOCKED);
}

TEST_F(pest, bound)
{
	check_fixed(_metadata, self, BOUND);
}

TEST_F(pest, userfaultfd)
{
	check_fixed(_metadata, self, UFFD);
}

TEST_F(pest, pinned)
{
	check_fixed(_metadata, self, PINNED);
}

TEST_F(pest, shared)
{
	check_fixed(_metadata, self, SHARED);
}

TEST_F(pest, hugetlb)
{
	__s64 pages = kn_read_number(HUGETLB_PAGES) + 8;
	char text[24];

	snprintf(text, sizeof(text), "%lld", pages);
	if (pages < 8 || kn_write(HUGETLB_PAGES, text) || kn_read_number(HUGETLB_PAGES) != pages)
		SKIP(return, "no hugetlb pages");
	check_fixed(_metadata, self, HUGETLB);
}

TEST_F(pest, merged)
{
	__s64 pages = 16 * KN_MB / KN_PAGE;

	start_fixed(_metadata, self, EQUAL);
	if (self->worker->sh->why[0])
		SKIP(return, "%s", self->worker->sh->why);
	check_armed(_metadata);
	ASSERT_EQ(0, kn_enable("never"));
	/* It leaves its CPUs to KSM */
	ASSERT_EQ(0, kill(self->worker->pid, SIGSTOP));
	ASSERT_TRUE(kn_merge(pages))
		TH_LOG("%lld pages merged", kn_merged());
	ASSERT_EQ(0, kill(self->worker->pid, SIGCONT));
	check_not_armed(_metadata, self);
	EXPECT_LE(pages, kn_merged());
	EXPECT_EQ(0, kn_stop(self->worker));
}

/* Ends of the process, when told to */
static void await_go(struct kn_shared *sh)
{
	while (!KN_READ(sh->go) && !KN_READ(sh->stop))
		usleep(1000);
}

static const char *exec_once(struct kn_shared *sh)
{
	await_go(sh);
	execl("/proc/self/exe", "armed", "--again", NULL);
	return "exec";
}

static const char *abort_once(struct kn_shared *sh)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	await_go(sh);
	setrlimit(RLIMIT_CORE, &limit);
	abort();
}

static const char *exit_once(struct kn_shared *sh)
{
	await_go(sh);
	_exit(42);
}

/* armed --again: the program after exec */
static int again(void)
{
	char *mem = kn_map(4 * KN_MB, 0);

	if (!mem)
		return 1;
	kn_fill(mem, 4 * KN_MB, 3, false);
	return kn_check(mem, 4 * KN_MB, 3, false, 0) ? 2 : 42;
}

/* Have a worker end while pages of it are armed. */
static void end_armed(struct __test_metadata *_metadata, struct _test_data_pest *self,
		      const char *(*end)(struct kn_shared *sh), siginfo_t *info)
{
	int first;

	start_pest(_metadata, self, end);
	first = kn_rounds(self->worker->pid);
	ASSERT_TRUE(kn_wait_until(kn_rounds(self->worker->pid) > first + 2 &&
				  kn_is_armed(self->worker->pid),
				  KN_PATIENCE))
		kn_dump();
	KN_WRITE(self->worker->sh->go, 1);
	ASSERT_EQ(0, waitid(P_PID, self->worker->pid, info, WEXITED | WNOWAIT));
}

/* Three that end by themselves, and say that all was well */
static void end_well(struct __test_metadata *_metadata, struct _test_data_pest *self,
		     const char *(*end)(struct kn_shared *sh))
{
	siginfo_t info;
	int i;

	for (i = 0; i < 3; i++) {
		end_armed(_metadata, self, end, &info);
		EXPECT_EQ(CLD_EXITED, info.si_code);
		EXPECT_EQ(42, info.si_status);
		kn_kill(self->worker);
	}
	EXPECT_TRUE(kn_wait_until(!kn_stat("mms_sampled"), KN_PATIENCE));
}

TEST_F(pest, execs)
{
	end_well(_metadata, self, exec_once);
}

TEST_F(pest, exits)
{
	end_well(_metadata, self, exit_once);
}

/* Is this memory of the process whole in its core dump? */
static bool is_in_core(int fd, __u64 mem, size_t size)
{
	struct elf64_hdr head;
	struct elf64_phdr part;
	bool good = false;
	char *buf;
	int i;

	buf = kn_map(size, 0);
	if (!buf || pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG))
		return false;
	for (i = 0; i < head.e_phnum && !good; i++) {
		if (pread(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)) !=
		    sizeof(part))
			return false;
		if (part.p_type != PT_LOAD || part.p_vaddr > mem ||
		    part.p_vaddr + part.p_filesz < mem + size)
			continue;
		good = pread(fd, buf, size, part.p_offset + mem - part.p_vaddr) ==
			       (ssize_t)size &&
		       kn_is_whole(buf, 0, size);
	}
	munmap(buf, size);
	return good;
}

TEST_F(pest, dumps_core)
{
	siginfo_t info;
	int fd;

	if (access(CORE_PATTERN, W_OK))
		SKIP(return, "this kernel dumps no core");
	ASSERT_EQ(0, kn_write(CORE_PATTERN, CORE));
	unlink(CORE);
	end_armed(_metadata, self, abort_once, &info);
	EXPECT_EQ(CLD_DUMPED, info.si_code);
	EXPECT_EQ(SIGABRT, info.si_status);
	fd = open(CORE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	unlink(CORE);
	EXPECT_TRUE(is_in_core(fd, (uintptr_t)self->worker->sh->mem, self->worker->work.size));
	close(fd);
	kn_kill(self->worker);
}

static void pass_sweeps(struct kn_shared *sh, int thread, unsigned int nr)
{
	__u64 sweeps = KN_READ(sh->thread[thread].sweeps);

	while (KN_READ(sh->thread[thread].sweeps) < sweeps + nr && !KN_READ(sh->stop))
		usleep(1000);
}

static const char *page_out(struct kn_shared *sh)
{
	static unsigned int seed = 1;
	size_t at = kn_random(&seed) % (sh->size / (KN_MB / 2)) * (KN_MB / 2);
	int i = at / (sh->size / THREADS);

	/* Its user keeps off, or would have most of it back before it is out */
	KN_WRITE(sh->set_of[i], (i + 1) % THREADS);
	pass_sweeps(sh, i, 2);
	if (madvise(sh->mem + at, KN_MB / 2, MADV_PAGEOUT))
		return "MADV_PAGEOUT";
	/* All of it comes back, and is used for a while */
	KN_WRITE(sh->set_of[i], i);
	pass_sweeps(sh, i, 20);
	return NULL;
}

TEST_F(pest, swapped_out)
{
	const char *why = kn_swap_on(RAM_DISK);
	__u64 out, in;

	if (why)
		SKIP(return, "%s", why);
	self->swap = true;
	out = kn_vmstat("pswpout");
	in = kn_vmstat("pswpin");
	start_pest(_metadata, self, page_out);
	/* What is used again soon enough is still in memory, and need not come back. */
	ASSERT_TRUE(kn_wait_until(kn_vmstat("pswpout") >= out + 500 &&
				  kn_vmstat("pswpin") >= in + 500, KN_PATIENCE))
		TH_LOG("%llu pages out, %llu in", kn_vmstat("pswpout") - out,
		       kn_vmstat("pswpin") - in);
	endure(_metadata, self, 15);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--again"))
		return again();
	kn_save(CORE_PATTERN);
	kn_save(HUGETLB_PAGES);
	kn_save_ksm();
	kn_save_system();
	return test_harness_run(argc, argv);
}
