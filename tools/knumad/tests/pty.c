// SPDX-License-Identifier: GPL-2.0
/*
 * Run a program on a terminal that is not there, and look at its screen
 *
 * Usage: pty [-r ROWS] [-c COLUMNS] COMMAND [ARGUMENT...] <SCRIPT
 *
 * The script has one step per line; empty lines and those that begin with # are skipped:
 *
 *	expect TEXT	wait until the screen has this
 *	gone TEXT	wait until it has not
 *	row N TEXT	wait until row N, from 0, has this
 *	send KEYS	type this; \e is Escape, \r Enter
 *	resize R C	change the size of the terminal
 *	signal NUMBER	send the program a signal
 *	exits STATUS	wait until it has ended like that; 128 + a signal that ended it
 *	restored	the terminal must be as it was before: modes, cursor, main screen
 *	show		print the screen
 *
 * It understands what a program sends to a vt100 or an xterm, as far as ncurses does.
 * Exit status: 0 if all steps went well, else 1, when it has said which did not.
 */

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MOST_ROWS	100
#define MOST_COLUMNS	250
#define MOST_NUMBERS	8
#define PATIENCE	30	/* seconds until a step has failed */

struct screen {
	int rows;
	int columns;
	int row;
	int column;
	int top;		/* of what scrolls */
	int bottom;
	int saved[2];
	bool cursor;		/* is visible */
	bool other;		/* the program has the other screen */
	char last;		/* character printed, for those that want it again */
	char cell[MOST_ROWS][MOST_COLUMNS + 1];
	/* An escape sequence, as far as it has come */
	char sequence[64];
	size_t nr_sequence;
};

struct terminal {
	int master;
	pid_t pid;
	bool ended;
	int status;
	struct termios before;
	struct screen screen;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int at_most(int v, int most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

static void clear_cells(struct screen *s, int row, int from, int to)
{
	for (; from < to; from++)
		s->cell[row][from] = ' ';
}

static void clear_rows(struct screen *s, int from, int to)
{
	for (; from < to; from++)
		clear_cells(s, from, 0, MOST_COLUMNS);
}

static void scroll_up(struct screen *s, int from, int count)
{
	for (; count > 0; count--) {
		memmove(s->cell[from], s->cell[from + 1],
			(s->bottom - from) * sizeof(s->cell[0]));
		clear_rows(s, s->bottom, s->bottom + 1);
	}
}

static void scroll_down(struct screen *s, int from, int count)
{
	for (; count > 0; count--) {
		memmove(s->cell[from + 1], s->cell[from],
			(s->bottom - from) * sizeof(s->cell[0]));
		clear_rows(s, from, from + 1);
	}
}

static void line_feed(struct screen *s)
{
	if (s->row == s->bottom)
		scroll_up(s, s->top, 1);
	else
		s->row = at_most(s->row + 1, s->rows - 1);
}

static void print_character(struct screen *s, char c)
{
	if (s->column == s->columns) {
		s->column = 0;
		line_feed(s);
	}
	s->cell[s->row][s->column++] = c;
	s->last = c;
}

static void erase_display(struct screen *s, int how)
{
	if (how == 0) {
		clear_cells(s, s->row, s->column, MOST_COLUMNS);
		clear_rows(s, s->row + 1, MOST_ROWS);
	} else if (how == 1) {
		clear_rows(s, 0, s->row);
		clear_cells(s, s->row, 0, s->column + 1);
	} else {
		clear_rows(s, 0, MOST_ROWS);
	}
}

static void erase_line(struct screen *s, int how)
{
	clear_cells(s, s->row, how ? 0 : s->column, how == 1 ? s->column + 1 : MOST_COLUMNS);
}

static void shift_cells(struct screen *s, int by)
{
	char *line = s->cell[s->row];
	int left = MOST_COLUMNS - s->column;

	if (by > 0) {
		memmove(line + s->column + by, line + s->column, left - by);
		clear_cells(s, s->row, s->column, s->column + by);
	} else {
		memmove(line + s->column, line + s->column - by, left + by);
		clear_cells(s, s->row, MOST_COLUMNS + by, MOST_COLUMNS);
	}
}

static void set_mode(struct screen *s, int mode, bool on)
{
	if (mode == 25)
		s->cursor = on;
	else if (mode == 1049 || mode == 47)
		s->other = on;
}

/* ESC [ numbers letter */
static void control(struct screen *s, const char *numbers, char letter)
{
	int v[MOST_NUMBERS] = { 0 }, nr = 0, i, one;
	bool private = *numbers == '?';
	const char *at;

	for (at = numbers + private; *at && nr < MOST_NUMBERS; at += strcspn(at, ";")) {
		at += *at == ';';
		v[nr++] = atoi(at);
	}
	one = v[0] ? v[0] : 1;
	switch (letter) {
	case 'A':
		s->row = at_most(s->row - one, s->rows - 1);
		break;
	case 'B':
		s->row = at_most(s->row + one, s->rows - 1);
		break;
	case 'C':
		s->column = at_most(s->column + one, s->columns - 1);
		break;
	case 'D':
		s->column = at_most(s->column - one, s->columns - 1);
		break;
	case 'G':
		s->column = at_most(one - 1, s->columns - 1);
		break;
	case 'd':
		s->row = at_most(one - 1, s->rows - 1);
		break;
	case 'H':
	case 'f':
		s->row = at_most(one - 1, s->rows - 1);
		s->column = at_most((v[1] ? v[1] : 1) - 1, s->columns - 1);
		break;
	case 'J':
		erase_display(s, v[0]);
		break;
	case 'K':
		erase_line(s, v[0]);
		break;
	case 'L':
		scroll_down(s, s->row, one);
		break;
	case 'M':
		scroll_up(s, s->row, one);
		break;
	case 'S':
		scroll_up(s, s->top, one);
		break;
	case 'T':
		scroll_down(s, s->top, one);
		break;
	case '@':
		shift_cells(s, one);
		break;
	case 'P':
		shift_cells(s, -one);
		break;
	case 'X':
		clear_cells(s, s->row, s->column, at_most(s->column + one, MOST_COLUMNS));
		break;
	case 'b':
		for (i = 0; i < one; i++)
			print_character(s, s->last);
		break;
	case 'r':
		s->top = at_most(one - 1, s->rows - 1);
		s->bottom = at_most((v[1] ? v[1] : s->rows) - 1, s->rows - 1);
		s->row = 0;
		s->column = 0;
		break;
	case 'h':
	case 'l':
		for (i = 0; private && i < nr; i++)
			set_mode(s, v[i], letter == 'h');
		break;
	}
	/* Colours and the like (m), and questions, do not change what is where */
}

/* Whether the sequence is complete */
static bool escape(struct screen *s)
{
	char *seq = s->sequence, last = seq[s->nr_sequence - 1];

	if (s->nr_sequence < 2)
		return false;
	switch (seq[1]) {
	case '[':
		if (s->nr_sequence < 3 || last < '@' || last > '~')
			return false;
		seq[s->nr_sequence - 1] = '\0';
		control(s, seq + 2, last);
		return true;
	case '(':
	case ')':
	case '#':
		return s->nr_sequence == 3;
	case ']':
		return last == '\a' || (last == '\\' && seq[s->nr_sequence - 2] == '\033');
	case '7':
		s->saved[0] = s->row;
		s->saved[1] = s->column;
		return true;
	case '8':
		s->row = s->saved[0];
		s->column = s->saved[1];
		return true;
	case 'M':
		if (s->row == s->top)
			scroll_down(s, s->top, 1);
		else
			s->row = at_most(s->row - 1, s->rows - 1);
		return true;
	case 'D':
		line_feed(s);
		return true;
	}
	return true;
}

static void take(struct screen *s, char c)
{
	if (s->nr_sequence) {
		s->sequence[s->nr_sequence++] = c;
		s->sequence[s->nr_sequence] = '\0';
		if (escape(s) || s->nr_sequence + 1 == sizeof(s->sequence))
			s->nr_sequence = 0;
		return;
	}
	switch (c) {
	case '\033':
		s->sequence[s->nr_sequence++] = c;
		break;
	case '\r':
		s->column = 0;
		break;
	case '\n':
		line_feed(s);
		break;
	case '\b':
		s->column = at_most(s->column - 1, s->columns - 1);
		break;
	case '\t':
		s->column = at_most((s->column / 8 + 1) * 8, s->columns - 1);
		break;
	default:
		if (isprint((unsigned char)c))
			print_character(s, c);
	}
}

static void resize(struct terminal *t, int rows, int columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	t->screen.rows = at_most(rows, MOST_ROWS);
	t->screen.columns = at_most(columns, MOST_COLUMNS);
	t->screen.top = 0;
	t->screen.bottom = t->screen.rows - 1;
	ioctl(t->master, TIOCSWINSZ, &size);
}

static bool start(struct terminal *t, int rows, int columns, char **command)
{
	const char *name;
	int slave;

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->master < 0 || grantpt(t->master) || unlockpt(t->master))
		return false;
	name = ptsname(t->master);
	clear_rows(&t->screen, 0, MOST_ROWS);
	t->screen.cursor = true;
	slave = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	if (slave < 0 || tcgetattr(slave, &t->before))
		return false;
	resize(t, rows, columns);
	t->pid = fork();
	if (!t->pid) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		/* A shell ignores them for us if we run in the background */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		dup2(slave, STDIN_FILENO);
		dup2(slave, STDOUT_FILENO);
		dup2(slave, STDERR_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	/* The slave stays open, so that its modes can be read when the program has ended */
	return t->pid > 0;
}

static void check_ended(struct terminal *t)
{
	int status;

	if (t->ended || waitpid(t->pid, &status, WNOHANG) != t->pid)
		return;
	t->ended = true;
	t->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Read what there is, or wait a little for more */
static void follow(struct terminal *t)
{
	struct pollfd fd = { .fd = t->master, .events = POLLIN };
	char text[4096];
	ssize_t got, i;

	if (poll(&fd, 1, 50) > 0 && fd.revents & POLLIN) {
		got = read(t->master, text, sizeof(text));
		for (i = 0; i < got; i++)
			take(&t->screen, text[i]);
	}
	check_ended(t);
}

static bool row_has(struct screen *s, int row, const char *text)
{
	s->cell[row][s->columns] = '\0';
	return strstr(s->cell[row], text);
}

static bool screen_has(struct screen *s, const char *text)
{
	int row;

	for (row = 0; row < s->rows; row++)
		if (row_has(s, row, text))
			return true;
	return false;
}

static void show(struct screen *s)
{
	int row;

	for (row = 0; row < s->rows; row++) {
		s->cell[row][s->columns] = '\0';
		printf("# |%s|\n", s->cell[row]);
	}
}

static void type(struct terminal *t, const char *keys)
{
	char c;

	for (; *keys; keys++) {
		c = *keys;
		if (c == '\\' && keys[1]) {
			keys++;
			c = *keys == 'e' ? '\033' : *keys == 'r' ? '\r' : *keys;
		}
		if (write(t->master, &c, 1) != 1)
			perror("write");
	}
}

static bool is_restored(struct terminal *t)
{
	struct termios after;

	if (tcgetattr(t->master, &after))
		return false;
	return after.c_iflag == t->before.c_iflag && after.c_oflag == t->before.c_oflag &&
	       after.c_lflag == t->before.c_lflag && t->screen.cursor && !t->screen.other;
}

/* What a step waits for */
static bool holds(struct terminal *t, const char *step, const char *rest)
{
	char *text;
	long row;

	if (!strcmp(step, "expect"))
		return screen_has(&t->screen, rest);
	if (!strcmp(step, "gone"))
		return !screen_has(&t->screen, rest);
	if (!strcmp(step, "row")) {
		row = strtol(rest, &text, 10);
		return row < t->screen.rows && row_has(&t->screen, row, text + 1);
	}
	if (!strcmp(step, "exits"))
		return t->ended && t->status == atoi(rest);
	return is_restored(t);
}

static bool wait_for(struct terminal *t, const char *step, const char *rest)
{
	double end = now_s() + PATIENCE;

	while (!holds(t, step, rest)) {
		follow(t);
		if (now_s() > end)
			return false;
	}
	return true;
}

static bool is_condition(const char *step)
{
	static const char *const words[] = { "expect", "gone", "row", "exits", "restored" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], step))
			return true;
	return false;
}

static bool run_step(struct terminal *t, char *line)
{
	char *rest = line, *step = strsep(&rest, " ");
	int rows, columns;

	rest = rest ? rest : "";
	if (is_condition(step))
		return wait_for(t, step, rest);
	if (!strcmp(step, "send"))
		type(t, rest);
	else if (!strcmp(step, "resize") && sscanf(rest, "%d %d", &rows, &columns) == 2)
		resize(t, rows, columns);
	else if (!strcmp(step, "signal"))
		return !kill(t->pid, atoi(rest));
	else if (!strcmp(step, "show"))
		show(&t->screen);
	else
		return false;
	return true;
}

static bool run_script(struct terminal *t)
{
	char line[256], copy[256];
	unsigned int nr = 0;

	while (fgets(line, sizeof(line), stdin)) {
		nr++;
		line[strcspn(line, "\n")] = '\0';
		snprintf(copy, sizeof(copy), "%s", line);
		if (!*line || *line == '#' || run_step(t, line))
			continue;
		printf("# step %u failed: %s\n", nr, copy);
		if (t->ended)
			printf("# the program has ended with status %d\n", t->status);
		show(&t->screen);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct terminal t;
	int rows = 24, columns = 80, c;
	bool good;

	while ((c = getopt(argc, argv, "+r:c:")) != -1) {
		if (c == 'r')
			rows = atoi(optarg);
		else if (c == 'c')
			columns = atoi(optarg);
		else
			return 2;
	}
	if (optind == argc || !start(&t, rows, columns, argv + optind)) {
		perror("pty");
		return 2;
	}
	good = run_script(&t);
	if (!t.ended)
		kill(t.pid, SIGKILL);
	return !good;
}
