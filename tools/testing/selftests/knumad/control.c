// SPDX-License-Identifier: GPL-2.0
/*
 * In the admin's hands: /proc/PID/knumad, memory.knumad, and who is heard when process,
 * group and machine say different things.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "knumad_util.h"

#define MEM		(16 * KN_MB)
#define PROGRAM		"/tmp/knumad-control"

/* The lines of /proc/PID/knumad, in their order */
static const char * const names[] = {
	"mode", "group", "verdict", "reason", "home", "local", "resident", "used", "cpu",
	"load_mcpu", "threads", "faults", "moved", "scan_us", "interval_ms",
};

FIXTURE(control)
{
	struct kn_work work;
	int node[2];
};

FIXTURE_SETUP(control)
{
	const char *why = kn_begin(2);

	if (why)
		SKIP(return, "%s", why);
	self->node[0] = kn_topo.full[0];
	self->node[1] = kn_topo.full[1];
	self->work = (struct kn_work) {
		.size = MEM, .threads = 1, .pinned = true, .pause_us = 100,
		.node = self->node[0], .cpu_node = self->node[1],
	};
}

FIXTURE_TEARDOWN(control)
{
	EXPECT_EQ(0, kn_stat("self_disabled"));
	kn_end();
	kn_drop_groups();
	unlink(PROGRAM);
}

/* All lines are there, in order, also of a process that is not watched. */
static void check_lines(struct __test_metadata *_metadata, pid_t pid)
{
	char path[64], buf[4096], *line, *next;
	unsigned int i = 0;

	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	ASSERT_LT(0, kn_read(path, buf, sizeof(buf)));
	for (line = strtok_r(buf, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		size_t len;

		ASSERT_GT(ARRAY_SIZE(names), i);
		len = strlen(names[i]);
		EXPECT_EQ(0, strncmp(line, names[i], len));
		EXPECT_EQ(' ', line[len]);
		EXPECT_NE('\0', line[len + 1]);
		i++;
	}
	EXPECT_EQ(ARRAY_SIZE(names), i);
}

TEST_F(control, lines)
{
	struct kn_process process;
	struct kn_worker *worker;
	char value[32];

	check_lines(_metadata, getpid());
	EXPECT_TRUE(kn_proc_is(getpid(), "verdict", "off"));
	EXPECT_TRUE(kn_proc_is(getpid(), "home", "-1"));
	/* Before the first look, which waits for pages on their way to the LRU lists */
	worker = kn_start(&self->work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_tunable_set("min_cpu_ms", KN_HOUR_MS));
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_proc_is(worker->pid, "verdict", "unwatched"));
	EXPECT_TRUE(kn_proc_is(worker->pid, "reason", "it has used less CPU time than min_cpu_ms"));
	ASSERT_EQ(0, kn_tunable_set("min_cpu_ms", 0));
	EXPECT_TRUE(kn_proc_is(getpid(), "verdict", "unwatched"));
	EXPECT_TRUE(kn_proc_is(getpid(), "reason",
			       "it has less memory of its own than min_resident_mb"));

	ASSERT_TRUE(kn_wait_share(worker, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "home"), KN_PATIENCE))
		kn_dump();
	check_lines(_metadata, worker->pid);
	snprintf(value, sizeof(value), "%d", self->node[1]);
	EXPECT_TRUE(kn_proc_is(worker->pid, "home", value));
	/* Decayed: at first it was elsewhere */
	EXPECT_TRUE(kn_wait_until(kn_proc_value(worker->pid, "local", value, sizeof(value)) &&
				  atoi(value) >= 950, KN_PATIENCE));
	/* A page may move between one file and the other */
	EXPECT_TRUE(kn_wait_until(kn_proc_value(worker->pid, "moved", value, sizeof(value)) &&
				  kn_process(worker->pid, &process) &&
				  process.moved == strtoull(value, NULL, 10) &&
				  process.moved >= MEM / KN_PAGE, KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(worker));
}

/* What is written counts as if the process had said it. */
TEST_F(control, choose)
{
	static const char * const bad[] = {
		"", "\n", "yes", "inn", "in out", "IN", "default default", "in\n\n", "-1",
	};
	static char page[4096];
	unsigned int i;

	ASSERT_TRUE(kn_proc_is(getpid(), "mode", "default"));
	ASSERT_EQ(0, kn_choose(getpid(), "in"));
	EXPECT_EQ(PR_KNUMAD_IN, prctl(PR_GET_KNUMAD, 0, 0, 0, 0));
	ASSERT_EQ(0, kn_choose(getpid(), "out\n"));
	EXPECT_EQ(PR_KNUMAD_OUT, prctl(PR_GET_KNUMAD, 0, 0, 0, 0));
	ASSERT_EQ(0, prctl(PR_SET_KNUMAD, PR_KNUMAD_IN, 0, 0, 0));
	EXPECT_TRUE(kn_proc_is(getpid(), "mode", "in"));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i][0])
			EXPECT_EQ(-EINVAL, kn_choose(getpid(), bad[i]));
		EXPECT_TRUE(kn_proc_is(getpid(), "mode", "in"))
			TH_LOG("after \"%s\"", bad[i]);
	}
	memset(page, 'x', sizeof(page) - 1);
	EXPECT_EQ(-EINVAL, kn_choose(getpid(), page));
	ASSERT_EQ(0, kn_choose(getpid(), "default"));
	EXPECT_EQ(PR_KNUMAD_DEFAULT, prctl(PR_GET_KNUMAD, 0, 0, 0, 0));
	/* A kernel thread has nothing to say, and nobody says anything for it. */
	EXPECT_EQ(-EINVAL, kn_choose(2, "in"));
	EXPECT_EQ(-EINVAL, kn_read("/proc/2/knumad", page, sizeof(page)));
}

static int read_file(void *pid)
{
	char path[64], buf[4096];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/knumad", *(pid_t *)pid);
	ret = kn_read(path, buf, sizeof(buf));
	return ret < 0 ? ret : 0;
}

/* What the following two write */
static const char *word_written = "out";

static int write_file(void *pid)
{
	return kn_choose(*(pid_t *)pid, word_written);
}

/* Others neither see nor choose, the owner does both, and so does root. */
TEST_F(control, of_whom)
{
	pid_t pid = kn_sleeper_of(KN_SOMEBODY);

	ASSERT_LT(0, pid);
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, read_file, &pid));
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, write_file, &pid));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "default"));
	EXPECT_EQ(0, kn_as_user(KN_SOMEBODY, read_file, &pid));
	EXPECT_EQ(0, kn_as_user(KN_SOMEBODY, write_file, &pid));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "out"));
	EXPECT_EQ(0, kn_choose(pid, "in"));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "in"));
	kill(pid, SIGKILL);
	/* A zombie has no memory */
	EXPECT_TRUE(kn_wait_until(read_file(&pid) == -ESRCH, KN_PATIENCE));
	EXPECT_EQ(-ESRCH, kn_choose(pid, "in"));
	waitpid(pid, NULL, 0);
	EXPECT_EQ(-ENOENT, read_file(&pid));
}

static int write_fd(void *fd)
{
	ssize_t len = strlen(word_written);

	return write(*(int *)fd, word_written, len) == len ? 0 : -errno;
}

/*
 * Who opened the file counts, not who writes to it: a set-uid program that is made to
 * write to what somebody gave it has not his rights for lack of its own, nor he its.
 */
TEST_F(control, who_opened)
{
	pid_t pid = kn_sleeper_of(KN_SOMEBODY);
	char path[64];
	int fd;

	ASSERT_LT(0, pid);
	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, kn_as_user(KN_NOBODY, write_fd, &fd));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "out"));
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int read_fd(void *fd)
{
	char buf[4096];

	return pread(*(int *)fd, buf, sizeof(buf), 0) < 0 ? -errno : 0;
}

/*
 * Rights that come by exec
 */

#define NOBODYS		65532		/* a group that nobody is in */

/* This program itself, by another name, owner, group and mode */
static bool make_program(mode_t mode, gid_t gid)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	struct stat st;
	bool good;

	unlink(PROGRAM);
	to = open(PROGRAM, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	good = from >= 0 && to >= 0 && !fstat(from, &st) &&
	       sendfile(to, from, NULL, st.st_size) == st.st_size &&
	       !fchown(to, 0, gid) && !fchmod(to, mode);
	close(from);
	close(to);
	return good;
}

/* control --asleep: says where it is, each time it is told to go on */
static int asleep(void)
{
	char c = 'x';

	if (write(STDOUT_FILENO, &c, 1) != 1 || read(STDIN_FILENO, &c, 1) != 1)
		return 1;
	/* The rights of who started it, for a while: root is still in the saved id */
	if (setegid(getgid()) || seteuid(getuid()) || write(STDOUT_FILENO, &c, 1) != 1)
		return 1;
	return read(STDIN_FILENO, &c, 1);
}

/* A process on the other side of a socket: it goes on, and says so, when it gets a byte */
struct peer {
	pid_t pid;
	int socket;
};

static bool peer_said(struct peer *peer)
{
	char c;

	return read(peer->socket, &c, 1) == 1;
}

static bool peer_go_on(struct peer *peer)
{
	return write(peer->socket, "", 1) == 1 && peer_said(peer);
}

/* As this user choose, by prctl or by the file, and exec the program when told so */
static void choose_and_exec(int socket, unsigned long choice, bool by_file)
{
	const char *word = choice == PR_KNUMAD_IN ? "in" : "out";
	char c = 'x';

	if (setgid(KN_SOMEBODY) || setuid(KN_SOMEBODY) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		_exit(1);
	if (by_file ? kn_choose(getpid(), word) : prctl(PR_SET_KNUMAD, choice, 0, 0, 0))
		_exit(2);
	if (write(socket, &c, 1) != 1 || read(socket, &c, 1) != 1)
		_exit(3);
	dup2(socket, STDIN_FILENO);
	dup2(socket, STDOUT_FILENO);
	execl(PROGRAM, "control", "--asleep", NULL);
	_exit(4);
}

static bool start_peer(struct peer *peer, unsigned long choice, bool by_file)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	peer->pid = fork();
	if (!peer->pid)
		choose_and_exec(ends[1], choice, by_file);
	close(ends[1]);
	peer->socket = ends[0];
	return peer->pid > 0 && peer_said(peer);
}

/* Opened by the user himself, with his credentials; -1 if he may not */
static int open_as_user(pid_t pid, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	if (setegid(KN_SOMEBODY) || seteuid(KN_SOMEBODY))
		return -1;
	fd = open(path, flags | O_CLOEXEC);
	return seteuid(0) || setegid(0) ? -1 : fd;
}

static uid_t owner_of(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	return stat(path, &st) ? (uid_t)-1 : st.st_uid;
}

/* Who started it has nothing to read and nothing to say, in no way, and root has both. */
static void check_is_roots(struct __test_metadata *_metadata, pid_t pid, int fd,
			   const char *mode)
{
	EXPECT_TRUE(kn_proc_is(pid, "mode", mode));
	EXPECT_EQ(0, owner_of(pid));
	EXPECT_EQ(-EACCES, kn_as_user(KN_SOMEBODY, read_file, &pid));
	EXPECT_EQ(-EACCES, kn_as_user(KN_SOMEBODY, write_file, &pid));
	EXPECT_EQ(-EACCES, kn_as_user(KN_SOMEBODY, read_fd, &fd));
	EXPECT_EQ(-EPERM, kn_as_user(KN_SOMEBODY, write_fd, &fd));
	/* ... nor if he gives it to somebody who may */
	EXPECT_EQ(-EPERM, write_fd(&fd));
	EXPECT_TRUE(kn_proc_is(pid, "mode", mode));
	EXPECT_EQ(0, read_file(&pid));
	EXPECT_EQ(0, kn_choose(pid, "default"));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "default"));
	EXPECT_EQ(0, kn_choose(pid, mode));
}

static void check_exec(struct __test_metadata *_metadata, unsigned long choice, bool by_file)
{
	const char *mode = choice == PR_KNUMAD_IN ? "in" : "out";
	struct peer peer;
	int fd;

	ASSERT_TRUE(start_peer(&peer, choice, by_file));
	EXPECT_EQ(KN_SOMEBODY, owner_of(peer.pid));
	fd = open_as_user(peer.pid, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, kn_as_user(KN_SOMEBODY, read_fd, &fd));
	EXPECT_TRUE(kn_proc_is(peer.pid, "mode", mode));
	ASSERT_TRUE(peer_go_on(&peer));
	check_is_roots(_metadata, peer.pid, fd, mode);
	/* It lays its rights down, and can take them up again */
	ASSERT_TRUE(peer_go_on(&peer));
	check_is_roots(_metadata, peer.pid, fd, mode);
	close(fd);
	kill(peer.pid, SIGKILL);
	waitpid(peer.pid, NULL, 0);
	close(peer.socket);
}

static const char *why_no_rights(void)
{
	struct statvfs fs;

	if (statvfs("/tmp", &fs) || fs.f_flag & (ST_NOSUID | ST_NOEXEC))
		return "no set-uid programs in /tmp";
	if (kn_read_number("/proc/sys/fs/suid_dumpable") == 1)
		return "fs.suid_dumpable is 1: users own set-uid programs";
	return NULL;
}

/* What was chosen is kept over the exec of a program with rights, and is root's then. */
TEST_F(control, rights_by_exec)
{
	static const struct {
		mode_t mode;
		gid_t gid;
	} programs[] = { { 04755, 0 }, { 02755, NOBODYS } };
	const char *why = why_no_rights();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	word_written = "default";
	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		ASSERT_TRUE(make_program(programs[i].mode, programs[i].gid));
		check_exec(_metadata, PR_KNUMAD_IN, false);
		check_exec(_metadata, PR_KNUMAD_OUT, false);
		check_exec(_metadata, PR_KNUMAD_IN, true);
		check_exec(_metadata, PR_KNUMAD_OUT, true);
	}
}

static int write_out(void *path)
{
	return kn_write(path, "out");
}

static int write_never(void *path)
{
	return kn_write(path, "never");
}

/* Become root of a user namespace. Returns 0, or a negative error number. */
static int enter_user_namespace(void)
{
	char map[32];
	int ret;

	snprintf(map, sizeof(map), "0 %u 1\n", geteuid());
	/* Who changed its user is not dumpable, and its files are root's */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER))
		return -errno;
	ret = kn_write("/proc/self/setgroups", "deny");
	if (!ret)
		ret = kn_write("/proc/self/uid_map", map);
	return ret;
}

struct attempt {
	int (*what)(void *path);
	char path[64];
};

static int as_root_of_namespace(void *data)
{
	struct attempt *attempt = data;
	int ret = enter_user_namespace();

	/* 200: it did not even come to that */
	return ret || geteuid() ? -200 : attempt->what(attempt->path);
}

static int try_namespace(void *data)
{
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

/* Root of a user namespace has no more rights outside than who made it. */
TEST_F(control, root_of_a_namespace)
{
	const char *why = kn_make_groups();
	struct attempt attempt;
	pid_t pid, own;

	if (why)
		SKIP(return, "%s", why);
	if (kn_as_user(KN_NOBODY, try_namespace, NULL))
		SKIP(return, "users may not make user namespaces here");
	pid = kn_sleeper_of(KN_SOMEBODY);
	own = kn_sleeper_of(KN_NOBODY);
	ASSERT_LT(0, pid);
	ASSERT_LT(0, own);

	snprintf(attempt.path, sizeof(attempt.path), "/proc/%d/knumad", own);
	attempt.what = write_out;
	EXPECT_EQ(0, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));
	EXPECT_TRUE(kn_proc_is(own, "mode", "out"));

	snprintf(attempt.path, sizeof(attempt.path), "/proc/%d/knumad", pid);
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "default"));
	attempt.what = kn_try_read;
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));
	snprintf(attempt.path, sizeof(attempt.path), KN_DEBUGFS "processes");
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));
	attempt.what = write_never;
	snprintf(attempt.path, sizeof(attempt.path), KN_SYSFS "enabled");
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));
	snprintf(attempt.path, sizeof(attempt.path), KN_CHILD "/memory.knumad");
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, as_root_of_namespace, &attempt));

	kill(pid, SIGKILL);
	kill(own, SIGKILL);
	waitpid(pid, NULL, 0);
	waitpid(own, NULL, 0);
}

/* Give up capabilities. Returns 0 or a negative error number. */
static int drop_capability(unsigned int nr)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[nr / 32].effective &= ~(1U << nr % 32);
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int write_without_resource(void *path)
{
	return drop_capability(CAP_SYS_RESOURCE) ? -200 : kn_write(path, "out");
}

static int read_without_ptrace(void *path)
{
	return drop_capability(CAP_SYS_PTRACE) ? -200 : kn_try_read(path);
}

/* Who may open every file may not yet choose for everybody, or see. */
TEST_F(control, opening_is_not_enough)
{
	pid_t pid = kn_sleeper_of(KN_SOMEBODY);
	char path[64];

	ASSERT_LT(0, pid);
	snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
	EXPECT_EQ(-EPERM, kn_as_user(0, write_without_resource, path));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "default"));
	EXPECT_EQ(-EACCES, kn_as_user(0, read_without_ptrace, path));
	EXPECT_EQ(0, kn_as_user(0, write_out, path));
	EXPECT_TRUE(kn_proc_is(pid, "mode", "out"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void *say_in(void *ret)
{
	*(int *)ret = prctl(PR_SET_KNUMAD, PR_KNUMAD_IN, 0, 0, 0);
	return NULL;
}

/* A thread speaks for its process, which tells its children. */
TEST_F(control, thread_and_child)
{
	pthread_t thread;
	int ret = -1;
	pid_t pid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, say_in, &ret));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, ret);
	EXPECT_TRUE(kn_proc_is(getpid(), "mode", "in"));
	pid = kn_sleeper_of(0);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(kn_proc_is(pid, "mode", "in"));
	/* ... and does not change its mind with them */
	EXPECT_EQ(0, kn_choose(pid, "out"));
	EXPECT_TRUE(kn_proc_is(getpid(), "mode", "in"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Read while processes begin, exec and end: a row, or that there is none. */
TEST_F(control, read_while_it_exits)
{
	unsigned int rows = 0, none = 0;
	__u64 begin;

	ASSERT_EQ(0, kn_enable("always"));
	begin = kn_now_ms();
	while (kn_now_ms() < begin + (rows ? 2000 : KN_PATIENCE * 1000)) {
		char buf[4096], path[64];
		pid_t pid = fork();
		int i, ret;

		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(0);
		}
		ASSERT_LT(0, pid);
		snprintf(path, sizeof(path), "/proc/%d/knumad", pid);
		for (i = 0; i < 20; i++) {
			ret = kn_read(path, buf, sizeof(buf));
			rows += ret > 0;
			none += ret <= 0;
			if (ret <= 0)
				EXPECT_TRUE(ret == -ESRCH || ret == -ENOENT)
					TH_LOG("%d", ret);
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	EXPECT_LT(0, rows);
	TH_LOG("%u rows, %u times none", rows, none);
}

/*
 * Control groups
 */

/* The words of memory.knumad, and none else; not in the root group. */
TEST_F(control, group_file)
{
	const char *why = kn_make_groups();
	char buf[64];

	if (why)
		SKIP(return, "%s", why);
	EXPECT_NE(0, access(KN_CGROUP "memory.knumad", F_OK));
	ASSERT_LT(0, kn_read(KN_CHILD "/memory.knumad", buf, sizeof(buf)));
	EXPECT_STREQ("default\n", buf);
	EXPECT_EQ(0, kn_write(KN_CHILD "/memory.knumad", "never"));
	EXPECT_EQ(-EINVAL, kn_write(KN_CHILD "/memory.knumad", "sometimes"));
	EXPECT_EQ(-EINVAL, kn_write(KN_CHILD "/memory.knumad", "1"));
	ASSERT_LT(0, kn_read(KN_CHILD "/memory.knumad", buf, sizeof(buf)));
	EXPECT_STREQ("never\n", buf);
	ASSERT_LT(0, kn_read(KN_PARENT "/memory.knumad", buf, sizeof(buf)));
	EXPECT_STREQ("default\n", buf);
}

/* A verdict is of now: who was left alone and is being moved is no longer left alone. */
TEST_F(control, verdict_follows)
{
	struct kn_worker *worker;
	char verdict[32];

	/* So much that it is seen while it moves */
	self->work.size = 96 * KN_MB;
	worker = kn_start(&self->work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_choose(worker->pid, "out"));
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "opted_out"), KN_PATIENCE))
		kn_dump();
	ASSERT_EQ(0, kn_choose(worker->pid, "default"));
	ASSERT_TRUE(kn_wait_until(!kn_proc_is(worker->pid, "moved", "0"), KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_proc_value(worker->pid, "verdict", verdict, sizeof(verdict)));
	EXPECT_STRNE("opted_out", verdict);
	EXPECT_EQ(0, kn_stop(worker));
}

static __u64 group_pages(const char *group)
{
	return kn_group_stat(group, "memory.knumad.stat", "pages_migrated");
}

/* What is done for a process is counted for its group and those above. */
TEST_F(control, group_statistics)
{
	const char *why = kn_make_groups();
	__u64 before = kn_stat("pages_migrated"), vm = kn_vmstat("knumad_pages_migrated");
	struct kn_worker *worker;
	struct kn_process process;
	char usage[512];

	if (why)
		SKIP(return, "%s", why);
	self->work.before = kn_enter_child;
	worker = kn_start(&self->work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	ASSERT_TRUE(kn_wait_share(worker, self->node[1], KN_GATHERED, KN_PATIENCE))
		kn_dump();
	ASSERT_TRUE(kn_wait_until(kn_verdict_is(worker->pid, "home"), KN_PATIENCE));
	ASSERT_TRUE(kn_process(worker->pid, &process));
	EXPECT_LE(MEM / KN_PAGE, process.moved);
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_EQ(kn_stat("pages_migrated") - before,
		  kn_vmstat("knumad_pages_migrated") - vm);
	/*
	 * The last few events of CPUs are added up when the kernel's deferrable timer fires,
	 * which is never on a CPU that stays idle, or when this is read, of the groups below, too.
	 */
	ASSERT_LT(0, kn_read(KN_PARENT "/cpu.stat", usage, sizeof(usage)));
	EXPECT_LE(process.moved, group_pages(KN_CHILD));
	EXPECT_EQ(group_pages(KN_CHILD), group_pages(KN_PARENT));
	EXPECT_EQ(group_pages(KN_CHILD),
		  kn_group_stat(KN_CHILD, "memory.stat", "knumad_pages_migrated"));
	EXPECT_EQ(0, kn_group_stat(KN_CHILD, "memory.knumad.stat", "hint_faults"));
	EXPECT_LT(0, kn_group_stat(KN_CHILD, "memory.knumad.stat", "scan_us"));
	EXPECT_EQ(0, kn_stop(worker));
}

static int write_child(void *data)
{
	return kn_write(KN_CHILD "/memory.knumad", "never");
}

/* An unprivileged user to whom a group was given chooses for it, nobody else does. */
TEST_F(control, delegated)
{
	const char *why = kn_make_groups();

	if (why)
		SKIP(return, "%s", why);
	EXPECT_EQ(-EACCES, kn_as_user(KN_SOMEBODY, write_child, NULL));
	ASSERT_EQ(0, chown(KN_CHILD "/memory.knumad", KN_SOMEBODY, KN_SOMEBODY));
	EXPECT_EQ(0, kn_as_user(KN_SOMEBODY, write_child, NULL));
	EXPECT_EQ(-EACCES, kn_as_user(KN_NOBODY, write_child, NULL));
}

/*
 * Who is heard
 */

static const char * const modes[] = { "always", "opt-in" };
static const char * const groups[] = { "default", "always", "never" };
static const char * const choices[] = { "default", "in", "out" };

/* As documented: what is said of a process, NULL for a home */
static const char *expected(unsigned int mode, unsigned int parent, unsigned int child,
			    unsigned int choice)
{
	unsigned int group = child ?: parent;

	if (mode && choice != 1 && group != 1)
		return "unwatched";
	if (choice == 2)
		return "opted_out";
	return group == 2 ? "group" : NULL;
}

static bool is_judged(pid_t pid, const char *verdict)
{
	return verdict ? kn_proc_is(pid, "verdict", verdict) :
	       kn_proc_is(pid, "verdict", "home") || kn_proc_is(pid, "verdict", "moving");
}

/* Mode, group above, group, process: all that they can say */
TEST_F(control, priorities)
{
	const char *why = kn_make_groups();
	struct kn_worker *worker;
	const char *last = "";
	unsigned int mode, at;

	if (why)
		SKIP(return, "%s", why);
	self->work.before = kn_enter_child;
	worker = kn_start(&self->work);
	ASSERT_NE(NULL, worker);
	for (mode = 0; mode < ARRAY_SIZE(modes); mode++) {
		ASSERT_EQ(0, kn_enable(modes[mode]));
		for (at = 0; at < 27; at++) {
			unsigned int parent = at / 9, child = at / 3 % 3, choice = at % 3;
			const char *verdict = expected(mode, parent, child, choice);

			ASSERT_EQ(0, kn_write(KN_PARENT "/memory.knumad", groups[parent]));
			ASSERT_EQ(0, kn_write(KN_CHILD "/memory.knumad", groups[child]));
			ASSERT_EQ(0, kn_choose(worker->pid, choices[choice]));
			EXPECT_TRUE(kn_proc_is(worker->pid, "group", groups[child ?: parent]));
			/* What is there may be the verdict of before */
			if (verdict == last)
				ASSERT_TRUE(kn_wait_passes(2, KN_PATIENCE));
			last = verdict;
			ASSERT_TRUE(kn_wait_until(is_judged(worker->pid, verdict), KN_PATIENCE))
				TH_LOG("%s, %s, %s, %s", modes[mode], groups[parent],
				       groups[child], choices[choice]);
		}
	}
	ASSERT_EQ(0, kn_enable("never"));
	EXPECT_TRUE(kn_proc_is(worker->pid, "verdict", "off"));
	EXPECT_EQ(0, kn_stop(worker));
}

static int before_all(struct kn_shared *sh, const struct kn_work *work)
{
	if (kn_enter_child(sh, work))
		return -EINVAL;
	return prctl(PR_SET_KNUMAD, PR_KNUMAD_OUT, 0, 0, 0) ? -errno : 0;
}

/* Later than that: to put memory into place a worker has policies, which it gives up */
static int prepare_policy(struct kn_shared *sh, const struct kn_work *work)
{
	return kn_mempolicy(MPOL_BIND, 1ULL << work->node) ? -errno : 0;
}

/* The reasons to leave a process alone, all at once: the first is told. */
TEST_F(control, reasons_in_order)
{
	const char *why = kn_make_groups();
	struct kn_worker *worker;
	char node[16], mems[256];

	if (why)
		SKIP(return, "%s", why);
	if (kn_write(KN_CGROUP "cgroup.subtree_control", "+cpuset") ||
	    kn_write(KN_PARENT "/cgroup.subtree_control", "+cpuset"))
		SKIP(return, "no cpuset controller in the cgroup2 hierarchy");
	ASSERT_LT(0, kn_read("/sys/devices/system/node/has_memory", mems, sizeof(mems)));
	snprintf(node, sizeof(node), "%d", self->node[0]);
	ASSERT_EQ(0, kn_write(KN_CHILD "/cpuset.mems", node));
	ASSERT_EQ(0, kn_write(KN_CHILD "/memory.knumad", "never"));
	self->work.before = before_all;
	self->work.prepare = prepare_policy;
	worker = kn_start(&self->work);
	ASSERT_NE(NULL, worker);
	ASSERT_EQ(0, kn_enable("always"));
	EXPECT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "opted_out"), KN_PATIENCE));
	ASSERT_EQ(0, kn_choose(worker->pid, "in"));
	EXPECT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "group"), KN_PATIENCE));
	ASSERT_EQ(0, kn_write(KN_CHILD "/memory.knumad", "always"));
	EXPECT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "cpuset"), KN_PATIENCE));
	ASSERT_EQ(0, kn_write(KN_CHILD "/cpuset.mems", mems));
	EXPECT_TRUE(kn_wait_until(kn_proc_is(worker->pid, "verdict", "policy_bound"),
				  KN_PATIENCE));
	EXPECT_EQ(0, kn_stop(worker));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--asleep"))
		return asleep();
	kn_save_system();
	return test_harness_run(argc, argv);
}
