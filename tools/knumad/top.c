// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl top: nodes, processes and threads, again and again
 */

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <unistd.h>

#include "options.h"
#include "table.h"
#include "top.h"

#undef lines		/* of term.h, which has macros by plain names */
#undef columns

#define ESCAPE	27

/* The state of the screen */
struct screen {
	struct top top;
	double delay;
	bool help;
	bool asking;		/* for a delay */
	char answer[8];
	const char *message;	/* on the last line, until a key is hit */
	size_t first;		/* the first line of processes that is shown */
	int signals;		/* file descriptor */
	int caught;		/* the signal that ends us */
	bool done;
};

static const char *const help_lines[] = {
	"q            quit",
	"h ?          this help; any key leaves it",
	"space        look again now",
	"s d          how many seconds between two looks",
	"up down      select a process (also k and j); PgUp PgDn Home End",
	"t            its threads: home, and where they run",
	"a            also processes that are not watched, and back",
	"n            all nodes, and back",
	"P M L F V N  sort by: cores it can use, memory, least local, faults, MB/s, PID",
	"R            the other way round",
	"",
	"BY NODE   where its memory is: each digit is a node and stands for a share",
	"LOCAL%    share of the memory it uses that is on the node of its threads",
	"MB/s      moved by knumad; FLT/s hinting faults; SCAN% CPU time of looking at it",
	"VERDICT   why it is where it is: 'knumadctl explain PID' says it in sentences",
};

static void read_tasks(struct top *top)
{
	tasks_free(&top->tasks_before);
	top->tasks_before = top->tasks;
	top->tasks = (struct tasks) { 0 };
	if (top->threads && top->selected)
		tasks_read(top->paths, top->selected, &top->tasks);
}

static int look(struct top *top)
{
	view_free(&top->before);
	top->before = top->now;
	top->now = (struct view) { 0 };
	read_tasks(top);
	return view_read(top->paths, &top->now);
}

static void forget(struct top *top)
{
	view_free(&top->now);
	view_free(&top->before);
	tasks_free(&top->tasks);
	tasks_free(&top->tasks_before);
}

/* Why there are no processes, or not all */
static void describe_missing(const struct top *top, char *text, size_t size)
{
	*text = '\0';
	if (top->now.error)
		snprintf(text, size, "%s", why_no_debugfs(top->paths) ?: strerror(-top->now.error));
	else if (!strcmp(top->now.mode, "never"))
		snprintf(text, size, "knumad is off: 'knumadctl on' switches it on.");
	else if (top->now.processes.denied)
		snprintf(text, size, "%zu processes of others: root sees them, too.",
			 top->now.processes.denied);
}

static void print_table(struct table *table)
{
	size_t i;

	for (i = 0; i < table->nr; i++)
		puts(table->v[i].text);
	table_free(table);
}

static void print_text(const struct top *top)
{
	struct table table = { 0 };
	char missing[160];

	table_head(top, &table);
	table_nodes(top, top->now.machine.nr, &table);
	table_heading(top, &table);
	table_processes(top, &table);
	print_table(&table);
	describe_missing(top, missing, sizeof(missing));
	if (*missing)
		puts(missing);
	puts("");
}

static void print_json(const struct top *top)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	json_view(&j, &top->now, top->before.time ? &top->before : NULL);
	json_close(&j, '}');
	puts("");
}

static int batch(struct top *top, double delay, __u64 rounds, bool json)
{
	__u64 round;
	int ret = 0;

	for (round = 0; !ret && (!rounds || round < rounds); round++) {
		if (round)
			poll(NULL, 0, delay * 1000);
		ret = look(top);
		if (ret)
			break;
		if (json)
			print_json(top);
		else
			print_text(top);
		/* main() says so */
		if (fflush(stdout))
			break;
	}
	forget(top);
	return ret;
}

static void put_line(int row, const char *text, attr_t attributes)
{
	int width = getmaxx(stdscr);

	attrset(attributes);
	mvaddnstr(row, 0, text, width);
	if (attributes & A_REVERSE)
		mvchgat(row, 0, -1, A_REVERSE, 0, NULL);
	attrset(A_NORMAL);
}

static int put_table(int row, const struct table *table, size_t from, int rows)
{
	static const attr_t attributes[] = {
		[PLAIN] = A_NORMAL,
		[HEADING] = A_REVERSE,
		[SELECTED] = A_REVERSE | A_BOLD,
		[STRONG] = A_BOLD,
	};

	for (; from < table->nr && rows > 0; from++, row++, rows--)
		put_line(row, table->v[from].text, attributes[table->v[from].style]);
	return row;
}

static void draw_help(void)
{
	int row;

	put_line(0, "knumadctl top: keys, and what the columns mean", A_REVERSE);
	for (row = 0; row < (int)ARRAY_SIZE(help_lines); row++)
		put_line(row + 1, help_lines[row], A_NORMAL);
}

/* Have the selected process, and its threads as far as possible, on the screen */
static void scroll_to_selected(struct screen *s, const struct table *table, size_t rows)
{
	size_t at, end;

	for (at = 0; at < table->nr && table->v[at].style != SELECTED; at++)
		;
	if (at == table->nr)
		at = 0;
	for (end = at + 1; end < at + 1 + s->top.tasks.nr && end < table->nr; end++)
		;
	if (end > s->first + rows)
		s->first = end - rows;
	if (at < s->first)
		s->first = at;
	if (s->first + rows > table->nr)
		s->first = table->nr > rows ? table->nr - rows : 0;
}

static void draw_processes(struct screen *s, int row, int rows)
{
	struct table table = { 0 };

	table_processes(&s->top, &table);
	scroll_to_selected(s, &table, rows);
	put_table(row, &table, s->first, rows);
	if (!table.nr && !s->top.now.error)
		put_line(row, "No process is watched.", A_NORMAL);
	table_free(&table);
}

static void draw_last_line(const struct screen *s, int row)
{
	char text[160];

	if (s->asking) {
		snprintf(text, sizeof(text), "Seconds between two looks (%.1f): %s", s->delay,
			 s->answer);
		put_line(row, text, A_BOLD);
		return;
	}
	if (s->message)
		snprintf(text, sizeof(text), "%s", s->message);
	else
		describe_missing(&s->top, text, sizeof(text));
	if (*text)
		put_line(row, text, A_BOLD);
	else
		put_line(row, "q quit  h help  t threads  up/down select  P M L F V N sort", A_DIM);
}

static void draw_all(struct screen *s, int rows)
{
	struct table table = { 0 };
	size_t most = s->top.all_nodes ? rows - 6 : (rows - 6) / 2;
	int row;

	table_head(&s->top, &table);
	table_nodes(&s->top, most, &table);
	table_heading(&s->top, &table);
	row = put_table(0, &table, 0, rows - 1);
	table_free(&table);
	draw_processes(s, row, rows - 1 - row);
	draw_last_line(s, rows - 1);
}

static void draw(struct screen *s)
{
	int rows, columns;

	getmaxyx(stdscr, rows, columns);
	s->top.width = columns;
	erase();
	if (rows < LEAST_ROWS || columns < LEAST_COLUMNS)
		put_line(0, "The terminal is too small; q quits.", A_NORMAL);
	else if (s->help)
		draw_help();
	else
		draw_all(s, rows);
	refresh();
}

/* Move the selection by so many processes; from none: to the first one */
static void select_by(struct screen *s, long by)
{
	const struct process **order;
	long nr = top_order(&s->top, &order), at;

	for (at = 0; at < nr && order[at]->pid != s->top.selected; at++)
		;
	at = at == nr ? 0 : at + by;
	at = at < 0 ? 0 : at >= nr ? nr - 1 : at;
	if (nr && order[at]->pid != s->top.selected) {
		s->top.selected = order[at]->pid;
		/* Not the threads of the other one */
		tasks_free(&s->top.tasks);
		read_tasks(&s->top);
	}
	free(order);
}

static void toggle_threads(struct screen *s)
{
	s->top.threads = !s->top.threads;
	if (!s->top.selected)
		select_by(s, 0);
	tasks_free(&s->top.tasks);
	read_tasks(&s->top);
}

/* Terminals differ in what they send for these */
static bool is_enter(int key)
{
	return key == '\n' || key == '\r' || key == KEY_ENTER;
}

static bool is_erase(int key)
{
	return key == KEY_BACKSPACE || key == '\b' || key == 127;
}

static void ask(struct screen *s, int key)
{
	size_t len = strlen(s->answer);

	if (is_enter(key)) {
		s->asking = false;
		if (*s->answer && !parse_seconds(s->answer, &s->delay))
			s->message = "That is no number of seconds, 0.1 or more.";
	} else if (key == ESCAPE) {
		s->asking = false;
	} else if (is_erase(key) && len) {
		s->answer[len - 1] = '\0';
	} else if (key < 256 && strchr("0123456789.", key) && key && len + 1 < sizeof(s->answer)) {
		s->answer[len] = key;
		s->answer[len + 1] = '\0';
	}
}

/* Whether it is time for a new look */
static bool handle_key(struct screen *s, int key)
{
	s->message = NULL;
	if (s->help) {
		s->help = false;
		return false;
	}
	if (s->asking) {
		ask(s, key);
		return false;
	}
	if (key && key < 128 && strchr(SORT_KEYS, key)) {
		s->top.sort = key;
		return false;
	}
	switch (key) {
	case 'q':
	case 'Q':
		s->done = true;
		break;
	case 'h':
	case '?':
		s->help = true;
		break;
	case ' ':
		return true;
	case 's':
	case 'd':
		s->asking = true;
		*s->answer = '\0';
		break;
	case 't':
		toggle_threads(s);
		break;
	case 'a':
		s->top.all = !s->top.all;
		break;
	case 'n':
		s->top.all_nodes = !s->top.all_nodes;
		break;
	case 'R':
		s->top.reverse = !s->top.reverse;
		break;
	case KEY_UP:
	case 'k':
		select_by(s, -1);
		break;
	case KEY_DOWN:
	case 'j':
		select_by(s, 1);
		break;
	case KEY_PPAGE:
		select_by(s, -LEAST_ROWS);
		break;
	case KEY_NPAGE:
		select_by(s, LEAST_ROWS);
		break;
	case KEY_HOME:
		select_by(s, -1000000);
		break;
	case KEY_END:
		select_by(s, 1000000);
		break;
	}
	return false;
}

static void handle_signal(struct screen *s)
{
	struct signalfd_siginfo info;
	struct winsize size;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGWINCH) {
		s->caught = info.ssi_signo;
		s->done = true;
	} else if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		resizeterm(size.ws_row, size.ws_col);
		clearok(stdscr, TRUE);
	}
}

/* Until the time is up, a key asks for a new look, or it is over */
static void wait_for_input(struct screen *s, double until)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
	};
	bool again = false;
	double left;
	int key;

	while (!s->done && !again && (left = until - now_s()) > 0) {
		if (poll(fds, ARRAY_SIZE(fds), left * 1000 + 1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			handle_signal(s);
		/* The terminal is gone */
		if (fds[0].revents & (POLLHUP | POLLERR))
			s->done = true;
		while (!s->done && (key = getch()) != ERR)
			again |= handle_key(s, key);
		if (!s->done)
			draw(s);
	}
}

/* Returns the exit status */
static int watch(struct screen *s, __u64 rounds)
{
	__u64 round;
	int ret = 0;

	for (round = 0; !s->done && (!rounds || round < rounds); round++) {
		ret = look(&s->top);
		if (ret)
			break;
		draw(s);
		wait_for_input(s, s->top.now.time + s->delay);
	}
	return ret;
}

static int catch_signals(sigset_t *old)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static SCREEN *open_screen(void)
{
	SCREEN *screen = newterm(NULL, stdout, stdin);

	if (!screen) {
		fail(EXIT_FAILURE, "the terminal type '%s' is not known here.",
		     getenv("TERM") ?: "");
		hint("Try TERM=vt100 knumadctl top, or knumadctl top -b for plain text.");
		return NULL;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	return screen;
}

static int too_small(int rows, int columns)
{
	fail(EXIT_FAILURE, "the terminal has %d columns and %d rows, and top needs %d and %d.",
	     columns, rows, LEAST_COLUMNS, LEAST_ROWS);
	hint("Make it larger, or try knumadctl top -b for plain text.");
	return EXIT_FAILURE;
}

static int interactive(struct screen *s, __u64 rounds)
{
	SCREEN *screen;
	sigset_t old;
	int rows, columns, ret = EXIT_SUCCESS;
	bool fits;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fail(EXIT_FAILURE, "this is not a terminal.");
		hint("'knumadctl top -b' prints plain text.");
		return EXIT_FAILURE;
	}
	s->signals = catch_signals(&old);
	screen = s->signals >= 0 ? open_screen() : NULL;
	if (!screen)
		return EXIT_FAILURE;
	getmaxyx(stdscr, rows, columns);
	fits = rows >= LEAST_ROWS && columns >= LEAST_COLUMNS;
	if (fits)
		ret = watch(s, rounds);
	endwin();
	delscreen(screen);
	forget(&s->top);
	close(s->signals);
	if (!fits)
		return too_small(rows, columns);
	/* What was said went with the screen */
	if (ret)
		return fail(ret, "the nodes of this machine can no longer be read.");
	if (s->caught) {
		/* End as everybody else does who gets that signal */
		signal(s->caught, SIG_DFL);
		sigprocmask(SIG_SETMASK, &old, NULL);
		raise(s->caught);
	}
	return EXIT_SUCCESS;
}

/**
 * top - look at everything again and again
 * @paths: where the files of the kernel are
 * @o: how
 *
 * Return: the exit status.
 */
int top(const struct paths *paths, const struct top_options *o)
{
	struct screen s = {
		.top = {
			.paths = paths,
			.sort = o->sort,
			.threads = o->threads,
			.selected = o->pid,
			.width = WIDTH_OF_TEXT,
		},
		.delay = o->delay,
	};

	if (o->batch)
		return batch(&s.top, o->delay, o->rounds, o->json);
	return interactive(&s, o->rounds);
}

static const char help[] =
	"Usage: knumadctl top [-b] [-d SECONDS] [-n ROUNDS] [-o KEY] [-p PID] [-t] [--json]\n"
	"\n"
	"Show nodes and the processes that knumad watches, again and again. h tells the keys.\n"
	"\n"
	"  -b, --batch            plain text, for files and pipes\n"
	"  -d, --delay SECONDS    between two looks (2)\n"
	"  -n, --rounds ROUNDS    end after so many looks\n"
	"  -o, --sort KEY         sort by cores (P), memory (M), least local (L), faults (F),\n"
	"                         MB/s moved (V) or PID (N)\n"
	"  -p, --pid PID          select this process\n"
	"  -t, --threads          show the threads of the selected process\n"
	"      --json             as JSON, a line for each look\n";

static bool parse(int c, struct top_options *o)
{
	switch (c) {
	case 'b':
		o->batch = true;
		return true;
	case 'd':
		return parse_seconds(optarg, &o->delay);
	case 'n':
		return parse_number(optarg, ~0ULL, &o->rounds) && o->rounds;
	case 'o':
		o->sort = *optarg;
		return *optarg && !optarg[1] && strchr(SORT_KEYS, *optarg);
	case 'p':
		return parse_pid(optarg, &o->pid);
	case 't':
		o->threads = true;
		return true;
	case OPT_JSON:
		o->json = true;
		o->batch = true;
		return true;
	}
	return false;
}

/**
 * cmd_top - nodes, processes and threads, again and again
 * @paths: where the files of the kernel are
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_top(const struct paths *paths, int argc, char **argv)
{
	static const struct option options[] = {
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "sort", required_argument, NULL, 'o' },
		{ "pid", required_argument, NULL, 'p' },
		{ "threads", no_argument, NULL, 't' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 }
	};
	struct top_options o = { .delay = 2, .sort = 'P' };
	int c;

	while ((c = next_option(argc, argv, "hbd:n:o:p:t", options, help)) != -1) {
		if (c == OPTION_HELP)
			return EXIT_SUCCESS;
		if (c == OPTION_WRONG)
			return usage_error(argv[0]);
		if (!parse(c, &o)) {
			fail(EXIT_USAGE, "top: -%c does not take '%s'.", c, optarg);
			return usage_error(argv[0]);
		}
	}
	if (optind < argc) {
		fail(EXIT_USAGE, "top: takes no argument, such as '%s'.", argv[optind]);
		return usage_error(argv[0]);
	}
	return need_knumad(paths) ?: top(paths, &o);
}
