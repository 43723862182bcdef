#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadlines.h"
#include "common/log.h"
#include "common/paging.h"
#include "common/sdp.h"
#include "common/table.h"

#include "proxyd/session.h"

enum { SESSION_MS = SESSION_HOURS * 3600 * 1000 };

struct sessions {
	struct table *table;
	struct deadlines *deadlines;
};

struct entry {
	struct session s;
	struct sessions *owner;
	deadline_id expiry;
	char call_id[];
};

static void entry_free(void *value)
{
	struct entry *e = value;

	deadlines_cancel(e->owner->deadlines, e->expiry);
	free((void *)(uintptr_t)e->s.resource);
	free((void *)(uintptr_t)e->s.near_tag);
	free(e);
}

static void entry_expired(void *arg)
{
	struct entry *e = arg;

	log_warn("session forgotten: nothing was heard of it",
		 LOG_S("call_id", e->call_id), LOG_I("hours", SESSION_HOURS));
	sessions_del(e->owner, e->call_id);
}

static struct entry *find(const struct sessions *s, const char *call_id)
{
	return table_get(s->table, call_id, strlen(call_id));
}

/* Only the lines there are: a resource is at home in a few hundred bytes. */
static struct sdp *resource_copy(const struct sdp *resource)
{
	size_t size = offsetof(struct sdp, media) +
		      resource->n * sizeof(resource->media[0]);
	struct sdp *copy = malloc(size);

	if (copy)
		memcpy(copy, resource, size);
	return copy;
}

static struct entry *entry_add(struct sessions *s, const char *call_id,
			       uint64_t now, int *err)
{
	struct entry *e = calloc(1, sizeof(*e) + strlen(call_id) + 1);

	*err = -ENOMEM;
	if (!e)
		return NULL;
	e->owner = s;
	e->s.since = now;
	memcpy(e->call_id, call_id, strlen(call_id) + 1);
	*err = table_put(s->table, call_id, strlen(call_id), e);
	if (*err) {
		free(e);
		return NULL;
	}
	return e;
}

int sessions_alloc(struct sessions **sp, struct deadlines *deadlines,
		   size_t max)
{
	struct sessions *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->deadlines = deadlines;
	err = table_alloc(&s->table, max);
	if (err) {
		free(s);
		return err;
	}
	*sp = s;
	return 0;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	table_free_values(s->table, entry_free);
	free(s);
}

int sessions_put(struct sessions *s, const char *call_id, uint64_t now,
		 const struct addr *relay, const struct sdp *resource)
{
	struct sdp *copy = resource_copy(resource);
	struct entry *e = find(s, call_id);
	int err = -ENOMEM;

	if (!copy)
		return -ENOMEM;
	if (!e)
		e = entry_add(s, call_id, now, &err);
	if (!e) {
		free(copy);
		return err;
	}
	free((void *)(uintptr_t)e->s.resource);
	e->s.resource = copy;
	e->s.relay = *relay;
	deadlines_cancel(s->deadlines, e->expiry);
	e->expiry = 0;
	err = deadlines_add(&e->expiry, s->deadlines, now + SESSION_MS,
			    entry_expired, e);
	if (err)
		sessions_del(s, call_id);
	return err;
}

int sessions_place(struct sessions *s, const char *call_id,
		   const struct addr *near, const char *tag)
{
	struct entry *e = find(s, call_id);
	char *copy = NULL;

	if (!e)
		return 0;
	if (!addr_is_none(near)) {
		copy = strdup(tag ? tag : "");
		if (!copy)
			return -ENOMEM;
	}
	free((void *)(uintptr_t)e->s.near_tag);
	e->s.near_tag = copy;
	e->s.near = *near;
	return 0;
}

static void set_ip(struct addr *a, const struct addr *ip)
{
	uint16_t port = addr_port(a);

	*a = *ip;
	addr_set_port(a, port);
}

const struct sdp *session_resource_for(const struct session *s, const char *tag,
				       struct sdp *room)
{
	if (!s->near_tag || strcmp(s->near_tag, tag ? tag : "") != 0)
		return s->resource;
	room->n = s->resource->n;
	for (size_t i = 0; i < room->n; i++) {
		room->media[i] = s->resource->media[i];
		set_ip(&room->media[i].rtp, &s->near);
		set_ip(&room->media[i].rtcp, &s->near);
	}
	return room;
}

const struct session *sessions_get(const struct sessions *s,
				   const char *call_id)
{
	const struct entry *e = find(s, call_id);

	return e ? &e->s : NULL;
}

void sessions_confirm(struct sessions *s, const char *call_id)
{
	struct entry *e = find(s, call_id);

	if (e)
		e->s.confirmed = true;
}

void sessions_offered(struct sessions *s, const char *call_id, unsigned by)
{
	struct entry *e = find(s, call_id);

	if (e) {
		e->s.late = true;
		e->s.late_by = by;
	}
}

void sessions_answered(struct sessions *s, const char *call_id)
{
	struct entry *e = find(s, call_id);

	if (e)
		e->s.late = false;
}

void sessions_del(struct sessions *s, const char *call_id)
{
	struct entry *e = table_del(s->table, call_id, strlen(call_id));

	if (e)
		entry_free(e);
}

size_t sessions_count(const struct sessions *s)
{
	return table_count(s->table);
}

static json_t *session_json(const struct entry *e)
{
	char relay[ADDR_STRLEN];
	json_t *ports = json_array();

	for (size_t i = 0; i < e->s.resource->n; i++)
		(void)json_array_append_new(
			ports, json_integer(e->s.resource->media[i].port));
	return json_pack("{s:s, s:s, s:b, s:I, s:o}", "call_id", e->call_id,
			 "relay", addr_str(relay, &e->s.relay), "confirmed",
			 e->s.confirmed, "since_ms", (json_int_t)e->s.since,
			 "ports", ports);
}

static int show(const void *key, size_t len, void *value, void *arg)
{
	struct paging *page = arg;

	(void)key;
	(void)len;
	if (paging_wants(page))
		paging_add(page, session_json(value));
	return paging_full(page);
}

void sessions_page(struct paging *page, const struct sessions *s)
{
	(void)table_apply(s->table, show, page);
}
