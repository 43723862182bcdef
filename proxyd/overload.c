#include "proxyd/overload.h"

enum {
	WHOLE = 1000,
	REFUSED_MAX = 950, /* some get in, or nobody would notice the end */
	LESS = 20,         /* a look without too much takes away so much */
	LOOKS_MAX = WHOLE / LESS,
};

/* How full a table may be for a class to be let in; what ends something finds
 * the room that is left. */
static const unsigned full_at[] = {
	[OVERLOAD_CALL] = 900,
	[OVERLOAD_OUTSIDE] = 940,
	[OVERLOAD_DIALOG] = 970,
	[OVERLOAD_END] = WHOLE + 1,
};

bool overload_due(const struct overload *o, uint64_t now)
{
	return now >= o->at + OVERLOAD_LOOK_MS;
}

static bool too_much(const struct overload *o, const struct overload_load *load)
{
	return load->lag_ms >= OVERLOAD_LAG_MS ||
	       o->saturated >= OVERLOAD_BUSY_LOOKS;
}

/* A quarter of those let in are refused more at each look, and a fiftieth of
 * all are fewer: quickly down, slowly up, as with any congestion. */
static void refuse_more(struct overload *o)
{
	o->refused += (WHOLE - o->refused) / 4;
	if (o->refused > REFUSED_MAX)
		o->refused = REFUSED_MAX;
}

static void refuse_fewer(struct overload *o, uint64_t looks)
{
	unsigned less =
		LESS * (unsigned)(looks < LOOKS_MAX ? looks : LOOKS_MAX);

	o->refused = o->refused > less ? o->refused - less : 0;
}

void overload_look(struct overload *o, uint64_t now,
		   const struct overload_load *load)
{
	uint64_t looks = (now - o->at) / OVERLOAD_LOOK_MS;

	o->at = now;
	o->fullness = load->fullness;
	o->saturated = load->busy >= OVERLOAD_BUSY ? o->saturated + 1 : 0;
	if (too_much(o, load))
		refuse_more(o);
	else
		refuse_fewer(o, looks);
}

enum overload_class overload_class_of(const sip_t *sip)
{
	if (!sip->sip_request)
		return OVERLOAD_END;
	switch (sip->sip_request->rq_method) {
	case sip_method_ack:
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_prack:
		return OVERLOAD_END;
	case sip_method_invite:
		return sip->sip_to->a_tag ? OVERLOAD_DIALOG : OVERLOAD_CALL;
	default:
		return sip->sip_to->a_tag ? OVERLOAD_DIALOG : OVERLOAD_OUTSIDE;
	}
}

/* Other requests outside dialogs are refused once half of the calls are. */
static unsigned refused_of(const struct overload *o, enum overload_class c)
{
	if (c == OVERLOAD_CALL)
		return o->refused;
	if (c == OVERLOAD_OUTSIDE && o->refused > WHOLE / 2)
		return 2 * o->refused - WHOLE;
	return 0;
}

bool overload_admits(struct overload *o, enum overload_class c)
{
	if (o->fullness >= full_at[c])
		return false;
	o->carried += refused_of(o, c);
	if (o->carried < WHOLE)
		return true;
	o->carried -= WHOLE;
	return false;
}

unsigned overload_fullness(uint64_t used, uint64_t max)
{
	if (!max)
		return 0;
	return used >= max ? WHOLE : (unsigned)(used * WHOLE / max);
}
