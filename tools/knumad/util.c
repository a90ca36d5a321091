// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: memory, numbers and words
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "knumadctl.h"

static void out_of_memory(void)
{
	exit(fail(EXIT_FAILURE, "out of memory."));
}

/**
 * xalloc - an array of zeroes
 * @nr: how many elements, at least
 * @size: of one
 *
 * Return: the array; never NULL.
 */
void *xalloc(size_t nr, size_t size)
{
	void *v = calloc(nr ?: 1, size);

	if (!v)
		out_of_memory();
	return v;
}

/**
 * xgrow - make room for one more element
 * @v: an array, NULL if it is empty
 * @nr: how many elements it has
 * @size: of one
 *
 * The array has room for the next power of two, so that growing it element by
 * element takes linear time.
 *
 * Return: the array, perhaps elsewhere; never NULL.
 */
void *xgrow(void *v, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return v;
	if (nr > SIZE_MAX / size / 2)
		out_of_memory();
	v = realloc(v, (nr ? 2 * nr : 1) * size);
	if (!v)
		out_of_memory();
	return v;
}

/**
 * xprintf - print into a string of its own
 * @fmt: as for printf()
 *
 * Return: the string, to be freed; never NULL.
 */
char *xprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return text;
}

/**
 * parse_number - a decimal number and nothing else
 * @text: the text
 * @max: greatest value
 * @val: where to store it, untouched on error
 *
 * Return: whether it is one.
 */
bool parse_number(const char *text, __u64 max, __u64 *val)
{
	char *end;
	__u64 v;

	/* strtoull() would take a sign, or spaces */
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || *end || v > max)
		return false;
	*val = v;
	return true;
}

/**
 * parse_seconds - a time, as 2 or 0.5
 * @text: the text
 * @seconds: where to store it, untouched on error
 *
 * Return: whether it is one, between 0.1 s and a day.
 */
bool parse_seconds(const char *text, double *seconds)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	v = strtod(text, &end);
	if (end == text || *end || !(v >= 0.1 && v <= 86400))
		return false;
	*seconds = v;
	return true;
}

/**
 * parse_list - numbers separated by commas
 * @text: the text; ends with the string, or at white space
 * @v: where to store them; what is not in the list becomes 0
 * @nr: for how many there is room; more are not stored
 *
 * Return: how many the list has, 0 if it is not well-formed.
 */
size_t parse_list(const char *text, __u64 *v, size_t nr)
{
	size_t i = 0;
	char *end;
	__u64 val;

	memset(v, 0, nr * sizeof(*v));
	for (;; text = end + 1) {
		if (!isdigit((unsigned char)*text))
			return 0;
		val = strtoull(text, &end, 10);
		if (i < nr)
			v[i] = val;
		i++;
		if (!*end || isspace((unsigned char)*end))
			return i;
		if (*end != ',')
			return 0;
	}
}

/**
 * sum - of an array
 * @v: the array
 * @nr: how many elements it has
 *
 * Return: their sum.
 */
__u64 sum(const __u64 *v, size_t nr)
{
	__u64 total = 0;

	while (nr--)
		total += v[nr];
	return total;
}

/**
 * now_s - a clock that nobody sets
 *
 * Return: seconds since some point in the past.
 */
double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/**
 * pages_mb - pages as MiB
 * @pages: how many
 *
 * Return: MiB.
 */
double pages_mb(__u64 pages)
{
	return (double)pages * sysconf(_SC_PAGESIZE) / (1 << 20);
}

/**
 * percent - a share
 * @part: of
 * @whole: what it is a share of
 *
 * Return: percent; 0 of nothing.
 */
double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/**
 * printable - a name that does not harm a terminal
 * @to: where to store it
 * @size: of @to
 * @from: the name; bytes that are not printable ASCII become '?'
 */
void printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] && i + 1 < size; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

static bool octal(char c)
{
	return c >= '0' && c <= '7';
}

/**
 * unescape - undo what the kernel's seq_escape() did
 * @text: changed in place; \ooo becomes the byte with that octal number
 */
void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && octal(text[1]) && octal(text[2]) && octal(text[3])) {
			*to++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/**
 * escape - make one word of a name
 * @to: where to store it
 * @size: of @to
 * @from: the name; white space, control characters and backslashes become \ooo
 */
void escape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && n + 5 <= size; from++) {
		unsigned char c = *from;

		if (c <= ' ' || c == '\\' || c == 0x7f)
			n += snprintf(to + n, size - n, "\\%03o", c);
		else
			to[n++] = c;
	}
	to[n] = '\0';
}
