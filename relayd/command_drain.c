#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "common/ask.h"
#include "relayd/conf.h"

#include "relayd/commands.h"

enum {
	WAIT_MAX_S = 7 * 86400,
	POLL_MS = 200,
	AWAY_LOOKS = 25, /* 5 s of them */
	MS_PER_S = 1000,
	NS_PER_MS = 1000000,
	DECIMAL = 10,
};

/* What it carries, after a change or by itself. */
static int ask_load(json_t **load, const void *conf, const char *path,
		    bool post, char err[CONF_ERRLEN])
{
	const struct ask q = {
		.http = ((const struct relayd_conf *)conf)->http,
		.path = path,
		.post = post,
	};

	return ask(load, &q, err);
}

static long long sessions_of(const json_t *load)
{
	return json_integer_value(json_object_get(load, "sessions"));
}

static int read_wait(long *seconds, const char *text, char err[CONF_ERRLEN])
{
	char *end;

	errno = 0;
	*seconds = strtol(text, &end, DECIMAL);
	if (!errno && *text && !*end && *seconds >= 0 && *seconds <= WAIT_MAX_S)
		return 0;
	(void)snprintf(err, CONF_ERRLEN,
		       "--wait: expected 0 to %d seconds, found %.100s",
		       WAIT_MAX_S, text);
	return -EINVAL;
}

static uint64_t now_ms(void)
{
	return uv_hrtime() / NS_PER_MS;
}

/* One look: 0, none is left; -EAGAIN, some are. */
static int look(long long *left, const void *conf, char err[CONF_ERRLEN])
{
	json_t *load = NULL;
	int ret = ask_load(&load, conf, "/api/load", false, err);

	if (!ret)
		*left = sessions_of(load);
	if (!ret && !json_is_true(json_object_get(load, "draining"))) {
		ret = -ECANCELED;
		(void)snprintf(err, CONF_ERRLEN,
			       "undrained meanwhile, with %lld sessions",
			       *left);
	} else if (!ret && *left > 0) {
		ret = -EAGAIN;
	}
	json_decref(load);
	return ret;
}

/* A moment in which one relayd takes over from another is no end of it. */
static bool is_passing(int ret, int *away)
{
	if (ret != -EIO && ret != -ECONNREFUSED)
		*away = 0;
	else if (++*away < AWAY_LOOKS)
		return true;
	return ret == -EAGAIN;
}

/* Until no session is left. */
static int wait_for_none(const void *conf, long seconds, char err[CONF_ERRLEN])
{
	uint64_t end = now_ms() + (uint64_t)seconds * MS_PER_S;
	long long left = 0;
	int ret, away = 0;

	while (is_passing(ret = look(&left, conf, err), &away)) {
		if (now_ms() >= end) {
			(void)snprintf(err, CONF_ERRLEN,
				       "%lld sessions left after %ld s", left,
				       seconds);
			return -ETIMEDOUT;
		}
		uv_sleep(POLL_MS);
	}
	return ret;
}

int command_drain(const void *conf, const struct command_args *args,
		  char err[CONF_ERRLEN])
{
	const char *wait = command_value(args, "--wait");
	json_t *load = NULL;
	long seconds = 0;
	int ret = wait ? read_wait(&seconds, wait, err) : 0;

	if (!ret)
		ret = ask_load(&load, conf, "/api/drain", true, err);
	if (!ret && !wait)
		printf("draining, %lld sessions left\n", sessions_of(load));
	else if (!ret)
		ret = wait_for_none(conf, seconds, err);
	if (!ret && wait)
		printf("drained\n");
	json_decref(load);
	return ret;
}

int command_undrain(const void *conf, const struct command_args *args,
		    char err[CONF_ERRLEN])
{
	json_t *load = NULL;
	int ret = ask_load(&load, conf, "/api/undrain", true, err);

	(void)args;
	if (!ret)
		printf("takes new sessions, has %lld\n", sessions_of(load));
	json_decref(load);
	return ret;
}
