// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: a recording as pictures, by gnuplot
 *
 * Nodes differ in darkness, so that they can be told apart in greyscale.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define MOST_ROWS	256	/* of an address space */
#define WIDTH		1000
#define HEIGHT		1240

/* Dark to light, with hues far apart; "several" is in none of them */
static const char *const shades[] = {
	"#0b3c6f", "#c05a00", "#8fc1e3", "#f2d16b", "#3b7a57", "#7a1f5c", "#b5b5b5", "#c9e4b4",
};

static const char *shade(size_t node)
{
	return shades[node % ARRAY_SIZE(shades)];
}

static void set_terminal(FILE *out, const char *format, const char *file, int height)
{
	bool png = !strcmp(format, "png");

	fprintf(out, "set terminal %s noenhanced size %d,%d font 'DejaVu Sans,%d'",
		png ? "pngcairo" : "svg", WIDTH, height, png ? 10 : 12);
	fputs(" background 'white'\n", out);
	fprintf(out, "set output '%s'\n", file);
	fputs("set border 3\nset tics nomirror out\n"
	      "set grid y lc rgb '#d8d8d8' lt 1 lw 1\nset style fill solid 1.0 noborder\n"
	      "set lmargin at screen 0.14\nset rmargin at screen 0.86\n"
	      "set key at screen 0.87,graph 1 left top Left reverse samplen 1.5\n", out);
}

/* A sample stands for the time up to the next one */
static double until(const struct recording *r, const struct track *t, size_t point)
{
	double interval = r->interval > 0 ? r->interval : 1, time = t->points[point].time;

	if (point + 1 < t->nr_points && t->points[point + 1].time - time < 1.5 * interval)
		return t->points[point + 1].time;
	return time + interval;
}

static void local_data(FILE *out, const struct recording *r, const struct track *t)
{
	double local;
	size_t i;

	for (i = 0; i < t->nr_points; i++) {
		local = point_local(&t->points[i], r->nr_nodes);
		if (local >= 0)
			fprintf(out, "%g %g\n%g %g\n", t->points[i].time, local,
				until(r, t, i), local);
		else
			fputs("\n", out);
	}
}

/* Corners of rectangles: x1 x2 y1 y2, those of node -1 being on several nodes */
static void box(FILE *out, double from, double to, double low, double high)
{
	fprintf(out, "%g %g %g %g\n", from, to, low, high);
}

/* What of a stack belongs to one node */
static void stack_data(FILE *out, const struct recording *r, const struct track *t, size_t nid,
		       bool memory)
{
	size_t i;

	for (i = 0; i < t->nr_points; i++) {
		const struct point *p = &t->points[i];
		const __u64 *v = memory ? p->pages : p->cpu_ms;
		double below = sum(v, nid), all = sum(v, r->nr_nodes);

		if (!v[nid])
			continue;
		if (memory)
			box(out, p->time, until(r, t, i), pages_mb(below),
			    pages_mb(below + v[nid]));
		else
			box(out, p->time, until(r, t, i), percent(below, all),
			    percent(below + v[nid], all));
	}
}

static void heat_data(FILE *out, const struct recording *r, const struct track *t,
		      const struct rows *rows, int node)
{
	__u64 *pages = xalloc(rows->nr * r->nr_nodes, sizeof(*pages));
	size_t i, row;

	for (i = 0; i < t->nr_points; i++) {
		rows_pages(rows, t, &t->points[i], r->nr_nodes, pages);
		for (row = 0; row < rows->nr; row++)
			if (majority(pages + row * r->nr_nodes, r->nr_nodes) == node)
				box(out, t->points[i].time, until(r, t, i), row, row + 1);
	}
	free(pages);
}

static void verdict_data(FILE *out, const struct recording *r, const struct track *t,
			 const char *verdict, size_t row)
{
	size_t i;

	for (i = 0; i < t->nr_points; i++)
		if (!strcmp(t->points[i].verdict, verdict))
			box(out, t->points[i].time, until(r, t, i), row + 0.15, row + 0.85);
}

/* gnuplot has no empty data: a box outside of everything */
static void nothing(FILE *out)
{
	fputs("-2 -1 0 0\nEOD\n", out);
}

static void write_data(FILE *out, const struct recording *r, const struct track *t,
		       const struct rows *rows)
{
	const char **verdicts;
	size_t nr = track_verdicts(t, &verdicts), i;

	fputs("$local << EOD\n", out);
	local_data(out, r, t);
	fputs("\n-2 0\nEOD\n", out);
	for (i = 0; i < r->nr_nodes; i++) {
		fprintf(out, "$memory%zu << EOD\n", i);
		stack_data(out, r, t, i, true);
		nothing(out);
		fprintf(out, "$cpu%zu << EOD\n", i);
		stack_data(out, r, t, i, false);
		nothing(out);
		fprintf(out, "$heat%zu << EOD\n", i);
		heat_data(out, r, t, rows, i);
		nothing(out);
	}
	fputs("$several << EOD\n", out);
	heat_data(out, r, t, rows, -1);
	nothing(out);
	for (i = 0; i < nr; i++) {
		fprintf(out, "$verdict%zu << EOD\n", i);
		verdict_data(out, r, t, verdicts[i], i);
		nothing(out);
	}
	free(verdicts);
}

/* One of the pictures below each other; the last one has the time below it */
static void panel(FILE *out, double top, double bottom, const char *label, bool last)
{
	fprintf(out, "set tmargin at screen %g\nset bmargin at screen %g\n", top, bottom);
	fprintf(out, "set ylabel '%s' offset screen 0,0\n", label);
	fputs("set yrange [0:*]\nset ytics autofreq\n", out);
	if (last)
		fputs("set xlabel 'seconds since the start'\nset xtics format '%g'\n", out);
	else
		fputs("set xlabel ''\nset xtics format ''\n", out);
}

#define BOXES	"using ($1+$2)/2:($3+$4)/2:1:2:3:4 with boxxyerror"

/* A border of the same colour, or neighbours would have a seam */
#define FILLED	"lc rgb '%s' fs solid border lc rgb '%s'"

static void plot_nodes(FILE *out, const struct recording *r, const char *data)
{
	size_t i;

	for (i = 0; i < r->nr_nodes; i++)
		fprintf(out, "%s $%s%zu " BOXES " " FILLED " title 'node %zu'",
			i ? ", \\\n\t" : "plot", data, i, shade(i), shade(i), i);
	putc('\n', out);
}

static void plot_heat(FILE *out, const struct recording *r, const struct rows *rows)
{
	size_t step = rows->nr / 8 + 1, i;

	fputs("set ytics (", out);
	for (i = 0; i < rows->nr; i += step)
		fprintf(out, "%s'%llx' %zu", i ? ", " : "", rows->start[i], i);
	fprintf(out, ")\nset yrange [0:%zu]\n", rows->nr ?: 1);
	fprintf(out, "plot $several " BOXES " fs pattern 4 lc rgb '#606060' title 'several'");
	for (i = 0; i < r->nr_nodes; i++)
		fprintf(out, ", \\\n\t$heat%zu " BOXES " " FILLED " title 'node %zu'", i, shade(i),
			shade(i), i);
	putc('\n', out);
}

static void plot_verdicts(FILE *out, const struct track *t)
{
	const char **verdicts;
	size_t nr = track_verdicts(t, &verdicts), i;

	fputs("set ytics (", out);
	for (i = 0; i < nr; i++)
		fprintf(out, "%s'%s' %g", i ? ", " : "", verdicts[i], i + 0.5);
	fprintf(out, ")\nset yrange [0:%zu]\n", nr);
	for (i = 0; i < nr; i++)
		fprintf(out, "%s $verdict%zu " BOXES " " FILLED " notitle",
			i ? ", \\\n\t" : "plot", i, "#303030", "#303030");
	putc('\n', out);
	free(verdicts);
}

/* Text for gnuplot, in single quotes */
static void quote(char *to, size_t size, const char *from)
{
	char *c;

	printable(to, size, from);
	for (c = to; *c; c++)
		if (*c == '\'')
			*c = '"';
}

/**
 * plot_script - what gnuplot is told to draw a process
 * @out: where to write it
 * @r: the recording
 * @t: the process
 * @format: png or svg
 * @file: where the picture goes
 */
void plot_script(FILE *out, const struct recording *r, const struct track *t,
		 const char *format, const char *file)
{
	struct rows rows;
	char comm[64];

	rows_find(t, MOST_ROWS, &rows);
	write_data(out, r, t, &rows);
	set_terminal(out, format, file, HEIGHT);
	quote(comm, sizeof(comm), t->comm);
	fprintf(out, "set multiplot\nset xrange [0:%g]\n", recording_end(r));
	fprintf(out, "set label 1 'process %d (%s): where its memory and its threads were'", t->pid,
		comm);
	fputs(" at screen 0.14,0.975 font ',14'\n", out);
	panel(out, 0.95, 0.79, "local (%)", false);
	fputs("set yrange [0:105]\nset ytics 0,20,100\n"
	      "plot $local with lines lw 3 lc rgb '#0b3c6f' title 'local'\nunset label 1\n", out);
	panel(out, 0.76, 0.60, "memory (MB)", false);
	plot_nodes(out, r, "memory");
	panel(out, 0.57, 0.28, "addresses", false);
	plot_heat(out, r, &rows);
	panel(out, 0.25, 0.16, "CPU time (%)", false);
	fputs("set yrange [0:100]\nset ytics 0,50,100\n", out);
	plot_nodes(out, r, "cpu");
	panel(out, 0.13, 0.05, "verdict", true);
	plot_verdicts(out, t);
	fputs("unset multiplot\nset output\n", out);
	rows_free(&rows);
}

/* Lines of processes differ in dashes, too */
static void plot_locals(FILE *out, const struct recording *r, pid_t pid)
{
	size_t i, nr = 0;
	char comm[64];

	for (i = 0; i < r->nr_tracks; i++) {
		if (!track_is_chosen(r, &r->tracks[i], pid))
			continue;
		quote(comm, sizeof(comm), r->tracks[i].comm);
		fprintf(out, "%s $track%zu with lines lw 2 dt %zu lc rgb '%s' title '%d %.12s'",
			nr ? ", \\\n\t" : "plot", i, nr % 5 + 1, shade(nr), r->tracks[i].pid,
			comm);
		nr++;
	}
	putc('\n', out);
}

static void node_data(FILE *out, const struct recording *r)
{
	size_t i, j;

	for (i = 0; i < r->nr_nodes; i++) {
		fprintf(out, "$node%zu << EOD\n", i);
		for (j = 0; j < r->nr_samples; j++)
			fprintf(out, "%g %g %llu\n", r->samples[j].time,
				r->samples[j].nodes[i].busy, r->samples[j].nodes[i].free_kb >> 10);
		fputs("EOD\n", out);
	}
}

static void plot_node_lines(FILE *out, const struct recording *r, int column)
{
	size_t i;

	for (i = 0; i < r->nr_nodes; i++) {
		fprintf(out, "%s $node%zu using 1:%d with steps", i ? ", \\\n\t" : "plot", i,
			column);
		fprintf(out, " lw 2 dt %zu lc rgb '%s' title 'node %zu'", i % 5 + 1, shade(i), i);
	}
	putc('\n', out);
}

/**
 * plot_overview - what gnuplot is told to draw all processes and nodes
 * @out: where to write it
 * @r: the recording
 * @pid: only this process; 0: all but small ones
 * @format: png or svg
 * @file: where the picture goes
 */
void plot_overview(FILE *out, const struct recording *r, pid_t pid, const char *format,
		   const char *file)
{
	size_t i;

	for (i = 0; i < r->nr_tracks; i++) {
		fprintf(out, "$track%zu << EOD\n", i);
		local_data(out, r, &r->tracks[i]);
		fputs("\n-2 0\nEOD\n", out);
	}
	node_data(out, r);
	set_terminal(out, format, file, HEIGHT * 2 / 3);
	fprintf(out, "set multiplot\nset xrange [0:%g]\n", recording_end(r));
	fputs("set label 1 'all processes, and the nodes' at screen 0.14,0.97 font ',14'\n", out);
	panel(out, 0.93, 0.62, "local (%)", false);
	fputs("set yrange [0:105]\nset ytics 0,20,100\n", out);
	plot_locals(out, r, pid);
	fputs("unset label 1\n", out);
	panel(out, 0.57, 0.37, "CPU use (%)", false);
	fputs("set yrange [0:105]\nset ytics 0,20,100\n", out);
	plot_node_lines(out, r, 2);
	panel(out, 0.32, 0.09, "free memory (MB)", true);
	plot_node_lines(out, r, 3);
	fputs("unset multiplot\nset output\n", out);
}

/* A gnuplot that reads from *@out */
static pid_t start_gnuplot(FILE **out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp("gnuplot", "gnuplot", NULL);
		_exit(127);
	}
	close(fds[0]);
	*out = pid > 0 ? fdopen(fds[1], "w") : NULL;
	if (!*out)
		close(fds[1]);
	return pid;
}

static int end_gnuplot(pid_t pid, FILE *out)
{
	int status;

	/* If it has ended, the wait tells why */
	fclose(out);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return fail(EXIT_FAILURE, "gnuplot did not end as it should.");
	if (WEXITSTATUS(status) == 127) {
		fail(EXIT_FAILURE, "gnuplot is not installed.");
		hint("On Debian: apt install gnuplot-nox. Without it: 'knumadctl report' as text.");
		return EXIT_FAILURE;
	}
	return WEXITSTATUS(status) ? fail(EXIT_FAILURE, "gnuplot failed, see above.") : 0;
}

static char *picture(const char *dir, const char *what, pid_t pid, const char *format)
{
	return pid ? xprintf("%s/%s-%d.%s", dir, what, pid, format) :
		     xprintf("%s/%s.%s", dir, what, format);
}

static void write_all(FILE *out, const struct recording *r, pid_t pid, const char *format,
		      const char *dir)
{
	char *file = picture(dir, "overview", 0, format);
	size_t i;

	plot_overview(out, r, pid, format, file);
	free(file);
	for (i = 0; i < r->nr_tracks; i++) {
		if (!track_is_chosen(r, &r->tracks[i], pid))
			continue;
		file = picture(dir, "process", r->tracks[i].pid, format);
		fputs("reset\n", out);
		plot_script(out, r, &r->tracks[i], format, file);
		free(file);
	}
}

/**
 * plot - draw pictures
 * @r: the recording
 * @pid: only this process; 0: all but small ones
 * @format: png or svg
 * @dir: the directory where they go; made if there is none
 *
 * Return: the exit status.
 */
int plot(const struct recording *r, pid_t pid, const char *format, const char *dir)
{
	FILE *out = NULL;
	pid_t gnuplot;

	if (strchr(dir, '\''))
		return fail(EXIT_FAILURE, "the name of the directory may not have quotes in it.");
	if (mkdir(dir, 0777) && errno != EEXIST)
		return fail(EXIT_FAILURE, "cannot make %s: %s.", dir, strerror(errno));
	/* A gnuplot that ends early is found out by waiting for it */
	signal(SIGPIPE, SIG_IGN);
	gnuplot = start_gnuplot(&out);
	if (gnuplot < 0 || !out)
		return fail(EXIT_FAILURE, "cannot start gnuplot: %s.", strerror(errno));
	write_all(out, r, pid, format, dir);
	return end_gnuplot(gnuplot, out);
}
