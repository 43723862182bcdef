#include <string.h>

#include "common/sdp_bundle.h"

static const char semantics[] = "BUNDLE";

/* The a=mid of each media line (RFC 5888 4). */
struct mids {
	struct sdp_span of[SDP_MEDIA_MAX];
};

static void read_mids(struct mids *mids, struct sdp_span rest)
{
	struct sdp_span value;
	struct sdp_line l;
	size_t lines = 0;

	memset(mids, 0, sizeof(*mids));
	while (sdp_line_next(&l, &rest)) {
		if (l.type == 'm')
			lines++;
		else if (lines > 0 && sdp_attribute(&value, &l, "mid"))
			(void)sdp_word(&mids->of[lines - 1], &value);
	}
}

/* The media line of this name; s->n: there is none. */
static size_t find_mid(const struct sdp *s, const struct mids *mids,
		       const struct sdp_span *name)
{
	size_t i = 0;

	while (i < s->n && (mids->of[i].len != name->len ||
			    memcmp(mids->of[i].p, name->p, name->len) != 0))
		i++;
	return i;
}

static bool shares(const struct sdp_media *m, const struct sdp_media *carrier)
{
	if (m->port == SDP_PORT_NONE && addr_class(&m->rtp) == ADDR_ANY)
		return true;
	return m->port == carrier->port && addr_ip_eq(&m->rtp, &carrier->rtp);
}

/* "BUNDLE audio video". A line is of one group at most: its name is used up. */
static void read_group(struct sdp *s, struct mids *mids, struct sdp_span value)
{
	size_t carrier = s->n;
	struct sdp_span word;

	if (!sdp_word(&word, &value) || !sdp_span_is(&word, semantics))
		return;
	while (sdp_word(&word, &value)) {
		size_t i = find_mid(s, mids, &word);
		struct sdp_media *m = &s->media[i];

		if (i == s->n)
			continue;
		mids->of[i].len = 0;
		if (!sdp_needs_port(m))
			continue;
		if (carrier == s->n) {
			carrier = i;
		} else if (shares(m, &s->media[carrier])) {
			m->bundled = true;
			m->carrier = (uint8_t)carrier;
		}
	}
}

void sdp_bundle_read(struct sdp *s, struct sdp_span text)
{
	struct sdp_span value;
	struct sdp_line l;
	struct mids mids;

	read_mids(&mids, text);
	while (sdp_line_next(&l, &text) && l.type != 'm') {
		if (sdp_attribute(&value, &l, "group"))
			read_group(s, &mids, value);
	}
}
