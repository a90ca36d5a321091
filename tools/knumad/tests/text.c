// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of knumadctl: numbers, words, JSON
 */

#include "../json.h"
#include "../metrics.h"
#include "../options.h"
#include "../read.h"
#include "../view.h"
#include "unit.h"

static void numbers(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "1x", "x", "0x10", "101" };
	__u64 v = 7;
	size_t i;

	CHECK(parse_number("100", 100, &v) && v == 100);
	CHECK(parse_number("0", 100, &v) && v == 0);
	CHECK(parse_number("18446744073709551615", ~0ULL, &v) && v == ~0ULL);
	v = 7;
	CHECK(!parse_number("18446744073709551616", ~0ULL, &v) && v == 7);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse_number(bad[i], 100, &v) || v != 7)
			fail_test(__FILE__, __LINE__, "is refused", bad[i]);
	}
}

static void seconds(void)
{
	static const char *const bad[] = { "", "0", "0.05", "-1", "1s", "inf", "nan", "1e9", "." };
	double v = 7;
	size_t i;

	CHECK(parse_seconds("0.5", &v) && v == 0.5);
	CHECK(parse_seconds("10", &v) && v == 10);
	v = 7;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse_seconds(bad[i], &v) || v != 7)
			fail_test(__FILE__, __LINE__, "is refused", bad[i]);
	}
}

static void pids(void)
{
	pid_t pid = 7;

	CHECK(parse_pid("1", &pid) && pid == 1);
	pid = 7;
	CHECK(!parse_pid("0", &pid) && !parse_pid("-1", &pid) && !parse_pid("99999999", &pid));
	CHECK(pid == 7);
}

static void lists(void)
{
	__u64 v[3];

	CHECK(parse_list("1,2,3", v, 3) == 3 && v[0] == 1 && v[1] == 2 && v[2] == 3);
	CHECK(parse_list("5\n", v, 3) == 1 && v[0] == 5 && !v[1] && !v[2]);
	CHECK(parse_list("1,2,3,4", v, 3) == 4 && v[2] == 3);
	CHECK(!parse_list("", v, 3) && !parse_list("1,", v, 3) && !parse_list("1,,2", v, 3));
	CHECK(!parse_list("-1", v, 3) && !parse_list("1;2", v, 3) && !parse_list(",1", v, 3));
}

static void values(void)
{
	static const char text[] = "home_x 9\nhome -1\nRssAnon:\t  12 kB\nempty\nlast 3";
	char word[8];

	CHECK(signed_of(text, "home", 5) == -1);
	CHECK(number_of(text, "RssAnon", 0) == 12);
	CHECK(number_of(text, "last", 0) == 3);
	CHECK(number_of(text, "ast", 77) == 77);
	CHECK(number_of(text, "empty", 77) == 77);
	CHECK(number_of(NULL, "home", 77) == 77);
	CHECK(copy_value(word, sizeof(word), text, "RssAnon"));
	CHECK_STR(word, "12 kB");
	CHECK(!copy_value(word, sizeof(word), text, "none"));
	CHECK_STR(word, "");
}

static void escaping(void)
{
	static const char name[] = "a b\tc\\d\ne\x7f";
	char word[64], back[64], little[6];

	escape(word, sizeof(word), name);
	CHECK_STR(word, "a\\040b\\011c\\134d\\012e\\177");
	snprintf(back, sizeof(back), "%s", word);
	unescape(back);
	CHECK_STR(back, name);
	/* Never half of an escape */
	escape(little, sizeof(little), "ab cdefgh");
	CHECK_STR(little, "ab");
	printable(back, sizeof(back), "x\033[31m\n\xc3\xa4y");
	CHECK_STR(back, "x?[31m???y");
}

static void print_names(FILE *out, void *data)
{
	struct json j = { .out = out };

	json_open(&j, NULL, '{');
	json_string(&j, "name", data);
	json_open(&j, "empty", '[');
	json_close(&j, ']');
	json_real(&j, "half", 0.5);
	json_share(&j, "unknown", -1);
	json_int(&j, "less", -3);
	json_list(&j, "list", (const __u64 []) { 1, 18446744073709551615ULL }, 1);
	json_close(&j, '}');
}

#define JSON_REST \
	"\"empty\": [], \"half\": 0.5, \"unknown\": null, \"less\": -3, \"list\": [1]}"

static void json(void)
{
	static const char *const pairs[][2] = {
		{ "plain", "plain" },
		{ "q\"b\\s/", "q\\\"b\\\\s/" },
		{ "\n\t\x01\x7f", "\\u000a\\u0009\\u0001\\u007f" },
		/* Characters of two, three and four bytes */
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7" },
		/* What some terminals take for an escape sequence */
		{ "\xc2\x9bJ\xc2\xa0", "\\u009bJ\xc2\xa0" },
		/* A lone byte, one cut short, one longer than needed, a surrogate, too large */
		{ "\x80", "\\ufffd" },
		{ "\xe2\x82", "\\ufffd\\ufffd" },
		{ "\xc0\xaf", "\\ufffd\\ufffd" },
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },
		{ "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },
	};
	char *text, *should;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		text = capture(print_names, (void *)pairs[i][0]);
		should = xprintf("{\"name\": \"%s\", " JSON_REST, pairs[i][1]);
		CHECK_STR(text, should);
		free(text);
		free(should);
	}
}

static void print_label(FILE *out, void *data)
{
	metrics_label(out, data);
}

static void labels(void)
{
	char *text = capture(print_label, "a\"b\\c\nd\xff");

	CHECK_STR(text, "a\\\"b\\\\c?d?");
	free(text);
}

static void bars(void)
{
	char bar[11];

	format_bar(bar, 10, (const __u64 []) { 5, 5 }, 2);
	CHECK_STR(bar, "0000011111");
	format_bar(bar, 10, (const __u64 []) { 0, 9, 0 }, 3);
	CHECK_STR(bar, "1111111111");
	format_bar(bar, 10, (const __u64 []) { 0, 0 }, 2);
	CHECK_STR(bar, "..........");
	/* Little is seen, next to nothing is not */
	format_bar(bar, 10, (const __u64 []) { 3, 97 }, 2);
	CHECK_STR(bar, "0111111111");
	format_bar(bar, 10, (const __u64 []) { 1, 999 }, 2);
	CHECK_STR(bar, "1111111111");
}

static void amounts(void)
{
	static const double mb[] = { 0, 1, 99999, 100000, 99999.0 * 1024, 12.0 * 1024 * 1024 };
	char text[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mb); i++) {
		format_mb(text, sizeof(text), mb[i]);
		CHECK(strlen(text) <= 6);
	}
	format_mb(text, sizeof(text), 100000);
	CHECK_STR(text, "98G");
	format_local(text, sizeof(text), -0.1);
	CHECK_STR(text, "-");
	format_local(text, sizeof(text), 99.84);
	CHECK_STR(text, "99.8");
}

const struct test text_tests[] = {
	{ "numbers are decimal and in range", numbers },
	{ "seconds are numbers, and neither too few nor endless", seconds },
	{ "numbers of processes", pids },
	{ "lists", lists },
	{ "values by name", values },
	{ "names in one word, and on a terminal", escaping },
	{ "JSON: any name is escaped, and no broken UTF-8 gets out", json },
	{ "labels for Prometheus", labels },
	{ "bars", bars },
	{ "amounts fit into their columns", amounts },
	{ NULL, NULL },
};
