// SPDX-License-Identifier: GPL-2.0
/*
 * However big a process is, and however many there are: mmap_lock is held for a short
 * time, preemption and interrupts are off for a shorter one, and a process costs some
 * hundred bytes, and so does a thread. Each test prints what it measured.
 *
 * How long preemption is off, and so a page table lock is held, and how long interrupts
 * are, is told by a kernel with CONFIG_PREEMPT, CONFIG_PREEMPT_TRACER,
 * CONFIG_IRQSOFF_TRACER and CONFIG_HIST_TRIGGERS.
 *
 * The times are meant for a machine with one CPU whose clock counts instructions, 16 ns
 * for each (scripts/guest.py --mode deterministic): nothing else counts then. Who spans
 * nodes keeps a CPU of each busy: the clock counts what all CPUs execute, and so much
 * more may it be.
 */
#include <fcntl.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define LOCK_EVENTS	KN_TRACE "events/mmap_lock/"

#define SWITCH_EVENT	KN_TRACE "events/sched/sched_switch/"

#define OFF_EVENTS	KN_TRACE "events/preemptirq/"

/* The longest hold of mmap_lock: 750,000 instructions */
#define MOST_HELD_US	12000

/*
 * The longest time without preemption, or without interrupts. It is the page allocator's,
 * which takes back up to 32 batches of free pages at once.
 */
#define MOST_OFF_US	10000

/*
 * For each CPU: since when, and of what ends while a thread of knumad runs, the longest
 * time. What begins before it is switched to, the scheduler's part, counts, too.
 */
#define OFF_BEGINS	"hist:keys=common_cpu:begin=common_timestamp.usecs"
#define OFF_ENDS	"hist:keys=common_cpu:off=common_timestamp.usecs-$begin" \
			":onmax($off).save(caller_offs,parent_offs) if comm ~ \"knumad*\""

/* The events of what is off */
struct off {
	const char *begin, *end;
};

static const struct off preemption = {
	OFF_EVENTS "preempt_disable", OFF_EVENTS "preempt_enable",
};

static const struct off interrupts = {
	OFF_EVENTS "irq_disable", OFF_EVENTS "irq_enable",
};

/* Of each process that is watched, and of that for each node */
#define MOST_BYTES	384
#define MOST_NODE_BYTES	96ULL

/*
 * Of each thread of a process that spans nodes, and of that for each node: there may be places
 * for twice as many. Of each pair of places, while they are few; and what such a process
 * has besides, most of it tables of chunks.
 */
#define MOST_THREAD	112
#define MOST_THREAD_NODE 8ULL
#define MOST_PAIR	4
#define MOST_SHARERS	128
#define MOST_SPANNING	(16 * 1024)

#define VMAS		60000
#define THREADS		4000
#define SPARSE		(64UL << 40)
#define SPARSE_PAGES	2048
#define GIVEN_BACK	(512UL << 30)
#define HUGE		(2 * KN_MB)
#define BASE		(1024 * KN_MB)

/* Of each of many processes, and of each of many threads that work */
#define EACH		(2 * KN_MB)
#define BUSY_EACH	(KN_MB / 4)

/*
 * How long mmap_lock is held
 */

FIXTURE(hold)
{
	pid_t pids[1 + KN_MAX_NODES];	/* of knumad */
	int nr;
	int node[2];
	unsigned int most_us;		/* a hold may take */
};

enum what {
	VMAS_OF_A_PAGE,
	MANY_THREADS,
	SPARSE_MEMORY,
	MEMORY_GIVEN_BACK,
	BASE_PAGES,
	HEAVY_FORK,
};

FIXTURE_VARIANT(hold)
{
	enum what what;
};

FIXTURE_VARIANT_ADD(hold, vmas) { .what = VMAS_OF_A_PAGE };
FIXTURE_VARIANT_ADD(hold, threads) { .what = MANY_THREADS };
FIXTURE_VARIANT_ADD(hold, sparse) { .what = SPARSE_MEMORY };
FIXTURE_VARIANT_ADD(hold, given_back) { .what = MEMORY_GIVEN_BACK };
FIXTURE_VARIANT_ADD(hold, base_pages) { .what = BASE_PAGES };
FIXTURE_VARIANT_ADD(hold, fork) { .what = HEAVY_FORK };

FIXTURE_SETUP(hold)
{
	const char *why = kn_begin_once(1);

	if (!why && kn_topo.nr_memory < 2)
		why = "needs two nodes with memory";
	if (!why)
		why = kn_trace_begin("mmap_lock", "8192");
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	/* From where there are no CPUs, if there is such a node */
	self->node[1] = kn_topo.full[0];
	while (self->node[0] == self->node[1] || !kn_topo.memory[self->node[0]])
		self->node[0]++;
	self->most_us = MOST_HELD_US * sysconf(_SC_NPROCESSORS_ONLN);
	/* Everything is looked at in one go */
	ASSERT_EQ(0, kn_tunable_set("cpu_percent", 100));
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 100000));
	ASSERT_EQ(0, kn_tunable_set("migrate_mb_per_s", 1048576));
}

static int write_trigger(const char *event, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/trigger", event);
	return kn_write(path, text);
}

static FILE *open_hist(const struct off *off)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/hist", off->end);
	return fopen(path, "re");
}

static bool is_known(const struct off *off)
{
	FILE *file = open_hist(off);

	if (file)
		fclose(file);
	return file;
}

/* Whichever there are: with one of them the tracer would stay */
static void drop_triggers(const struct off *off)
{
	write_trigger(off->end, "!" OFF_ENDS);
	write_trigger(off->begin, "!" OFF_BEGINS);
}

FIXTURE_TEARDOWN(hold)
{
	drop_triggers(&preemption);
	drop_triggers(&interrupts);
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	kn_trace_end();
}

static int make_vmas(struct kn_shared *sh, const struct kn_work *work)
{
	char *mem = kn_map(VMAS * KN_PAGE, 0);
	unsigned long i;

	if (!mem || kn_place(mem, VMAS * KN_PAGE, work->node, 0, true))
		return -ENOMEM;
	for (i = 0; i < VMAS; i += 2)
		if (mprotect(mem + i * KN_PAGE, KN_PAGE, PROT_READ))
			return -errno;
	return 0;
}

static int make_threads(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_idle_threads(THREADS);
}

static int make_sparse(struct kn_shared *sh, const struct kn_work *work)
{
	size_t stride = SPARSE / SPARSE_PAGES, at;
	char *mem = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	madvise(mem, SPARSE, MADV_NOHUGEPAGE);
	for (at = 0; at < SPARSE; at += stride)
		mem[at] = 1;
	return 0;
}

/* A huge page in each GiB, given back: page tables with nothing in them stay */
static int make_given_back(struct kn_shared *sh, const struct kn_work *work)
{
	size_t at;
	char *mem = mmap(NULL, GIVEN_BACK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	mem += -(unsigned long)mem % HUGE;
	madvise(mem, GIVEN_BACK - HUGE, MADV_HUGEPAGE);
	for (at = 0; at < GIVEN_BACK - HUGE; at += 1024 * KN_MB) {
		mem[at] = 1;
		madvise(mem + at, HUGE, MADV_DONTNEED);
	}
	return 0;
}

static void *fork_all_the_time(void *data)
{
	struct kn_shared *sh = data;
	pid_t pid;

	while (!KN_READ(sh->stop)) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0)
			return "fork";
		waitpid(pid, NULL, 0);
	}
	return NULL;
}

static int begin_forks(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_begin_helper(sh, fork_all_the_time);
}

static void listen_to(struct __test_metadata *_metadata, struct _test_data_hold *self)
{
	char text[32 * (1 + KN_MAX_NODES)];
	int i, fd, at = 0;

	self->nr = 0;
	self->pids[self->nr++] = kn_thread_pid();
	for (i = 0; i < kn_topo.nr_full; i++)
		self->pids[self->nr++] = kn_mover_pid(kn_topo.full[i]);
	for (i = 0; i < self->nr; i++) {
		ASSERT_LT(0, self->pids[i]);
		at += snprintf(text + at, sizeof(text) - at, "%d ", self->pids[i]);
	}
	ASSERT_EQ(0, kn_write(KN_TRACE "set_event_pid", text));
	/* To truncate it is to clear it */
	fd = open(KN_TRACE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, kn_write(LOCK_EVENTS "mmap_lock_acquire_returned/enable", "1"));
	ASSERT_EQ(0, kn_write(LOCK_EVENTS "mmap_lock_released/enable", "1"));
	ASSERT_EQ(0, kn_write(SWITCH_EVENT "enable", "1"));
}

struct holds {
	unsigned int nr, too_long;
	double longest_us;
	bool write;		/* it was ever taken for writing */
};

/* A thread of knumad, as far as the trace was read: times, 0 for none */
struct holder {
	double since;		/* has the lock */
	double out;		/* another one was given its CPU */
	double others;		/* how long others had it meanwhile */
};

static struct holder *holder_of(const struct _test_data_hold *self, struct holder *holders,
				const char *pid)
{
	int i;

	for (i = 0; i < self->nr; i++)
		if (self->pids[i] == atoi(pid))
			return &holders[i];
	return NULL;
}

/* Who has to give away its CPU, on a machine that is busy, does nothing with the lock */
static void switched(const struct _test_data_hold *self, struct holder *holders, char *what,
		     double at)
{
	char *prev = strstr(what, "prev_pid="), *next = strstr(what, "next_pid=");
	struct holder *out, *in;

	out = prev ? holder_of(self, holders, prev + strlen("prev_pid=")) : NULL;
	in = next ? holder_of(self, holders, next + strlen("next_pid=")) : NULL;
	if (out && strstr(what, "prev_state=R"))
		out->out = at;
	if (in && in->out) {
		in->others += at - in->out;
		in->out = 0;
	}
}

static void locked(const struct _test_data_hold *self, struct holder *holder, char *what,
		   double at, struct holds *holds)
{
	double us;

	if (strstr(what, "released")) {
		if (!holder->since)
			return;
		us = (at - holder->since - holder->others) * 1000000;
		holds->nr++;
		holds->too_long += us > self->most_us;
		if (us > holds->longest_us)
			holds->longest_us = us;
		holder->since = 0;
	} else if (strstr(what, "success=true")) {
		holder->since = at;
		holder->others = 0;
		holds->write |= !!strstr(what, "write=true");
	}
}

/* All that the trace tells. Lines are "comm-pid [cpu] flags seconds: event: ..." */
static void stop_listening(struct __test_metadata *_metadata, struct _test_data_hold *self,
			   struct holds *holds)
{
	struct holder holders[1 + KN_MAX_NODES] = { 0 }, *holder;
	char line[1024], *event, *pid;
	double at;
	FILE *file;

	ASSERT_EQ(0, kn_write(LOCK_EVENTS "enable", "0"));
	ASSERT_EQ(0, kn_write(SWITCH_EVENT "enable", "0"));
	ASSERT_TRUE(kn_trace_is_whole());
	memset(holds, 0, sizeof(*holds));
	file = fopen(KN_TRACE "trace", "re");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		event = strstr(line, ": mmap_lock_");
		if (!event)
			event = strstr(line, ": sched_switch: ");
		pid = strstr(line, " [");
		if (line[0] == '#' || !event || !pid)
			continue;
		*event++ = '\0';
		ASSERT_TRUE(sscanf(strrchr(line, ' '), "%lf", &at) == 1);
		if (strstr(event, "sched_switch")) {
			switched(self, holders, event, at);
			continue;
		}
		while (pid[-1] == ' ')
			pid--;
		while (pid[-1] >= '0' && pid[-1] <= '9')
			pid--;
		holder = holder_of(self, holders, pid);
		ASSERT_NE(NULL, holder)
			TH_LOG("%s", line);
		locked(self, holder, event, at, holds);
	}
	fclose(file);
}

/* A worker as the variant has it, all of it away from home */
static void describe(const struct _test_data_hold *self, enum what what, struct kn_work *work)
{
	static int (*const prepare[])(struct kn_shared *sh, const struct kn_work *work) = {
		[VMAS_OF_A_PAGE] = make_vmas,
		[MANY_THREADS] = make_threads,
		[SPARSE_MEMORY] = make_sparse,
		[MEMORY_GIVEN_BACK] = make_given_back,
		[HEAVY_FORK] = begin_forks,
		[BASE_PAGES] = NULL,
	};

	*work = (struct kn_work) {
		.size = what == BASE_PAGES ? BASE : 32 * KN_MB, .node = self->node[0],
		.threads = 1, .cpu_node = self->node[1], .pinned = true, .thin = true,
		.pause_us = 1000, .prepare = prepare[what],
		.finish = what == HEAVY_FORK ? kn_end_helper : NULL,
	};
}

/* Twice: all of its memory moves home, and where it spans nodes, its chunks are sampled */
TEST_F(hold, mmap_lock)
{
	struct kn_work work;
	struct kn_spanning spanning;
	struct kn_worker *worker;
	struct holds holds;
	int i;

	if (is_known(&preemption))
		SKIP(return, "who holds it may be preempted here");
	if (variant->what == BASE_PAGES && kn_all_free() * KN_PAGE < 5 * BASE / 2)
		SKIP(return, "needs 2.5 GiB of free memory");
	describe(self, variant->what, &work);
	for (i = 0; i < (kn_topo.nr_full > 1 ? 2 : 1); i++) {
		if (i) {
			work.threads = 4;
			work.pinned = false;
			work.cpu_node = KN_NONE;
			work.pause_us = 0;
		}
		worker = kn_start(&work);
		ASSERT_NE(NULL, worker);
		/* From the first walk on: its threads are there, and nobody asks for them */
		ASSERT_EQ(0, kn_enable("opt-in"));
		listen_to(_metadata, self);
		ASSERT_EQ(0, kn_enable("always"));
		EXPECT_TRUE(i ? kn_wait_until(kn_spanning(worker->pid, &spanning) &&
					      spanning.rounds >= 4, KN_PATIENCE)
			      : kn_wait_share(worker, self->node[1], KN_GATHERED,
					      KN_PATIENCE))
			kn_dump();
		ASSERT_TRUE(kn_wait_passes(4, KN_PATIENCE));
		stop_listening(_metadata, self, &holds);
		ASSERT_EQ(0, kn_enable("never"));
		TH_LOG("%s: %u times, at most %.0f us, %u of more than %u",
		       i ? "sampled" : "moved home", holds.nr, holds.longest_us, holds.too_long,
		       self->most_us);
		EXPECT_LT(0, holds.nr);
		EXPECT_FALSE(holds.write);
		EXPECT_EQ(0, holds.too_long);
		EXPECT_EQ(0, kn_stop(worker));
		kn_kill(worker);
	}
}

/* The longest time that any CPU had it off, in microseconds; and where */
static unsigned int longest_off(struct __test_metadata *_metadata, const struct off *off)
{
	unsigned int longest = 0, us;
	char line[1024], *max;
	FILE *file;

	file = open_hist(off);
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		max = strstr(line, "max:");
		if (!max || sscanf(max, "max: %u", &us) != 1)
			continue;
		TH_LOG("at most%s", max + strlen("max:"));
		longest = us > longest ? us : longest;
	}
	fclose(file);
	return longest;
}

/*
 * While memory moves home. Not while several CPUs are busy: what another one executes, when it
 * is its turn, would count as a time in which it is off here.
 */
static void check_off(struct __test_metadata *_metadata, const struct _test_data_hold *self,
		      enum what what, const struct off *off)
{
	__u64 moved = kn_stat("pages_migrated");
	struct kn_worker *worker;
	unsigned int longest;
	struct kn_work work;

	if (!is_known(off))
		SKIP(return, "needs CONFIG_{PREEMPT,IRQSOFF}_TRACER and CONFIG_HIST_TRIGGERS");
	describe(self, what, &work);
	worker = kn_start(&work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, write_trigger(off->begin, OFF_BEGINS));
	ASSERT_EQ(0, write_trigger(off->end, OFF_ENDS));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_stat("pages_migrated") > moved + 512, KN_PATIENCE))
		kn_dump();
	EXPECT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	ASSERT_EQ(0, kn_enable("never"));
	longest = longest_off(_metadata, off);
	EXPECT_LT(0, longest);
	EXPECT_GE(MOST_OFF_US, longest);
	EXPECT_EQ(0, kn_stop(worker));
}

/* A page table lock is one of the things that forbid preemption */
TEST_F(hold, preemption)
{
	check_off(_metadata, self, variant->what, &preemption);
}

TEST_F(hold, interrupts)
{
	check_off(_metadata, self, variant->what, &interrupts);
}

/*
 * What many processes, and threads, cost
 */

FIXTURE(many)
{
	int nothing;
};

FIXTURE_SETUP(many)
{
	const char *why = kn_begin_once(1);

	if (!why && kn_topo.nr_memory < 2)
		why = "needs two nodes with memory";
	if (!why && kn_all_free() * KN_PAGE < 1024 * KN_MB)
		why = "needs 1 GiB of free memory";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
	ASSERT_EQ(0, kn_tunable_set("min_resident_mb", 1));
	ASSERT_EQ(0, kn_tunable_set("min_cpu_ms", 0));
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
}

static pid_t start_one(void)
{
	pid_t pid = fork();
	char *mem;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mem = kn_map(EACH, 0);
	if (!mem)
		_exit(1);
	madvise(mem, EACH, MADV_NOHUGEPAGE);
	memset(mem, 1, EACH);
	for (;;) {
		mem[0]++;
		usleep(200000);
	}
}

TEST_F(many, processes)
{
	static const int numbers[] = { 0, 100, 400 };
	__u64 bytes, none = 0;
	pid_t pids[400];
	unsigned int i;
	int nr = 0;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (; nr < numbers[i]; nr++) {
			pids[nr] = start_one();
			ASSERT_LT(0, pids[nr]);
		}
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(kn_wait_until(kn_stat("mms_watched") >= (__u64)nr, KN_PATIENCE))
			kn_dump();
		bytes = kn_stat("bytes");
		ASSERT_EQ(0, kn_enable("never"));
		TH_LOG("%d processes: %llu bytes", nr, bytes);
		if (!nr)
			none = bytes;
		EXPECT_GE(none + nr * (MOST_BYTES + MOST_NODE_BYTES * kn_topo.nr), bytes);
	}
	while (nr--) {
		kill(pids[nr], SIGKILL);
		waitpid(pids[nr], NULL, 0);
	}
}

/* A thread with its part of the memory, which it uses all the time */
struct user {
	char *mem;
	size_t size;
};

static void *use(void *data)
{
	struct user *user = data;
	size_t at;

	for (;;)
		for (at = 0; at < user->size; at += KN_PAGE)
			KN_WRITE(user->mem[at], 1);
	return NULL;
}

static int use_together(const void *data)
{
	const int *nr = data;
	struct user *users = calloc(*nr, sizeof(*users));
	pthread_t thread;
	char *mem;
	int i;

	mem = kn_map(*nr * BUSY_EACH, KN_CHUNK);
	if (!users || !mem)
		return -1;
	madvise(mem, *nr * BUSY_EACH, MADV_NOHUGEPAGE);
	for (i = 0; i < *nr; i++) {
		users[i] = (struct user) { mem + i * BUSY_EACH, BUSY_EACH };
		if (pthread_create(&thread, NULL, use, &users[i]))
			return -1;
	}
	return 0;
}

/* Threads of it that are known */
static int nr_threads(pid_t pid)
{
	char line[1024];
	int nr = 0, id;
	FILE *file = fopen(KN_DEBUGFS "threads", "re");

	while (file && fgets(line, sizeof(line), file))
		nr += sscanf(line, "%d", &id) == 1 && id == pid;
	if (file)
		fclose(file);
	return nr;
}

TEST_F(many, threads)
{
	static const int numbers[] = { 16, 64, 256 };
	__u64 bytes, none, most, places;
	unsigned int i;
	pid_t pid;

	if (kn_topo.nr_full < 2 || kn_max_cpus() >= numbers[0])
		SKIP(return, "needs two nodes with fewer CPUs than there are threads");
	ASSERT_EQ(0, kn_tunable_set("samples_per_s", 100000));
	ASSERT_EQ(0, kn_enable("always"));
	none = kn_stat("bytes");
	ASSERT_EQ(0, kn_enable("never"));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		pid = kn_sleeper(use_together, &numbers[i]);
		ASSERT_LT(0, pid);
		ASSERT_EQ(0, kn_enable("always"));
		ASSERT_TRUE(kn_wait_until(nr_threads(pid) >= numbers[i], KN_PATIENCE)) {
			TH_LOG("%d threads", nr_threads(pid));
			kn_dump();
		}
		bytes = kn_stat("bytes") - none;
		ASSERT_EQ(0, kn_enable("never"));
		most = MOST_BYTES + MOST_NODE_BYTES * kn_topo.nr + MOST_SPANNING +
		       numbers[i] * (MOST_THREAD + MOST_THREAD_NODE * kn_topo.nr);
		places = 2 * (numbers[i] + 2);
		if (numbers[i] + 2 <= MOST_SHARERS)
			most += MOST_PAIR * (places < MOST_SHARERS ? places * places :
					     MOST_SHARERS * MOST_SHARERS);
		TH_LOG("%d threads: %llu bytes, at most %llu", numbers[i], bytes, most);
		EXPECT_GE(most, bytes);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
