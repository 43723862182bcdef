#include <string.h>
#include <strings.h>

#include "common/sdp_ice.h"
#include "common/strbuf.h"

enum {
	COMPONENT_RTP = 1,
	COMPONENT_RTCP = 2,
	/* RFC 8445 5.1.2.1: of a host's only address, minus the component */
	PRIORITY_HOST = (126 << 24) + (65535 << 8) + 256,
};

/* What names addresses, and what speaks of them. */
static const char *const address_attributes[] = {
	"candidate", "remote-candidates", "end-of-candidates", "alt", "altc",
	"ccap",
};

/* RFC 8842, RFC 8841 and, as it was before, RFC 5124 */
static const char *const webrtc[] = {"UDP/TLS/", "UDP/DTLS/", "DTLS/",
				     "RTP/SAVPF"};

static const char ice_prefix[] = "ice-";
static const char trickle[] = "trickle";

static bool is_webrtc(const struct sdp_media *m)
{
	for (size_t i = 0; i < sizeof(webrtc) / sizeof(webrtc[0]); i++)
		if (strncasecmp(m->proto, webrtc[i], strlen(webrtc[i])) == 0)
			return true;
	return false;
}

/* "FOUNDATION COMPONENT …" */
static bool is_of_rtcp(struct sdp_span candidate)
{
	struct sdp_span word;

	return sdp_word(&word, &candidate) && sdp_word(&word, &candidate) &&
	       sdp_span_is(&word, "2");
}

void sdp_ice_read(struct sdp_ice *ice, const struct sdp *said,
		  struct sdp_span text)
{
	bool session = false;
	struct sdp_span value;
	struct sdp_line l;
	unsigned bit = 0; /* of the line; 0: still at session level */
	uint16_t named = 0;
	size_t n = 0;

	memset(ice, 0, sizeof(*ice));
	while (sdp_line_next(&l, &text)) {
		if (l.type == 'm')
			bit = 1U << n++;
		else if (sdp_attribute(&value, &l, "ice-ufrag") && !bit)
			session = true;
		else if (sdp_attribute(&value, &l, "ice-ufrag"))
			named |= (uint16_t)bit;
		else if (sdp_attribute(&value, &l, "candidate") &&
			 is_of_rtcp(value))
			ice->with_rtcp |= (uint16_t)bit;
	}
	for (size_t i = 0; i < said->n; i++) {
		bit = 1U << i;
		if (!is_webrtc(&said->media[i]) || !(session || named & bit))
			continue;
		ice->kept |= (uint16_t)bit;
		if (!said->media[i].rtcp_mux)
			ice->with_rtcp |= (uint16_t)bit;
	}
	ice->any = ice->kept != 0;
}

/* "a=ice-options:ice2 trickle" without that; nothing where it is all. */
static void add_options(struct strbuf *out, const struct sdp_line *l,
			struct sdp_span value)
{
	const char *before = "a=ice-options:";
	struct sdp_span word;
	bool any = false;

	while (sdp_word(&word, &value)) {
		if (sdp_span_is(&word, trickle))
			continue;
		strbuf_str(out, any ? " " : before);
		strbuf_add(out, word.p, word.len);
		any = true;
	}
	if (any)
		strbuf_add(out, l->tail.p, l->tail.len);
}

static bool is_kept(const struct sdp_ice *ice, size_t line)
{
	return line < SDP_MEDIA_MAX ? ice->kept >> line & 1 : ice->any;
}

static bool names_address(const struct sdp_line *l)
{
	const size_t n =
		sizeof(address_attributes) / sizeof(address_attributes[0]);
	struct sdp_span value;

	for (size_t i = 0; i < n; i++)
		if (sdp_attribute(&value, l, address_attributes[i]))
			return true;
	return false;
}

bool sdp_ice_attribute(struct strbuf *out, const struct sdp_ice *ice,
		       size_t line, const struct sdp_line *l)
{
	struct sdp_span value;

	if (names_address(l))
		return true;
	if (l->value.len < strlen(ice_prefix) ||
	    strncasecmp(l->value.p, ice_prefix, strlen(ice_prefix)) != 0)
		return false;
	if (!is_kept(ice, line))
		return true;
	if (sdp_attribute(&value, l, "ice-options"))
		add_options(out, l, value);
	else
		strbuf_add(out, l->raw.p, l->raw.len);
	return true;
}

static void add_candidate(struct strbuf *out, int component,
			  const struct addr *a, const struct sdp_span *eol)
{
	char ip[ADDR_STRLEN];

	strbuf_printf(out, "a=candidate:1 %d UDP %d %s %u typ host", component,
		      PRIORITY_HOST - component, addr_ip_str(ip, a),
		      addr_port(a));
	strbuf_add(out, eol->p, eol->len);
}

void sdp_ice_candidates(struct strbuf *out, const struct sdp_ice *ice,
			size_t line, const struct addr *rtp,
			const struct addr *rtcp, const struct sdp_span *eol)
{
	if (!(ice->kept >> line & 1))
		return;
	add_candidate(out, COMPONENT_RTP, rtp, eol);
	if (ice->with_rtcp >> line & 1)
		add_candidate(out, COMPONENT_RTCP, rtcp, eol);
	strbuf_str(out, "a=end-of-candidates");
	strbuf_add(out, eol->p, eol->len);
}
