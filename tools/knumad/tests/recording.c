// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: recordings, and what is drawn of them
 */

#include "../report.h"
#include "unit.h"

#define WIDTH	80

#define HEAD \
	RECORDING_HEADER "\nhost lab\nkernel 6.12.0\nstart 1767225600\ninterval 1\nnodes 2\n" \
	"node 0 0-1 524288\nnode 1 2-3 524288\n"

/*
 * Ten seconds of a process of 8 MB in two blocks of 4 MB. Its threads run on node 1. Its
 * memory is on node 0, and on node 1 from the fifth second on, when knumad has been
 * switched on.
 */
static char *made_up(void)
{
	char *text = xprintf("%s", HEAD), *longer;
	int i;

	for (i = 0; i < 10; i++) {
		bool on = i >= 5;

		longer = xprintf("%st %d.000 %s\nn 0 10.0 1000\nn 1 99.5 2000\n"
				 "p 77 post\\040gres %s %d %d 3 %d %s 0,990\n"
				 "b 77 7f0000000000 400000 %s\nb 77 7f0000400000 400000 %s\n",
				 text, i, on ? "always" : "never", on ? "home" : "off", on ? 1 : -1,
				 on ? 1000 : -1, on ? 2048 : 0, on ? "0,2048" : "2048,0",
				 on ? "0,1024" : "1024,0", on ? "0,1024" : "1024,0");
		free(text);
		text = longer;
	}
	return text;
}

static struct recording parsed(void)
{
	struct recording r;
	char *text = made_up();

	CHECK(!recording_parse("made-up", text, &r));
	free(text);
	return r;
}

static void reading(void)
{
	struct recording r = parsed();

	CHECK(r.nr_samples == 10 && r.nr_nodes == 2 && r.interval == 1 && r.start == 1767225600);
	CHECK(r.samples[9].nodes[1].free_kb == 2000);
	CHECK_STR(r.host, "lab");
	CHECK_STR(r.samples[0].mode, "never");
	CHECK(r.nr_tracks == 1 && r.tracks[0].nr_points == 10 && r.tracks[0].nr_heat == 20);
	CHECK_STR(r.tracks[0].comm, "post gres");
	CHECK(r.tracks[0].points[4].pages[0] == 2048 && r.tracks[0].points[5].pages[1] == 2048);
	CHECK(r.tracks[0].points[5].home == 1 && r.tracks[0].heat[19].point == 9);
	CHECK(r.tracks[0].heat[19].address == 0x7f0000400000);
	CHECK(recording_end(&r) == 10);
	recording_free(&r);
}

/* What parsing this says; it must fail */
static char *refused;

static int parse_it(const struct paths *paths, int argc, char **argv)
{
	struct recording r;
	int ret;

	(void)paths;
	(void)argc;
	(void)argv;
	ret = recording_parse("made-up", refused, &r);
	recording_free(&r);
	return ret;
}

static void check_refused(const char *text, const char *part)
{
	char *said;
	int status;

	refused = xprintf("%s", text);
	said = output_of(parse_it, &status, "parse", NULL);
	CHECK(status == EXIT_FAILURE);
	CHECK_HAS(said, "made-up");
	CHECK_HAS(said, part);
	free(refused);
	free(said);
}

static void broken(void)
{
	check_refused("", "not a recording");
	check_refused("knumadctl recording 99\n", "not a recording of this version");
	check_refused(HEAD, "no samples");
	check_refused(RECORDING_HEADER "\nwhatever 1\n", "line 2");
	check_refused(RECORDING_HEADER "\nt 0 never\n", "line 2");
	check_refused(RECORDING_HEADER "\nnodes 0\n", "line 2");
	check_refused(RECORDING_HEADER "\nnodes 99999\n", "line 2");
	check_refused(HEAD "nodes 3\n", "line 9");
	check_refused(HEAD "node 2 4-5 1\n", "line 9");
	check_refused(HEAD "n 0 1 1\n", "line 9");
	check_refused(HEAD "p 77 a off -1 -1 0 0 1,1 1,1\n", "line 9");
	check_refused(HEAD "t 1 never\nt 0 never\n", "line 10");
	check_refused(HEAD "t 1 ne\\033ver\n", "line 9");
	check_refused(HEAD "interval inf\n", "line 9");
	/* A word that would be told gnuplot */
	check_refused(HEAD "t 0 never\np 77 a '\\012!id\\012 -1 -1 0 0 1,1 1,1\n", "line 10");
	check_refused(HEAD "t 0 never\nb 77 0 400000 1,1\n", "line 10");
	check_refused(HEAD "t 0 never\np 77 a off -1 -1 0 0 1,1,1 1,1\n", "line 10");
	check_refused(HEAD "t 0 never\np 77 a off -1 -1 0 0 1,1\n", "line 10");
	check_refused(HEAD "t 0 never\np 77 a off -1 -1 0 0 1,1 1,1\nb 77 0 0 1,1\n", "line 11");
}

static void cut_short(void)
{
	char *text = made_up();
	struct recording r;

	/* In the middle of the last line */
	text[strlen(text) - 5] = '\0';
	CHECK(!recording_parse("made-up", text, &r));
	CHECK(r.nr_samples == 10 && r.tracks[0].nr_heat == 19);
	recording_free(&r);
	free(text);
}

static void shares(void)
{
	struct recording r = parsed();
	struct point *p = r.tracks[0].points;

	/* As the kernel tells it, or by where memory and threads are */
	CHECK(point_local(&p[9], 2) == 100);
	CHECK(point_local(&p[0], 2) == 0);
	p[0].pages[1] = p[0].pages[0];
	CHECK(point_local(&p[0], 2) == 50);
	p[0].cpu_ms[1] = 0;
	CHECK(point_local(&p[0], 2) < 0);
	CHECK(majority((const __u64 []) { 3, 1 }, 2) == 0);
	CHECK(majority((const __u64 []) { 2, 1 }, 2) == -1);
	CHECK(majority((const __u64 []) { 0, 0 }, 2) == -2);
	recording_free(&r);
}

static void rows(void)
{
	struct recording r = parsed();
	struct track *t = &r.tracks[0];
	struct rows rows;
	__u64 pages[4];

	rows_find(t, 32, &rows);
	CHECK(rows.size == 4 << 20 && rows.nr == 2 && rows.start[1] == 0x7f0000400000);
	rows_pages(&rows, t, &t->points[9], 2, pages);
	CHECK(!pages[0] && pages[1] == 1024 && !pages[2] && pages[3] == 1024);
	rows_free(&rows);
	rows_find(t, 1, &rows);
	CHECK(rows.size == 8 << 20 && rows.nr == 1);
	rows_pages(&rows, t, &t->points[9], 2, pages);
	CHECK(!pages[0] && pages[1] == 2048);
	rows_free(&rows);
	recording_free(&r);
}

static void draw(FILE *out, void *data)
{
	struct recording *r = data;

	chart_process(out, r, &r->tracks[0], WIDTH);
}

/* What is in the chart right of the axis, in the line with this label after @from */
static char *cells(const char *chart, const char *from, const char *label)
{
	const char *at = strstr(chart, from);

	at = at ? strstr(at, label) : NULL;
	at = at ? strstr(at, " |") : NULL;
	return at ? xprintf("%.*s", (int)strcspn(at + 2, "\n"), at + 2) : xprintf("%s", "");
}

/* The first half of the columns says this, the second half that; at the border either */
static void check_halves(const char *chart, const char *from, const char *label, char first,
			 char second)
{
	char *row = cells(chart, from, label);
	size_t len = strlen(row), i;

	CHECK(len > 50);
	for (i = 0; i < len; i++) {
		if (i + 1 < len / 2 && row[i] != first)
			break;
		if (i > len / 2 + 1 && row[i] != second)
			break;
	}
	if (i < len)
		fail_test(__FILE__, __LINE__, label, row);
	free(row);
}

static void chart(void)
{
	struct recording r = parsed();
	char *text = capture(draw, &r), *line, *rest;

	CHECK_HAS(text, "77 (post gres)");
	check_halves(text, "local share", "100 |", ' ', '*');
	check_halves(text, "local share", " 0 |", '*', ':');
	check_halves(text, "its memory", "8 |", '0', '1');
	check_halves(text, "its addresses, rows of 4M", "7f0000000000", '0', '1');
	check_halves(text, "its addresses", "7f0000400000", '0', '1');
	check_halves(text, "threads run on", "threads |", '1', '1');
	check_halves(text, "threads run on", "home |", '-', '1');
	check_halves(text, "threads run on", "off |", '#', ' ');
	check_halves(text, "home |", "\n          home |", ' ', '#');
	/* Fits in a terminal, and has a time axis */
	for (rest = text; (line = strsep(&rest, "\n"));)
		CHECK(strlen(line) <= WIDTH);
	free(text);
	recording_free(&r);
}

/* A process that was there from the third to the fifth second only */
static void comes_and_goes(void)
{
	char *text = made_up(), *line, *row, *rest = text, *less = xprintf("%s", ""), *more, *shown;
	struct recording r;
	int sample = -1;

	while ((line = strsep(&rest, "\n")) && rest) {
		sample += *line == 't';
		if ((*line == 'p' || *line == 'b') && (sample < 3 || sample > 5))
			continue;
		more = xprintf("%s%s\n", less, line);
		free(less);
		less = more;
	}
	CHECK(!recording_parse("made-up", less, &r));
	shown = capture(draw, &r);
	row = cells(shown, "threads run on", "threads |");
	/* Nothing for 3 s of 10, something for 3 s, nothing again */
	CHECK(strspn(row, " ") >= 16 && strspn(row, " ") <= 20);
	CHECK(strspn(row + strspn(row, " "), "1") >= 16);
	CHECK(row[strlen(row) - 1] == ' ');
	recording_free(&r);
	free(text);
	free(less);
	free(row);
	free(shown);
}

static void script(FILE *out, void *data)
{
	struct recording *r = data;

	snprintf(r->tracks[0].comm, sizeof(r->tracks[0].comm), "it's\n");
	plot_script(out, r, &r->tracks[0], "svg", "file.svg");
	plot_overview(out, r, 0, "png", "file.png");
}

/* Data are complete, and no name of a process gets out of its quotes */
static void gnuplot(void)
{
	struct recording r = parsed();
	char *text = capture(script, &r), *at;
	int begin = 0, end = 0, quotes = 0;

	for (at = text; (at = strstr(at, "<< EOD\n")); at++)
		begin++;
	for (at = text; (at = strstr(at, "\nEOD\n")); at++)
		end++;
	for (at = text; *at; at++)
		quotes += *at == '\'';
	CHECK(begin > 8 && begin == end);
	CHECK(quotes % 2 == 0);
	CHECK_HAS(text, "(it\"s?)");
	free(text);
	recording_free(&r);
}

const struct test recording_tests[] = {
	{ "recording: all of it is read", reading },
	{ "recording: what is broken is refused, with its line", broken },
	{ "recording: a last line that was cut short does not matter", cut_short },
	{ "recording: local shares and majorities", shares },
	{ "recording: rows of addresses", rows },
	{ "report: the charts show what was recorded", chart },
	{ "report: a process that comes and goes", comes_and_goes },
	{ "report: what gnuplot is told", gnuplot },
	{ NULL, NULL },
};
