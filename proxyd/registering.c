#include "common/log.h"
#include "proto/redirect.h"
#include "proto/registration.h"
#include "proxyd/binding.h"
#include "proxyd/conf.h"
#include "proxyd/credentials.h"
#include "proxyd/guard.h"
#include "proxyd/identity.h"
#include "proxyd/outbound.h"
#include "proxyd/proxy.h"

#include "proxyd/flow.h"

/* From where this client may speak in its calls. */
static void note_place(const struct request *r, const sip_t *sip)
{
	struct proxy *p = r->p;
	char id[REDIRECT_ID_MAX];
	struct addr at;

	if (r->trusted || redirect_client_id(id, sip->sip_to->a_url))
		return;
	for (const sip_contact_t *m = sip->sip_contact; m; m = m->m_next)
		if (!sipmsg_url_addr(&at, m->m_url) &&
		    addr_ip_eq(&at, &r->src.addr))
			identity_registered(p->identity, proxy_now(p), id,
					    &r->src.addr);
}

/* The phone sees its own Contact again. */
static void restore_contacts(msg_t *msg, sip_t *sip)
{
	for (sip_contact_t *m = sip->sip_contact; m; m = m->m_next) {
		if (!registration_marked(m->m_url))
			continue;
		(void)registration_restore(msg_home(msg), m->m_url, NULL);
		msg_fragment_clear(m->m_common);
	}
}

static void answered(struct branch *b, int status, msg_t *msg)
{
	struct request *r = b->r;
	sip_t *sip = sip_object(msg);

	if (b->ended)
		return;
	guard_answered(r, status, sip);
	credentials_answered(r, status, sip);
	if (status == 200) {
		note_place(r, sip);
		binding_registered(r->p, sip, &r->src);
	}
	if (status == 200 && outbound_granted(msg))
		log_warn("out of memory: a phone is not told its flow timer",
			 LOG_S("call_id", request_id(r)));
	restore_contacts(msg, sip);
	(void)sip_via_remove(msg, sip);
	response_forward(r, status, msg);
	log_debug("registration answered", LOG_S("call_id", request_id(r)),
		  LOG_I("status", status), LOG_A("src", &r->src.addr));
	b->ended = r->ended = true;
}

/* Step 118. */
static enum step_result ask(struct branch *b)
{
	static const struct directory_question query = {NULL, answered};

	return directory_ask(b, &query);
}

static enum step_result step_112(struct branch *b)
{
	struct request *r = b->r;
	const url_t *aor = r->sip->sip_to->a_url;

	r->p->n.registrations++;
	/* RFC 3261 10.2: an address-of-record is a SIP URI. */
	if (aor->url_type != url_sip && aor->url_type != url_sips)
		return branch_fail(b, 400, "To Is No SIP URI");
	if (r->p->conf->domains.n &&
	    (!proxy_serves(r->p, aor) || proxy_is_self(r->p, aor)))
		return branch_fail(b, 404, "Domain Not Served Here");
	return flow_receive(b);
}

/* The rest of step 116: this proxy is the way back to the client. */
static enum step_result step_116_path(struct branch *b)
{
	if (outbound_add_path(b->r))
		return branch_fail(b, 500, NULL);
	return STEP_NEXT;
}

const struct step register_steps[] = {
	{"Fig. 3a 112", step_112},
	{"Fig. 3a 114", flow_compare},
	{"Fig. 3a 116", flow_write_observed},
	{"Fig. 3a 116", step_116_path},
	{"Fig. 3a 118-119", ask},
};
