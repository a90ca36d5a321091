// SPDX-License-Identifier: GPL-2.0
/*
 * observer: a QEMU plugin that counts memory accesses by (node of the CPU, node
 * of the page)
 *
 * For single-threaded TCG with -icount: no atomics here, and time is counted in
 * instructions. Counting starts at a marker that a guest program executes, a
 * long NOP with a number in its displacement:
 *
 *   0f 1f 84 00 imm32	nopl imm32(%rax,%rax,1), imm32 = 0x4b4e0000 | phase
 *
 * Phase 15 ends the counting. User-space and kernel code are counted apart, told
 * by the address of the code.
 *
 * Time: instructions executed, at a fixed number of ns each, plus the time in
 * which all CPUs were idle, taken from QEMU's clock when one of them goes on. A
 * block of instructions that faults is counted whole, twice: with a fault every
 * 20,000 instructions the clock was 0.4 % fast. More than 1 % voids the run.
 *
 * A stretch of NUMA work begins when a CPU executes the first instruction of one of
 * the functions given (hinting fault, scan, wait for a page under migration) and
 * ends when it returns to user space (swapgs) or switches to another thread. Time
 * asleep is not part of it.
 *
 * Node of an address: with one memory backend per node, QEMU 7.2 reports the
 * offset of the backend twice, so node i, whose memory begins at offset O_i,
 * owns [2 * O_i, 2 * O_i + S_i). Anything else voids the run.
 *
 * Arguments: cpus=0:0:1:1 (node of each CPU), mb=512:512 (size of each node),
 * turn=INSTRUCTIONS; out=FILE: count, and write the result there; if wanted
 * interval=NS, work=ADDRESS:..., switch=ADDRESS
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* === QEMU's plugin interface, version 1: no header is packaged === */

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_info;

enum { CB_NO_REGS, MEM_RW = 3, INLINE_ADD_U64 = 0 };

typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*mem_cb)(unsigned int cpu, qemu_plugin_meminfo_t info,
		       uint64_t vaddr, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *ptr, uint64_t imm);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb,
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    exec_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb cb,
				      int flags, int rw, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data),
				    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t idx);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info,
						  uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *addr);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* === QEMU's own functions, which plugins may not count on: looked up === */

#define CLOCK_VIRTUAL	1

static int64_t (*qemu_clock_get_ns)(int type);
static void *(*qemu_get_cpu)(int index);
static void (*cpu_exit)(void *cpu);
static void (*qemu_mutex_lock_iothread_impl)(const char *file, int line);
static void (*qemu_mutex_unlock_iothread)(void);
static bool (*all_cpu_threads_idle)(void);
static int (*qemu_shutdown_requested_get)(void);
static int (*qemu_reset_requested_get)(void);

/* === Settings === */

#define MAX_CPUS	64
#define MAX_NODES	16
#define MAX_WORK	16
#define NS_PER_INSN	16	/* -icount shift=4 */
#define USER_END	(0x800000000000ULL)
#define MARK		0x4b4e0000u
#define PHASES		16
#define PHASE_END	15
#define HIST_BINS	48

static int nr_cpus, nr_nodes, nr_work;
static int node_of[MAX_CPUS];
static uint64_t node_mb[MAX_NODES], node_start[MAX_NODES], node_end[MAX_NODES];
static uint64_t work_at[MAX_WORK], switch_at;
static uint64_t interval_ns, turn_insns;
static const char *out_path;

/* === Counters === */

struct matrix {
	uint64_t nr[2][MAX_NODES][MAX_NODES];	/* load or store, CPU, memory */
};

enum { USER, KERNEL };

static struct matrix counts[2][PHASES];
static unsigned int phase;
static uint64_t phase_ns[PHASES], began_ns;

/* Instructions executed by all CPUs, also before the first marker */
static uint64_t executed[2], began_at[2], ended_at[2];
static int64_t idle_ns;
static uint64_t odd_addresses, odd_example, io_accesses;

/* Ends of intervals: user-space accesses since the first marker */
static uint64_t (*intervals)[MAX_NODES][MAX_NODES];
static size_t nr_intervals;
static uint64_t running[MAX_NODES][MAX_NODES];
static uint64_t next_insns = UINT64_MAX, next_ns;

static uint64_t turn_end;
static unsigned int turn_cpu;

static bool working[MAX_CPUS];
static uint64_t work_since[MAX_CPUS];
static uint64_t work_hist[HIST_BINS], work_count, work_max, work_ns;
/* All stretches, for exact percentiles */
static uint64_t *stretches;

static uint64_t insns(void)
{
	return executed[USER] + executed[KERNEL];
}

static uint64_t now_ns(void)
{
	return insns() * NS_PER_INSN + idle_ns;
}

static void *grow(void *array, size_t nr, size_t size)
{
	/* By doubling, when a power of two is full */
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array) {
		perror("observer");
		exit(1);
	}
	return array;
}

static void aim_at_next(void)
{
	int64_t left = next_ns - idle_ns;

	next_insns = left > 0 ? left / NS_PER_INSN : 0;
}

static void end_intervals(void)
{
	while (now_ns() >= next_ns) {
		intervals = grow(intervals, nr_intervals, sizeof(*intervals));
		memcpy(intervals[nr_intervals++], running, sizeof(running));
		memset(running, 0, sizeof(running));
		next_ns += interval_ns;
	}
	aim_at_next();
}

/* Time in which nobody executed anything shows in QEMU's clock alone */
static void sync_clock(void)
{
	idle_ns = qemu_clock_get_ns(CLOCK_VIRTUAL) - (int64_t)(insns() * NS_PER_INSN);
	if (interval_ns && phase)
		aim_at_next();
}

/*
 * Where user-space pages were found. No translation changes unless kernel code
 * runs, on whatever CPU: an entry is good as long as none has.
 */
static struct {
	uint64_t page;
	uint64_t kernel;
	unsigned int cpu;
	int node;
} found[1024];

static int node_of_address(uint64_t addr)
{
	int i;

	for (i = 0; i < nr_nodes; i++)
		if (addr >= node_start[i] && addr < node_end[i])
			return i;
	if (!odd_addresses++)
		odd_example = addr;
	return -1;
}

static int look_up_node(qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, vaddr);

	if (!hw || qemu_plugin_hwaddr_is_io(hw)) {
		io_accesses++;
		return -1;
	}
	return node_of_address(qemu_plugin_hwaddr_phys_addr(hw));
}

static int node_of_user_page(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr)
{
	uint64_t page = vaddr >> 12;
	size_t slot = page % (sizeof(found) / sizeof(*found));

	if (found[slot].page != page || found[slot].cpu != cpu ||
	    found[slot].kernel != executed[KERNEL]) {
		found[slot].node = look_up_node(info, vaddr);
		found[slot].page = page;
		found[slot].cpu = cpu;
		found[slot].kernel = executed[KERNEL];
	}
	return found[slot].node;
}

/* === Nobody but the vCPUs' thread === */

/*
 * QEMU's main thread wakes up at every timer of the guest, and runs timers that
 * have expired if it is faster than the thread of the vCPUs: which vCPU goes on
 * first is then chance. While there are instructions to execute it has nothing
 * to do, so it is parked in a signal handler. It comes out when all vCPUs are
 * idle, for it turns the clock forward to the next timer, and when the guest ends.
 * It must not hold QEMU's big lock in there: it is sent the signal by somebody who
 * does.
 */
#define PARK_SIGNAL	(SIGRTMIN + 5)
#define PARK_POLL_NS	200000

static pthread_t main_thread;
static sem_t parked;
static atomic_bool is_parked, guest_ends;

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static void stay_parked(int signal)
{
	struct timespec pause = { .tv_nsec = PARK_POLL_NS };
	int error = errno;

	(void)signal;
	sync_clock();
	sem_post(&parked);
	do {
		nanosleep(&pause, NULL);
		qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
		/* QEMU forgets the request as soon as it acts on it */
		if (qemu_shutdown_requested_get() || qemu_reset_requested_get())
			guest_ends = true;
		is_parked = !guest_ends && !all_cpu_threads_idle();
		qemu_mutex_unlock_iothread();
	} while (is_parked);
	errno = error;
}

static void park_main_thread(void)
{
	is_parked = true;
	qemu_mutex_lock_iothread_impl(__FILE__, __LINE__);
	pthread_kill(main_thread, PARK_SIGNAL);
	wait_for(&parked);
	qemu_mutex_unlock_iothread();
}

static bool prepare_parking(void)
{
	struct sigaction action = { .sa_handler = stay_parked, .sa_flags = SA_RESTART };

	main_thread = pthread_self();
	return !sem_init(&parked, 0, 0) && !sigaction(PARK_SIGNAL, &action, NULL);
}

/*
 * QEMU 7.2 lets a CPU run until the next timer is due, and the CPU after it gets
 * no turn at all if that leaves no time: it may starve. Limit the turns.
 */
static void take_turns(unsigned int cpu)
{
	if (turn_cpu != cpu) {
		turn_cpu = cpu;
		turn_end = insns() + turn_insns;
	} else if (insns() >= turn_end) {
		turn_end = insns() + turn_insns;
		cpu_exit(qemu_get_cpu(cpu));
	}
	if (!is_parked && !guest_ends)
		park_main_thread();
}

static bool counting(void)
{
	return phase && phase != PHASE_END;
}

static void block_begins(unsigned int cpu, void *data)
{
	(void)data;
	take_turns(cpu);
}

static void accessed(unsigned int cpu, qemu_plugin_meminfo_t info,
		     uint64_t vaddr, void *data)
{
	int who = (uintptr_t)data, from, to;

	take_turns(cpu);
	if (!counting())
		return;
	if (insns() >= next_insns)
		end_intervals();

	from = node_of[cpu];
	to = who == USER ? node_of_user_page(cpu, info, vaddr) : look_up_node(info, vaddr);
	if (to < 0)
		return;
	counts[who][phase].nr[qemu_plugin_mem_is_store(info)][from][to]++;
	if (who == USER)
		running[from][to]++;
}

static void marked(unsigned int cpu, void *data)
{
	unsigned int next = (uintptr_t)data;

	(void)cpu;
	if (phase == PHASE_END || next == phase)
		return;
	if (!phase) {
		began_ns = now_ns();
		memcpy(began_at, executed, sizeof(executed));
		next_ns = began_ns + interval_ns;
		if (interval_ns)
			aim_at_next();
	}
	phase_ns[next] = now_ns();
	if (next == PHASE_END)
		memcpy(ended_at, executed, sizeof(executed));
	phase = next;
}

static void work_begins(unsigned int cpu, void *data)
{
	(void)data;
	if (working[cpu])
		return;
	working[cpu] = true;
	work_since[cpu] = now_ns();
}

static void work_ends(unsigned int cpu, void *data)
{
	uint64_t ns;

	(void)data;
	if (!working[cpu])
		return;
	working[cpu] = false;
	if (!counting())
		return;
	ns = now_ns() - work_since[cpu];
	stretches = grow(stretches, work_count, sizeof(*stretches));
	stretches[work_count++] = ns;
	work_ns += ns;
	work_hist[ns ? 63 - __builtin_clzll(ns) : 0]++;
	if (ns > work_max)
		work_max = ns;
}

static void look_at_insn(struct qemu_plugin_insn *insn, bool user)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	uint64_t at = qemu_plugin_insn_vaddr(insn);
	uint32_t imm;
	int i;

	if (user) {
		if (size != 8 || memcmp(code, "\x0f\x1f\x84\x00", 4))
			return;
		memcpy(&imm, code + 4, 4);
		if ((imm & ~(uint32_t)(PHASES - 1)) == MARK && imm != MARK)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, CB_NO_REGS,
							       (void *)(uintptr_t)(imm - MARK));
		return;
	}
	for (i = 0; i < nr_work; i++)
		if (at == work_at[i])
			qemu_plugin_register_vcpu_insn_exec_cb(insn, work_begins,
							       CB_NO_REGS, NULL);
	if (at == switch_at || (size == 3 && !memcmp(code, "\x0f\x01\xf8", 3)))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, work_ends, CB_NO_REGS,
						       NULL);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, 0);
	uintptr_t who = qemu_plugin_insn_vaddr(insn) < USER_END ? USER : KERNEL;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &executed[who], nr);
	if (!out_path)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, CB_NO_REGS, NULL);
	for (i = 0; i < nr; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (out_path)
			qemu_plugin_register_vcpu_mem_cb(insn, accessed, CB_NO_REGS,
							 MEM_RW, (void *)who);
		look_at_insn(insn, who == USER);
	}
}

/* === The result === */

static void print_matrix(FILE *out, uint64_t nr[MAX_NODES][MAX_NODES])
{
	int i, j;

	fputc('[', out);
	for (i = 0; i < nr_nodes; i++) {
		fputs(i ? ",[" : "[", out);
		for (j = 0; j < nr_nodes; j++)
			fprintf(out, "%s%" PRIu64, j ? "," : "", nr[i][j]);
		fputc(']', out);
	}
	fputc(']', out);
}

static void print_counts(FILE *out, const char *name, struct matrix *m)
{
	fprintf(out, "\"%s\":{\"loads\":", name);
	print_matrix(out, m->nr[0]);
	fputs(",\"stores\":", out);
	print_matrix(out, m->nr[1]);
	fputs("}", out);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_stretches(FILE *out)
{
	uint64_t p999 = 0;
	bool first = true;
	int i;

	if (work_count) {
		qsort(stretches, work_count, sizeof(*stretches), by_size);
		p999 = stretches[(work_count - 1) * 999 / 1000];
	}
	fprintf(out, "\"stalls\":{\"count\":%" PRIu64 ",\"total_ns\":%" PRIu64
		",\"max_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64 ",\"log2_ns\":{",
		work_count, work_ns, work_max, p999);
	for (i = 0; i < HIST_BINS; i++) {
		if (!work_hist[i])
			continue;
		fprintf(out, "%s\"%d\":%" PRIu64, first ? "" : ",", i, work_hist[i]);
		first = false;
	}
	fputs("}}", out);
}

static void print_phases(FILE *out)
{
	bool first = true;
	int i;

	fputs("\"phases\":[", out);
	for (i = 1; i < PHASE_END; i++) {
		if (!phase_ns[i])
			continue;
		fprintf(out, "%s{\"phase\":%d,\"start_ns\":%" PRIu64 ",",
			first ? "" : ",\n ", i, phase_ns[i] - began_ns);
		print_counts(out, "user", &counts[USER][i]);
		fputc(',', out);
		print_counts(out, "kernel_mode", &counts[KERNEL][i]);
		fputc('}', out);
		first = false;
	}
	fputc(']', out);
}

static void print_void(FILE *out)
{
	/* Behind is right, for the last thing CPUs do is to be idle; ahead is not */
	int64_t ahead = now_ns() - qemu_clock_get_ns(CLOCK_VIRTUAL);

	fputs("\"void\":", out);
	if (odd_addresses)
		fprintf(out, "\"%" PRIu64 " accesses at addresses of no node, the first at 0x%"
			PRIx64 "\"", odd_addresses, odd_example);
	else if (!phase_ns[PHASE_END])
		fputs("\"the markers of begin and end were not both executed\"", out);
	else if (ahead > (int64_t)now_ns() / 100)
		fprintf(out, "\"the clock is %" PRId64 " ns ahead of QEMU's\"", ahead);
	else
		fputs("null", out);
}

static void finish(qemu_plugin_id_t id, void *data)
{
	uint64_t end_ns = phase_ns[PHASE_END];
	FILE *out;
	size_t i;

	(void)id;
	(void)data;
	if (!out_path)
		return;
	out = fopen(out_path, "w");
	if (!out) {
		perror(out_path);
		return;
	}
	fputc('{', out);
	print_void(out);
	fprintf(out, ",\n\"seconds\":%.9f,\"instructions\":{\"user\":%" PRIu64
		",\"kernel\":%" PRIu64 "},\"io_accesses\":%" PRIu64 ",\n",
		(end_ns - began_ns) / 1e9, ended_at[USER] - began_at[USER],
		ended_at[KERNEL] - began_at[KERNEL], io_accesses);
	print_phases(out);
	fprintf(out, ",\n\"intervals\":{\"seconds\":%.9f,\"accesses\":[", interval_ns / 1e9);
	for (i = 0; i < nr_intervals && began_ns + i * interval_ns < end_ns; i++) {
		fputs(i ? ",\n" : "\n", out);
		print_matrix(out, intervals[i]);
	}
	fputs("]},\n", out);
	print_stretches(out);
	fputs("}\n", out);
	if (fclose(out))
		perror(out_path);
}

/* === Arguments === */

/* "1:2:3" as at most @max numbers. Return: how many, -1 if it is something else. */
static int numbers(const char *text, int base, uint64_t *to, int max)
{
	int nr = 0;
	char *end;

	do {
		if (nr == max)
			return -1;
		to[nr++] = strtoull(text, &end, base);
		if (end == text || (*end && *end != ':'))
			return -1;
		text = end + 1;
	} while (*end);
	return nr;
}

static int refuse(const char *arg)
{
	fprintf(stderr, "observer: cannot use argument '%s'\n", arg);
	return -1;
}

static int parse(const char *arg)
{
	const char *value = strchr(arg, '=');
	uint64_t nr[MAX_CPUS];
	int n, i;

	if (!value)
		return refuse(arg);
	value++;
	if (!strncmp(arg, "out=", 4)) {
		out_path = strdup(value);
		return out_path ? 0 : -1;
	}
	n = numbers(value, strncmp(arg, "work=", 5) && strncmp(arg, "switch=", 7) ? 10 : 16,
		    nr, MAX_CPUS);
	if (n < 1)
		return refuse(arg);
	if (!strncmp(arg, "cpus=", 5)) {
		nr_cpus = n;
		for (i = 0; i < n; i++)
			node_of[i] = nr[i];
	} else if (!strncmp(arg, "mb=", 3) && n <= MAX_NODES) {
		nr_nodes = n;
		memcpy(node_mb, nr, n * sizeof(*nr));
	} else if (!strncmp(arg, "work=", 5) && n <= MAX_WORK) {
		nr_work = n;
		memcpy(work_at, nr, n * sizeof(*nr));
	} else if (!strncmp(arg, "switch=", 7) && n == 1) {
		switch_at = nr[0];
	} else if (!strncmp(arg, "interval=", 9) && n == 1) {
		interval_ns = nr[0];
	} else if (!strncmp(arg, "turn=", 5) && n == 1) {
		turn_insns = nr[0];
	} else {
		return refuse(arg);
	}
	return 0;
}

static bool look_up(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "qemu_clock_get_ns", &qemu_clock_get_ns },
		{ "qemu_get_cpu", &qemu_get_cpu },
		{ "cpu_exit", &cpu_exit },
		{ "qemu_mutex_lock_iothread_impl", &qemu_mutex_lock_iothread_impl },
		{ "qemu_mutex_unlock_iothread", &qemu_mutex_unlock_iothread },
		{ "all_cpu_threads_idle", &all_cpu_threads_idle },
		{ "qemu_shutdown_requested_get", &qemu_shutdown_requested_get },
		{ "qemu_reset_requested_get", &qemu_reset_requested_get },
	};
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *address = dlsym(RTLD_DEFAULT, functions[i].name);

		if (!address) {
			fprintf(stderr, "observer: this QEMU hides %s; use Debian's\n",
				functions[i].name);
			return false;
		}
		memcpy(functions[i].to, &address, sizeof(address));
	}
	return true;
}

static bool settle(void)
{
	uint64_t offset = 0;
	int i;

	if (!nr_cpus || !nr_nodes || !turn_insns)
		return false;
	for (i = 0; i < nr_cpus; i++)
		if (node_of[i] >= nr_nodes)
			return false;
	for (i = 0; i < nr_nodes; i++) {
		node_start[i] = 2 * offset << 20;
		node_end[i] = node_start[i] + (node_mb[i] << 20);
		offset += node_mb[i];
	}
	return true;
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++)
		if (parse(argv[i]))
			return -1;
	if (!settle()) {
		fputs("observer: needs cpus=, mb= and turn=\n", stderr);
		return -1;
	}
	if (!look_up())
		return -1;
	if (!prepare_parking()) {
		perror("observer");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
