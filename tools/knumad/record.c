// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl record: write down where processes and their memory are, over time
 *
 * recording.h describes the file.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "options.h"
#include "process.h"
#include "read.h"
#include "recording.h"
#include "residence.h"
#include "tasks.h"
#include "tunables.h"

#define LEAST_MB	4	/* processes with less memory are noise, unless asked for */

/* A process that was there at the sample before, for what it did since */
struct known {
	pid_t pid;
	struct tasks tasks;
};

struct recorder {
	const struct paths *paths;
	const char *file;
	FILE *out;
	double interval;
	double start;
	__u64 most;		/* samples; 0: as many as there are */
	size_t nr_pids;		/* of processes that were asked for */
	pid_t *pids;
	char **command;		/* NULL: none */
	pid_t child;		/* which is it; 0: it has ended */
	int status;		/* with this exit status */
	struct machine machine;
	struct processes seen;	/* by knumad */
	char mode[16];
	size_t nr_known;
	struct known *known;
	size_t nr_samples;
	bool denied;		/* some process could not be looked at */
	int error;		/* why what was written is not in the file; 0: it is */
	int failed;		/* exit status when what went wrong has been said */
};

/* It may be changed at any time. Any kernel will do, also one without knumad. */
static void read_mode(struct recorder *r)
{
	if (!tunable_read(r->paths, "enabled", r->mode, sizeof(r->mode)))
		snprintf(r->mode, sizeof(r->mode), "none");
}

static void write_list(FILE *out, const __u64 *v, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		fprintf(out, "%c%llu", i ? ',' : ' ', v[i]);
}

static void write_header(struct recorder *r)
{
	char text[256];
	struct utsname uts;
	size_t i;

	uname(&uts);
	fprintf(r->out, RECORDING_HEADER "\n");
	escape(text, sizeof(text), uts.nodename);
	fprintf(r->out, "host %s\n", text);
	escape(text, sizeof(text), uts.release);
	fprintf(r->out, "kernel %s\nstart %lld\ninterval %g\nnodes %zu\n", text,
		(long long)time(NULL), r->interval, r->machine.nr);
	for (i = 0; i < r->machine.nr; i++)
		if (r->machine.nodes[i].online)
			fprintf(r->out, "node %zu %s %llu\n", i,
				*r->machine.nodes[i].cpulist ? r->machine.nodes[i].cpulist : "-",
				r->machine.nodes[i].total_kb);
	if (!r->command)
		return;
	fprintf(r->out, "command");
	for (i = 0; r->command[i]; i++) {
		escape(text, sizeof(text), r->command[i]);
		fprintf(r->out, " %s", text);
	}
	putc('\n', r->out);
}

static void write_nodes(struct recorder *r)
{
	struct machine *m = &r->machine;
	struct node *before = xalloc(m->nr, sizeof(*before));
	size_t i;

	memcpy(before, m->nodes, m->nr * sizeof(*before));
	machine_update(r->paths, m);
	for (i = 0; i < m->nr; i++)
		if (m->nodes[i].online)
			fprintf(r->out, "n %zu %.1f %llu\n", i,
				r->nr_samples ? machine_busy(&m->nodes[i], &before[i]) : 0,
				m->nodes[i].free_kb);
	free(before);
}

/* What knumad knows of a process; NULL if it does not tell */
static const struct process *seen(struct recorder *r, pid_t pid)
{
	struct processes *ps = &r->seen;
	struct process *p = processes_find(ps, pid);

	if (p || !has_process_files(r->paths) || !r->nr_pids)
		return p;
	/* Processes that were asked for are looked at one by one, in order of number */
	ps->v = xgrow(ps->v, ps->nr, sizeof(*ps->v));
	if (process_read(r->paths, r->machine.nr, pid, &ps->v[ps->nr]))
		return NULL;
	return &ps->v[ps->nr++];
}

static struct known *known(struct recorder *r, pid_t pid)
{
	struct known *k;
	size_t i;

	for (i = 0; i < r->nr_known; i++)
		if (r->known[i].pid == pid)
			return &r->known[i];
	r->known = xgrow(r->known, r->nr_known, sizeof(*r->known));
	k = &r->known[r->nr_known++];
	*k = (struct known) { .pid = pid };
	return k;
}

/* CPU time by node since the sample before */
static void read_cpu(struct recorder *r, pid_t pid, __u64 *ms)
{
	struct known *k = known(r, pid);
	struct tasks now;
	size_t i;

	tasks_read(r->paths, pid, &now);
	tasks_by_node(&now, k->tasks.nr ? &k->tasks : NULL, &r->machine, ms);
	for (i = 0; i < r->machine.nr; i++)
		ms[i] = ms[i] * 1000 / sysconf(_SC_CLK_TCK);
	tasks_free(&k->tasks);
	k->tasks = now;
}

static const char *verdict_of(const struct recorder *r, const struct process *p)
{
	if (!strcmp(r->mode, "never") || !strcmp(r->mode, "none"))
		return "off";
	return p ? p->verdict : "unknown";
}

static void write_process(struct recorder *r, pid_t pid, const struct residence *where)
{
	const struct process *p = seen(r, pid);
	__u64 *ms = xalloc(r->machine.nr, sizeof(*ms));
	char comm[64], word[256];
	size_t i;

	read_cpu(r, pid, ms);
	process_comm(r->paths, pid, comm, sizeof(comm));
	escape(word, sizeof(word), *comm ? comm : "?");
	fprintf(r->out, "p %d %s %s %d %d %llu %llu", pid, word, verdict_of(r, p),
		p ? p->home : -1, p ? p->local : -1, p ? p->faults : 0, p ? p->moved : 0);
	write_list(r->out, where->pages, where->nr_nodes);
	write_list(r->out, ms, r->machine.nr);
	putc('\n', r->out);
	for (i = 0; i < where->nr; i++) {
		fprintf(r->out, "b %d %llx %llx", pid, where->blocks[i].start, where->size);
		write_list(r->out, where->blocks[i].pages, where->nr_nodes);
		putc('\n', r->out);
	}
	free(ms);
}

/* Whether it is still there */
static bool record_process(struct recorder *r, pid_t pid, double least_mb)
{
	struct residence where;
	int ret;

	ret = residence_read(r->paths, pid, r->machine.nr, &where);
	if (ret == -EACCES || ret == -EPERM)
		r->denied = true;
	if (ret)
		return false;
	if (pages_mb(sum(where.pages, where.nr_nodes)) >= least_mb)
		write_process(r, pid, &where);
	residence_free(&where);
	return true;
}

static bool descends_from(const struct tasks *all, const struct task *t, pid_t ancestor)
{
	/* Processes come and go while the list is read: it may even have a loop */
	size_t left = all->nr;

	while (t && t->parent && left--) {
		if (t->parent == ancestor)
			return true;
		t = tasks_find(all, t->parent);
	}
	return false;
}

static void record_children(struct recorder *r)
{
	struct tasks all;
	size_t i;

	processes_list(r->paths, &all);
	for (i = 0; i < all.nr; i++)
		if (descends_from(&all, &all.v[i], getpid()))
			record_process(r, all.v[i].tid, LEAST_MB);
	tasks_free(&all);
}

/* Whether it is known whom knumad watches */
static bool record_watched(struct recorder *r)
{
	int ret = processes_read(r->paths, r->machine.nr, &r->seen);
	size_t i;

	if (ret) {
		r->failed = fail(EXIT_FAILURE, "whom knumad watches is not known: %s",
				 why_no_debugfs(r->paths) ?: strerror(-ret));
		return false;
	}
	r->denied |= r->seen.denied;
	for (i = 0; i < r->seen.nr; i++)
		if (process_watched(&r->seen.v[i]))
			record_process(r, r->seen.v[i].pid, 0);
	return true;
}

/* Whether any of them is still there */
static bool record_asked_for(struct recorder *r)
{
	bool any = false;
	size_t i;

	for (i = 0; i < r->nr_pids; i++)
		if (!i || r->pids[i] != r->pids[i - 1])
			any |= record_process(r, r->pids[i], 0);
	return any;
}

/* Whether there is anything left to record */
static bool record_sample(struct recorder *r)
{
	bool left = true;

	read_mode(r);
	fprintf(r->out, "t %.3f %s\n", now_s() - r->start, r->mode);
	write_nodes(r);
	processes_free(&r->seen);
	/* For what knumad says of them, if it is there */
	if (r->command || (r->nr_pids && !has_process_files(r->paths)))
		processes_read(r->paths, r->machine.nr, &r->seen);
	if (r->command)
		record_children(r);
	else if (r->nr_pids)
		left = record_asked_for(r);
	else
		left = record_watched(r);
	if (fflush(r->out) || ferror(r->out)) {
		r->error = errno ?: EIO;
		return false;
	}
	r->nr_samples++;
	return left;
}

/* The command may have ended, and others that we inherited */
static void reap(struct recorder *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->child)
			continue;
		r->child = 0;
		r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* Until the time of the next sample; false if there is to be none */
static bool wait_until(struct recorder *r, const sigset_t *signals, double until)
{
	struct timespec left;
	double seconds;
	int sig;

	do {
		seconds = until - now_s();
		if (seconds < 0)
			seconds = 0;
		left.tv_sec = seconds;
		left.tv_nsec = (seconds - left.tv_sec) * 1e9;
		sig = sigtimedwait(signals, NULL, &left);
		if (sig == SIGCHLD)
			reap(r);
		else if (sig > 0)
			return false;
		if (r->command && !r->child)
			return false;
	} while (seconds > 0);
	return true;
}

static void record_all(struct recorder *r, const sigset_t *signals)
{
	double next = now_s();

	r->start = next;
	while (record_sample(r) && (!r->most || r->nr_samples < r->most)) {
		next += r->interval;
		/* A look that took longer than the interval: go on from here */
		if (next < now_s())
			next = now_s();
		if (!wait_until(r, signals, next))
			break;
	}
}

static void catch_signals(sigset_t *signals, sigset_t *old)
{
	static const int numbers[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
	size_t i;

	sigemptyset(signals);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(signals, numbers[i]);
	sigprocmask(SIG_BLOCK, signals, old);
}

static int start_command(struct recorder *r, const sigset_t *old)
{
	/* What the command starts in turn stays below us, also when its parent ends */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fflush(NULL);
	r->child = fork();
	if (r->child < 0)
		return fail(EXIT_FAILURE, "cannot start a process: %s.", strerror(errno));
	if (r->child)
		return 0;
	sigprocmask(SIG_SETMASK, old, NULL);
	execvp(r->command[0], r->command);
	_exit(fail(errno == ENOENT ? 127 : 126, "cannot run %s: %s.", r->command[0],
		   strerror(errno)));
}

/* With all that it started. That it ends because of us is no failure. */
static void stop_command(struct recorder *r)
{
	const struct task *child;
	struct tasks all;
	size_t i;

	/* It may have ended by itself meanwhile */
	reap(r);
	if (!r->child)
		return;
	kill(r->child, SIGTERM);
	processes_list(r->paths, &all);
	child = tasks_find(&all, r->child);
	/* Unless these are the numbers of another pid namespace */
	for (i = 0; child && child->parent == getpid() && i < all.nr; i++)
		if (descends_from(&all, &all.v[i], r->child))
			kill(all.v[i].tid, SIGTERM);
	tasks_free(&all);
	waitpid(r->child, NULL, 0);
}

/* That it cannot be recorded is no reason to end it */
static void wait_for_command(struct recorder *r)
{
	int status;

	while (r->child && waitpid(r->child, &status, 0) < 0 && errno == EINTR)
		;
}

static void forget(struct recorder *r)
{
	size_t i;

	for (i = 0; i < r->nr_known; i++)
		tasks_free(&r->known[i].tasks);
	free(r->known);
	processes_free(&r->seen);
	machine_free(&r->machine);
}

static int finish(struct recorder *r)
{
	bool failed = ferror(r->out);

	if ((fclose(r->out) || failed) && !r->error)
		r->error = errno ?: EIO;
	if (r->error)
		return fail(EXIT_FAILURE, "cannot write %s: %s.", r->file, strerror(r->error));
	if (r->failed)
		return r->failed;
	if (r->denied)
		fail(0, "some processes are not yours and are left out; root may record them.");
	fprintf(stderr, "%zu samples in %s; 'knumadctl report %s' draws them.\n", r->nr_samples,
		r->file, r->file);
	return r->status;
}

static int record(struct recorder *r)
{
	sigset_t signals, old;
	int ret;

	ret = machine_read(r->paths, &r->machine);
	if (ret)
		return ret;
	r->out = fopen(r->file, "we");
	if (!r->out)
		return fail(EXIT_FAILURE, "cannot write %s: %s.", r->file, strerror(errno));
	write_header(r);
	catch_signals(&signals, &old);
	ret = r->command ? start_command(r, &old) : 0;
	if (!ret) {
		record_all(r, &signals);
		if (r->error)
			wait_for_command(r);
		else
			stop_command(r);
	}
	ret = finish(r) ?: ret;
	forget(r);
	return ret;
}

/* Is there anything to record? If not, say so now, not after an hour */
static int check(struct recorder *r)
{
	char *maps;
	size_t i;
	int ret;

	for (i = 0; i < r->nr_pids; i++) {
		ret = no_process(r->paths, r->pids[i]);
		if (ret)
			return ret;
		/* Everybody may open that file, not everybody may read it */
		maps = read_file("%s/%d/maps", r->paths->proc, r->pids[i]);
		free(maps);
		if (!maps && (errno == ENOENT || errno == ESRCH))
			return fail(EXIT_NO_PROCESS, "process %d has just ended.", r->pids[i]);
		if (!maps) {
			fail(EXIT_DENIED, "process %d is not yours.", r->pids[i]);
			hint("Its owner may record it, or root: sudo knumadctl record ...");
			return EXIT_DENIED;
		}
	}
	if (r->nr_pids || r->command)
		return 0;
	ret = need_knumad(r->paths);
	if (ret)
		return ret;
	read_mode(r);
	if (strcmp(r->mode, "never"))
		return 0;
	fail(EXIT_FAILURE, "knumad is off, so it watches no processes that could be recorded.");
	hint("Name a process (-p PID) or a command, or switch it on: knumadctl on");
	return EXIT_FAILURE;
}

static const char help[] =
	"Usage: knumadctl record [-i SECONDS] [-n SAMPLES] [-o FILE] [-p PID]...\n"
	"       knumadctl record [-i SECONDS] [-n SAMPLES] [-o FILE] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Write down where processes run and on which nodes their memory is, until they end or\n"
	"Ctrl-C: those named, or a command and what it starts, or all that knumad watches.\n"
	"The first two work with any kernel, also while knumad is off.\n"
	"\n"
	"  -i, --interval SECONDS  between two samples (1)\n"
	"  -n, --samples SAMPLES   end after so many\n"
	"  -o, --output FILE       write to FILE (" RECORDING_FILE ")\n"
	"  -p, --pid PID           record this process; may be given again\n"
	"\n"
	"The exit status is that of COMMAND, if there is one that ends by itself.\n";

static bool add_pid(struct recorder *r, const char *text)
{
	r->pids = xgrow(r->pids, r->nr_pids, sizeof(*r->pids));
	return parse_pid(text, &r->pids[r->nr_pids]) && ++r->nr_pids;
}

static int by_number(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static bool parse(struct recorder *r, int c)
{
	switch (c) {
	case 'i':
		return parse_seconds(optarg, &r->interval);
	case 'n':
		return parse_number(optarg, ~0ULL, &r->most) && r->most;
	case 'o':
		r->file = optarg;
		return true;
	case 'p':
		return add_pid(r, optarg);
	}
	return false;
}

/* -1 to go on, or the exit status */
static int parse_all(struct recorder *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' },
		{ "pid", required_argument, NULL, 'p' },
		{ "samples", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = next_option(argc, argv, "+hi:n:o:p:", options, help)) != -1) {
		if (c == OPTION_HELP)
			return EXIT_SUCCESS;
		if (c == OPTION_WRONG)
			return usage_error(argv[0]);
		if (!parse(r, c)) {
			fail(EXIT_USAGE, "record: -%c does not take '%s'.", c, optarg);
			return usage_error(argv[0]);
		}
	}
	if (optind < argc)
		r->command = argv + optind;
	if (r->command && r->nr_pids) {
		fail(EXIT_USAGE, "record: either processes or a command.");
		return usage_error(argv[0]);
	}
	if (r->nr_pids)
		qsort(r->pids, r->nr_pids, sizeof(*r->pids), by_number);
	return -1;
}

/**
 * cmd_record - write down where processes and their memory are
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_record(const struct paths *paths, int argc, char **argv)
{
	struct recorder r = { .paths = paths, .file = RECORDING_FILE, .interval = 1 };
	int ret;

	ret = parse_all(&r, argc, argv);
	if (ret < 0)
		ret = check(&r) ?: record(&r);
	free(r.pids);
	return ret;
}
