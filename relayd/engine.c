#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/deadlines.h"
#include "common/doctor_ask.h"
#include "common/log.h"
#include "common/sipmsg.h"
#include "common/strbuf.h"
#include "relayd/burst.h"
#include "relayd/control.h"
#include "relayd/counters.h"
#include "relayd/engine.h"
#include "relayd/fastpath_user.h"
#include "relayd/gone.h"
#include "relayd/journal.h"
#include "relayd/load.h"
#include "relayd/quota.h"
#include "relayd/socket.h"

enum {
	TICK_MS = 250,   /* how late an expiry may come */
	GONE_MAX = 4096, /* media-gone notices under way */
};

struct engine {
	uv_timer_t tick; /* drives the deadlines */
	struct relayd_counters counters;
	struct stream_env env;
	struct deadlines *deadlines;
	struct journal *journal;
	struct gone *gone;
	struct sessions *sessions;
	struct control *control;
	struct quota *quota;
	struct quota_meter meter;
	char answer[SIPMSG_MAX];
	struct burst burst;
	unsigned connected;
	uint8_t packet[SOCKET_BUF]; /* mostly never touched */
};

/* What this worker forwards, where anybody cares. */
static void tell_traffic(struct engine *e, uint64_t now)
{
	if (now - e->meter.since < QUOTA_SPAN_MS ||
	    !quota_wants_traffic(e->quota))
		return;
	sessions_sync(e->sessions);
	quota_traffic(e->quota, &e->meter, e->counters.bytes, now);
}

static void on_tick(uv_timer_t *timer)
{
	struct engine *e = timer->data;

	if (e->env.fast && fastpath_user_tick(e->env.fast))
		sessions_sync(e->sessions);
	tell_traffic(e, uv_now(timer->loop));
	sessions_keep(e->sessions, uv_now(timer->loop));
	deadlines_run(e->deadlines, uv_now(timer->loop));
}

/* Not sent is as lost on the way, here and below. */
static void send_control(struct engine *e, const struct engine_door *door,
			 const struct addr *dst, const char *data, size_t len)
{
	if (sendto(door->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, &dst->u.sa,
		   addr_len(dst)) < 0)
		e->counters.answer_errors++;
}

static void send_notice(const struct gone_call *call, const char *data,
			size_t len, void *arg)
{
	struct engine *e = arg;

	send_control(e, call->door, call->proxy, data, len);
	journal_message(e->journal, call->call_id, TRACE_OUT, call->self,
			call->proxy, data, len);
}

/* 481: the proxy has no such call, so that nobody else will release it. 491:
 * it is not answered yet. */
static void on_notice(const char *call_id, int status, void *arg)
{
	struct engine *e = arg;
	struct session *s = sessions_find(e->sessions, call_id);
	uint64_t now = uv_now(e->env.loop);

	journal_gone_answered(call_id, status);
	if (s && status == 481)
		session_release(s, now);
	else if (s && status == 491)
		session_was_early(s, now);
}

static int open_tables(struct engine *e, const struct engine_config *cfg)
{
	int err = 0;

	if (cfg->fastpath)
		err = fastpath_user_open(&e->env.fast, cfg->fastpath);
	if (!err)
		err = deadlines_alloc(&e->deadlines);
	if (!err)
		err = journal_alloc(&e->journal, cfg->trace);
	if (!err)
		err = gone_alloc(&e->gone, &(struct gone_config){
						   .deadlines = e->deadlines,
						   .max = GONE_MAX,
						   .send = send_notice,
						   .answered = on_notice,
						   .arg = e,
					   });
	if (!err)
		err = sessions_alloc(&e->sessions,
				     &(struct sessions_config){
					     .env = &e->env,
					     .ports = cfg->ports,
					     .deadlines = e->deadlines,
					     .journal = e->journal,
					     .fdstore = cfg->fdstore,
					     .doors = cfg->doors,
					     .ndoors = cfg->ndoors,
					     .gone = e->gone,
					     .counters = &e->counters,
					     .load = cfg->load,
					     .quota = cfg->quota,
					     .limits = cfg->limits,
				     });
	if (!err)
		err = control_alloc(&e->control,
				    &(struct control_config){
					    .sessions = e->sessions,
					    .ports = cfg->ports,
					    .load = cfg->load,
					    .journal = e->journal,
					    .gone = e->gone,
					    .counters = &e->counters,
					    .trusted = cfg->env.trusted,
					    .site = cfg->env.own,
					    .nsite = cfg->env.nown,
				    });
	return err;
}

static void close_tables(struct engine *e)
{
	control_free(e->control);
	sessions_free(e->sessions);
	gone_free(e->gone);
	journal_free(e->journal);
	deadlines_free(e->deadlines);
	fastpath_user_close(e->env.fast);
}

int engine_open(struct engine **ep, uv_loop_t *loop,
		const struct engine_config *cfg)
{
	struct engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->env = cfg->env;
	e->env.loop = loop;
	e->env.counters = &e->counters;
	e->env.buf = e->packet;
	e->env.burst = &e->burst;
	e->env.connected = &e->connected;
	e->quota = cfg->quota;
	err = open_tables(e, cfg);
	if (err) {
		close_tables(e);
		free(e);
		return err;
	}
	uv_timer_init(loop, &e->tick);
	e->tick.data = e;
	uv_timer_start(&e->tick, on_tick, TICK_MS, TICK_MS);
	*ep = e;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	close_tables(e);
	uv_close((uv_handle_t *)&e->tick, on_closed);
}

void engine_datagram(struct engine *e, const struct engine_door *door,
		     const struct addr *src, const char *data, size_t len)
{
	const struct control_input in = {
		.data = data,
		.len = len,
		.src = src,
		.self = &door->self,
		.door = door,
		.now = uv_now(e->env.loop),
		.wall_ms = doctor_wall_ms(),
	};
	struct strbuf out;
	struct addr dst;

	strbuf_init(&out, e->answer, sizeof(e->answer));
	if (control_handle(e->control, &out, &dst, &in))
		send_control(e, door, &dst, out.data, out.len);
}

void engine_reload(struct engine *e, const struct session_limits *limits,
		   const struct netset *trusted)
{
	sessions_limit(e->sessions, limits);
	control_trust(e->control, trusted);
	e->env.trusted = trusted;
}

int engine_restore(struct engine *e, const struct snapshot *was,
		   struct fdbag *sockets)
{
	struct session *s;
	int err;

	/* the loop may not have run for a while */
	uv_update_time(e->env.loop);
	err = session_restore(&s, e->sessions, was, sockets);
	if (!err)
		e->counters.sessions_restored++;
	return err;
}

void engine_keep(struct engine *e)
{
	uv_update_time(e->env.loop);
	sessions_sync(e->sessions);
	sessions_keep_all(e->sessions, uv_now(e->env.loop));
}

const struct sessions *engine_sessions(const struct engine *e)
{
	return e->sessions;
}

void engine_count(const struct engine *e, struct relayd_counters *sum)
{
	sessions_sync(e->sessions);
	counters_add(sum, &e->counters);
}
