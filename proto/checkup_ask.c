#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/doctor_host.h"
#include "common/strbuf.h"

#include "proto/checkup.h"

int checkup_alloc(struct checkup **cp)
{
	*cp = calloc(1, sizeof(**cp));
	return *cp ? 0 : -ENOMEM;
}

void checkup_free(struct checkup *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		doctor_close(&c->v[i].q);
	free(c);
}

static bool has(const struct checkup *c, const struct addr *to)
{
	for (size_t i = 0; i < c->n; i++)
		if (addr_eq(&c->v[i].q.to, to))
			return true;
	return false;
}

void checkup_add(struct checkup *c, const struct doctor_ends *ends,
		 const struct addr *to)
{
	struct doctor_question *q;
	struct strbuf sb;

	if (c->n == CHECKUP_PEERS_MAX || has(c, to))
		return;
	q = &c->v[c->n++].q;
	if (doctor_open(q, ends, to))
		return;
	strbuf_init(&sb, q->text, sizeof(q->text));
	q->err = probe_print(&sb, &q->self, to, q->token);
	q->len = sb.len;
}

/* "203.0.113.1/32", "2001:db8::1": one host, and not a network. */
static bool is_host(struct addr *a, const char *network, uint16_t port)
{
	const char *slash = strchr(network, '/');
	size_t n = slash ? (size_t)(slash - network) : strlen(network);

	if (addr_set(a, network, n, port))
		return false;
	return !slash ||
	       atoi(slash + 1) == (addr_family(a) == AF_INET6 ? 128 : 32);
}

static bool is_self(const struct doctor_ends *self, const struct addr *a)
{
	return doctor_host_has(a) || (self && doctor_ends_have(self, a));
}

void checkup_add_hosts(struct checkup *c, const struct doctor_ends *ends,
		       const struct doctor_ends *self,
		       const struct conf_strings *networks, uint16_t port)
{
	struct addr a;

	for (size_t i = 0; i < networks->n; i++)
		if (is_host(&a, networks->v[i], port) && !is_self(self, &a) &&
		    doctor_ends_for(ends, &a))
			checkup_add(c, ends, &a);
}

void checkup_ask(struct checkup *c)
{
	struct doctor_question *q[CHECKUP_PEERS_MAX] = {NULL};

	for (size_t i = 0; i < c->n; i++)
		q[i] = &c->v[i].q;
	doctor_ask(q, c->n);
	for (size_t i = 0; i < c->n; i++)
		checkup_read(&c->v[i]);
}

void checkup_hosts(struct findings *f, const struct checkup_kind *kind,
		   const struct doctor_ends *ends,
		   const struct conf_strings *networks)
{
	struct checkup *c;

	if (checkup_alloc(&c))
		return;
	checkup_add_hosts(c, ends, NULL, networks, CHECKUP_SIP_PORT);
	checkup_ask(c);
	checkup_judge(f, kind, c, NULL);
	checkup_free(c);
}
