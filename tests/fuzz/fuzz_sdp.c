#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "common/sdp.h"
#include "common/strbuf.h"
#include "tests/fuzz/fuzz.h"

/*
 * A description that was replaced still is one, with as many lines, at the
 * relay's ports; and Sofia-SIP, which shares no code with ours, still reads it
 * if it could read the original.
 */
enum { OUT_MAX = 1 << 20, SOFIA_FLAGS = 0, COUNT_DIGITS = 3 };

static char out[OUT_MAX];

/* Sofia-SIP's parser has the name of ours: it has to be asked for in its own
 * library. The types are those of sofia-sip/sdp.h. */
static struct {
	void *(*parse)(void *home, const char *text, long len, int flags);
	void *(*session)(void *parser);
	void (*free)(void *parser);
} sofia;

static void sofia_open(void)
{
	void *lib = dlopen("libsofia-sip-ua.so.0", RTLD_NOW);

	MUST(lib);
	*(void **)&sofia.parse = dlsym(lib, "sdp_parse");
	*(void **)&sofia.session = dlsym(lib, "sdp_session");
	*(void **)&sofia.free = dlsym(lib, "sdp_parser_free");
	MUST(sofia.parse && sofia.session && sofia.free);
}

/*
 * Whether Sofia-SIP may be asked: it makes a list of the addresses of
 * "224.2.1.1/127/999999999", and fills the memory over some media lines that
 * are hardly ones.
 */
static bool may_ask(const char *text, size_t len, const struct sdp *said)
{
	size_t digits = 0;
	bool slash = false;

	for (size_t i = 0; i < len; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		digits = slash && digit ? digits + 1 : 0;
		slash = text[i] == '/' || digits > 0;
		if (digits > COUNT_DIGITS || (unsigned char)text[i] > 0x7e)
			return false;
	}
	for (size_t i = 0; i < said->n; i++) {
		if (strcmp(said->media[i].proto, "RTP/AVP"))
			return false;
	}
	return true;
}

static bool sofia_reads(const char *text, size_t len)
{
	void *parser = sofia.parse(NULL, text, (long)len, SOFIA_FLAGS);
	bool good = parser && sofia.session(parser);

	sofia.free(parser);
	return good;
}

/* A relay that serves every line; `mixed`: each other one over IPv6. */
static void make_resource(struct sdp *r, const struct sdp *said, bool mixed)
{
	*r = *said;
	for (size_t i = 0; i < r->n; i++) {
		struct sdp_media *m = &r->media[i];
		const char *ip = mixed && i % 2 ? "2001:db8::4" : "203.0.113.4";

		m->port = (uint16_t)(30000 + 2 * i);
		MUST(addr_parse(&m->rtp, ip, m->port) == 0);
		m->rtcp = m->rtp;
		addr_set_port(&m->rtcp, m->port + 1);
	}
}

static void must_be_at(const struct sdp *said, const struct sdp *got,
		       const struct sdp *relay)
{
	MUST(got->n == said->n);
	for (size_t i = 0; i < said->n; i++) {
		const struct sdp_media *m = &got->media[i];
		const struct sdp_media *was = &said->media[i];
		const struct sdp_media *at = &relay->media[was->carrier];

		MUST(was->carrier < said->n);
		MUST(!said->media[was->carrier].bundled);
		if (was->port == 0 || was->over_tcp) {
			MUST(m->port == was->port);
			continue;
		}
		MUST(m->port == at->port);
		MUST(addr_eq(&m->rtp, &at->rtp) || sdp_is_held(was));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct sdp said, got, relay;
	struct strbuf sb;

	if (!sofia.parse)
		sofia_open();
	strbuf_init(&sb, out, sizeof(out));
	if (sdp_parse(&said, text, size))
		return 0;
	make_resource(&relay, &said, size % 2);
	if (!sdp_replace(&sb, text, size, &relay)) {
		MUST(sdp_parse(&got, sb.data, sb.len) == 0);
		must_be_at(&said, &got, &relay);
		if (may_ask(text, size, &said) && sofia_reads(text, size))
			MUST(sofia_reads(sb.data, sb.len));
	}
	strbuf_init(&sb, out, sizeof(out));
	MUST(sdp_print(&sb, &relay, size) == 0);
	MUST(sdp_parse(&got, sb.data, sb.len) == 0);
	MUST(got.n == relay.n);
	return 0;
}
