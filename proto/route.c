#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/mac.h"
#include "proto/route.h"

enum {
	SIDE_LEN = 3,
	CLAIM_TEXTS = 5,
	FORK_LEN = 9,
};

/* The texts under the hash, in the order they are hashed. */
struct claim {
	const char *call_id;
	const char *tag;
	const char *side;
	const char *relay;
	const char *fork;
};

/* Without a fork it is one text less. */
static size_t claim_texts(const char *texts[CLAIM_TEXTS], const struct claim *c)
{
	texts[0] = c->call_id;
	texts[1] = c->tag;
	texts[2] = c->side;
	texts[3] = c->relay;
	texts[4] = c->fork;
	return *c->fork ? CLAIM_TEXTS : CLAIM_TEXTS - 1;
}

static const char *side_text(const struct route_state *st)
{
	if (st->caller_natted)
		return st->callee_natted ? "ab" : "a";
	return st->callee_natted ? "b" : "0";
}

static int side_parse(struct route_state *st, const char *side)
{
	st->caller_natted = strchr(side, 'a') != NULL;
	st->callee_natted = strchr(side, 'b') != NULL;
	return strcmp(side, side_text(st)) == 0 ? 0 : -EBADMSG;
}

static void fork_print(char text[FORK_LEN], uint32_t fork)
{
	text[0] = '\0';
	if (fork)
		(void)snprintf(text, FORK_LEN, "%" PRIx32, fork);
}

/* As it was printed, and in no other way. */
static int fork_parse(uint32_t *fork, const char *text)
{
	char again[FORK_LEN];

	*fork = (uint32_t)strtoul(text, NULL, 16);
	fork_print(again, *fork);
	return strcmp(text, again) == 0 ? 0 : -EBADMSG;
}

int route_session(char *buf, size_t cap, const char *call_id, uint32_t fork)
{
	int n = fork ? snprintf(buf, cap, "%s~%" PRIx32, call_id, fork)
		     : snprintf(buf, cap, "%s", call_id);

	return n < 0 || (size_t)n >= cap ? -EMSGSIZE : 0;
}

static int get_param(char *buf, size_t cap, const url_t *url,
		     enum proto_uri_param p)
{
	int n = sipmsg_url_param(buf, cap, url, proto_uri_param_name(p));

	return n < 0 ? n : 0;
}

static bool fits(struct claim *c, const char *tag, const char *mac,
		 const char *secret)
{
	const char *texts[CLAIM_TEXTS];

	c->tag = tag ? tag : "";
	return proto_mac_fits(mac, secret, texts, claim_texts(texts, c));
}

int route_print(char *buf, size_t cap, const struct channel *self,
		const struct route_state *st, const char *secret,
		const char *call_id, const char *caller_tag)
{
	char relay[ADDR_STRLEN] = "", own[ADDR_STRLEN], mac[PROTO_MAC_LEN];
	char fork[FORK_LEN] = "";
	struct claim c = {call_id, caller_tag ? caller_tag : "", side_text(st),
			  relay, fork};
	const char *texts[CLAIM_TEXTS];
	struct strbuf sb;

	if (!addr_is_none(&st->relay))
		addr_str(relay, &st->relay);
	fork_print(fork, st->fork);
	if (proto_mac(mac, secret, texts, claim_texts(texts, &c)))
		return -EMSGSIZE;
	strbuf_init(&sb, buf, cap);
	strbuf_printf(&sb, "<sip:%s;lr", addr_str(own, &self->addr));
	if (transport_is_stream(self->transport))
		strbuf_printf(&sb, ";transport=%s",
			      transport_name(self->transport));
	sipmsg_param_add(&sb, proto_uri_param_name(PROTO_SIDE), c.side);
	if (relay[0])
		sipmsg_param_add(&sb, proto_uri_param_name(PROTO_RELAY), relay);
	if (fork[0])
		sipmsg_param_add(&sb, proto_uri_param_name(PROTO_FORK), fork);
	sipmsg_param_add(&sb, proto_uri_param_name(PROTO_MAC), mac);
	strbuf_str(&sb, ">");
	return strbuf_err(&sb);
}

int route_parse(struct route_state *st, bool *from_caller, const url_t *url,
		const char *secret, const char *call_id, const char *from_tag,
		const char *to_tag)
{
	char side[SIDE_LEN] = "", relay[ADDR_STRLEN] = "", mac[PROTO_MAC_LEN];
	char fork[FORK_LEN] = "";
	struct claim c = {call_id, NULL, side, relay, fork};
	bool caller;
	int err;

	memset(st, 0, sizeof(*st));
	err = get_param(mac, sizeof(mac), url, PROTO_MAC);
	if (err)
		return err == -ENOENT ? -ENOENT : -EBADMSG;
	err = get_param(relay, sizeof(relay), url, PROTO_RELAY);
	if (get_param(side, sizeof(side), url, PROTO_SIDE) ||
	    (err && err != -ENOENT))
		return -EBADMSG;
	err = get_param(fork, sizeof(fork), url, PROTO_FORK);
	if (err && err != -ENOENT)
		return -EBADMSG;
	caller = fits(&c, from_tag, mac, secret);
	if (!caller && !fits(&c, to_tag, mac, secret))
		return -EBADMSG;
	if (side_parse(st, side) || fork_parse(&st->fork, fork) ||
	    (relay[0] && addr_parse(&st->relay, relay, 0))) {
		memset(st, 0, sizeof(*st));
		return -EBADMSG;
	}
	*from_caller = caller;
	return 0;
}

int route_fork_set(su_home_t *home, url_t *url, uint32_t fork)
{
	char text[FORK_LEN];

	fork_print(text, fork);
	return sipmsg_url_param_set(home, url, proto_uri_param_name(PROTO_FORK),
				    fork ? text : NULL);
}

uint32_t route_fork(const url_t *url)
{
	char text[FORK_LEN];
	uint32_t fork = 0;

	if (get_param(text, sizeof(text), url, PROTO_FORK) ||
	    fork_parse(&fork, text))
		return 0;
	return fork;
}

bool route_has_relay(const url_t *url)
{
	char relay[ADDR_STRLEN];

	return get_param(relay, sizeof(relay), url, PROTO_RELAY) != -ENOENT;
}
