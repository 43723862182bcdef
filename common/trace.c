#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/addr.h"
#include "common/table.h"
#include "common/trace.h"

enum {
	TEXT_MAX = 4096,
	CALL_SHARE = 8, /* a call gets one part in so many of the bytes */
};

struct entry {
	STAILQ_ENTRY(entry) le;
	uint64_t us;
	enum trace_dir dir;
	struct addr local;
	struct addr peer;
	size_t len;
	char text[];
};

struct call {
	TAILQ_ENTRY(call) le;
	STAILQ_HEAD(, entry) entries; /* oldest first */
	size_t bytes;
	size_t id_len;
	char id[]; /* NUL-terminated */
};

struct trace {
	pthread_mutex_t lock;
	struct table *calls;
	TAILQ_HEAD(call_list, call) recent; /* last heard of first */
	size_t bytes;
	size_t max_bytes;
};

static const char *const dir_names[] = {
	[TRACE_IN] = "in",
	[TRACE_OUT] = "out",
	[TRACE_NOTE] = "note",
};

static size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + e->len;
}

static void account(struct trace *t, struct call *c, size_t size)
{
	t->bytes += size;
	c->bytes += size;
}

static void drop_oldest_entry(struct trace *t, struct call *c)
{
	struct entry *e = STAILQ_FIRST(&c->entries);

	t->bytes -= entry_size(e);
	c->bytes -= entry_size(e);
	STAILQ_REMOVE_HEAD(&c->entries, le);
	free(e);
}

static void drop_call(struct trace *t, struct call *c)
{
	while (!STAILQ_EMPTY(&c->entries))
		drop_oldest_entry(t, c);
	t->bytes -= c->bytes;
	TAILQ_REMOVE(&t->recent, c, le);
	table_del(t->calls, c->id, c->id_len);
	free(c);
}

static void drop_oldest_call(struct trace *t)
{
	drop_call(t, TAILQ_LAST(&t->recent, call_list));
}

static struct call *add_call(struct trace *t, const char *call_id)
{
	size_t len = strlen(call_id);
	struct call *c = malloc(sizeof(*c) + len + 1);
	int err;

	if (!c)
		return NULL;
	STAILQ_INIT(&c->entries);
	c->bytes = 0;
	c->id_len = len;
	memcpy(c->id, call_id, len + 1);
	err = table_put(t->calls, c->id, len, c);
	if (err == -ENOSPC && !TAILQ_EMPTY(&t->recent)) {
		drop_oldest_call(t);
		err = table_put(t->calls, c->id, len, c);
	}
	if (err) {
		free(c);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&t->recent, c, le);
	account(t, c, sizeof(*c) + len + 1);
	return c;
}

static struct call *touch_call(struct trace *t, const char *call_id)
{
	struct call *c = table_get(t->calls, call_id, strlen(call_id));

	if (!c)
		return add_call(t, call_id);
	TAILQ_REMOVE(&t->recent, c, le);
	TAILQ_INSERT_HEAD(&t->recent, c, le);
	return c;
}

static void make_room(struct trace *t, struct call *c)
{
	while (c->bytes > t->max_bytes / CALL_SHARE &&
	       !STAILQ_EMPTY(&c->entries))
		drop_oldest_entry(t, c);
	while (t->bytes > t->max_bytes && !TAILQ_EMPTY(&t->recent))
		drop_oldest_call(t);
}

/* The bytes of the UTF-8 character (RFC 3629 section 4) at s; 0: none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (left < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/* As JSON, every byte that is no UTF-8 replaced by U+FFFD. */
static json_t *text_json(const char *text, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *out = malloc(3 * len + 1);
	size_t n, in = 0, to = 0;
	json_t *json;

	if (!out)
		return NULL;
	while (in < len) {
		n = utf8_len((const unsigned char *)text + in, len - in);
		memcpy(out + to, n ? text + in : replacement, n ? n : 3);
		in += n ? n : 1;
		to += n ? n : 3;
	}
	json = json_stringn(out, to);
	free(out);
	return json;
}

static json_t *entry_json(const struct entry *e)
{
	char local[ADDR_STRLEN], peer[ADDR_STRLEN];

	return json_pack("{s:I, s:s, s:s, s:s, s:o}", "time_us",
			 (json_int_t)e->us, "dir", dir_names[e->dir], "local",
			 addr_str(local, &e->local), "peer",
			 addr_str(peer, &e->peer), "text",
			 text_json(e->text, e->len));
}

int trace_alloc(struct trace **tp, size_t max_calls, size_t max_bytes)
{
	struct trace *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	TAILQ_INIT(&t->recent);
	t->max_bytes = max_bytes;
	err = table_alloc(&t->calls, max_calls);
	if (err) {
		free(t);
		return err;
	}
	pthread_mutex_init(&t->lock, NULL);
	*tp = t;
	return 0;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	while (!TAILQ_EMPTY(&t->recent))
		drop_oldest_call(t);
	table_free(t->calls);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void add(struct trace *t, const char *call_id, struct entry *e)
{
	struct call *c = touch_call(t, call_id);

	if (!c) {
		free(e);
		return;
	}
	STAILQ_INSERT_TAIL(&c->entries, e, le);
	account(t, c, entry_size(e));
	make_room(t, c);
}

void trace_add(struct trace *t, const char *call_id, uint64_t us,
	       enum trace_dir dir, const struct addr *local,
	       const struct addr *peer, const char *text, size_t len)
{
	size_t kept = len < TEXT_MAX ? len : TEXT_MAX;
	struct entry *e = calloc(1, sizeof(*e) + kept);

	if (!e)
		return;
	e->us = us;
	e->dir = dir;
	if (local)
		e->local = *local;
	if (peer)
		e->peer = *peer;
	e->len = kept;
	if (kept > 0)
		memcpy(e->text, text, kept);
	pthread_mutex_lock(&t->lock);
	add(t, call_id, e);
	pthread_mutex_unlock(&t->lock);
}

json_t *trace_json(struct trace *t, const char *call_id)
{
	const struct call *c;
	const struct entry *e;
	json_t *list = NULL;

	pthread_mutex_lock(&t->lock);
	c = table_get(t->calls, call_id, strlen(call_id));
	if (!c)
		goto out;
	list = json_array();
	STAILQ_FOREACH(e, &c->entries, le)
	{
		json_array_append_new(list, entry_json(e));
	}
out:
	pthread_mutex_unlock(&t->lock);
	return list;
}

json_t *trace_calls_json(struct trace *t)
{
	const struct call *c;
	json_t *list = json_array();

	pthread_mutex_lock(&t->lock);
	TAILQ_FOREACH(c, &t->recent, le)
	{
		json_array_append_new(list, text_json(c->id, c->id_len));
	}
	pthread_mutex_unlock(&t->lock);
	return list;
}
