// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever is written to the files of knumad, however they are read, and whatever the
 * prctl() is told: what is not documented is refused and changes nothing, what is
 * accepted is what the file says then.
 *
 * What is tried goes by a seed, KNUMAD_FUZZ_SEED, and how much of it by
 * KNUMAD_FUZZ_ROUNDS.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define ROUNDS		3000
#define SEED		1

/* The longest write, and what kernfs takes of one */
#define LONGEST		65536
#define KERNFS_MOST	4096

/* The longest word of /proc/PID/knumad with its newline */
#define CHOICE_MOST	16

/* More than a file has in a test */
#define TABLE_SIZE	65536

static __u64 seed;
static unsigned long rounds;

/* From one number to the next, anything: splitmix64 */
static __u64 any(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __u64 below(__u64 *state, __u64 limit)
{
	return any(state) % limit;
}

/*
 * The files
 */

enum kind {
	NUMBER,			/* a tunable between two numbers */
	BRACKETS,		/* a tunable that is one of some words */
	GROUP,			/* memory.knumad */
	CHOICE,			/* /proc/PID/knumad */
	READ_ONLY,
};

struct file {
	const char *path;
	enum kind kind;
	__u64 min, max;
	const char *const *words;
	bool restless;		/* other numbers at each look */
};

static const char *const modes[] = { "always", "opt-in", "never", NULL };
static const char *const policies[] = { "pack", "spread", NULL };
static const char *const groups[] = { "default", "always", "never", NULL };
static const char *const choices[] = { "default", "in", "out", NULL };

static const struct file files[] = {
	{ KN_SYSFS "scan_interval_ms", NUMBER, 100, 3600000 },
	{ KN_SYSFS "scan_max_interval_ms", NUMBER, 100, 3600000 },
	{ KN_SYSFS "scan_pages", NUMBER, 512, 1073741824 },
	{ KN_SYSFS "cpu_percent", NUMBER, 1, 100 },
	{ KN_SYSFS "migrate_mb_per_s", NUMBER, 1, 1048576 },
	{ KN_SYSFS "reserve_percent", NUMBER, 0, 50 },
	{ KN_SYSFS "min_resident_mb", NUMBER, 1, 1048576 },
	{ KN_SYSFS "min_cpu_ms", NUMBER, 0, 3600000 },
	{ KN_SYSFS "samples_per_s", NUMBER, 0, 100000 },
	{ KN_SYSFS "enabled", BRACKETS, .words = modes },
	{ KN_SYSFS "policy", BRACKETS, .words = policies },
	{ KN_CHILD "/memory.knumad", GROUP, .words = groups },
	{ "/proc/self/knumad", CHOICE, .words = choices },
	{ KN_CHILD "/memory.knumad.stat", READ_ONLY },
	{ KN_DEBUGFS "stats", READ_ONLY },
	{ KN_DEBUGFS "processes", READ_ONLY },
	{ KN_DEBUGFS "threads", READ_ONLY },
	{ KN_DEBUGFS "spanning", READ_ONLY },
	{ KN_DEBUGFS "nodes", READ_ONLY, .restless = true },
};

#define SHORTEST	0
#define LONGEST_INTERVAL	1
#define ENABLED		9

/* What all files say: a number, or the index of a word */
struct said {
	__u64 value[ARRAY_SIZE(files)];
};

static int find_word(const char *const *words, const char *text)
{
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	return -1;
}

/* The word in brackets, which must be the only one, and all words be there */
static int find_bracketed(const char *const *words, const char *text)
{
	char expected[128];
	int active, i;

	for (active = 0; words[active]; active++) {
		expected[0] = '\0';
		for (i = 0; words[i]; i++) {
			strcat(expected, i ? " " : "");
			strcat(expected, i == active ? "[" : "");
			strcat(expected, words[i]);
			strcat(expected, i == active ? "]" : "");
		}
		strcat(expected, "\n");
		if (!strcmp(expected, text))
			return active;
	}
	return -1;
}

/* What a file says. False: nothing that is documented, which was printed. */
static bool read_said(const struct file *file, __u64 *value)
{
	char text[4096], again[32];
	int word = -1;

	if (file->kind == CHOICE) {
		if (kn_proc_value(getpid(), "mode", text, sizeof(text)))
			word = find_word(file->words, text);
	} else if (kn_read(file->path, text, sizeof(text)) > 0) {
		switch (file->kind) {
		case NUMBER:
			*value = strtoull(text, NULL, 10);
			snprintf(again, sizeof(again), "%llu\n", *value);
			if (!strcmp(text, again) && *value >= file->min && *value <= file->max)
				return true;
			break;
		case BRACKETS:
			word = find_bracketed(file->words, text);
			break;
		default:
			text[strcspn(text, "\n")] = '\0';
			word = find_word(file->words, text);
		}
	}
	*value = word;
	if (word < 0)
		printf("# %s says \"%s\"\n", file->path, text);
	return word >= 0;
}

/* All of them, and the rules between them. False: something is wrong, and was printed. */
static bool read_all_said(struct said *said)
{
	unsigned int i;
	bool good = true;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].kind != READ_ONLY)
			good &= read_said(&files[i], &said->value[i]);
	if (said->value[SHORTEST] > said->value[LONGEST_INTERVAL]) {
		printf("# the shortest interval is longer than the longest\n");
		good = false;
	}
	return good;
}

/* Are the tables of debugfs well-formed? Those that change hands while it is read, too */
static bool tables_are_well_formed(void)
{
	struct kn_process process;
	char *text = malloc(TABLE_SIZE), *line, *next;
	bool good = text && kn_read(KN_DEBUGFS "processes", text, TABLE_SIZE) > 0;
	__u64 value;
	int i;

	line = good ? strtok_r(text, "\n", &next) : NULL;
	good = line && !strncmp(line, KN_PROCESSES_HEADER, sizeof(KN_PROCESSES_HEADER) - 2);
	while (good && (line = strtok_r(NULL, "\n", &next)))
		good = !kn_parse_process(line, &process);
	for (i = 0; good && kn_stat_names[i]; i++)
		good = kn_find_stat(kn_stat_names[i], &value);
	free(text);
	return good;
}

/*
 * What is to be expected
 */

/* As the kernel sees it: 0xa0 is a space of Latin-1 */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

/* Is it a word, with a newline or without? */
static int match(const char *const *words, char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return find_word(words, text);
}

static int number_of(const struct file *file, const char *text, __u64 *value)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9'; i++) {
		sum = 10 * sum + text[i] - '0';
		/* More than any of them may be: it will not come back */
		if (sum > UINT32_MAX)
			sum = UINT32_MAX;
	}
	if (!i || (text[i] && strcmp(text + i, "\n")) || sum < file->min || sum > file->max)
		return -EINVAL;
	*value = sum;
	return 0;
}

/*
 * What should come of a write, with everything else as it is said: an error, or 0 and
 * what the file says then. The kernel takes a text to end with its first zero byte.
 */
static int expect(const struct file *file, const char *text, size_t len,
		  const struct said *said, __u64 *value)
{
	size_t most = len < KERNFS_MOST ? len : KERNFS_MOST;
	char buf[KERNFS_MOST + 1], *word = buf;
	int found;

	if (file->kind == READ_ONLY || (file->kind == CHOICE && len > CHOICE_MOST))
		return -EINVAL;
	if (file->kind == GROUP && len > KERNFS_MOST)
		return -E2BIG;
	memcpy(buf, text, most);
	buf[most] = '\0';
	if (file->kind == NUMBER) {
		found = number_of(file, buf, value);
		if (!found && ((file == &files[SHORTEST] &&
				*value > said->value[LONGEST_INTERVAL]) ||
			       (file == &files[LONGEST_INTERVAL] &&
				*value < said->value[SHORTEST])))
			found = -EINVAL;
		return found;
	}
	if (file->kind == GROUP) {
		while (*word && is_space(word[strlen(word) - 1]))
			word[strlen(word) - 1] = '\0';
		while (is_space(*word))
			word++;
	}
	found = match(file->words, word);
	if (found < 0)
		return -EINVAL;
	if (file == &files[ENABLED] && strcmp(modes[found], "never") && kn_topo.nr_memory < 2)
		return -ENODEV;
	*value = found;
	return 0;
}

/*
 * What is written
 */

/* Something that this file takes, or took at another size of the machine */
static size_t valid_text(const struct file *file, __u64 *state, char *text)
{
	int nr = 0;

	if (file->kind == NUMBER)
		return sprintf(text, "%llu%s",
			       file->min + below(state, file->max - file->min + 1),
			       any(state) & 1 ? "\n" : "");
	if (file->kind == READ_ONLY)
		return sprintf(text, "0\n");
	while (file->words[nr])
		nr++;
	return sprintf(text, "%s%s", file->words[below(state, nr)], any(state) & 1 ? "\n" : "");
}

/* Any size up to 64 KiB, small ones as often as large ones */
static size_t any_size(__u64 *state)
{
	return below(state, 1ULL << below(state, 17)) + below(state, 2);
}

static void fill_with(char *text, size_t from, size_t size, __u64 *state)
{
	static const char padding[] = { ' ', '\0', '\n', '\t', '0', 'a', '\xff' };
	char c = padding[below(state, sizeof(padding))];

	if (size > from)
		memset(text + from, c, size - from);
}

/* Fill @text, of LONGEST bytes. Returns how many of them are to be written. */
static size_t any_text(const struct file *file, __u64 *state, char *text)
{
	static const __u64 edges[] = {
		0, 1, 1ULL << 31, 1ULL << 32, (1ULL << 32) + 200, 1ULL << 63, ~0ULL, ~0ULL - 199,
	};
	size_t size = any_size(state), len, i;

	if (size > LONGEST)
		size = LONGEST;
	switch (below(state, 8)) {
	case 0:
		for (i = 0; i < size; i++)
			text[i] = any(state);
		return size;
	case 1:
		/* Printable bytes, most of them digits */
		size = below(state, 24);
		for (i = 0; i < size; i++)
			text[i] = below(state, 8) ? '0' + below(state, 10) :
						    ' ' + below(state, 95);
		return size;
	case 2:
		switch (below(state, 4)) {
		case 0:
			return sprintf(text, "%llu", file->min - 1);
		case 1:
			return sprintf(text, "%llu\n", file->max + 1);
		case 2:
			return sprintf(text, "-%llu", edges[below(state, ARRAY_SIZE(edges))]);
		default:
			return sprintf(text, "%llu", edges[below(state, ARRAY_SIZE(edges))]);
		}
	case 3:
		/* Of another file */
		return valid_text(&files[below(state, ARRAY_SIZE(files))], state, text);
	case 4:
		/* One byte is another one, or one too many, or missing */
		len = valid_text(file, state, text);
		i = below(state, len);
		if (any(state) & 1) {
			text[i] = any(state);
			return len;
		}
		memmove(text + i, text + i + 1, len - i - 1);
		text[len] = any(state);
		return len - 1 + below(state, 3);
	case 5:
		/* Something in front of it, or behind */
		len = valid_text(file, state, text);
		if (any(state) & 1) {
			fill_with(text, len, size, state);
			return size > len ? size : len;
		}
		i = below(state, 64);
		memmove(text + i, text, len);
		fill_with(text, 0, i, state);
		return i + len;
	default:
		return valid_text(file, state, text);
	}
}

/* Write it somehow. Returns what write() did, or a negative error number. */
static ssize_t write_somehow(const struct file *file, __u64 *state, const char *text, size_t len)
{
	static const int flags[] = { 0, O_TRUNC, O_APPEND, O_TRUNC | O_APPEND };
	off_t at = any(state) & 1 ? 0 : below(state, 2 * LONGEST);
	ssize_t ret;
	int fd;

	fd = open(file->path, (any(state) & 1 ? O_WRONLY : O_RDWR) | O_CLOEXEC |
		  flags[below(state, ARRAY_SIZE(flags))]);
	if (fd < 0)
		return -errno;
	/* A seq_file that is no file of sysfs has no pwrite(); where it is does not matter */
	if (at && file->kind != CHOICE && any(state) & 1) {
		ret = pwrite(fd, text, len, at);
	} else {
		lseek(fd, at, SEEK_SET);
		ret = write(fd, text, len);
	}
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* How many bytes of an accepted text are told to be written */
static ssize_t taken(const struct file *file, size_t len)
{
	return file->kind != CHOICE && len > KERNFS_MOST ? KERNFS_MOST : len;
}

static bool is_refusal(const struct file *file, size_t len, int expected, ssize_t ret)
{
	/* Nothing was written: it need not even come to the file */
	if (!len && !ret)
		return true;
	/* Of whatever kind it is: there are several ways to be no file to write to */
	return file->kind == READ_ONLY ? ret < 0 : ret == expected;
}

static void print_text(const char *text, size_t len)
{
	size_t i;

	printf("# %zu bytes:", len);
	for (i = 0; i < len && i < 64; i++)
		printf(" %02x", (unsigned char)text[i]);
	printf("\n");
}

FIXTURE(fuzz)
{
	struct kn_worker *worker;
	char *text;
};

FIXTURE_SETUP(fuzz)
{
	struct kn_work work = {
		.size = 8 * KN_MB, .threads = 2, .cpu_node = KN_NONE, .pause_us = 1000,
	};
	const char *why = kn_begin_once(0);

	if (!why)
		why = kn_make_groups();
	if (why)
		SKIP(return, "%s", why);
	self->text = malloc(2 * LONGEST);
	ASSERT_NE(NULL, self->text);
	while (!kn_topo.memory[work.node])
		work.node++;
	/* Somebody to look at */
	self->worker = kn_start(&work);
	ASSERT_NE(NULL, self->worker);
	TH_LOG("seed %llu, %lu rounds", seed, rounds);
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	if (self->worker)
		EXPECT_EQ(0, kn_stop(self->worker));
	kn_end();
	EXPECT_TRUE(kn_balanced());
	kn_drop_groups();
	free(self->text);
}

/* One after the other, so that it is known what to expect */
TEST_F(fuzz, writes)
{
	unsigned long i, accepted = 0, refused = 0;
	__u64 state = seed, value;
	struct said said, now;

	ASSERT_TRUE(read_all_said(&said));
	for (i = 0; i < rounds; i++) {
		unsigned int at = below(&state, ARRAY_SIZE(files));
		const struct file *file = &files[at];
		size_t len;
		ssize_t ret;
		int expected;

		/* To switch it on and off takes its time */
		if (at == ENABLED && below(&state, 4))
			continue;
		len = any_text(file, &state, self->text);
		expected = expect(file, self->text, len, &said, &value);
		ret = write_somehow(file, &state, self->text, len);
		if (!len && !ret)
			expected = -EINVAL;
		if (!expected) {
			said.value[at] = value;
			accepted++;
			EXPECT_EQ(taken(file, len), ret);
		} else {
			refused++;
			EXPECT_TRUE(is_refusal(file, len, expected, ret));
		}
		/* Of the others one is enough: all of them are looked at in the end */
		if (file->kind == READ_ONLY)
			at = below(&state, ENABLED);
		ASSERT_TRUE(read_said(&files[at], &now.value[at]));
		EXPECT_EQ(said.value[at], now.value[at]);
		if (!__test_passed(_metadata)) {
			TH_LOG("round %lu: %s returned %zd, not %d", i, file->path, ret, expected);
			print_text(self->text, len);
			return;
		}
	}
	ASSERT_TRUE(read_all_said(&now));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].kind != READ_ONLY)
			EXPECT_EQ(said.value[i], now.value[i]);
	EXPECT_TRUE(tables_are_well_formed());
	TH_LOG("%lu writes accepted, %lu refused", accepted, refused);
	EXPECT_LT(rounds / 16, accepted);
	EXPECT_LT(rounds / 16, refused);
}

/* All of a file in pieces of any size, into @text. Returns its length. */
static ssize_t read_pieces(const char *path, __u64 *state, char *text, size_t size)
{
	size_t most = 1ULL << below(state, 13), got = 0, piece;
	ssize_t nr;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		piece = 1 + below(state, most);
		if (piece > size - got)
			piece = size - got;
		nr = read(fd, text + got, piece);
		if (nr < 0) {
			close(fd);
			return -errno;
		}
		got += nr;
	} while (nr);
	close(fd);
	return got;
}

/* Pieces from anywhere: each of them is that of the whole. Returns the first that is not. */
static ssize_t read_anywhere(int fd, __u64 *state, const char *whole, size_t size)
{
	char piece[256];
	unsigned int i;
	ssize_t nr;

	for (i = 0; i < 20; i++) {
		size_t len = below(state, 2) ? 1 : 1 + below(state, sizeof(piece));
		size_t at = below(state, size + 2), left = at < size ? size - at : 0;

		if (any(state) & 1) {
			nr = pread(fd, piece, len, at);
		} else {
			if (lseek(fd, at, SEEK_SET) != (off_t)at)
				return at;
			nr = read(fd, piece, len);
		}
		/* It may be less than there is, but not less than one */
		if (nr < 0 || (size_t)nr > left || (size_t)nr > len || !nr != !left ||
		    memcmp(piece, whole + at, nr))
			return at;
	}
	return -1;
}

/* What pieces give together is what one read gives. */
static void check_pieces(struct __test_metadata *_metadata, struct _test_data_fuzz *self)
{
	char *whole = self->text, *pieces = self->text + LONGEST;
	void *nowhere = (void *)KN_PAGE;
	unsigned long i, nr[ARRAY_SIZE(files)] = { 0 };
	__u64 state = seed;
	unsigned int at;

	for (i = 0; i < rounds; i++) {
		const struct file *file;
		ssize_t size, wrong;
		char after[4096];
		int fd;

		at = below(&state, ARRAY_SIZE(files));
		file = &files[at];
		size = kn_read(file->path, whole, LONGEST);
		ASSERT_LT(0, size);
		ASSERT_GT(sizeof(after), size);
		fd = open(file->path, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		wrong = read_anywhere(fd, &state, whole, size);
		EXPECT_EQ(-1, pread(fd, nowhere, 1, 0));
		EXPECT_EQ(0, pread(fd, after, 0, 0));
		EXPECT_EQ(0, pread(fd, after, 1, 1ULL << 40));
		close(fd);
		if (read_pieces(file->path, &state, pieces, LONGEST) != size ||
		    memcmp(whole, pieces, size))
			wrong = size;
		ASSERT_LT(0, kn_read(file->path, after, sizeof(after)));
		if (strcmp(whole, after))
			continue;
		nr[at]++;
		EXPECT_EQ(-1, wrong)
			TH_LOG("%s differs at %zd", file->path, wrong);
	}
	/* Most of them stay as they are */
	for (at = 0; at < ARRAY_SIZE(files); at++)
		if (!files[at].restless)
			EXPECT_LT(0, nr[at])
				TH_LOG("file %u was never the same twice", at);
}

/* Off: headlines only */
TEST_F(fuzz, pieces)
{
	check_pieces(_metadata, self);
}

/* With processes, threads, and one that spans nodes; and while nobody looks at them again */
TEST_F(fuzz, pieces_of_rows)
{
	struct kn_work work = {
		.threads = kn_max_cpus() + 2, .cpu_node = KN_NONE,
		.node = self->worker->work.node,
	};
	struct kn_worker *wide;
	struct kn_spanning spanning;
	struct kn_process process;

	if (kn_topo.nr_full < 2 || work.threads > KN_MAX_THREADS)
		SKIP(return, "needs two nodes with CPUs, and no more of them");
	work.size = work.threads * 4 * KN_MB;
	wide = kn_start(&work);
	ASSERT_NE(NULL, wide);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_process(self->worker->pid, &process) &&
				  kn_spanning(wide->pid, &spanning) && spanning.rounds >= 4,
				  KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_tunable_set("scan_max_interval_ms", 3600000));
	ASSERT_EQ(0, kn_tunable_set("scan_interval_ms", 3600000));
	check_pieces(_metadata, self);
	EXPECT_TRUE(kn_process(self->worker->pid, &process));
	EXPECT_TRUE(kn_spanning(wide->pid, &spanning));
	EXPECT_EQ(0, kn_stop(wide));
}

struct crowd {
	const struct file *file;	/* NULL: one of them each time */
	unsigned long rounds;
	__u64 state;
	unsigned long wrong;
	const int *stop;
};

static void *write_crowd(void *data)
{
	struct crowd *crowd = data;
	const struct file *file;
	char *text = malloc(LONGEST);
	unsigned long i;
	__u64 value;
	ssize_t ret;

	for (i = 0; text && i < crowd->rounds; i++) {
		size_t len;

		file = &files[below(&crowd->state, ARRAY_SIZE(files))];
		if (file == &files[ENABLED] && below(&crowd->state, 4))
			continue;
		len = any_text(file, &crowd->state, text);
		ret = write_somehow(file, &crowd->state, text, len);
		crowd->wrong += ret >= 0 && file->kind == READ_ONLY && len;
		if (file->kind != READ_ONLY)
			crowd->wrong += !read_said(file, &value);
	}
	crowd->wrong += !text;
	free(text);
	return NULL;
}

static void *read_crowd(void *data)
{
	struct crowd *crowd = data;
	char *text = malloc(LONGEST);

	while (text && !KN_READ(*crowd->stop)) {
		const struct file *file = &files[below(&crowd->state, ARRAY_SIZE(files))];

		crowd->wrong += read_pieces(file->path, &crowd->state, text, LONGEST) <= 0;
		crowd->wrong += !tables_are_well_formed();
	}
	crowd->wrong += !text;
	free(text);
	return NULL;
}

#define WRITERS	3
#define READERS	2

/* Several write while others read: at any time each file says something valid. */
TEST_F(fuzz, at_once)
{
	struct crowd crowd[WRITERS + READERS];
	pthread_t thread[WRITERS + READERS];
	struct said said;
	int stop = 0;
	unsigned int i;

	for (i = 0; i < WRITERS + READERS; i++) {
		crowd[i] = (struct crowd) {
			.rounds = rounds / WRITERS, .state = seed + i, .stop = &stop,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL,
					    i < WRITERS ? write_crowd : read_crowd, &crowd[i]));
	}
	for (i = 0; i < WRITERS + READERS; i++) {
		if (i == WRITERS)
			KN_WRITE(stop, 1);
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_EQ(0, crowd[i].wrong)
			TH_LOG("%s %u", i < WRITERS ? "writer" : "reader", i);
	}
	EXPECT_TRUE(read_all_said(&said));
	EXPECT_TRUE(tables_are_well_formed());
}

static long call_prctl(const unsigned long *arg)
{
	long ret = syscall(SYS_prctl, arg[0], arg[1], arg[2], arg[3], arg[4]);

	return ret < 0 ? -errno : ret;
}

/* An argument: a small number mostly, or something else that might be taken for one */
static unsigned long any_argument(__u64 *state)
{
	static const unsigned long edges[] = {
		0, 1, 2, 3, -1UL, -2UL, INT32_MAX, 1UL << 31, UINT32_MAX, 1UL << 32,
		(1UL << 32) + 1, (1UL << 32) + 2, 1UL << 63, ~0UL >> 1,
	};

	switch (below(state, 4)) {
	case 0:
		return any(state);
	case 1:
		return edges[below(state, ARRAY_SIZE(edges))];
	default:
		return any(state) & 1 ? 0 : below(state, 4);
	}
}

/* Four words that are documented, all others are -EINVAL and change nothing. */
TEST_F(fuzz, prctl)
{
	unsigned long i, good = 0, choice = PR_KNUMAD_DEFAULT;
	const unsigned long get[5] = { PR_GET_KNUMAD };
	__u64 state = seed;

	ASSERT_EQ(PR_KNUMAD_DEFAULT, call_prctl(get));
	for (i = 0; i < 20 * rounds; i++) {
		bool set = any(&state) & 1;
		unsigned long arg[5] = {
			set ? PR_SET_KNUMAD : PR_GET_KNUMAD, any_argument(&state),
			any_argument(&state), any_argument(&state), any_argument(&state),
		};
		long expected = -EINVAL;

		/* Or hardly any of them would be all 0 */
		if (any(&state) & 1)
			memset(&arg[3], 0, 2 * sizeof(arg[3]));
		if (!(arg[2] | arg[3] | arg[4])) {
			if (set && arg[1] <= PR_KNUMAD_OUT) {
				expected = 0;
				choice = arg[1];
			} else if (!set && !arg[1]) {
				expected = choice;
			}
		}
		good += expected >= 0;
		ASSERT_EQ(expected, call_prctl(arg))
			TH_LOG("round %lu: %lx %lx %lx %lx %lx", i, arg[0], arg[1], arg[2],
			       arg[3], arg[4]);
		ASSERT_EQ((long)choice, call_prctl(get));
		if (!(i % 64))
			ASSERT_TRUE(kn_proc_is(getpid(), "mode", choices[choice]));
	}
	TH_LOG("%lu calls, %lu of them valid", i, good);
	EXPECT_LT(20 * rounds / 64, good);
}

int main(int argc, char **argv)
{
	rounds = kn_environment("KNUMAD_FUZZ_ROUNDS", ROUNDS);
	seed = kn_environment("KNUMAD_FUZZ_SEED", SEED);
	kn_save_system();
	return test_harness_run(argc, argv);
}
