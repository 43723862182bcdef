#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relayd/reorder.h"

enum { ROOM = REORDER_HELD_MAX + 1, LEFT = 1 << 16 };

struct held {
	uint64_t arrival;
	uint8_t *data; /* one of the blocks */
	uint16_t len;
	uint16_t seq;
};

struct reorder {
	reorder_out_h *out;
	void *arg;
	uint32_t wait_ms;
	uint32_t ssrc;
	uint16_t next; /* number to leave */
	bool begun;
	uint16_t behind_next; /* of a row of packets behind */
	uint16_t behind_row;
	struct reorder_counts counts;
	/* which of the last numbers left, each at its remainder; LEFT is set
	 * where there is one */
	uint32_t left[REORDER_SPAN];
	struct held held[ROOM]; /* in order; all ahead of `next` */
	size_t nheld;
	uint8_t *memory;      /* ROOM blocks; NULL before the first is needed */
	uint8_t *spare[ROOM]; /* the blocks not in use, last used on top */
	size_t nspare;
};

/* Positive: a is ahead of b. */
static int apart(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

static bool has_left(const struct reorder *r, uint16_t seq)
{
	return r->left[seq % REORDER_SPAN] == (LEFT | (uint32_t)seq);
}

static void leave(struct reorder *r, uint16_t seq, const uint8_t *data,
		  size_t len)
{
	r->left[seq % REORDER_SPAN] = LEFT | (uint32_t)seq;
	r->next = (uint16_t)(seq + 1);
	r->out(data, len, r->arg);
}

/* The first of those held, and what it waited for is given up. */
static void leave_first(struct reorder *r)
{
	struct held h = r->held[0];

	r->counts.given_up += (uint16_t)(h.seq - r->next);
	r->nheld--;
	memmove(r->held, r->held + 1, r->nheld * sizeof(r->held[0]));
	leave(r, h.seq, h.data, h.len);
	r->spare[r->nspare++] = h.data;
}

/* A sequence begins with this packet, whatever was before. */
static enum reorder_verdict begin(struct reorder *r,
				  const struct reorder_packet *p)
{
	while (r->nheld)
		leave_first(r);
	memset(r->left, 0, sizeof(r->left));
	r->begun = true;
	r->ssrc = p->ssrc;
	r->behind_row = 0;
	leave(r, p->seq, p->data, p->len);
	return REORDER_PASSED;
}

static enum reorder_verdict behind(struct reorder *r,
				   const struct reorder_packet *p)
{
	if (p->seq != r->behind_next)
		r->behind_row = 0;
	r->behind_next = (uint16_t)(p->seq + 1);
	if (++r->behind_row >= REORDER_ANEW)
		return begin(r, p);
	if (has_left(r, p->seq)) {
		r->counts.duplicates++;
		return REORDER_DUPLICATE;
	}
	r->counts.late++;
	return REORDER_LATE;
}

static bool has_memory(struct reorder *r)
{
	if (!r->memory) {
		r->memory = malloc((size_t)ROOM * REORDER_LEN_MAX);
		if (!r->memory)
			return false;
		for (r->nspare = 0; r->nspare < ROOM; r->nspare++)
			r->spare[r->nspare] =
				r->memory + r->nspare * REORDER_LEN_MAX;
	}
	return true;
}

static void insert(struct reorder *r, size_t at, const struct reorder_packet *p,
		   uint64_t now)
{
	struct held *h = &r->held[at];

	memmove(h + 1, h, (r->nheld - at) * sizeof(*h));
	r->nheld++;
	h->arrival = now;
	h->data = r->spare[--r->nspare];
	h->len = (uint16_t)p->len;
	h->seq = p->seq;
	memcpy(h->data, p->data, p->len);
}

/* A packet ahead of a missing one. */
static enum reorder_verdict hold(struct reorder *r,
				 const struct reorder_packet *p, uint64_t now)
{
	size_t at = r->nheld;

	while (at > 0 && apart(r->held[at - 1].seq, p->seq) > 0)
		at--;
	if (at > 0 && r->held[at - 1].seq == p->seq) {
		r->counts.duplicates++;
		return REORDER_DUPLICATE;
	}
	if (p->len > REORDER_LEN_MAX || !has_memory(r)) {
		for (; at > 0; at--)
			leave_first(r);
		r->counts.given_up += (uint16_t)(p->seq - r->next);
		leave(r, p->seq, p->data, p->len);
		return REORDER_PASSED;
	}
	insert(r, at, p, now);
	r->counts.held++;
	if (r->nheld > REORDER_HELD_MAX)
		leave_first(r);
	return REORDER_HELD;
}

int reorder_alloc(struct reorder **rp, uint32_t wait_ms, reorder_out_h *out,
		  void *arg)
{
	struct reorder *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->wait_ms = wait_ms;
	r->out = out;
	r->arg = arg;
	*rp = r;
	return 0;
}

void reorder_free(struct reorder *r)
{
	if (!r)
		return;
	free(r->memory);
	free(r);
}

enum reorder_verdict reorder_push(struct reorder *r,
				  const struct reorder_packet *p, uint64_t now)
{
	enum reorder_verdict verdict = REORDER_PASSED;
	int ahead = apart(p->seq, r->next);

	if (!r->begun || p->ssrc != r->ssrc || ahead >= REORDER_SPAN ||
	    ahead < -REORDER_SPAN)
		return begin(r, p);
	if (ahead < 0)
		return behind(r, p);
	r->behind_row = 0;
	if (ahead > 0)
		verdict = hold(r, p, now);
	else
		leave(r, p->seq, p->data, p->len);
	while (r->nheld && r->held[0].seq == r->next)
		leave_first(r);
	return verdict;
}

/* The arrival of the first packet behind the first gap. */
static uint64_t waiting_since(const struct reorder *r)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < r->nheld; i++)
		if (r->held[i].arrival < first)
			first = r->held[i].arrival;
	return first;
}

void reorder_run(struct reorder *r, uint64_t now)
{
	while (r->nheld && (r->held[0].seq == r->next || reorder_due(r) <= now))
		leave_first(r);
}

uint64_t reorder_due(const struct reorder *r)
{
	return r->nheld ? waiting_since(r) + r->wait_ms : UINT64_MAX;
}

const struct reorder_counts *reorder_counts(const struct reorder *r)
{
	return &r->counts;
}
