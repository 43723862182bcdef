#include "common/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/daemon_options.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/watchdog.h"

enum {
	/* How long closing may take before what is still open is a leak. */
	DAEMON_CLOSE_MS = 2000,
	/* What ending takes beyond the time that is left to what has begun. */
	DAEMON_END_S = 10,
	NOTIFY_LINES = 96,
};

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
enum { NSIGNALS = sizeof(signals) / sizeof(signals[0]) };

struct daemon {
	const struct daemon_class *class;
	const char *file;
	unsigned flags; /* as in the options */
	uv_loop_t loop;
	uv_signal_t signals[NSIGNALS];
	void *conf;     /* as at start, until the end */
	void *reloaded; /* the newest, or NULL */
	void *ctx;
	struct watchdog *watchdog;
	bool heir;    /* of the process that the service manager started */
	bool running; /* inside the loop */
	bool draining;
	bool exiting;
};

static void free_conf(const struct daemon_class *c, void *conf)
{
	if (conf)
		conf_free(conf, c->keys, c->nkeys);
	free(conf);
}

/* The level of the key "log", or info where there is no such key. */
static int log_level_of(enum log_level *level, const struct daemon_class *c,
			const void *conf, char err[CONF_ERRLEN])
{
	*level = LOG_LEVEL_INFO;
	for (size_t i = 0; i < c->nkeys; i++) {
		if (strcmp(c->keys[i].name, "log") != 0)
			continue;
		const char *name = *(char *const *)((const char *)conf +
						    c->keys[i].offset);

		if (!name || log_level_parse(level, name) == 0)
			return 0;
		snprintf(err, CONF_ERRLEN,
			 "log: expected debug, info, warn or error, found "
			 "\"%s\"",
			 name);
		return -EINVAL;
	}
	return 0;
}

static int check_conf(const struct daemon_class *c, const void *conf,
		      char err[CONF_ERRLEN])
{
	enum log_level level;
	int ret = log_level_of(&level, c, conf, err);

	return ret || !c->check ? ret : c->check(conf, err);
}

static int load_conf(void **confp, const struct daemon_class *c,
		     const char *file, char err[CONF_ERRLEN])
{
	void *conf = calloc(1, c->conf_size);
	int ret = -ENOMEM;

	snprintf(err, CONF_ERRLEN, "out of memory");
	if (conf)
		ret = conf_load(conf, c->keys, c->nkeys, c->name, file, err);
	if (!ret)
		ret = check_conf(c, conf, err);
	if (ret)
		free_conf(c, conf);
	else
		*confp = conf;
	return ret;
}

static void apply_log_level(const struct daemon_class *c, const void *conf)
{
	char err[CONF_ERRLEN];
	enum log_level level;

	if (log_level_of(&level, c, conf, err) == 0)
		log_set_level(level);
}

/* The relay has two sockets a stream: take all that we are allowed. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_warn("cannot raise the limit of open files",
			 LOG_S("error", strerror(errno)));
}

/* The old configuration stays unless the whole of the new one is good. */
static void reload(struct daemon *d)
{
	const struct daemon_class *c = d->class;
	const void *running = d->reloaded ? d->reloaded : d->conf;
	char err[CONF_ERRLEN];
	void *next = NULL;
	int ret = load_conf(&next, c, d->file, err);

	if (!ret)
		ret = conf_keep(next, running, c->keys, c->nkeys);
	if (!ret)
		ret = check_conf(c, next, err);
	if (ret) {
		log_error("configuration not reloaded",
			  LOG_S("error", *err ? err : strerror(-ret)));
		free_conf(c, next);
		return;
	}
	apply_log_level(c, next);
	if (c->reload)
		c->reload(d->ctx, next);
	free_conf(c, d->reloaded);
	d->reloaded = next;
	log_info("configuration reloaded", LOG_S("file", d->file));
}

/* The service manager's own limit may be shorter. */
static void tell_ending(unsigned seconds)
{
	char lines[NOTIFY_LINES];

	snprintf(lines, sizeof(lines), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu",
		 (seconds + DAEMON_END_S) * 1000000ULL);
	notify_say(lines);
}

static void end(struct daemon *d, int signum)
{
	bool at_once = d->draining || !d->class->drain;

	log_info(at_once ? "ending" : "draining, a second signal ends at once",
		 LOG_I("signal", signum));
	if (at_once) {
		daemon_exit(d);
		return;
	}
	d->draining = true;
	tell_ending(d->class->drain(d->ctx));
}

static void leave(struct daemon *d)
{
	if (d->draining || !d->class->leave || !d->class->leave(d->ctx)) {
		end(d, SIGUSR2);
		return;
	}
	d->draining = true;
	log_info("ending, all is left to the next process");
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	if (signum == SIGUSR2)
		leave(d);
	else if (signum != SIGHUP)
		end(d, signum);
	else if (!d->draining)
		reload(d);
}

static int watch_signals(struct daemon *d)
{
	int err = 0;

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; !err && i < NSIGNALS; i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		err = uv_signal_start(&d->signals[i], on_signal, signals[i]);
	}
	return err;
}

static void unwatch_signals(struct daemon *d)
{
	for (size_t i = 0; i < NSIGNALS; i++)
		if (d->signals[i].data)
			uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void on_late(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void report_leak(uv_handle_t *handle, void *guard)
{
	if (uv_is_closing(handle))
		return;
	if (handle != guard)
		log_error("handle left open",
			  LOG_S("type", uv_handle_type_name(handle->type)));
	uv_close(handle, NULL);
}

/* What stop() began to close gets its time; the rest is a leak. */
static void close_loop(struct daemon *d)
{
	uv_timer_t guard;

	uv_timer_init(&d->loop, &guard);
	uv_timer_start(&guard, on_late, DAEMON_CLOSE_MS, 0);
	uv_unref((uv_handle_t *)&guard);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_walk(&d->loop, report_leak, &guard);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
}

/* Of two in turn (relayd --takeover) the service is the later one. */
static void tell_ready(void)
{
	char lines[NOTIFY_LINES];

	snprintf(lines, sizeof(lines), "READY=1\nMAINPID=%ld", (long)getpid());
	notify_say(lines);
}

static bool is_alive(void *arg)
{
	const struct daemon *d = arg;

	return !d->class->alive || d->class->alive(d->ctx);
}

static int run(struct daemon *d, char err[CONF_ERRLEN])
{
	const struct daemon_class *c = d->class;
	int ret = uv_loop_init(&d->loop);

	snprintf(err, CONF_ERRLEN, "cannot start");
	if (ret)
		return ret;
	ret = watch_signals(d);
	if (!ret)
		ret = c->start(&d->ctx, d, d->conf, err);
	if (!ret)
		ret = watchdog_start(&d->watchdog, &d->loop, d->heir, is_alive,
				     d);
	if (!ret)
		tell_ready();
	d->running = true;
	while (!ret && !d->exiting)
		uv_run(&d->loop, UV_RUN_DEFAULT);
	d->running = false;
	watchdog_stop(d->watchdog);
	c->stop(d->ctx);
	unwatch_signals(d);
	close_loop(d);
	return ret;
}

uv_loop_t *daemon_loop(struct daemon *d)
{
	return &d->loop;
}

bool daemon_has_flag(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->class->nflags; i++)
		if (!strcmp(d->class->flags[i].name, name))
			return d->flags & 1U << i;
	return false;
}

void daemon_inherits(struct daemon *d)
{
	d->heir = true;
}

/* A stop asked for outside the loop would cut its closing run short. */
void daemon_exit(struct daemon *d)
{
	if (d->running && !d->exiting)
		uv_stop(&d->loop);
	d->exiting = true;
}

/* Of what the daemon would log a command says its own line only. What it prints
 * is not done before it is out. */
static int run_command(const struct daemon_options *o, const void *conf,
		       char err[CONF_ERRLEN])
{
	int ret;

	if (!log_enabled(LOG_LEVEL_DEBUG))
		log_set_level(LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	ret = o->command->run(conf, &o->args, err);
	if (!ret && (fflush(stdout) || ferror(stdout))) {
		ret = -EIO;
		snprintf(err, CONF_ERRLEN, "%s: the output was not taken: %m",
			 o->command->name);
	}
	return ret;
}

/* -t: the configuration has been found good; the host may not be. */
static int test(const struct daemon_class *c, const char *file,
		const void *conf, char err[CONF_ERRLEN])
{
	struct findings *f;
	int ret = findings_alloc(&f);

	if (ret) {
		snprintf(err, CONF_ERRLEN, "out of memory");
		return ret;
	}
	printf("%s: configuration is good\n", file ? file : "defaults");
	if (c->advise)
		c->advise(f, conf);
	ret = findings_print(f, FINDING_WARN, false);
	findings_free(f);
	return ret;
}

int daemon_main(const struct daemon_class *c, int argc, char **argv)
{
	struct daemon d = {.class = c};
	struct daemon_options o = {0};
	char err[CONF_ERRLEN];

	log_init(c->name, LOG_LEVEL_INFO);
	if (daemon_options_read(&o, c, argc, argv))
		return EXIT_FAILURE;
	if (o.done)
		return EXIT_SUCCESS;
	d.file = o.file;
	d.flags = o.flags;

	int ret = load_conf(&d.conf, c, d.file, err);

	if (!ret && o.test) {
		ret = test(c, d.file, d.conf, err);
	} else if (!ret && o.command) {
		apply_log_level(c, d.conf);
		ret = run_command(&o, d.conf, err);
	} else if (!ret) {
		apply_log_level(c, d.conf);
		raise_fd_limit();
		ret = run(&d, err);
	}
	if (ret)
		fprintf(stderr, "%s%s: %s\n", log_priority(LOG_LEVEL_ERROR),
			c->name, err);
	free_conf(c, d.conf);
	free_conf(c, d.reloaded);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
