// SPDX-License-Identifier: GPL-2.0
/*
 * knumadctl: writing JSON
 */

#include <math.h>

#include "json.h"

/*
 * The length of the UTF-8 character at @s, 0 if there is none. RFC 3629: not
 * longer than needed, no surrogates, nothing above U+10FFFF.
 */
static int utf8_len(const unsigned char *s)
{
	unsigned int c = s[0], least = 0x80, most = 0xbf;
	int len, i;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		len = 2;
	else if (c >= 0xe0 && c <= 0xef)
		len = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		len = 4;
	else
		return 0;
	if (c == 0xe0)
		least = 0xa0;
	else if (c == 0xed)
		most = 0x9f;
	else if (c == 0xf0)
		least = 0x90;
	else if (c == 0xf4)
		most = 0x8f;
	if (s[1] < least || s[1] > most)
		return 0;
	for (i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Names of processes are bytes; what is no character becomes U+FFFD */
static void put_string(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int len;

	putc('"', out);
	for (; *s; s += len ?: 1) {
		len = utf8_len(s);
		if (!len)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < ' ' || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else if (*s == 0xc2 && s[1] < 0xa0)	/* U+0080 to U+009F: terminals obey */
			fprintf(out, "\\u%04x", s[1]);
		else
			fwrite(s, 1, len, out);
	}
	putc('"', out);
}

static void begin(struct json *j, const char *name)
{
	if (j->comma)
		fputs(", ", j->out);
	j->comma = true;
	if (!name)
		return;
	put_string(j->out, name);
	fputs(": ", j->out);
}

/**
 * json_open - begin an object or an array
 * @j: the text
 * @name: its name
 * @bracket: '{' or '['
 */
void json_open(struct json *j, const char *name, char bracket)
{
	begin(j, name);
	putc(bracket, j->out);
	j->comma = false;
}

/**
 * json_close - end an object or an array
 * @j: the text
 * @bracket: '}' or ']'
 */
void json_close(struct json *j, char bracket)
{
	putc(bracket, j->out);
	j->comma = true;
}

/**
 * json_string - a string
 * @j: the text
 * @name: its name
 * @value: the string
 */
void json_string(struct json *j, const char *name, const char *value)
{
	begin(j, name);
	put_string(j->out, value);
}

/**
 * json_int - a whole number
 * @j: the text
 * @name: its name
 * @value: the number
 */
void json_int(struct json *j, const char *name, long long value)
{
	begin(j, name);
	fprintf(j->out, "%lld", value);
}

/**
 * json_real - a number
 * @j: the text
 * @name: its name
 * @value: the number; null if it is none
 */
void json_real(struct json *j, const char *name, double value)
{
	if (!isfinite(value)) {
		json_null(j, name);
		return;
	}
	begin(j, name);
	fprintf(j->out, "%.10g", value);
}

/**
 * json_null - what is not known
 * @j: the text
 * @name: its name
 */
void json_null(struct json *j, const char *name)
{
	begin(j, name);
	fputs("null", j->out);
}

/**
 * json_share - a share that may be unknown
 * @j: the text
 * @name: its name
 * @percent: the share; null if it is negative
 */
void json_share(struct json *j, const char *name, double percent)
{
	json_real(j, name, percent < 0 ? NAN : percent);
}

/**
 * json_list - an array of numbers
 * @j: the text
 * @name: its name
 * @v: the numbers
 * @nr: how many
 */
void json_list(struct json *j, const char *name, const __u64 *v, size_t nr)
{
	size_t i;

	json_open(j, name, '[');
	for (i = 0; i < nr; i++)
		json_int(j, NULL, v[i]);
	json_close(j, ']');
}
