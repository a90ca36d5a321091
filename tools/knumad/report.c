// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl report: draw what was recorded
 */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "options.h"
#include "report.h"
#include "view.h"

#define WIDTH		80	/* of a line, if there is no terminal */
#define MOST_WIDTH	200

struct options_of_report {
	const char *file;
	const char *format;	/* of pictures; NULL: text */
	const char *dir;
	pid_t pid;		/* 0: all */
	bool json;
};

static int width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < WIDTH)
		return WIDTH;
	return size.ws_col > MOST_WIDTH ? MOST_WIDTH : size.ws_col;
}

static const struct point *last(const struct track *t)
{
	return &t->points[t->nr_points - 1];
}

/* The local share of a process: the mean, and the last one; negative if not known */
struct local {
	double mean;
	double last;
};

static struct local local_of(const struct recording *r, const struct track *t)
{
	struct local l = { -1, -1 };
	double local, all = 0;
	size_t i, nr = 0;

	for (i = 0; i < t->nr_points; i++) {
		local = point_local(&t->points[i], r->nr_nodes);
		if (local < 0)
			continue;
		all += local;
		nr++;
		l.mean = all / nr;
		l.last = local;
	}
	return l;
}

static void print_head(const struct recording *r)
{
	time_t start = r->start;
	char when[64] = "";
	struct tm tm;

	if (localtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("Recorded on %s (%s) at %s: %zu samples in %.0f s.\n", r->host, r->kernel, when,
	       r->nr_samples, recording_end(r));
	printf("knumad was %s at the beginning and %s at the end.\n", r->samples[0].mode,
	       r->samples[r->nr_samples - 1].mode);
	if (*r->command)
		printf("Command: %s\n", r->command);
	puts("");
}

static void print_summary(const struct recording *r, pid_t pid)
{
	char comm[64], mean[16], end[16];
	struct local local;
	size_t i;

	printf("%7s %-15s %8s %8s %8s %9s %9s  %s\n", "PID", "COMMAND", "MB", "LOCAL%", "AT END",
	       "MOVED MB", "FAULTS", "VERDICT");
	for (i = 0; i < r->nr_tracks; i++) {
		const struct track *t = &r->tracks[i];

		if (!track_is_chosen(r, t, pid))
			continue;
		local = local_of(r, t);
		format_local(mean, sizeof(mean), local.mean);
		format_local(end, sizeof(end), local.last);
		printable(comm, sizeof(comm), t->comm);
		printf("%7d %-15.15s %8.0f %8s %8s %9.0f %9llu  %s\n", t->pid, comm,
		       pages_mb(sum(last(t)->pages, r->nr_nodes)), mean, end,
		       pages_mb(last(t)->moved), last(t)->faults, last(t)->verdict);
	}
	puts("");
}

static void print_track_json(struct json *j, const struct recording *r, const struct track *t)
{
	struct local local = local_of(r, t);

	json_open(j, NULL, '{');
	json_int(j, "pid", t->pid);
	json_string(j, "comm", t->comm);
	json_int(j, "samples", t->nr_points);
	json_share(j, "mean_local_percent", local.mean);
	json_share(j, "last_local_percent", local.last);
	json_list(j, "resident_pages", last(t)->pages, r->nr_nodes);
	json_int(j, "moved_pages", last(t)->moved);
	json_int(j, "faults", last(t)->faults);
	json_string(j, "verdict", last(t)->verdict);
	json_close(j, '}');
}

static void print_json(const struct recording *r, pid_t pid)
{
	struct json j = { .out = stdout };
	size_t i;

	json_open(&j, NULL, '{');
	json_string(&j, "host", r->host);
	json_string(&j, "kernel", r->kernel);
	json_int(&j, "start", r->start);
	json_real(&j, "seconds", recording_end(r));
	json_int(&j, "samples", r->nr_samples);
	json_open(&j, "processes", '[');
	for (i = 0; i < r->nr_tracks; i++)
		if (track_is_chosen(r, &r->tracks[i], pid))
			print_track_json(&j, r, &r->tracks[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	puts("");
}

static void print_text(const struct recording *r, pid_t pid)
{
	size_t i;

	print_head(r);
	print_summary(r, pid);
	for (i = 0; i < r->nr_tracks; i++)
		if (track_is_chosen(r, &r->tracks[i], pid))
			chart_process(stdout, r, &r->tracks[i], width());
}

static bool has_any(const struct recording *r, pid_t pid)
{
	size_t i;

	for (i = 0; i < r->nr_tracks; i++)
		if (track_is_chosen(r, &r->tracks[i], pid))
			return true;
	return false;
}

static int report(const struct options_of_report *o)
{
	struct recording r;
	int ret;

	ret = recording_read(o->file, &r);
	if (!ret && !has_any(&r, o->pid)) {
		if (o->pid)
			ret = fail(EXIT_NO_PROCESS, "%s has no process %d.", o->file, o->pid);
		else
			ret = fail(EXIT_FAILURE, "%s has no process that is large enough to draw.",
				   o->file);
	} else if (!ret && o->format) {
		ret = plot(&r, o->pid, o->format, o->dir);
	} else if (!ret && o->json) {
		print_json(&r, o->pid);
	} else if (!ret) {
		print_text(&r, o->pid);
	}
	recording_free(&r);
	return ret;
}

static const char help[] =
	"Usage: knumadctl report [-p PID] [--json|--svg DIR|--png DIR] [FILE]\n"
	"\n"
	"Draw what 'knumadctl record' has written to FILE (" RECORDING_FILE "): the local share,\n"
	"where the memory was and the verdicts of each process, over time.\n"
	"\n"
	"  -p, --pid PID  only this process\n"
	"      --json     a summary as JSON\n"
	"      --svg DIR  pictures in DIR instead of text; needs gnuplot\n"
	"      --png DIR  the same as PNG\n";

static bool parse(int c, struct options_of_report *o)
{
	switch (c) {
	case 'p':
		return parse_pid(optarg, &o->pid);
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_PNG:
	case OPT_SVG:
		o->format = c == OPT_PNG ? "png" : "svg";
		o->dir = optarg;
		return true;
	}
	return false;
}

/**
 * cmd_report - draw what was recorded
 * @paths: not used: a recording has all
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_report(const struct paths *paths, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "pid", required_argument, NULL, 'p' },
		{ "png", required_argument, NULL, OPT_PNG },
		{ "svg", required_argument, NULL, OPT_SVG },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	struct options_of_report o = { .file = RECORDING_FILE };
	int c;

	(void)paths;
	while ((c = next_option(argc, argv, "hp:", options, help)) != -1) {
		if (c == OPTION_HELP)
			return EXIT_SUCCESS;
		if (c == OPTION_WRONG)
			return usage_error(argv[0]);
		if (!parse(c, &o)) {
			fail(EXIT_USAGE, "report: '%s' is not the number of a process.", optarg);
			return usage_error(argv[0]);
		}
	}
	if (argc - optind > 1) {
		fail(EXIT_USAGE, "report: takes one file.");
		return usage_error(argv[0]);
	}
	if (optind < argc)
		o.file = argv[optind];
	return report(&o);
}
