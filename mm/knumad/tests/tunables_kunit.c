// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of knumad: parsing of tunables, and their defaults
 */

#include <kunit/test.h>

#include "../internal.h"

#define UNTOUCHED	4711

struct number_case {
	const char *name;
	const char *buf;
	unsigned long min;
	unsigned long max;
	int ret;
	unsigned long val;
};

static const struct number_case number_cases[] = {
	{ "number",		"42",		0, 100, 0, 42 },
	{ "newline",		"42\n",		0, 100, 0, 42 },
	{ "zero",		"0",		0, 100, 0, 0 },
	{ "leading zeros",	"0010",		0, 100, 0, 10 },
	{ "least",		"10",		10, 100, 0, 10 },
	{ "greatest",		"100",		10, 100, 0, 100 },
	{ "largest word",	"18446744073709551615", 0, ULONG_MAX, 0, ULONG_MAX },
	{ "below the least",	"9",		10, 100, -EINVAL, UNTOUCHED },
	{ "above the greatest",	"101",		10, 100, -EINVAL, UNTOUCHED },
	{ "overflow",		"18446744073709551616", 0, ULONG_MAX, -EINVAL, UNTOUCHED },
	{ "wraps around to 5",	"18446744073709551621", 0, ULONG_MAX, -EINVAL, UNTOUCHED },
	{ "empty",		"",		0, 100, -EINVAL, UNTOUCHED },
	{ "only a newline",	"\n",		0, 100, -EINVAL, UNTOUCHED },
	{ "two newlines",	"42\n\n",	0, 100, -EINVAL, UNTOUCHED },
	{ "plus",		"+42",		0, 100, -EINVAL, UNTOUCHED },
	{ "minus",		"-42",		0, 100, -EINVAL, UNTOUCHED },
	{ "carriage return",	"42\r\n",	0, 100, -EINVAL, UNTOUCHED },
	{ "newline before",	"\n42",		0, 100, -EINVAL, UNTOUCHED },
	{ "tab before",		"\t42",		0, 100, -EINVAL, UNTOUCHED },
	{ "space before",	" 42",		0, 100, -EINVAL, UNTOUCHED },
	{ "space after",	"42 ",		0, 100, -EINVAL, UNTOUCHED },
	{ "unit",		"42k",		0, 100, -EINVAL, UNTOUCHED },
	{ "hexadecimal",	"0x10",		0, 100, -EINVAL, UNTOUCHED },
	{ "fraction",		"4.2",		0, 100, -EINVAL, UNTOUCHED },
	{ "two numbers",	"4 2",		0, 100, -EINVAL, UNTOUCHED },
	{ "word",		"many",		0, 100, -EINVAL, UNTOUCHED },
};

KUNIT_ARRAY_PARAM_DESC(number, number_cases, name);

static void parse_ulong(struct kunit *test)
{
	const struct number_case *c = test->param_value;
	unsigned long val = UNTOUCHED;

	KUNIT_EXPECT_EQ(test, c->ret,
			knumad_parse_ulong(c->buf, c->min, c->max, &val));
	KUNIT_EXPECT_EQ(test, c->val, val);
}

struct mode_case {
	const char *name;
	const char *buf;
	int ret;
	enum knumad_mode mode;
};

static const struct mode_case mode_cases[] = {
	{ "never",		"never",	0, KNUMAD_NEVER },
	{ "opt-in",		"opt-in",	0, KNUMAD_OPT_IN },
	{ "always",		"always",	0, KNUMAD_ALWAYS },
	{ "newline",		"opt-in\n",	0, KNUMAD_OPT_IN },
	{ "two newlines",	"never\n\n",	-EINVAL, KNUMAD_ALWAYS },
	{ "space behind",	"never ",	-EINVAL, KNUMAD_ALWAYS },
	{ "the whole line",	"always opt-in [never]\n", -EINVAL, KNUMAD_ALWAYS },
	{ "empty",		"",		-EINVAL, KNUMAD_ALWAYS },
	{ "only a newline",	"\n",		-EINVAL, KNUMAD_ALWAYS },
	{ "part of a word",	"nev",		-EINVAL, KNUMAD_ALWAYS },
	{ "more than a word",	"never!",	-EINVAL, KNUMAD_ALWAYS },
	{ "two words",		"never always",	-EINVAL, KNUMAD_ALWAYS },
	{ "capital letter",	"Never",	-EINVAL, KNUMAD_ALWAYS },
	{ "space before",	" never",	-EINVAL, KNUMAD_ALWAYS },
	{ "as it is shown",	"[never]",	-EINVAL, KNUMAD_ALWAYS },
	{ "number",		"0",		-EINVAL, KNUMAD_ALWAYS },
};

KUNIT_ARRAY_PARAM_DESC(mode, mode_cases, name);

static void parse_mode(struct kunit *test)
{
	const struct mode_case *c = test->param_value;
	enum knumad_mode mode = KNUMAD_ALWAYS;

	KUNIT_EXPECT_EQ(test, c->ret, knumad_parse_mode(c->buf, &mode));
	KUNIT_EXPECT_EQ(test, (int)c->mode, (int)mode);
}

static void samples_preset(struct kunit *test)
{
	static const struct {
		unsigned int cpus;
		unsigned long samples;
	} cases[] = {
		{ 1, 1000 }, { 4, 1000 }, { 8, 1000 }, { 16, 2000 }, { 64, 8000 },
		{ 399, 49875 }, { 400, 50000 }, { 768, 50000 }, { 8192, 50000 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].samples, knumad_samples_preset(cases[i].cpus),
				    "%u CPUs", cases[i].cpus);
}

/* Whatever was set before the test ran, the rules between values hold */
static void rules_hold(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, knumad_tun.scan_interval_ms,
			knumad_tun.scan_max_interval_ms);
	KUNIT_EXPECT_GE(test, knumad_tun.scan_interval_ms, 100UL);
	KUNIT_EXPECT_GE(test, knumad_tun.scan_pages, 512UL);
	KUNIT_EXPECT_GE(test, knumad_tun.cpu_percent, 1UL);
	KUNIT_EXPECT_LE(test, knumad_tun.cpu_percent, 100UL);
	KUNIT_EXPECT_GE(test, knumad_tun.migrate_mb_per_s, 1UL);
	KUNIT_EXPECT_LE(test, knumad_tun.reserve_percent, 50UL);
	KUNIT_EXPECT_GE(test, knumad_tun.min_resident_mb, 1UL);
}

static struct kunit_case tunables_cases[] = {
	KUNIT_CASE_PARAM(parse_ulong, number_gen_params),
	KUNIT_CASE_PARAM(parse_mode, mode_gen_params),
	KUNIT_CASE(samples_preset),
	KUNIT_CASE(rules_hold),
	{}
};

static struct kunit_suite tunables_suite = {
	.name = "knumad_tunables",
	.test_cases = tunables_cases,
};

kunit_test_suite(tunables_suite);
