#include <string.h>

#include "common/log.h"
#include "relayd/counters.h"
#include "relayd/iface.h"
#include "relayd/stream.h"

#include "relayd/session_internal.h"

/* Where a party's media is expected from: where its signalling is, if its SDP
 * is of that address family. */
static struct addr whereabouts(const struct session_party *party,
			       const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n; i++) {
		const struct sdp_media *m = &sdp->media[i];

		if (m->port == 0 || addr_is_none(&m->rtp) ||
		    addr_class(&m->rtp) == ADDR_ANY)
			continue;
		if (addr_family(&m->rtp) != addr_family(&party->observed))
			return m->rtp;
		break;
	}
	return party->observed;
}

/* NULL also where the peer is not known. */
static const struct iface *choose_for(const struct session *s,
				      const struct addr *peer)
{
	const struct sessions_config *cfg = &s->owner->cfg;
	const struct iface *at = iface_choose(cfg->env->ifaces, peer);

	if (!at && !addr_is_none(peer)) {
		cfg->counters->family_unserved++;
		log_warn("no media address of this party's family",
			 LOG_S("call_id", s->call_id), LOG_A("party", peer),
			 LOG_S("hint", "add one to media.address"));
	}
	return at;
}

static void choose(const struct iface *at[LEARN_SIDES], const struct session *s,
		   const struct session_party *party, const struct sdp *sdp)
{
	enum learn_side own = party->side, other = !own;
	struct addr peer = whereabouts(party, sdp);
	const struct iface *mine = choose_for(s, &peer);
	const struct iface *theirs = choose_for(s, &party->toward);

	at[own] = mine ? mine : s->at[own];
	if (theirs)
		at[other] = theirs;
	else if (s->placed[other] || s->tag[other])
		at[other] = s->at[other];
	else
		at[other] = at[own];
}

/* Have all sockets of the new addresses, or none. */
static int move_streams(struct session *s, const struct iface *const *at)
{
	int err = 0;

	for (unsigned i = 0; !err && i < SDP_MEDIA_MAX; i++)
		if (s->streams[i])
			err = stream_prepare(s->streams[i], at);
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		if (s->streams[i] && err)
			stream_stay(s->streams[i]);
		else if (s->streams[i])
			stream_move(s->streams[i]);
	}
	return err;
}

int session_place(struct session *s, const struct session_party *party,
		  const struct sdp *sdp)
{
	const struct iface *at[LEARN_SIDES];
	int err = 0;

	choose(at, s, party, sdp);
	if (at[LEARN_FIRST] != s->at[LEARN_FIRST] ||
	    at[LEARN_SECOND] != s->at[LEARN_SECOND])
		err = move_streams(s, at);
	if (err)
		return err;
	memcpy(s->at, at, sizeof(s->at));
	s->placed[party->side] = true;
	s->placed[!party->side] |= !addr_is_none(&party->toward);
	return 0;
}

const struct addr *session_address(const struct session *s,
				   enum learn_side side)
{
	const struct ifaces *list = s->owner->cfg.env->ifaces;
	const struct iface *at = s->at[side];

	if (at == s->at[!side] &&
	    iface_count(list, addr_family(&at->bind)) == 1)
		return NULL;
	return &at->advertise;
}
