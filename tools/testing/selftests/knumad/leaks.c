// SPDX-License-Identifier: GPL-2.0
/*
 * After the programs before it: no memory that knumad allocated is lost. Needs
 * CONFIG_DEBUG_KMEMLEAK, which has seen all of it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

/* What is younger may be referenced from where kmemleak does not look, such as a register */
#define MIN_AGE_S	5

FIXTURE(leaks)
{
};

FIXTURE_SETUP(leaks)
{
	const char *why = kn_begin(1);

	if (!why && access(KMEMLEAK, W_OK))
		why = "needs CONFIG_DEBUG_KMEMLEAK";
	if (why) {
		kn_end();
		SKIP(return, "%s", why);
	}
}

FIXTURE_TEARDOWN(leaks)
{
	kn_end();
}

/* Objects that kmemleak found no pointer to; each begins with a line of its own */
static int leaked(void)
{
	char line[512];
	int nr = 0;
	FILE *file;

	file = fopen(KMEMLEAK, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		nr += !strncmp(line, "unreferenced object", strlen("unreferenced object"));
		ksft_print_msg("%s", line);
	}
	fclose(file);
	return nr;
}

/*
 * Switch knumad on and off once more, so that nothing of the last time is young any more.
 */
TEST_F(leaks, nothing_is_lost)
{
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_passes(2, KN_PATIENCE));
	ASSERT_EQ(0, kn_enable("never"));
	sleep(MIN_AGE_S + 1);
	/* A first scan may miss what moves while it looks: what counts is lost in both */
	ASSERT_EQ(0, kn_write(KMEMLEAK, "scan"))
		TH_LOG("kmemleak has switched itself off");
	ASSERT_EQ(0, kn_write(KMEMLEAK, "scan"));
	EXPECT_EQ(0, leaked());
}

int main(int argc, char **argv)
{
	kn_save_system();
	return test_harness_run(argc, argv);
}
