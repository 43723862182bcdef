#ifndef TESTS_UNIT_REDIS_FIXTURE_H
#define TESTS_UNIT_REDIS_FIXTURE_H

#include <check.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A server of a test's own, on a socket in its directory; it does not outlive
 * the test. */
struct redis_server {
	char dir[64];
	char path[128]; /* of the socket */
	pid_t pid;      /* 0: not running */
};

enum { REDIS_OPTIONS = 24, REDIS_START_MS = 20000 };

/* The program, or NULL. */
static inline const char *redis_program(void)
{
	static const char *const names[] = {
		"/usr/bin/valkey-server",
		"/usr/local/bin/valkey-server",
		"/usr/bin/redis-server",
		"/usr/local/bin/redis-server",
		"/opt/homebrew/bin/redis-server",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!access(names[i], X_OK))
			return names[i];
	return NULL;
}

/* Whether tests with a server are to be run: where they must be, a server that
 * is missing is a failure. */
static inline bool redis_wanted(void)
{
	if (redis_program() || getenv("PINHOLE_NET") || getenv("CI"))
		return true;
	(void)fprintf(stderr,
		      "skipped: no redis-server (or valkey-server) here\n");
	return false;
}

static inline void redis_exec(const struct redis_server *rs, int out,
			      const char *const *options)
{
	const char *argv[REDIS_OPTIONS + 16] = {
		redis_program(),
		"--port",
		"0",
		"--unixsocket",
		rs->path,
		"--save",
		"",
		"--appendonly",
		"no",
		"--dir",
		rs->dir,
		"--daemonize",
		"no",
	};
	size_t n = 13, i;

	for (i = 0; options && options[i] && i < REDIS_OPTIONS; i++)
		argv[n++] = options[i];
	argv[n] = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Until it says that it is ready. */
static inline void redis_wait_ready(int fd)
{
	static char said[65536];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	said[0] = '\0';
	while (!strstr(said, "eady to accept connections")) {
		ck_assert_msg(poll(&p, 1, REDIS_START_MS) == 1, "%s", said);
		n = read(fd, said + len, sizeof(said) - 1 - len);
		ck_assert_msg(n > 0, "the server ended: %s", said);
		len += (size_t)n;
		said[len] = '\0';
	}
}

/* `options` as on its command line ("--requirepass", "x", NULL); may be NULL.
 */
static inline void redis_start(struct redis_server *rs,
			       const char *const *options)
{
	int fds[2];

	ck_assert_msg(redis_program() != NULL, "redis-server is missing: "
					       "apt-get install redis-server");
	(void)snprintf(rs->path, sizeof(rs->path), "%s/redis.sock", rs->dir);
	ck_assert_int_eq(pipe(fds), 0);
	rs->pid = fork();
	ck_assert_int_ge(rs->pid, 0);
	if (!rs->pid)
		redis_exec(rs, fds[1], options);
	(void)close(fds[1]);
	/* Kept open: it goes on writing there. */
	redis_wait_ready(fds[0]);
}

static inline void redis_stop(struct redis_server *rs)
{
	if (!rs->pid)
		return;
	(void)kill(rs->pid, SIGKILL);
	(void)kill(rs->pid, SIGCONT);
	ck_assert_int_eq(waitpid(rs->pid, NULL, 0), rs->pid);
	(void)unlink(rs->path);
	rs->pid = 0;
}

/* Say something to it, as somebody else. The reply is the caller's. */
static inline redisReply *redis_say(const struct redis_server *rs,
				    const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static inline redisReply *redis_say(const struct redis_server *rs,
				    const char *fmt, ...)
{
	redisContext *c = redisConnectUnix(rs->path);
	redisReply *r;
	va_list ap;

	ck_assert_ptr_nonnull(c);
	ck_assert_msg(!c->err, "%s", c->errstr);
	va_start(ap, fmt);
	r = redisvCommand(c, fmt, ap);
	va_end(ap);
	ck_assert_msg(r != NULL, "%s", c->errstr);
	ck_assert_msg(r->type != REDIS_REPLY_ERROR, "%s", r->str);
	redisFree(c);
	return r;
}

#define redis_do(rs, ...) freeReplyObject(redis_say((rs), __VA_ARGS__))

#endif
