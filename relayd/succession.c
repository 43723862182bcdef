#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "relayd/crew.h"
#include "relayd/fastpath.h"
#include "relayd/fdstore.h"
#include "relayd/handover_wire.h"
#include "relayd/succession.h"
#include "relayd/takeover.h"

enum { NS_PER_MS = 1000000 };

static uint64_t now_ms(void)
{
	return uv_hrtime() / NS_PER_MS;
}

void succession_init(struct succession *s)
{
	*s = (struct succession){.peer = -1};
	handover_init(&s->left);
}

int succession_ask(struct succession *s, const char *path,
		   char err[CONF_ERRLEN])
{
	char why[HANDOVER_WHY];
	int ret = takeover_connect(&s->peer, path);

	s->began = now_ms();
	if (ret) {
		snprintf(err, CONF_ERRLEN,
			 "takeover: no relayd to be had at %s: %s; start "
			 "without --takeover",
			 path, strerror(-ret));
		return ret;
	}
	ret = handover_ask(&s->left, s->peer, why);
	if (ret)
		snprintf(err, CONF_ERRLEN,
			 "takeover: %s; the relayd before goes on", why);
	return ret;
}

void succession_find(struct succession *s)
{
	int table = s->left.table, err;

	if (s->began == 0)
		s->began = now_ms();
	s->left.table = -1;
	err = fdstore_open(&s->fdstore, &s->left, table);
	if (err && err != -ENOENT)
		log_warn("sessions would not survive a crash",
			 LOG_S("reason", strerror(-err)));
}

bool succession_inherits(const struct succession *s)
{
	return s->peer >= 0 || s->left.n > 0;
}

int succession_restore(struct succession *s, struct crew *crew,
		       struct ports *ports, char err[CONF_ERRLEN])
{
	size_t all = s->left.n;

	s->lost = handover_restore(&s->left, crew, ports, now_ms());
	log_info("sessions restored", LOG_I("sessions", all - s->lost),
		 LOG_I("lost", s->lost), LOG_I("ms", now_ms() - s->began));
	if (s->lost == 0 || s->peer < 0)
		return 0;
	snprintf(err, CONF_ERRLEN,
		 "takeover: %zu of %zu sessions cannot go on here, the log "
		 "says why; the relayd before goes on",
		 s->lost, all);
	return -EBADMSG;
}

static void hang_up(struct succession *s)
{
	if (s->peer >= 0)
		close(s->peer);
	s->peer = -1;
	handover_release(&s->left);
}

int succession_begin(struct succession *s, struct crew *crew,
		     char err[CONF_ERRLEN])
{
	char why[HANDOVER_WHY];
	int ret = s->peer >= 0 ? handover_finish(s->peer, why) : 0;

	if (ret) {
		snprintf(err, CONF_ERRLEN,
			 "takeover: %s; the relayd before goes on", why);
		return ret;
	}
	s->begun = true;
	crew_resume(crew);
	if (s->peer >= 0)
		log_info("took over", LOG_I("ms", now_ms() - s->began));
	hang_up(s);
	return 0;
}

/* What outlives the process is the next one's. */
static void yield(struct succession *s)
{
	if (s->fastpath)
		fastpath_yield(s->fastpath);
	fdstore_yield(s->fdstore, true);
}

/* Everything stops, or goes on. */
static void freeze(struct succession *s)
{
	crew_hold(s->crew);
	yield(s);
}

static void thaw(struct succession *s)
{
	int err = s->fastpath ? fastpath_resume(s->fastpath) : 0;

	if (err)
		log_error("fast path lost, relayd forwards by itself",
			  LOG_S("reason", strerror(-err)));
	fdstore_yield(s->fdstore, false);
	crew_resume(s->crew);
}

/* The next one asks. Until it has said that it receives, all this can be taken
 * back: what comes meanwhile waits in the sockets. */
static void on_ask(int peer, void *arg)
{
	struct succession *s = arg;
	struct handover_given given = {
		.crew = s->crew,
		.ports = s->ports,
		.fds = s->fds,
		.nfds = s->nfds,
		.table = fdstore_table(s->fdstore),
		.drained = *s->drained,
		.now = now_ms(),
	};
	char why[HANDOVER_WHY];

	if (handover_expect(peer, "ask")) {
		log_warn("takeover refused",
			 LOG_S("reason", "not asked as relayd asks"));
		return;
	}
	freeze(s);
	if (handover_give(peer, &given, why)) {
		thaw(s);
		log_warn("takeover failed, going on", LOG_S("reason", why),
			 LOG_I("ms", now_ms() - given.now));
		return;
	}
	log_info("handed over, ending", LOG_I("sessions", given.sessions),
		 LOG_I("ms", now_ms() - given.now));
	s->given = true;
	daemon_exit(s->daemon);
}

static int keep(struct engine *e, void *arg)
{
	(void)arg;
	engine_keep(e);
	return 0;
}

bool succession_leave(struct succession *s)
{
	if (!s->fdstore)
		return false;
	crew_hold(s->crew);
	(void)crew_each(s->crew, keep, NULL);
	yield(s);
	s->given = true;
	daemon_exit(s->daemon);
	return true;
}

int succession_offer(struct succession *s, const char *path,
		     char err[CONF_ERRLEN])
{
	int ret = takeover_listen(&s->takeover, daemon_loop(s->daemon), path,
				  on_ask, s);

	if (ret)
		snprintf(err, CONF_ERRLEN,
			 "takeover: %s: %s, choose another path or \"\"", path,
			 strerror(-ret));
	return ret;
}

bool succession_is_others(const struct succession *s)
{
	return s->given || (!s->begun && succession_inherits(s));
}

void succession_end(struct succession *s)
{
	hang_up(s);
	takeover_close(s->takeover);
	s->takeover = NULL;
}
