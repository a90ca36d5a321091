// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl explain: why is a process where it is?
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "observe.h"
#include "options.h"
#include "read.h"
#include "tasks.h"
#include "tunables.h"
#include "verdict.h"
#include "view.h"

#define WIDTH		80
#define WHY		256	/* room for a sentence or two */
#define LEAST_SHARE	0.05	/* percent that are worth a word */

/* What an explanation is made from */
struct subject {
	const struct paths *paths;
	struct machine machine;
	struct process process;
	char mode[16];		/* of knumad: always, opt-in or never */
	bool watched;
	bool observed;		/* not by knumad: by us */
	size_t column;		/* where the next word is printed */
};

/* Print words, so that no line gets longer than WIDTH */
static void print_words(struct subject *s, const char *text)
{
	size_t len;

	while (*text) {
		len = strcspn(text, " ");
		if (s->column && s->column + 1 + len > WIDTH) {
			putchar('\n');
			s->column = 0;
		}
		s->column += printf("%s%.*s", s->column ? " " : "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* Say a sentence */
static void __printf(2, 3) say(struct subject *s, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (ret < 0)
		return;
	print_words(s, text);
	free(text);
}

/* End a paragraph, if there is any */
static void end_paragraph(struct subject *s)
{
	if (s->column)
		puts("\n");
	s->column = 0;
}

/* Shares of nodes: "75.0 % on node 0 and 25.0 % on node 1", to be freed */
static char *shares(const __u64 *v, size_t nr)
{
	double all = sum(v, nr), share;
	char *text = xprintf("%s", ""), *longer;
	size_t i, left = 0;

	for (i = 0; i < nr; i++)
		left += percent(v[i], all) >= LEAST_SHARE;
	for (i = 0; i < nr; i++) {
		share = percent(v[i], all);
		if (share < LEAST_SHARE)
			continue;
		left--;
		longer = xprintf("%s%.*f %% on node %zu%s", text, share >= 99.95 ? 0 : 1, share, i,
				 left > 1 ? ", " : left ? " and " : "");
		free(text);
		text = longer;
	}
	return text;
}

static void tell_memory(struct subject *s)
{
	const struct process *p = &s->process;
	char *where = shares(p->resident, p->nr), *used = shares(p->used, p->nr);

	if (!sum(p->resident, p->nr))
		say(s, "No anonymous memory of its own has been seen.");
	else
		say(s, "It has %.0f MB of anonymous memory: %s.",
		    pages_mb(sum(p->resident, p->nr)), where);
	if (sum(p->used, p->nr))
		say(s, "Of that it used %.0f MB lately: %s.", pages_mb(sum(p->used, p->nr)), used);
	end_paragraph(s);
	free(where);
	free(used);
}

static void tell_threads(struct subject *s)
{
	const struct process *p = &s->process;
	char *threads = xprintf("%llu thread%s", p->threads, p->threads == 1 ? "" : "s");
	char *where = shares(p->cpu, p->nr);

	if (!sum(p->cpu, p->nr))
		say(s, "It has used no CPU time that counts.");
	else if (s->observed)
		say(s, "By where its %s ran last, CPU time was used on these nodes: %s.",
		    threads, where);
	else
		say(s, "Its %s can use %.1f cores, and used CPU time on these nodes: %s.",
		    threads, p->load_mcpu / 1000.0, where);
	free(threads);
	free(where);
}

static void tell_local(struct subject *s)
{
	const struct process *p = &s->process;

	if (p->local >= 0 && s->observed)
		say(s, "If its threads use all of its memory alike, %.1f %% of that is local.",
		    p->local / 10.0);
	else if (p->local >= 0)
		say(s, "%.1f %% of the memory that it uses is on the node of its threads.",
		    p->local / 10.0);
	end_paragraph(s);
}

static void tell_cost(struct subject *s)
{
	const struct process *p = &s->process;

	if (!s->watched)
		return;
	say(s, "Since knumad watches it, %.0f MB were moved, and it took %llu hinting faults.",
	    pages_mb(p->moved), p->faults);
	say(s, "Looking at it has cost %.1f ms of CPU time, and is done every %.1f s.",
	    p->scan_us / 1000.0, p->interval_ms / 1000.0);
	end_paragraph(s);
}

static void tell_setting(struct subject *s)
{
	const struct process *p = &s->process;

	if (!*p->mode)
		return;
	say(s, "knumad is %s; the process itself is %s; its control groups say %s.",
	    s->mode, strcmp(p->mode, "default") ? p->mode : "neither in nor out (default)",
	    strcmp(p->group, "default") ? p->group : "nothing (default)");
	end_paragraph(s);
}

/* Which CPUs may its threads use? Different answers of the first few threads */
static void tell_affinity(struct subject *s)
{
	char allowed[128], last[128] = "", *status, *text = xprintf("%s", ""), *longer;
	struct tasks ts;
	size_t i, told = 0;

	tasks_read(s->paths, s->process.pid, &ts);
	for (i = 0; i < ts.nr && told < 4; i++) {
		status = read_file("%s/%d/task/%d/status", s->paths->proc, s->process.pid,
				   ts.v[i].tid);
		copy_value(allowed, sizeof(allowed), status, "Cpus_allowed_list");
		free(status);
		if (!*allowed || !strcmp(allowed, last))
			continue;
		memcpy(last, allowed, sizeof(last));
		longer = xprintf("%s%sthread %d may use CPUs %s", text, told++ ? ", " : "",
				 ts.v[i].tid, allowed);
		free(text);
		text = longer;
	}
	if (told)
		say(s, "Its threads are held where they are: %s.", text);
	free(text);
	tasks_free(&ts);
}

static void tell_cpuset(struct subject *s)
{
	char *status = read_file("%s/%d/status", s->paths->proc, s->process.pid);
	char mems[128];

	if (copy_value(mems, sizeof(mems), status, "Mems_allowed_list"))
		say(s, "Its memory may be on node %s.", mems);
	free(status);
}

/* numa_maps shows the policy of the task where a range has none of its own */
static void tell_policy(struct subject *s)
{
	char *text = read_file("%s/%d/numa_maps", s->paths->proc, s->process.pid), *rest = text;
	char policy[64], *line;

	while ((line = next_line(&rest))) {
		if (sscanf(line, "%*s %63s", policy) != 1 || !strcmp(policy, "default"))
			continue;
		say(s, "Its policy, or one of them, is \"%s\".", policy);
		break;
	}
	free(text);
}

static void tell_spanning(struct subject *s)
{
	char *text = read_file("%s/knumad/spanning", s->paths->debugfs), *rest = text, *line;
	struct spanning now;

	if (!text)
		say(s, "What is known of its threads and of pieces of its memory is in debugfs. %s",
		    why_no_debugfs(s->paths) ?: "");
	while ((line = next_line(&rest))) {
		if (!spanning_parse(line, &now) || now.pid != s->process.pid)
			continue;
		if (*now.nodes)
			say(s, "It lives on nodes %s.", now.nodes);
		else
			say(s, "Its nodes are not chosen yet.");
		say(s, "In %llu rounds of sampling it was seen to use %llu pieces of 2 MiB.",
		    now.rounds, now.used);
		say(s, "Of these %llu belong to one node, %llu are shared by threads of several.",
		    now.one_node, now.spread);
	}
	free(text);
}

static void tell_refusals(struct subject *s)
{
	char *text = read_file("%s/knumad/stats", s->paths->debugfs), name[64];
	const struct verdict *most = NULL;
	__u64 count, highest = 0;
	size_t i;

	for (i = 0; i < nr_refusals; i++) {
		snprintf(name, sizeof(name), "verdict_%s", refusals[i].word);
		count = number_of(text, name, 0);
		if (count <= highest)
			continue;
		highest = count;
		most = &refusals[i];
	}
	if (!text)
		say(s, "Why memory stays behind is counted in debugfs. %s",
		    why_no_debugfs(s->paths) ?: "");
	else if (most)
		say(s, "Of all refusals since boot, of any process, most are %s: %s (%llu times).",
		    most->word, most->means, highest);
	free(text);
}

static void tell_details(struct subject *s)
{
	static const struct {
		const char *word;
		void (*tell)(struct subject *s);
	} details[] = {
		{ "affinity", tell_affinity },
		{ "cpuset", tell_cpuset },
		{ "policy_bound", tell_policy },
		{ "no_cpus", tell_spanning },
		{ "no_room", tell_spanning },
		{ "moving", tell_refusals },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(details); i++)
		if (!strcmp(details[i].word, s->process.verdict))
			details[i].tell(s);
	end_paragraph(s);
}

static void tell_watched(struct subject *s)
{
	const struct process *p = &s->process;
	const struct verdict *v = verdict_find(p->verdict);
	char comm[sizeof(p->comm)];

	printable(comm, sizeof(comm), p->comm);
	if (v)
		say(s, "Process %d (%s): %s. %s", p->pid, comm, p->verdict, v->means);
	else
		say(s, "Process %d (%s): %s. The kernel says: %s.", p->pid, comm, p->verdict,
		    *p->reason ? p->reason : "no more");
	if (p->home >= 0)
		say(s, "Its home is node %d.", p->home);
	end_paragraph(s);
}

/**
 * explain_unwatched - why does knumad not look at a process?
 * @to: where to store a sentence, and what to do
 * @size: of @to
 * @c: what is known of the process
 */
void explain_unwatched(char *to, size_t size, const struct unwatched *c)
{
	if (!strcmp(c->enabled, "never"))
		snprintf(to, size, "knumad is off. 'knumadctl on' switches it on.");
	else if (!strcmp(c->mode, "out"))
		snprintf(to, size,
			 "It is out: it, or who started it, said so. 'knumadctl set %d default' takes that back.",
			 c->pid);
	else if (!strcmp(c->group, "never"))
		snprintf(to, size,
			 "Its control group is left alone: memory.knumad of it, or of one above, says never.");
	else if (!strcmp(c->enabled, "opt-in") && strcmp(c->mode, "in") &&
		 strcmp(c->group, "always") && *c->mode)
		snprintf(to, size,
			 "knumad is opt-in, and it is not in. 'knumadctl set %d in' takes it in.",
			 c->pid);
	else if (c->anon_kb < c->min_resident_mb << 10)
		snprintf(to, size,
			 "It is too small: it has %llu MB of anonymous memory, less than min_resident_mb = %llu.",
			 c->anon_kb >> 10, c->min_resident_mb);
	else if (c->cpu_ms < c->min_cpu_ms)
		snprintf(to, size,
			 "It is too idle: it has used %llu ms of CPU time, less than min_cpu_ms = %llu.",
			 c->cpu_ms, c->min_cpu_ms);
	else if (!strcmp(c->enabled, "opt-in") && !*c->mode)
		snprintf(to, size,
			 "knumad is opt-in, and either it is not in, or it has not been seen yet.");
	else
		snprintf(to, size,
			 "It is large and busy enough, and has not been seen yet. Ask again in a second or two.");
}

static __u64 tunable_number(const struct paths *paths, const char *name)
{
	char value[32];

	return tunable_read(paths, name, value, sizeof(value)) ? strtoull(value, NULL, 10) : 0;
}

static void why_unwatched(struct subject *s, char *why, size_t size)
{
	const struct process *p = &s->process;
	struct task task = { 0 };
	struct unwatched c;
	char *status = read_file("%s/%d/status", s->paths->proc, p->pid);

	task_read(s->paths, p->pid, &task);
	c = (struct unwatched) {
		.pid = p->pid,
		.enabled = s->mode,
		.mode = p->mode,
		.group = p->group,
		.anon_kb = number_of(status, "RssAnon", 0),
		.cpu_ms = task.ticks * 1000 / sysconf(_SC_CLK_TCK),
		.min_resident_mb = tunable_number(s->paths, "min_resident_mb"),
		.min_cpu_ms = tunable_number(s->paths, "min_cpu_ms"),
	};
	free(status);
	explain_unwatched(why, size, &c);
}

static void tell_unwatched(struct subject *s)
{
	char why[WHY], comm[sizeof(s->process.comm)];

	why_unwatched(s, why, sizeof(why));
	printable(comm, sizeof(comm), s->process.comm);
	say(s, "Process %d (%s): knumad does not look at it. %s", s->process.pid, comm, why);
	end_paragraph(s);
}

static void tell_advice(struct subject *s)
{
	const struct verdict *v = verdict_find(s->process.verdict);

	if (v && v->advice)
		say(s, "What to do: %s", v->advice);
	else if (v)
		say(s, "There is nothing to do.");
	end_paragraph(s);
}

static void tell(struct subject *s)
{
	if (s->watched)
		tell_watched(s);
	else
		tell_unwatched(s);
	tell_memory(s);
	tell_threads(s);
	tell_local(s);
	tell_details(s);
	tell_cost(s);
	tell_setting(s);
	if (s->watched)
		tell_advice(s);
}

static void tell_json(struct subject *s)
{
	const struct verdict *v = verdict_find(s->process.verdict);
	struct json j = { .out = stdout };
	char why[WHY];

	json_open(&j, NULL, '{');
	json_string(&j, "enabled", s->mode);
	json_process(&j, "process", &s->process, NULL);
	if (s->watched) {
		json_string(&j, "means", v ? v->means : s->process.reason);
		json_string(&j, "advice", v && v->advice ? v->advice : "");
	} else {
		why_unwatched(s, why, sizeof(why));
		json_string(&j, "means", why);
	}
	json_close(&j, '}');
	puts("");
}

static int read_failed(const struct paths *paths, pid_t pid, int error)
{
	if (error == -ESRCH)
		return fail(EXIT_NO_PROCESS, "process %d has just ended.", pid);
	if (has_process_files(paths)) {
		if (error != -EACCES && error != -EPERM)
			return fail(EXIT_FAILURE, "cannot understand %s/%d/knumad: %s.",
				    paths->proc, pid, strerror(-error));
		fail(EXIT_DENIED, "process %d is not yours.", pid);
		hint("Its owner may look at it, or root: sudo knumadctl explain %d", pid);
		return EXIT_DENIED;
	}
	fail(EXIT_DENIED, "this kernel has no %s/PID/knumad, and debugfs cannot be read.",
	     paths->proc);
	hint("%s", why_no_debugfs(paths) ?: strerror(-error));
	return EXIT_DENIED;
}

static int explain(const struct paths *paths, pid_t pid, bool json)
{
	struct subject s = { .paths = paths };
	struct task task;
	int ret;

	if (task_read(paths, pid, &task) && task.kernel) {
		fail(EXIT_NO_PROCESS, "process %d is a thread of the kernel.", pid);
		hint("These have no memory of their own that could be moved.");
		return EXIT_NO_PROCESS;
	}
	ret = machine_read(paths, &s.machine);
	if (ret)
		return ret;
	tunable_read(paths, "enabled", s.mode, sizeof(s.mode));
	ret = process_read(paths, s.machine.nr, pid, &s.process);
	if (ret) {
		ret = read_failed(paths, pid, ret);
	} else {
		s.watched = process_watched(&s.process);
		if (!sum(s.process.resident, s.machine.nr))
			s.observed = observe(paths, &s.machine, &s.process);
		if (json)
			tell_json(&s);
		else
			tell(&s);
		process_free(&s.process);
	}
	machine_free(&s.machine);
	return ret;
}

static const char help[] =
	"Usage: knumadctl explain [--json] PID\n"
	"\n"
	"Tell why a process and its memory are where they are, and what to do about it.\n";

/**
 * cmd_explain - why is a process where it is?
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_explain(const struct paths *paths, int argc, char **argv)
{
	bool json = false;
	pid_t pid;
	int ret;

	ret = common_options(argc, argv, help, &json);
	if (ret >= 0)
		return ret;
	if (argc - optind != 1 || !parse_pid(argv[optind], &pid)) {
		fail(EXIT_USAGE, "explain: takes the number of a process.");
		return usage_error(argv[0]);
	}
	return need_knumad(paths) ?: no_process(paths, pid) ?: explain(paths, pid, json);
}
