#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/redirect.h"

#include "redirectd/receipt.h"

struct note {
	enum change change;
	struct addr serving;
	uint32_t expires;
	char url[REDIRECT_URL_MAX];
};

struct receipt {
	unsigned count[CHANGE_KINDS];
	char *call_id;
	char *id;
	size_t n;
	struct note notes[]; /* those that are logged */
};

static const char *const said[CHANGE_KINDS] = {
	[CHANGE_ADDED] = "registered",
	[CHANGE_REFRESHED] = "refreshed",
	[CHANGE_REMOVED] = "unregistered",
};

static enum log_level level_of(enum change change)
{
	return change == CHANGE_REFRESHED ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static bool is_logged(enum change change)
{
	return change != CHANGE_NONE && log_enabled(level_of(change));
}

static size_t count_logged(const struct changeset *cs)
{
	size_t n = 0;

	for (size_t i = 0; i < cs->n; i++)
		n += is_logged(cs->items[i].change);
	return n;
}

static void note_item(struct receipt *r, const struct change_item *it,
		      dir_time now)
{
	struct note *note;

	r->count[it->change]++;
	if (!is_logged(it->change))
		return;
	note = &r->notes[r->n++];
	note->change = it->change;
	note->serving = it->b.serving;
	if (it->change != CHANGE_REMOVED)
		note->expires = binding_left(&it->b, now);
	memcpy(note->url, it->b.url, strnlen(it->b.url, sizeof(note->url) - 1));
}

int receipt_alloc(struct receipt **rp, const struct changeset *cs,
		  const char *call_id, const char *id, dir_time now)
{
	size_t size =
		sizeof(struct receipt) + count_logged(cs) * sizeof(struct note);
	struct receipt *r = calloc(1, size);

	if (!r)
		return -ENOMEM;
	r->call_id = strdup(call_id);
	r->id = strdup(id);
	if (!r->call_id || !r->id) {
		receipt_free(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < cs->n; i++)
		note_item(r, &cs->items[i], now);
	*rp = r;
	return 0;
}

void receipt_free(struct receipt *r)
{
	if (!r)
		return;
	free(r->call_id);
	free(r->id);
	free(r);
}

void receipt_tell(const struct receipt *r, struct redirectd_counters *n)
{
	n->bindings_added += r->count[CHANGE_ADDED];
	n->bindings_refreshed += r->count[CHANGE_REFRESHED];
	n->bindings_removed += r->count[CHANGE_REMOVED];
	for (size_t i = 0; i < r->n; i++) {
		const struct note *note = &r->notes[i];

		LOG_WRITE(level_of(note->change), said[note->change],
			  LOG_S("call_id", r->call_id), LOG_S("client", r->id),
			  LOG_S("contact", note->url),
			  LOG_A("proxy", &note->serving),
			  LOG_I("expires", note->expires));
	}
}
