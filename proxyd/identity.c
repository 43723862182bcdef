#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/recent.h"
#include "common/siphash.h"
#include "common/strbuf.h"

#include "proxyd/identity.h"

enum {
	PLACES_MAX = 4,
	PHONES_MAX = 3, /* of one client, by where they have registered */
	NET_LEN = 8,
	IP_LEN = 16,
	KEY_TEXT_MAX = 1024,
};

/* The part of an address that one network has in common: a /24, a /64. The
 * public addresses of one NAT, and the hosts of one carrier, have it. */
struct net {
	uint8_t family;
	uint8_t prefix[NET_LEN];
};

struct side {
	uint64_t client; /* 0: not known */
	uint8_t n;
	bool anywhere; /* nobody can say from where */
	bool peer;     /* behind another proxy of the site */
	struct net places[PLACES_MAX];
};

struct dialog {
	struct side sides[IDENTITY_SIDES];
};

struct identity {
	struct recent *dialogs; /* by call_key */
	struct recent *clients; /* struct phones by client_key */
};

struct host {
	uint8_t family; /* AF_UNSPEC: none */
	uint8_t ip[IP_LEN];
};

/* Where a client has registered, the last first. */
struct phones {
	struct host at[PHONES_MAX];
};

static void net_of(struct net *net, const struct addr *a)
{
	memset(net, 0, sizeof(*net));
	net->family = (uint8_t)addr_family(a);
	if (addr_family(a) == AF_INET6)
		memcpy(net->prefix, &a->u.in6.sin6_addr, NET_LEN);
	else if (addr_family(a) == AF_INET)
		memcpy(net->prefix, &a->u.in.sin_addr, 3);
}

static void host_of(struct host *h, const struct addr *a)
{
	memset(h, 0, sizeof(*h));
	h->family = (uint8_t)addr_family(a);
	if (addr_family(a) == AF_INET6)
		memcpy(h->ip, &a->u.in6.sin6_addr, IP_LEN);
	else if (addr_family(a) == AF_INET)
		memcpy(h->ip, &a->u.in.sin_addr, sizeof(a->u.in.sin_addr));
}

/* Keyed: nobody can find another call of the same key. */
static uint64_t call_key(const char *call_id, const char *tag)
{
	char text[KEY_TEXT_MAX];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_add(&sb, call_id, strlen(call_id) + 1);
	strbuf_str(&sb, tag ? tag : "");
	return siphash_secret(text, sb.len);
}

static uint64_t client_key(const char *id)
{
	uint64_t key = siphash_secret(id, strlen(id));

	return key ? key : 1;
}

int identity_alloc(struct identity **ip, const struct identity_config *cfg)
{
	struct identity *i = calloc(1, sizeof(*i));
	int err;

	if (!i)
		return -ENOMEM;
	err = recent_alloc(&i->dialogs, cfg->calls, sizeof(struct dialog),
			   cfg->call_ms);
	if (!err)
		err = recent_alloc(&i->clients, cfg->clients,
				   sizeof(struct phones), cfg->client_ms);
	if (err) {
		identity_free(i);
		return err;
	}
	*ip = i;
	return 0;
}

void identity_free(struct identity *i)
{
	if (!i)
		return;
	recent_free(i->dialogs);
	recent_free(i->clients);
	free(i);
}

/* Its place among those of the client, or the last, which is forgotten. */
static size_t place_of(const struct phones *c, const struct host *h)
{
	size_t i = 0;

	while (i < PHONES_MAX - 1 && memcmp(&c->at[i], h, sizeof(*h)) != 0)
		i++;
	return i;
}

void identity_registered(struct identity *i, uint64_t now, const char *id,
			 const struct addr *src)
{
	uint64_t key = client_key(id);
	struct phones *c = recent_put(i->clients, now, &key, sizeof(key));
	struct host h;

	if (!c)
		return;
	host_of(&h, src);
	memmove(&c->at[1], &c->at[0], place_of(c, &h) * sizeof(h));
	c->at[0] = h;
}

static bool registered_at(struct identity *i, uint64_t now, uint64_t client,
			  const struct addr *src)
{
	const struct phones *c =
		client ? recent_get(i->clients, now, &client, sizeof(client))
		       : NULL;
	struct host h;

	host_of(&h, src);
	return c && !memcmp(&c->at[place_of(c, &h)], &h, sizeof(h));
}

static struct side *find(struct identity *i, uint64_t now, const char *call_id,
			 const char *tag, enum identity_side side)
{
	uint64_t key = call_key(call_id, tag);
	struct dialog *d = recent_get(i->dialogs, now, &key, sizeof(key));

	return d ? &d->sides[side] : NULL;
}

static bool has(const struct side *s, const struct addr *a)
{
	struct net net;

	net_of(&net, a);
	for (unsigned n = 0; n < s->n; n++)
		if (!memcmp(&s->places[n], &net, sizeof(net)))
			return true;
	return false;
}

/* Of too many the second is forgotten, never the first. */
static void add(struct side *s, const struct addr *a, bool peer)
{
	if (peer)
		s->peer = true;
	else if (addr_is_none(a))
		s->anywhere = true;
	if (peer || addr_is_none(a) || has(s, a))
		return;
	if (s->n == PLACES_MAX) {
		memmove(&s->places[1], &s->places[2],
			(PLACES_MAX - 2) * sizeof(s->places[0]));
		s->n--;
	}
	net_of(&s->places[s->n++], a);
}

int identity_begin(struct identity *i, uint64_t now, const char *call_id,
		   const char *caller_tag, const struct addr *src, bool peer)
{
	uint64_t key = call_key(call_id, caller_tag);
	struct dialog *d = recent_put(i->dialogs, now, &key, sizeof(key));
	struct side *s = d ? &d->sides[IDENTITY_CALLER] : NULL;

	if (!s)
		return -ENOMEM;
	if (!s->n && !s->peer)
		add(s, src, peer);
	return 0;
}

void identity_name(struct identity *i, uint64_t now, const char *call_id,
		   const char *caller_tag, enum identity_side side,
		   const char *id)
{
	struct side *s = find(i, now, call_id, caller_tag, side);

	if (s && !s->client)
		s->client = client_key(id);
}

void identity_add(struct identity *i, uint64_t now, const char *call_id,
		  const char *caller_tag, enum identity_side side,
		  const struct addr *a, bool peer)
{
	struct side *s = find(i, now, call_id, caller_tag, side);

	if (s)
		add(s, a, peer);
}

enum identity_verdict identity_judge(struct identity *i, uint64_t now,
				     const char *call_id,
				     const char *caller_tag,
				     enum identity_side side,
				     const struct addr *src, bool peer)
{
	struct side *s = find(i, now, call_id, caller_tag, side);

	if (!s || s->anywhere || (!s->n && !s->peer))
		return IDENTITY_UNKNOWN;
	if (peer ? s->peer : has(s, src))
		return IDENTITY_PARTY;
	if (peer || !registered_at(i, now, s->client, src))
		return IDENTITY_STRANGER;
	add(s, src, false);
	return IDENTITY_MOVED;
}

void identity_end(struct identity *i, const char *call_id,
		  const char *caller_tag)
{
	uint64_t key = call_key(call_id, caller_tag);

	recent_del(i->dialogs, &key, sizeof(key));
}

size_t identity_count(const struct identity *i)
{
	return recent_count(i->dialogs);
}
