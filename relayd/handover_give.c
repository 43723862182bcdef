#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdmsg.h"
#include "relayd/crew.h"
#include "relayd/handover.h"
#include "relayd/handover_wire.h"
#include "relayd/port.h"
#include "relayd/session.h"
#include "relayd/snapshot.h"

enum { RESTING_CHUNK = 1000 };

static int give_ports(int peer, const struct handover_given *g)
{
	size_t max = ports_total(g->ports), n;
	struct ports_resting *all = calloc(max, sizeof(*all));
	int err = all ? 0 : -ENOMEM;

	n = all ? ports_resting(all, max, g->ports) : 0;
	for (size_t i = 0; !err && i < n;) {
		json_t *list = json_array();

		for (size_t end = i + RESTING_CHUNK; i < n && i < end; i++)
			if (all[i].until > g->now)
				json_array_append_new(
					list,
					json_pack("[i,I]", (int)all[i].port,
						  (json_int_t)(all[i].until -
							       g->now)));
		err = handover_send(
			peer,
			json_pack("{s:s,s:o}", "is", "resting", "ports", list),
			NULL, 0);
	}
	free(all);
	return err;
}

struct giving {
	int peer;
	struct handover_given *g;
	struct snapshot *state;
};

static int give_session(const struct session *s, void *arg)
{
	struct giving *x = arg;
	int fds[SESSION_FDS];
	json_t *state;
	size_t n;

	session_flush(s);
	n = session_snapshot(x->state, fds, s);
	state = snapshot_print(x->state, x->g->now);
	if (!state)
		return -ENOMEM;
	x->g->sessions++;
	return handover_send(
		x->peer,
		json_pack("{s:s,s:o}", "is", "session", "state", state), fds,
		n);
}

static int give_engine(struct engine *e, void *arg)
{
	return sessions_apply(engine_sessions(e), give_session, arg);
}

static int give_relay(int peer, const struct handover_given *g)
{
	int fds[FDMSG_FDS];
	size_t n = g->nfds < FDMSG_FDS - 1 ? g->nfds : FDMSG_FDS - 1;

	memcpy(fds, g->fds, n * sizeof(fds[0]));
	if (g->table >= 0)
		fds[n++] = g->table;
	return handover_send(peer,
			     json_pack("{s:s,s:i,s:b,s:b}", "is", "relay",
				       "version", HANDOVER_VERSION, "table",
				       g->table >= 0, "drained", g->drained),
			     fds, n);
}

static int give_all(int peer, struct handover_given *g)
{
	struct giving x = {peer, g, malloc(sizeof(*x.state))};
	int err = x.state ? 0 : -ENOMEM;

	g->sessions = 0;
	if (!err)
		err = give_relay(peer, g);
	if (!err)
		err = give_ports(peer, g);
	if (!err)
		err = crew_each(g->crew, give_engine, &x);
	if (!err)
		err = handover_send(peer,
				    json_pack("{s:s,s:I}", "is", "end",
					      "sessions",
					      (json_int_t)g->sessions),
				    NULL, 0);
	free(x.state);
	return err;
}

/* From `go` on only a connection that is gone tells that nobody has it. */
static int let_go(int peer)
{
	int err = handover_send(peer, json_pack("{s:s}", "is", "go"), NULL, 0);

	if (!err)
		err = handover_expect(peer, "on");
	return err == -ETIMEDOUT ? 0 : err;
}

int handover_give(int peer, struct handover_given *g, char why[HANDOVER_WHY])
{
	const char *at = "sending";
	int err = give_all(peer, g);

	if (!err) {
		at = "waiting for ready";
		err = handover_expect(peer, "ready");
	}
	if (!err) {
		at = "letting go";
		err = let_go(peer);
	}
	if (err)
		snprintf(why, HANDOVER_WHY, "%s: %s", at, strerror(-err));
	return err;
}
