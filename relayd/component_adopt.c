#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fdbag.h"
#include "relayd/component.h"
#include "relayd/snapshot.h"
#include "relayd/socket.h"

/* How a component goes from one process to another. */

static int adopt_door(struct component *c, enum learn_side side,
		      const struct addr *local, struct fdbag *sockets)
{
	const struct socket_config cfg = component_sockets(c);
	int fd = fdbag_take(sockets, SOCK_DGRAM, local, NULL);

	return fd < 0 ? fd : socket_adopt(&c->door[side], &cfg, fd, NULL);
}

/* All of them, as packets wait in each; one whose side has moved on ends with
 * the next turn, drained (component_link). */
static int adopt_links(struct component *c, enum learn_side side,
		       const struct addr *local, struct fdbag *sockets)
{
	const struct socket_config cfg = component_sockets(c);
	struct addr peer;
	int fd, err = 0;

	while (!err &&
	       (fd = fdbag_take(sockets, SOCK_DGRAM, local, &peer)) >= 0) {
		enum learn_side to = side;

		if (!addr_eq(&peer, &c->learn.ch[to].sendto))
			to = !side;
		if (c->link[to]) {
			close(fd);
			continue;
		}
		err = socket_adopt(&c->link[to], &cfg, fd, c->door[side]);
		c->linked[to] = peer;
	}
	return err;
}

int component_adopt(struct component *c, struct stream *st,
		    const struct stream_env *env, enum stream_part part,
		    const struct stream_want *want,
		    const struct snapshot_part *was, struct fdbag *sockets)
{
	const struct addr *local = was->local;
	int err;

	component_init(c, st, env, part, addr_port(&local[LEARN_FIRST]), want);
	memcpy(c->at, want->at, sizeof(c->at));
	c->learn = was->learn;
	memcpy(c->flow, was->flow, sizeof(c->flow));
	c->strangers = was->strangers;
	err = adopt_door(c, LEARN_FIRST, &local[LEARN_FIRST], sockets);
	if (err)
		return err;
	if (addr_eq(&local[LEARN_FIRST], &local[LEARN_SECOND]))
		c->door[LEARN_SECOND] = c->door[LEARN_FIRST];
	else
		err = adopt_door(c, LEARN_SECOND, &local[LEARN_SECOND],
				 sockets);
	for (unsigned i = 0; !err && i < LEARN_SIDES; i++)
		err = adopt_links(c, (enum learn_side)i, &local[i], sockets);
	return err;
}

size_t component_snapshot(struct snapshot_part *out, int *fds,
			  const struct component *c)
{
	size_t n = 0;

	out->learn = c->learn;
	memcpy(out->flow, c->flow, sizeof(out->flow));
	out->strangers = c->strangers;
	for (unsigned i = 0; i < LEARN_SIDES; i++) {
		struct addr *a = &out->local[i];
		socklen_t len = sizeof(a->u);

		if (getsockname(socket_fd(c->door[i]), &a->u.sa, &len))
			*a = (struct addr){0};
		if (i == LEARN_FIRST || c->door[i] != c->door[LEARN_FIRST])
			fds[n++] = socket_fd(c->door[i]);
		if (c->link[i])
			fds[n++] = socket_fd(c->link[i]);
	}
	return n;
}
