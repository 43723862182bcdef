#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "relayd/figures.h"
#include "relayd/snapshot_field.h"

enum { TAG_MAX = 64 };

/* Bytes that any value of the type has; others would not be that type. */
#define SIDE_FLAGS(X)                                                          \
	X(known)                                                               \
	X(has_codec)                                                           \
	X(reported)                                                            \
	X(has_round_trip)                                                      \
	X(heard.begun)                                                         \
	X(heard.candidate)                                                     \
	X(heard.timed)

/* Of those who read each other's. */
static const char *tag(char buf[TAG_MAX])
{
	snprintf(buf, TAG_MAX, "%s/%zu/%zu/%zu", PINHOLE_VERSION,
		 sizeof(struct figures), sizeof(struct figures_side),
		 sizeof(struct quality));
	return buf;
}

static bool payload_good(const struct payload *p)
{
	return memchr(p->name, '\0', sizeof(p->name)) &&
	       p->kind <= PAYLOAD_NOISE;
}

static bool side_good(const unsigned char *bytes)
{
	static const size_t flags[] = {
#define SIDE_FLAG(field) offsetof(struct figures_side, field),
		SIDE_FLAGS(SIDE_FLAG)
#undef SIDE_FLAG
	};
	const struct figures_side *s = (const void *)bytes;
	bool good = s->said.n <= SDP_RTPMAP_MAX &&
		    s->sent.next < RTCP_SENT_MAX && payload_good(&s->last) &&
		    payload_good(&s->codec);

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		good = good && bytes[flags[i]] <= 1;
	for (size_t i = 0; good && i < s->said.n; i++)
		good = payload_good(&s->said.types[i]);
	return good;
}

void snapshot_put_figures(json_t *to, const struct figures *f)
{
	json_t *j = json_object();
	char buf[TAG_MAX];

	field_put_text(j, "layout", tag(buf));
	field_put_bytes(j, "data", f, sizeof(*f));
	json_object_set_new(to, "figures", j);
}

bool snapshot_read_figures(struct figures *f, const struct snapshot_reader *r)
{
	struct snapshot_reader sub = field_object(r, "figures");
	const char *layout =
		json_string_value(json_object_get(sub.at, "layout"));
	const unsigned char *bytes = (const void *)f;
	char buf[TAG_MAX];
	bool good = layout && !strcmp(layout, tag(buf)) &&
		    field_bytes(f, sizeof(*f), &sub, "data") &&
		    bytes[offsetof(struct figures, secure)] <= 1;

	for (unsigned i = 0; i < LEARN_SIDES; i++)
		good = good &&
		       side_good(bytes + offsetof(struct figures, side) +
				 i * sizeof(f->side[0]));
	if (!good)
		memset(f, 0, sizeof(*f));
	return good;
}
