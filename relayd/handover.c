#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "relayd/crew.h"
#include "relayd/handover.h"
#include "relayd/handover_wire.h"
#include "relayd/port.h"
#include "relayd/snapshot.h"

void handover_init(struct handover *h)
{
	*h = (struct handover){.table = -1};
}

int handover_add(struct handover *h, json_t *state, struct fdbag *sockets)
{
	if (h->n == h->max) {
		size_t max = h->max ? 2 * h->max : 64;
		struct handover_session *more =
			realloc(h->sessions, max * sizeof(*more));

		if (!more) {
			json_decref(state);
			fdbag_close(sockets);
			return -ENOMEM;
		}
		h->sessions = more;
		h->max = max;
	}
	h->sessions[h->n++] = (struct handover_session){state, *sockets};
	*sockets = (struct fdbag){0};
	return 0;
}

/* The table of fdstore.h is the last of them, if it is there. */
static int take_relay(struct handover *h, const json_t *message,
		      struct fdbag *fds)
{
	json_t *version = json_object_get(message, "version");

	if (json_integer_value(version) != HANDOVER_VERSION)
		return -EPROTONOSUPPORT;
	if (json_is_true(json_object_get(message, "table")) && fds->n > 0 &&
	    h->table < 0)
		h->table = fds->fds[--fds->n];
	h->drained = json_is_true(json_object_get(message, "drained"));
	fdbag_close(&h->doors);
	h->doors = *fds;
	*fds = (struct fdbag){0};
	return 0;
}

static int take_resting(struct handover *h, json_t *message)
{
	json_t *ports = json_object_get(message, "ports");

	if (!h->resting)
		h->resting = json_array();
	return json_array_extend(h->resting, ports) ? -EPROTO : 0;
}

static int take_session(struct handover *h, json_t *message,
			struct fdbag *sockets)
{
	json_t *state = json_object_get(message, "state");

	return handover_add(h, json_incref(state), sockets);
}

/* One message; 1: it was the last. What is unknown is left out. */
static int take(struct handover *h, json_t *message, struct fdbag *fds)
{
	const char *is = handover_is(message);
	int err = 0;

	if (!strcmp(is, "relay")) {
		err = take_relay(h, message, fds);
	} else if (!strcmp(is, "resting")) {
		err = take_resting(h, message);
	} else if (!strcmp(is, "session")) {
		err = take_session(h, message, fds);
	} else if (!strcmp(is, "end")) {
		json_t *n = json_object_get(message, "sessions");

		return json_integer_value(n) == (json_int_t)h->n ? 1 : -EPROTO;
	}
	return err;
}

int handover_ask(struct handover *h, int peer, char why[HANDOVER_WHY])
{
	int err = handover_send(peer,
				json_pack("{s:s,s:i}", "is", "ask", "version",
					  HANDOVER_VERSION),
				NULL, 0);

	while (!err) {
		struct fdbag fds = {0};
		json_t *message;

		err = handover_recv(&message, peer, &fds);
		if (!err) {
			err = take(h, message, &fds);
			json_decref(message);
		}
		fdbag_close(&fds);
	}
	if (err > 0)
		return 0;
	snprintf(why, HANDOVER_WHY, "receiving: %s", strerror(-err));
	return err;
}

static void rest_ports(const struct handover *h, struct ports *ports,
		       uint64_t now)
{
	size_t i;
	json_t *one;

	json_array_foreach(h->resting, i, one)
	{
		int port = 0;
		json_int_t left = 0;

		if (!json_unpack(one, "[i,I]", &port, &left) && port > 0 &&
		    port <= UINT16_MAX && left > 0 && left <= INT32_MAX)
			ports_rest(ports,
				   &(struct ports_resting){now + (uint64_t)left,
							   (uint16_t)port});
	}
}

struct restoring {
	const struct snapshot *was;
	struct fdbag *sockets;
};

static int restore_in(struct engine *e, void *arg)
{
	const struct restoring *r = arg;

	return engine_restore(e, r->was, r->sockets);
}

static int restore_one(struct snapshot *was, struct handover_session *s,
		       struct crew *crew, uint64_t now)
{
	struct restoring r = {was, &s->sockets};
	char why[SNAPSHOT_WHY] = "";
	int err = snapshot_parse(was, why, s->state, now);

	if (!err)
		err = crew_ask(crew, was->call_id, restore_in, &r);
	if (err)
		log_error("session of the relayd before is lost",
			  LOG_S("call_id", was->call_id),
			  LOG_S("field", *why ? why : NULL),
			  LOG_S("reason", strerror(-err)));
	snapshot_release(was);
	return err;
}

size_t handover_restore(struct handover *h, struct crew *crew,
			struct ports *ports, uint64_t now)
{
	struct snapshot *was = malloc(sizeof(*was));
	size_t lost = 0;

	for (size_t i = 0; i < h->n; i++)
		if (!was || restore_one(was, &h->sessions[i], crew, now))
			lost++;
	free(was);
	rest_ports(h, ports, now);
	return lost;
}

int handover_finish(int peer, char why[HANDOVER_WHY])
{
	int err =
		handover_send(peer, json_pack("{s:s}", "is", "ready"), NULL, 0);

	if (!err)
		err = handover_expect(peer, "go");
	if (err) {
		snprintf(why, HANDOVER_WHY, "waiting for go: %s",
			 strerror(-err));
		return err;
	}
	/* Should it not arrive, the other one is gone. */
	(void)handover_send(peer, json_pack("{s:s}", "is", "on"), NULL, 0);
	return 0;
}

void handover_release(struct handover *h)
{
	for (size_t i = 0; i < h->n; i++) {
		json_decref(h->sessions[i].state);
		fdbag_close(&h->sessions[i].sockets);
	}
	free(h->sessions);
	json_decref(h->resting);
	fdbag_close(&h->doors);
	if (h->table >= 0)
		close(h->table);
	handover_init(h);
}
