#include <errno.h>

#include "common/admin.h"
#include "common/daemon.h"
#include "common/log.h"
#include "relayd/conf.h"
#include "relayd/relay.h"

#include "relayd/draining.h"

enum { MS_PER_S = 1000 };

static uint64_t now_of(const struct relay *r)
{
	return uv_now(daemon_loop(r->daemon));
}

static size_t sessions(const struct relay *r)
{
	return atomic_load(&r->load.sessions);
}

static int has_looked(struct engine *e, void *arg)
{
	(void)e;
	(void)arg;
	return 0;
}

/* Each worker looks at `load` before it begins a session: when all have done
 * what they were at, none begins any more. */
static void refuse_new(struct relay *r)
{
	atomic_store(&r->load.draining, true);
	crew_each(r->crew, has_looked, NULL);
	admin_not_ready(r->admin, "draining");
	joining_leave(r->joining, now_of(r));
}

int draining_begin(struct relay *r)
{
	if (r->drain_until)
		return -ESHUTDOWN;
	if (r->drained)
		return -EALREADY;
	r->drained = true;
	refuse_new(r);
	log_info("draining, by command: no new sessions",
		 LOG_I("sessions", sessions(r)));
	return 0;
}

int draining_end(struct relay *r)
{
	if (r->drain_until)
		return -ESHUTDOWN;
	if (!r->drained)
		return -EALREADY;
	r->drained = false;
	atomic_store(&r->load.draining, false);
	admin_not_ready(r->admin, NULL);
	joining_return(r->joining, now_of(r));
	log_info("draining no more, by command",
		 LOG_I("sessions", sessions(r)));
	return 0;
}

void draining_to_end(struct relay *r)
{
	r->drain_until = now_of(r) + (uint64_t)r->conf->drain * MS_PER_S;
	refuse_new(r);
	if (sessions(r) == 0)
		daemon_exit(r->daemon);
}

void draining_tick(struct relay *r)
{
	size_t left = sessions(r);

	if (!r->drain_until || (left > 0 && now_of(r) < r->drain_until))
		return;
	if (left > 0)
		log_warn("drain time over, sessions are cut",
			 LOG_I("sessions", left));
	daemon_exit(r->daemon);
}
