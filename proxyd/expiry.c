#include <errno.h>
#include <stdio.h>

#include "proxyd/expiry.h"

enum {
	FLOOR = 90, /* of a Min-SE that is not said (RFC 4028 section 5) */
	SECONDS_MAX = 7 * 24 * 3600,
	MARGIN_MAX_MS = 32 * 1000, /* RFC 4028 section 10 */
	VALUE_LEN = 40,
};

static bool knows_timers(const sip_t *sip)
{
	return sip->sip_supported &&
	       sip_has_feature(sip->sip_supported, "timer");
}

static uint32_t bounded(unsigned long seconds)
{
	return seconds > SECONDS_MAX ? SECONDS_MAX : (uint32_t)seconds;
}

static int insert(msg_t *msg, uint32_t seconds, const char *refresher)
{
	char value[VALUE_LEN];
	sip_session_expires_t *x;

	(void)snprintf(value, sizeof(value), "%u%s", seconds, refresher);
	x = sip_session_expires_make(msg_home(msg), value);
	return x && msg_header_insert(msg, (msg_pub_t *)sip_object(msg),
				      (msg_header_t *)x) >= 0
		       ? 0
		       : -ENOMEM;
}

/* What is asked for must not be below what anybody has said is the least. */
static uint32_t interval(const sip_t *sip, const struct expiry_policy *policy)
{
	uint32_t least =
		sip->sip_min_se ? bounded(sip->sip_min_se->min_delta) : FLOOR;
	uint32_t seconds = policy->insert;

	if (seconds < least)
		seconds = least;
	return seconds < policy->min ? policy->min : seconds;
}

int expiry_request(msg_t *msg, const struct expiry_policy *policy)
{
	const sip_t *sip = sip_object(msg);
	const sip_session_expires_t *x = sip->sip_session_expires;

	if (!knows_timers(sip))
		return 0;
	if (x)
		return bounded(x->x_delta) < policy->min ? -ERANGE : 0;
	return policy->insert ? insert(msg, interval(sip, policy), "") : 0;
}

void expiry_min_line(char line[EXPIRY_LINE], const struct expiry_policy *policy)
{
	(void)snprintf(line, EXPIRY_LINE, "Min-SE: %u\r\n", policy->min);
}

/* Nobody at the far end will refresh: the caller is to. */
static int ask_caller(uint32_t *seconds, msg_t *answer, uint32_t asked)
{
	sip_t *sip = sip_object(answer);

	*seconds = asked;
	if (insert(answer, asked, ";refresher=uac"))
		return -ENOMEM;
	if (sip->sip_require && sip_has_feature(sip->sip_require, "timer"))
		return 0;
	return sip_add_make(answer, sip, sip_require_class, "timer") < 0
		       ? -ENOMEM
		       : 0;
}

int expiry_answer(uint32_t *seconds, msg_t *answer, const sip_t *req,
		  const struct expiry_policy *policy)
{
	const sip_session_expires_t *x =
		sip_object(answer)->sip_session_expires;
	const sip_session_expires_t *asked = req->sip_session_expires;

	*seconds = x ? bounded(x->x_delta) : 0;
	if (x || !asked || !knows_timers(req) || !policy->insert)
		return 0;
	return ask_caller(seconds, answer, bounded(asked->x_delta));
}

uint64_t expiry_ends(uint64_t now, uint32_t seconds)
{
	uint64_t ms = (uint64_t)seconds * 1000;
	uint64_t margin = ms / 3;

	return now + ms + (margin < MARGIN_MAX_MS ? margin : MARGIN_MAX_MS);
}
