// SPDX-License-Identifier: GPL-2.0
/*
 * mark: execute a marker, then a command if there is one
 *
 * With --seed, runs differ from here on as the seeds do, even if the emulator does
 * the same every time: for root the seed is mixed into the kernel's random numbers,
 * and a part of 50 ms of CPU time is burnt, before the marker.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

#define SEED_BYTES	32

static void print_usage(FILE *to)
{
	fprintf(to, "usage: mark N [--seed S] [COMMAND ARG...]: marker N (0-15), then COMMAND\n");
	fprintf(to, "example: mark 2 --seed 7 sweep --loops 10\n");
}

static long number(const char *arg, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno || end == arg || *end || n < 0 || n > max) {
		fprintf(stderr, "mark: bad argument: %s\n", arg);
		print_usage(stderr);
		exit(2);
	}
	return n;
}

static void seed_kernel(long seed)
{
	struct {
		struct rand_pool_info info;
		unsigned long bytes[SEED_BYTES / sizeof(unsigned long)];
	} pool;
	unsigned long word;
	size_t i;
	int fd;

	/* buf is where info ends */
	pool.info.entropy_count = 8 * SEED_BYTES;
	pool.info.buf_size = SEED_BYTES;
	for (i = 0; i < SEED_BYTES / sizeof(word); i++) {
		word = bench_random(seed, i);
		memcpy((char *)&pool + sizeof(pool.info) + i * sizeof(word), &word, sizeof(word));
	}
	fd = open("/dev/urandom", O_WRONLY);
	if (fd < 0)
		err(1, "/dev/urandom");
	if (ioctl(fd, RNDADDENTROPY, &pool))
		err(1, "/dev/urandom: RNDADDENTROPY");
	if (ioctl(fd, RNDRESEEDCRNG))
		err(1, "/dev/urandom: RNDRESEEDCRNG");
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	long seed = 0, n;
	int c;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return 0;
	}
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	n = number(argv[1], 15);

	/* "+": what follows the command is the command's */
	argc--;
	argv++;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = number(optarg, INT64_MAX);
			break;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}

	if (seed && !geteuid())
		seed_kernel(seed);
	bench_delay(seed, 0);
	bench_mark(n);
	if (optind < argc) {
		execvp(argv[optind], argv + optind);
		err(1, "%s", argv[optind]);
	}
	return 0;
}
