#include "proxyd/offer.h"

/* What session descriptions travel with; with any other method they are none of
 * the call: capabilities in a 200 to OPTIONS, or whatever a MESSAGE shows. */
static bool is_carrier(sip_method_t method)
{
	return method == sip_method_invite || method == sip_method_update ||
	       method == sip_method_prack || method == sip_method_ack;
}

enum offer_kind offer_of_request(sip_method_t method, bool has_sdp, bool late)
{
	if (!has_sdp || !is_carrier(method))
		return OFFER_NONE;
	if (method == sip_method_ack)
		return OFFER_ANSWER;
	return method == sip_method_prack && late ? OFFER_ANSWER : OFFER_OFFER;
}

enum offer_kind offer_of_response(sip_method_t method, int status,
				  bool asked_with_sdp, bool has_sdp)
{
	/* a refusal may say what would do (RFC 3261 21.4.26), and changes
	 * nothing */
	if (!has_sdp || !is_carrier(method) || status <= 100 || status >= 300)
		return OFFER_NONE;
	if (asked_with_sdp)
		return OFFER_ANSWER;
	return method == sip_method_invite ? OFFER_OFFER : OFFER_NONE;
}

bool offer_is_settled(int status, bool reliable)
{
	return (status >= 200 && status < 300) ||
	       (status > 100 && status < 200 && reliable);
}

bool offer_is_reliable(const sip_t *sip)
{
	return sip->sip_rseq != NULL;
}
