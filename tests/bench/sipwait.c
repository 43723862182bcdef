#include <stdlib.h>
#include <string.h>

#include "sipwait.h"

#define GIVE_UP_NS 2000000000ULL
enum { HISTOGRAM = 1 << 20, NS_PER_US = 1000 }; /* about a second */

struct slot {
	uint64_t sent;
	uint32_t user;
	bool open;
};

/* Slots of the numbers oldest ... next - 1; all before are over. */
struct sipwait {
	struct slot slots[SIPWAIT_MAX];
	uint32_t oldest;
	uint32_t next;
	unsigned open;
	uint64_t lost;
	uint64_t answered;
	uint32_t waited[HISTOGRAM]; /* by us; the last: that or longer */
};

struct sipwait *sipwait_new(void)
{
	return calloc(1, sizeof(struct sipwait));
}

void sipwait_free(struct sipwait *w)
{
	free(w);
}

void sipwait_start(struct sipwait *w)
{
	w->lost = w->answered = 0;
	memset(w->waited, 0, sizeof(w->waited));
}

static struct slot *slot_of(struct sipwait *w, uint32_t number)
{
	return &w->slots[number % SIPWAIT_MAX];
}

static void close_slot(struct sipwait *w, struct slot *s)
{
	s->open = false;
	w->open--;
}

static void skip_closed(struct sipwait *w)
{
	while (w->oldest != w->next && !slot_of(w, w->oldest)->open)
		w->oldest++;
}

static void give_up_oldest(struct sipwait *w)
{
	close_slot(w, slot_of(w, w->oldest));
	w->lost++;
	skip_closed(w);
}

uint32_t sipwait_add(struct sipwait *w, uint32_t user, uint64_t now)
{
	if (w->next - w->oldest == SIPWAIT_MAX)
		give_up_oldest(w);
	*slot_of(w, w->next) = (struct slot){now, user, true};
	w->open++;
	return w->next++;
}

bool sipwait_answered(uint32_t *user, struct sipwait *w, uint32_t number,
		      uint64_t now)
{
	struct slot *s = slot_of(w, number);
	uint64_t us;

	if (number - w->oldest >= w->next - w->oldest || !s->open)
		return false;
	us = (now - s->sent) / NS_PER_US;
	w->waited[us < HISTOGRAM ? us : HISTOGRAM - 1]++;
	w->answered++;
	*user = s->user;
	close_slot(w, s);
	skip_closed(w);
	return true;
}

void sipwait_expire(struct sipwait *w, uint64_t now)
{
	while (w->open && now - slot_of(w, w->oldest)->sent > GIVE_UP_NS)
		give_up_oldest(w);
}

unsigned sipwait_open(const struct sipwait *w)
{
	return w->open;
}

uint64_t sipwait_lost(const struct sipwait *w)
{
	return w->lost;
}

uint32_t sipwait_percentile(const struct sipwait *w, double share)
{
	uint64_t rank = (uint64_t)((double)w->answered * share), seen = 0;

	for (uint32_t us = 0; us < HISTOGRAM; us++) {
		seen += w->waited[us];
		if (seen > rank || (seen == w->answered && seen))
			return us;
	}
	return 0;
}
