#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include <stdbool.h>
#include <uv.h>

#include "common/conf.h"

/*
 * What the three mains share: options, configuration, signals, the loop, the
 * exit status. A daemon describes itself and main() is one call.
 */
struct daemon;
struct command;
struct findings;

/* An option of one daemon: "--takeover". */
struct daemon_flag {
	const char *name; /* without the dashes */
	const char *help; /* one line for -h */
};

enum { DAEMON_FLAGS_MAX = 8 };

struct daemon_class {
	const char *name;  /* "relayd" */
	const char *about; /* one line for -h */
	const struct conf_key *keys;
	size_t nkeys;
	size_t conf_size;
	const struct daemon_flag *flags; /* further ones, or NULL */
	size_t nflags;
	/* What the program does instead of serving (command.h), or NULL. */
	const struct command *commands;
	size_t ncommands;
	/* Checks across keys, after loading; 0 or an error line in err. */
	int (*check)(const void *conf, char err[CONF_ERRLEN]);
	/* What of this host would hurt a daemon with this configuration, for
	 * -t and for doctors (findings.h); NULL: nothing but what hurts all. */
	void (*advise)(struct findings *f, const void *conf);
	/* Open sockets and tables; *ctx is handed to the others. On failure
	 * one clear line in err; stop() is then called with what there is.
	 * `conf` lives until stop() has returned. */
	int (*start)(void **ctx, struct daemon *d, const void *conf,
		     char err[CONF_ERRLEN]);
	/* SIGHUP: the newly loaded configuration, in which keys that need a
	 * restart have kept their value; it lives until the next reload()
	 * or stop() has returned. May be NULL: nothing can be reloaded. */
	void (*reload)(void *ctx, const void *conf);
	/* SIGTERM/SIGINT: end gracefully, call daemon_exit() when done, within
	 * the seconds it returns at most. A second signal exits at once. NULL:
	 * exit at once. */
	unsigned (*drain)(void *ctx);
	/* SIGUSR2, of a service manager that restarts: leave everything to the
	 * process that follows, and call daemon_exit(). False, or NULL: that
	 * cannot be, so it ends as by SIGTERM. */
	bool (*leave)(void *ctx);
	/* Whether the threads beside the loop turn, asked now and then; NULL:
	 * there are none to watch (watchdog.h). */
	bool (*alive)(void *ctx);
	/* Close everything, free ctx; ctx may be NULL. */
	void (*stop)(void *ctx);
};

uv_loop_t *daemon_loop(struct daemon *d);

/* Whether the daemon was started with this one of its class's flags. */
bool daemon_has_flag(const struct daemon *d, const char *name);

/* This process has taken the place of the one that the service manager started:
 * said by start(). */
void daemon_inherits(struct daemon *d);

/* Leave the loop: stop() is called next. May be called again, and from
 * start(). */
void daemon_exit(struct daemon *d);

/*
 * Options: those of the class, -c FILE, -t (check the configuration and exit),
 * -V, -h; behind them a command of the class, or nothing. Log level from the
 * key "log" if the table has one. Returns the exit status: 0, or 1 after one
 * clear line on stderr. Every open handle is closed before it returns; one that
 * is still open is reported (a leak).
 */
int daemon_main(const struct daemon_class *c, int argc, char **argv);

#endif
