#ifndef TESTS_UNIT_DAEMON_FIXTURE_H
#define TESTS_UNIT_DAEMON_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"

/*
 * Each test is a process of its own (Check forks), so daemon_main() runs in it
 * and the signals are sent to itself.
 */
struct sample_conf {
	char *level;
	int64_t max;
	int64_t fixed;
};

static const struct conf_key keys[] = {
	{"log", CONF_STRING, offsetof(struct sample_conf, level), "\"info\"", 0,
	 0, NULL, true, "lowest level"},
	{"max", CONF_INT, offsetof(struct sample_conf, max), "5", 0, 100, NULL,
	 true, "calls"},
	{"fixed", CONF_INT, offsetof(struct sample_conf, fixed), "1", 0, 100,
	 NULL, false, "sockets"},
};

static struct {
	struct daemon *d;
	uv_timer_t timer;
	uv_timer_t leak;
	int starts, reloads, drains, stops;
	int64_t max, fixed;
	bool drain_ends;
	bool debug;
	bool sigpipe_ignored;
	void (*on_turn)(void);
} seen;

static char dir[] = "/tmp/test_daemon.XXXXXX";
static char path[64];
static char out[8192]; /* what daemon_main() wrote, stdout and stderr */

static inline void write_conf(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static inline int check(const void *arg, char err[CONF_ERRLEN])
{
	const struct sample_conf *conf = arg;

	if (conf->max != 13)
		return 0;
	snprintf(err, CONF_ERRLEN, "max: 13 brings bad luck");
	return -EINVAL;
}

static inline void on_turn(uv_timer_t *timer)
{
	(void)timer;
	if (seen.on_turn)
		seen.on_turn();
}

static inline int start(void **ctx, struct daemon *d, const void *arg,
			char err[CONF_ERRLEN])
{
	const struct sample_conf *conf = arg;
	struct sigaction pipe_action;

	seen.starts++;
	seen.d = d;
	seen.max = conf->max;
	if (conf->max == 99) {
		snprintf(err, CONF_ERRLEN, "udp:127.0.0.1:5060: in use");
		return -EADDRINUSE;
	}
	sigaction(SIGPIPE, NULL, &pipe_action);
	seen.sigpipe_ignored = pipe_action.sa_handler == SIG_IGN;
	*ctx = &seen;
	uv_timer_init(daemon_loop(d), &seen.timer);
	return uv_timer_start(&seen.timer, on_turn, 0, 1);
}

static inline void reload(void *ctx, const void *arg)
{
	const struct sample_conf *conf = arg;

	ck_assert_ptr_eq(ctx, &seen);
	seen.reloads++;
	seen.max = conf->max;
	seen.fixed = conf->fixed;
	seen.debug = log_enabled(LOG_LEVEL_DEBUG);
}

static inline unsigned drain(void *ctx)
{
	ck_assert_ptr_eq(ctx, &seen);
	seen.drains++;
	if (seen.drain_ends)
		daemon_exit(seen.d);
	return 7;
}

static inline void stop(void *ctx)
{
	seen.stops++;
	if (ctx)
		uv_close((uv_handle_t *)&seen.timer, NULL);
}

static const struct daemon_class class = {
	.name = "sampled",
	.about = "a daemon for tests",
	.keys = keys,
	.nkeys = sizeof(keys) / sizeof(keys[0]),
	.conf_size = sizeof(struct sample_conf),
	.check = check,
	.start = start,
	.reload = reload,
	.drain = drain,
	.stop = stop,
};

static inline void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sample.json", dir);
}

static inline void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

/* The exit status; both outputs go to a file and from there into `out`. */
static inline int run_args(const struct daemon_class *c, int argc, char **argv)
{
	int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	dup2(fileno(f), STDERR_FILENO);
	int status = daemon_main(c, argc, argv);

	fflush(stdout);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	rewind(f);
	out[fread(out, 1, sizeof(out) - 1, f)] = '\0';
	fclose(f);
	return status;
}

static inline int run_class(const struct daemon_class *c, const char *a,
			    const char *b)
{
	char name[] = "sampled", arg1[64] = "", arg2[64] = "";
	char *argv[] = {name, a ? arg1 : NULL, b ? arg2 : NULL, NULL};

	snprintf(arg1, sizeof(arg1), "%s", a ? a : "");
	snprintf(arg2, sizeof(arg2), "%s", b ? b : "");
	return run_args(c, 1 + !!a + !!b, argv);
}

static inline int run(const char *a, const char *b)
{
	return run_class(&class, a, b);
}

static inline void send_term(void)
{
	seen.on_turn = NULL;
	kill(getpid(), SIGTERM);
}

static inline size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#endif
