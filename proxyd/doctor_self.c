#include <string.h>
#include <time.h>

#include "common/doctor_cert.h"

#include "proxyd/doctor.h"

/* As edge.c: one of the other family stays as it is. */
static struct addr read_self(const struct doctor *d, const struct addr *bound)
{
	struct addr a;

	if (*d->conf->advertise &&
	    !addr_parse(&a, d->conf->advertise, addr_port(bound)) &&
	    addr_family(&a) == addr_family(bound))
		return a;
	return *bound;
}

static void look_at_end(struct doctor *d, const struct channel *end, bool *tls)
{
	struct addr self = read_self(d, &end->addr);

	doctor_host_listen(&d->host, end);
	*tls = *tls || end->transport == TRANSPORT_TLS ||
	       end->transport == TRANSPORT_WSS;
	if (end->transport == TRANSPORT_UDP &&
	    doctor_ends_add(&d->bound, &end->addr))
		(void)doctor_ends_add(&d->self, &self);
}

/* Does what is sent to the advertised address come to us? Many a NAT does not
 * lead it back in, though it leads others here: that it does not is no proof.
 */
static void look_at_way_back(const struct doctor *d, const struct addr *self)
{
	static const char advice[] =
		"see that the router forwards that address and port to this "
		"host; many cannot be tried from inside, so try from outside";
	char at[ADDR_STRLEN];
	struct checkup *c;

	if (!d->host.running || checkup_alloc(&c))
		return;
	(void)addr_str(at, self);
	checkup_add(c, &d->bound, self);
	checkup_ask(c);
	if (c->v[0].well || (!c->v[0].q.err && c->v[0].status))
		findings_add(d->f, FINDING_OK, "advertise", NULL,
			     "%s leads back to a proxy", at);
	else
		findings_add(d->f, FINDING_WARN, "advertise", advice,
			     "%s, which we tell others, is no address of this "
			     "host, and leads back to nobody from here",
			     at);
	checkup_free(c);
}

static bool any_public(const struct conf_strings *list)
{
	struct addr a;

	for (size_t i = 0; i < list->n; i++)
		if (!addr_parse(&a, list->v[i], 0) &&
		    addr_class(&a) == ADDR_PUBLIC)
			return true;
	return false;
}

/* What says that there is more than this network. */
static bool is_on_internet(const struct proxyd_conf *c)
{
	return c->allow_foreign || any_public(&c->redirect) ||
	       any_public(&c->relays);
}

static void look_at_advertise(const struct doctor *d, const struct addr *bound,
			      const struct addr *self)
{
	enum addr_class c = addr_class(self);
	char at[ADDR_STRLEN];

	(void)addr_ip_str(at, self);
	if (c == ADDR_LOOPBACK || c == ADDR_ANY || c == ADDR_LINKLOCAL)
		findings_add(d->f, c == ADDR_ANY ? FINDING_FAIL : FINDING_WARN,
			     "advertise",
			     "listen at, or advertise, an address that phones "
			     "reach",
			     "phones are told to send to %s, where no other "
			     "host can",
			     at);
	else if (!doctor_host_has(self) && addr_class(bound) != ADDR_LOOPBACK)
		look_at_way_back(d, self);
	if (c == ADDR_PRIVATE && is_on_internet(d->conf))
		findings_add(d->f, FINDING_WARN, "advertise",
			     "advertise: the public address that leads here",
			     "%s is private: only phones and servers of this "
			     "network reach us",
			     at);
}

int doctor_self(struct doctor *d)
{
	const struct conf_strings *ends = &d->conf->listen;
	struct channel end;
	bool tls = false;
	int err;

	for (size_t i = 0; i < ends->n; i++) {
		err = conf_listen_channel(&end, ends->v[i]);
		if (err)
			return err;
		look_at_end(d, &end, &tls);
	}
	for (size_t i = 0; i < d->bound.n; i++)
		look_at_advertise(d, &d->bound.v[i], &d->self.v[i]);
	if (tls)
		doctor_cert(d->f, d->conf->tls_certificate, d->conf->tls_key,
			    &d->conf->domains, time(NULL));
	return 0;
}
