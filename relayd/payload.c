#include <string.h>
#include <strings.h>

#include "relayd/payload.h"

/* RFC 3551, tables 4 and 5: type, encoding, clock rate. */
#define STATIC_TYPES(X)                                                        \
	X(0, "PCMU", 8000)                                                     \
	X(3, "GSM", 8000)                                                      \
	X(4, "G723", 8000)                                                     \
	X(5, "DVI4", 8000)                                                     \
	X(6, "DVI4", 16000)                                                    \
	X(7, "LPC", 8000)                                                      \
	X(8, "PCMA", 8000)                                                     \
	X(9, "G722", 8000)                                                     \
	X(10, "L16", 44100)                                                    \
	X(11, "L16", 44100)                                                    \
	X(12, "QCELP", 8000)                                                   \
	X(13, "CN", 8000)                                                      \
	X(14, "MPA", 90000)                                                    \
	X(15, "G728", 8000)                                                    \
	X(16, "DVI4", 11025)                                                   \
	X(17, "DVI4", 22050)                                                   \
	X(18, "G729", 8000)                                                    \
	X(25, "CelB", 90000)                                                   \
	X(26, "JPEG", 90000)                                                   \
	X(28, "nv", 90000)                                                     \
	X(31, "H261", 90000)                                                   \
	X(32, "MPV", 90000)                                                    \
	X(33, "MP2T", 90000)                                                   \
	X(34, "H263", 90000)

enum { STATIC_NOISE = 13, STATIC_MAX = 35 };

static const struct payload statics[STATIC_MAX] = {
#define STATIC_ROW(type, name, rate)                                           \
	[type] = {name, rate, type,                                            \
		  (type) == STATIC_NOISE ? PAYLOAD_NOISE : PAYLOAD_MEDIA},
	STATIC_TYPES(STATIC_ROW)
#undef STATIC_ROW
};

static enum payload_kind kind_of(const char *name)
{
	if (!strcasecmp(name, "telephone-event"))
		return PAYLOAD_EVENT;
	return strcasecmp(name, "CN") ? PAYLOAD_MEDIA : PAYLOAD_NOISE;
}

void payload_read(struct payload_table *t, const struct sdp_media *m)
{
	t->n = m->nrtpmap;
	for (size_t i = 0; i < t->n; i++) {
		struct payload *p = &t->types[i];

		memcpy(p->name, m->rtpmap[i].name, sizeof(p->name));
		p->rate = m->rtpmap[i].rate;
		p->type = m->rtpmap[i].type;
		p->kind = (uint8_t)kind_of(p->name);
	}
}

const struct payload *payload_find(const struct payload_table *t, uint8_t type)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->types[i].type == type)
			return &t->types[i];
	return NULL;
}

const struct payload *payload_static(uint8_t type)
{
	return type < STATIC_MAX && statics[type].rate ? &statics[type] : NULL;
}
