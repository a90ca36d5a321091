// SPDX-License-Identifier: GPL-2.0
/*
 * System calls about memory in random order, made by several threads of several
 * processes, while knumad looks, samples and moves as often as it can: memory is what was
 * written to it, the kernel has nothing to say, and nothing stays armed.
 *
 * The order goes by a seed, KNUMAD_CALLS_SEED; each thread makes KNUMAD_CALLS of them, and
 * more until knumad had something to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define CALLS		40
#define SEED		1

#define PROCESSES	2

/* More than a node of the guests has CPUs: such a process is sampled */
#define THREADS		4

/* Of each thread */
#define CHUNKS		3

/* Of a program that is executed */
#define AGAIN		8

/* As kn_change_chunk() fills them */
#define PATTERN		7

/* Events after which there was something to endure */
#define ENOUGH		100

#ifndef MADV_COLD
#define MADV_COLD		20
#define MADV_PAGEOUT		21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/* What all are at */
enum phase {
	CALL,
	TOUCH,			/* everything, so that what is armed takes its fault */
	CHECK,			/* everything, once more */
	END,
};

struct shared {
	enum phase phase;
	int enough;
	int done[END + 1];	/* threads that have done with a phase */
	__u64 calls;
	char why[160];
};

static struct shared *sh;
static unsigned int seed;
static unsigned long calls;

/* One thread of a process */
struct caller {
	struct kn_chunk chunk[CHUNKS];
	unsigned int state;
	unsigned int number;
	unsigned int what;	/* the last call */
};

static int any_node(struct caller *c)
{
	return kn_topo.full[kn_random(&c->state) % kn_topo.nr_full];
}

static bool is_whole(const struct kn_chunk *chunk)
{
	return !kn_check(chunk->mem, KN_CHUNK, PATTERN, false, chunk->times);
}

static void touch(struct kn_chunk *chunk)
{
	chunk->times += kn_touch(chunk->mem, KN_CHUNK, 0);
}

/* Did the child end well? */
static bool reap(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* The child finds what its parent had, and what it writes is its own. */
static bool fork_once(struct kn_chunk *chunk)
{
	pid_t pid = fork();

	if (!pid) {
		if (!is_whole(chunk))
			_exit(1);
		touch(chunk);
		_exit(!is_whole(chunk));
	}
	return reap(pid) && is_whole(chunk);
}

/* A chunk that children do not get, or get empty */
static bool fork_without(struct kn_chunk *chunk, int before, int after)
{
	pid_t pid;

	if (madvise(chunk->mem, KN_CHUNK, before))
		return false;
	pid = fork();
	if (!pid)
		_exit(before == MADV_WIPEONFORK && KN_READ(*(__u64 *)(chunk->mem + 8)));
	return reap(pid) && !madvise(chunk->mem, KN_CHUNK, after) && is_whole(chunk);
}

/* The same program from the beginning, with memory of its own */
static bool exec_once(struct caller *c)
{
	char text[16];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", kn_random(&c->state));
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "calls", "--again", text, NULL);
		_exit(1);
	}
	return reap(pid);
}

/* What is advice only: it may be refused, and changes nothing that can be seen. */
static bool advise(struct caller *c, struct kn_chunk *chunk)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_DONTDUMP, MADV_DODUMP,
		MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_COLLAPSE,
	};

	madvise(chunk->mem, KN_CHUNK, advice[kn_random(&c->state) % ARRAY_SIZE(advice)]);
	return is_whole(chunk);
}

/* The same by way of a descriptor of the process */
static bool advise_process(struct caller *c, struct kn_chunk *chunk)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE };
	struct iovec iov = { chunk->mem, KN_CHUNK };
	int fd = syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		return false;
	syscall(SYS_process_madvise, fd, &iov, 1,
		advice[kn_random(&c->state) % ARRAY_SIZE(advice)], 0);
	close(fd);
	return is_whole(chunk);
}

static bool lock(struct caller *c, struct kn_chunk *chunk)
{
	if (mlock2(chunk->mem, KN_CHUNK, kn_random(&c->state) & 1 ? MLOCK_ONFAULT : 0))
		return false;
	touch(chunk);
	return !munlock(chunk->mem, KN_CHUNK) && is_whole(chunk);
}

/* All of it is there, so that nobody has to answer a fault. */
static bool watch_faults(struct caller *c, struct kn_chunk *chunk)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)chunk->mem, KN_CHUNK },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	bool good, watched;

	/* The kernel has none */
	if (fd < 0)
		return true;
	good = !ioctl(fd, UFFDIO_API, &api);
	watched = good && !ioctl(fd, UFFDIO_REGISTER, &reg);
	/* A child that another thread forked may still have the descriptor of last time. */
	good &= watched || errno == EBUSY;
	touch(chunk);
	if (watched && kn_random(&c->state) & 1)
		good &= !ioctl(fd, UFFDIO_UNREGISTER, &reg.range);
	close(fd);
	return good && is_whole(chunk);
}

static bool move_pages(struct caller *c, struct kn_chunk *chunk)
{
	static __thread void *page[KN_CHUNK / KN_PAGE];
	static __thread int node[KN_CHUNK / KN_PAGE], status[KN_CHUNK / KN_PAGE];
	int to = any_node(c);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = chunk->mem + i * KN_PAGE;
		node[i] = to;
	}
	/* Those that knumad has taken at this moment stay */
	syscall(SYS_move_pages, 0, ARRAY_SIZE(page), page, node, status, MPOL_MF_MOVE);
	return is_whole(chunk);
}

/* A policy for the chunk, perhaps for long */
static bool bind(struct caller *c, struct kn_chunk *chunk)
{
	static const int mode[] = { MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE, MPOL_LOCAL };
	unsigned int at = kn_random(&c->state) % ARRAY_SIZE(mode);
	unsigned long nodes = mode[at] == MPOL_LOCAL ? 0 : 1UL << any_node(c);

	syscall(SYS_mbind, chunk->mem, KN_CHUNK, mode[at], nodes ? &nodes : NULL,
		nodes ? KN_MAX_NODES + 1 : 0, nodes ? MPOL_MF_MOVE : 0);
	touch(chunk);
	if (kn_random(&c->state) % 4 && kn_mbind(chunk->mem, KN_CHUNK, MPOL_DEFAULT, 0))
		return false;
	return is_whole(chunk);
}

/* A policy of the thread, for a moment: with one the process would be left alone */
static bool prefer(struct caller *c, struct kn_chunk *chunk)
{
	if (kn_mempolicy(MPOL_PREFERRED, 1ULL << any_node(c)))
		return false;
	touch(chunk);
	return !kn_mempolicy(MPOL_DEFAULT, 0) && is_whole(chunk);
}

static bool go(struct caller *c, struct kn_chunk *chunk)
{
	cpu_set_t set;

	kn_node_cpus(any_node(c), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return false;
	touch(chunk);
	kn_all_cpus(&set);
	return !sched_setaffinity(0, sizeof(set), &set) && is_whole(chunk);
}

static bool choose(struct caller *c, struct kn_chunk *chunk)
{
	if (prctl(PR_SET_KNUMAD, kn_random(&c->state) % 3, 0, 0, 0))
		return false;
	touch(chunk);
	return !prctl(PR_SET_KNUMAD, kn_random(&c->state) % 2, 0, 0, 0) && is_whole(chunk);
}

/* Half of it is cut off, and comes back empty. */
static bool shrink_and_grow(struct kn_chunk *chunk)
{
	char *mem = chunk->mem;
	size_t at;

	if (mremap(mem, KN_CHUNK, KN_CHUNK / 2, 0) != mem)
		return false;
	mem = mremap(mem, KN_CHUNK / 2, KN_CHUNK, MREMAP_MAYMOVE);
	if (mem == MAP_FAILED)
		return false;
	chunk->mem = mem;
	if (kn_check(mem, KN_CHUNK / 2, PATTERN, false, chunk->times))
		return false;
	for (at = KN_CHUNK / 2; at < KN_CHUNK; at += KN_PAGE)
		if (KN_READ(*(__u64 *)(mem + at + 8)))
			return false;
	chunk->times = 0;
	kn_fill(mem, KN_CHUNK, PATTERN, false);
	return true;
}

/* Somebody else reads it, as a debugger does. */
static bool read_remotely(struct kn_chunk *chunk)
{
	static __thread char copy[KN_CHUNK];
	struct iovec to = { copy, KN_CHUNK }, from = { chunk->mem, KN_CHUNK };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)KN_CHUNK &&
	       !kn_check(copy, KN_CHUNK, PATTERN, false, chunk->times);
}

/* One call, or a few that belong together. False: memory is not what it was. */
static bool call(struct caller *c, bool forks)
{
	struct kn_chunk *chunk = &c->chunk[kn_random(&c->state) % CHUNKS];

	c->what = kn_random(&c->state) % 24;
	if (!chunk->mem || c->what >= 16)
		return kn_change_chunk(chunk, &c->state,
				       kn_random(&c->state) & 1 ? any_node(c) : KN_NONE);
	if (!forks && c->what < 4)
		return advise(c, chunk);
	switch (c->what) {
	case 0:
		return fork_once(chunk);
	case 1:
		return exec_once(c);
	case 2:
		return fork_without(chunk, MADV_DONTFORK, MADV_DOFORK);
	case 3:
		return fork_without(chunk, MADV_WIPEONFORK, MADV_KEEPONFORK);
	case 4:
		return advise_process(c, chunk);
	case 5:
		return lock(c, chunk);
	case 6:
		return watch_faults(c, chunk);
	case 7:
		return move_pages(c, chunk);
	case 8:
		return bind(c, chunk);
	case 9:
		return prefer(c, chunk);
	case 10:
		return go(c, chunk);
	case 11:
		return choose(c, chunk);
	case 12:
		return shrink_and_grow(chunk);
	case 13:
		return read_remotely(chunk);
	default:
		return advise(c, chunk);
	}
}

/* All chunks are touched, and are whole. */
static bool touch_all(struct caller *c)
{
	unsigned int i;

	for (i = 0; i < CHUNKS; i++) {
		if (!c->chunk[i].mem)
			continue;
		touch(&c->chunk[i]);
		if (!is_whole(&c->chunk[i]))
			return false;
	}
	return true;
}

static void await(enum phase phase)
{
	__atomic_fetch_add(&sh->done[phase], 1, __ATOMIC_ACQ_REL);
	while (KN_READ(sh->phase) <= phase)
		usleep(1000);
}

static void fail(const struct caller *c, const char *what)
{
	snprintf(sh->why, sizeof(sh->why), "thread %u, call %u: %s: %s", c->number, c->what, what,
		 strerror(errno));
	_exit(1);
}

static void *caller_main(void *data)
{
	struct caller *c = data;
	unsigned long i;

	for (i = 0; i < calls || !KN_READ(sh->enough); i++) {
		if (!call(c, true))
			fail(c, "memory is not what it was, or a call failed");
		__atomic_fetch_add(&sh->calls, 1, __ATOMIC_RELAXED);
	}
	await(CALL);
	if (!touch_all(c))
		fail(c, "at the first touch");
	await(TOUCH);
	if (!touch_all(c))
		fail(c, "at the last touch");
	await(CHECK);
	return NULL;
}

static void process_main(unsigned int number)
{
	static struct caller caller[THREADS];
	pthread_t thread[THREADS];
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < THREADS; i++) {
		caller[i].number = number * THREADS + i;
		caller[i].state = seed * 1000 + caller[i].number;
		if (pthread_create(&thread[i], NULL, caller_main, &caller[i]))
			_exit(2);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

/* calls --again SEED: a few calls, as another program */
static int again(const char *text)
{
	static struct caller c;
	unsigned int i;

	kn_read_topology();
	c.state = strtoul(text, NULL, 10);
	for (i = 0; i < AGAIN; i++)
		if (!call(&c, false))
			return 1;
	return !touch_all(&c);
}

FIXTURE(calls)
{
	pid_t pid[PROCESSES];
	int kmsg;
	__u64 armed, faults, migrated;
};

FIXTURE_SETUP(calls)
{
	const char *why = kn_begin_once(2);

	if (why)
		SKIP(return, "%s", why);
	if (kn_max_cpus() >= THREADS)
		SKIP(return, "needs nodes with less than %d CPUs", THREADS);
	kn_write(KN_THP "enabled", "madvise");
	kn_tunable_set("min_cpu_ms", 0);
	kn_tunable_set("min_resident_mb", 1);
	kn_tunable_set("samples_per_s", 100000);
	kn_tunable_set("cpu_percent", 100);
	kn_tunable_set("scan_max_interval_ms", 100);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)sh);
	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->kmsg);
	lseek(self->kmsg, 0, SEEK_END);
	self->armed = kn_stat("pages_armed");
	self->faults = kn_stat("hint_faults");
	self->migrated = kn_stat("pages_migrated");
}

FIXTURE_TEARDOWN(calls)
{
	unsigned int i;

	for (i = 0; i < PROCESSES; i++)
		if (self->pid[i] > 0) {
			kill(self->pid[i], SIGKILL);
			waitpid(self->pid[i], NULL, 0);
		}
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	EXPECT_TRUE(kn_balanced());
}

/*
 * Of the report of a data race, or the line that frames it? Whose race it is, is for others
 * to judge: scripts/kcsan.py.
 */
static bool is_of_kcsan(const char *record, bool *within)
{
	const char *text = strchr(record, ';');

	if (strstr(record, "BUG: KCSAN:"))
		*within = true;
	if (!text || strspn(text + 1, "=") < 60)
		return *within;
	*within = false;
	return true;
}

/* What the kernel said that is at least a warning. Returns how much of it there was. */
static unsigned int warnings(int kmsg)
{
	unsigned int nr = 0, priority;
	bool within = false;
	char record[1024];
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 || errno != EAGAIN) {
		/* Longer than a record may be, or overwritten before it was read */
		if (len <= 0) {
			printf("# /dev/kmsg: %s\n", strerror(errno));
			nr++;
			if (errno != EPIPE && errno != EINVAL)
				break;
			continue;
		}
		record[len] = '\0';
		if (is_of_kcsan(record, &within))
			continue;
		if (sscanf(record, "%u,", &priority) != 1 || (priority & 7) > 4)
			continue;
		/* An emulated machine is slow */
		if (strstr(record, "hrtimer: interrupt took"))
			continue;
		printf("# %s", record);
		nr++;
	}
	return nr;
}

static bool is_enough(struct _test_data_calls *self)
{
	return kn_stat("pages_armed") >= self->armed + ENOUGH &&
	       kn_stat("hint_faults") >= self->faults + ENOUGH &&
	       kn_stat("pages_migrated") >= self->migrated + ENOUGH;
}

/* Has one of them ended by itself? */
static bool has_failed(void)
{
	siginfo_t info = { 0 };

	return sh->why[0] || (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) &&
			      info.si_pid);
}

/* Have all come to the end of a phase, or has one of them failed? */
static bool is_done(enum phase phase)
{
	return KN_READ(sh->done[phase]) == PROCESSES * THREADS || has_failed();
}

static void wait_phase(struct __test_metadata *_metadata, enum phase phase, int secs)
{
	EXPECT_TRUE(kn_wait_until(is_done(phase), secs));
	ASSERT_FALSE(has_failed())
		TH_LOG("%s", sh->why[0] ? sh->why : "a process died");
}

TEST_F_TIMEOUT(calls, in_any_order, 3600)
{
	struct kn_events before, after;
	unsigned int i;

	TH_LOG("seed %u, %lu calls of each of %d threads", seed, calls, PROCESSES * THREADS);
	fflush(stdout);
	for (i = 0; i < PROCESSES; i++) {
		self->pid[i] = fork();
		ASSERT_LE(0, self->pid[i]);
		if (!self->pid[i])
			process_main(i);
	}
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(is_enough(self) || has_failed(), 3 * KN_PATIENCE))
		kn_dump();
	KN_WRITE(sh->enough, 1);
	wait_phase(_metadata, CALL, 3000);

	/* What mremap() carried away while it was armed takes its fault now */
	KN_WRITE(sh->phase, TOUCH);
	wait_phase(_metadata, TOUCH, KN_PATIENCE);
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(0, kn_stat("mms_watched"));
	kn_events(&before);
	KN_WRITE(sh->phase, CHECK);
	wait_phase(_metadata, CHECK, KN_PATIENCE);
	kn_events(&after);
	EXPECT_EQ(before.hint_faults, after.hint_faults)
		TH_LOG("something stayed armed");
	KN_WRITE(sh->phase, END);
	for (i = 0; i < PROCESSES; i++) {
		EXPECT_TRUE(reap(self->pid[i]));
		self->pid[i] = 0;
	}
	EXPECT_EQ(0, warnings(self->kmsg));
	TH_LOG("%llu calls, %llu pages armed, %llu hinting faults, %llu pages moved", sh->calls,
	       kn_stat("pages_armed") - self->armed, kn_stat("hint_faults") - self->faults,
	       kn_stat("pages_migrated") - self->migrated);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--again"))
		return again(argv[2]);
	calls = kn_environment("KNUMAD_CALLS", CALLS);
	seed = kn_environment("KNUMAD_CALLS_SEED", SEED);
	kn_save_system();
	return test_harness_run(argc, argv);
}
