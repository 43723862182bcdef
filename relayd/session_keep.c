#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "common/table.h"
#include "relayd/counters.h"
#include "relayd/fdstore.h"
#include "relayd/session_internal.h"
#include "relayd/snapshot.h"

enum {
	KEEP_MS = 10000, /* so old may the figures be that are left */
	KEEP_SOME = 25,  /* sessions a time, some milliseconds */
};

/* Connected sockets end with the process: what is for them then reaches the
 * door beside them. */
static size_t only_doors(int *fds, size_t n)
{
	size_t doors = 0;

	for (size_t i = 0; i < n; i++) {
		struct addr peer;
		socklen_t len = sizeof(peer.u);

		if (getpeername(fds[i], &peer.u.sa, &len))
			fds[doors++] = fds[i];
	}
	return doors;
}

static int write_down(struct fdstore *f, uint32_t slot,
		      const struct snapshot *was, uint64_t now)
{
	json_t *j = snapshot_print(was, now);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int err = text ? fdstore_write(f, slot, text) : -ENOMEM;

	json_decref(j);
	free(text);
	return err;
}

static int keep(struct session *s, struct snapshot *was, uint64_t now)
{
	struct fdstore *f = s->owner->cfg.fdstore;
	int fds[SESSION_FDS], err = 0;
	size_t n = only_doors(fds, session_snapshot(was, fds, s));

	if (n != s->stored) {
		err = fdstore_sockets(f, s->slot, fds, n);
		if (!err)
			was->stored = s->stored = (uint32_t)n;
	}
	if (err)
		return err;
	err = write_down(f, s->slot, was, now);
	/* better without its figures than not at all */
	for (size_t i = 0; i < was->n; i++)
		was->lines[i].has_figures = false;
	return err == -EMSGSIZE ? write_down(f, s->slot, was, now) : err;
}

void session_keep(struct session *s, uint64_t now)
{
	const struct sessions_config *cfg = &s->owner->cfg;
	struct snapshot *was;

	if (!cfg->fdstore)
		return;
	if (!s->slot)
		s->slot = fdstore_take(cfg->fdstore);
	s->kept = now;
	was = s->slot ? malloc(sizeof(*was)) : NULL;
	if (!was || keep(s, was, now))
		cfg->counters->keep_failures++;
	free(was);
}

struct round {
	uint64_t now;
	unsigned n;
};

static int keep_old(const void *key, size_t len, void *value, void *arg)
{
	struct session *s = value;
	struct round *r = arg;

	(void)key;
	(void)len;
	if (r->now - s->kept < KEEP_MS)
		return 0;
	session_keep(s, r->now);
	return ++r->n == KEEP_SOME;
}

static void leave(const struct session *s)
{
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		if (s->streams[i])
			stream_leave(s->streams[i]);
}

static int keep_one(const void *key, size_t len, void *value, void *arg)
{
	const struct round *r = arg;

	(void)key;
	(void)len;
	leave(value);
	session_keep(value, r->now);
	return 0;
}

void sessions_keep_all(struct sessions *ss, uint64_t now)
{
	struct round r = {now, 0};

	if (ss->cfg.fdstore)
		table_apply(ss->table, keep_one, &r);
}

void sessions_keep(struct sessions *ss, uint64_t now)
{
	struct round r = {now, 0};

	if (ss->cfg.fdstore)
		table_apply(ss->table, keep_old, &r);
}
