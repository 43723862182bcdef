#include <string.h>
#include <time.h>

#include "common/doctor_cert.h"

#include "proxyd/doctor.h"

static void look_at_end(struct doctor *d, const struct channel *end, bool *tls)
{
	doctor_host_listen(&d->host, end);
	*tls = *tls || end->transport == TRANSPORT_TLS ||
	       end->transport == TRANSPORT_WSS;
	if (end->transport == TRANSPORT_UDP && addr_is_none(&d->bound))
		d->bound = end->addr;
}

/* As edge.c: one of the other family stays as it is. */
static void read_self(struct doctor *d)
{
	struct addr a;

	d->self = d->bound;
	if (*d->conf->advertise &&
	    !addr_parse(&a, d->conf->advertise, addr_port(&d->bound)) &&
	    addr_family(&a) == addr_family(&d->bound))
		d->self = a;
}

/* Does what is sent to the advertised address come to us? Many a NAT does not
 * lead it back in, though it leads others here: that it does not is no proof.
 */
static void look_at_way_back(const struct doctor *d)
{
	static const char advice[] =
		"see that the router forwards that address and port to this "
		"host; many cannot be tried from inside, so try from outside";
	char at[ADDR_STRLEN];
	struct checkup *c;

	if (!d->host.running || checkup_alloc(&c))
		return;
	(void)addr_str(at, &d->self);
	checkup_add(c, &d->bound, &d->self);
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

static void look_at_advertise(const struct doctor *d)
{
	enum addr_class c = addr_class(&d->self);
	char at[ADDR_STRLEN];

	(void)addr_ip_str(at, &d->self);
	if (c == ADDR_LOOPBACK || c == ADDR_ANY || c == ADDR_LINKLOCAL)
		findings_add(d->f, c == ADDR_ANY ? FINDING_FAIL : FINDING_WARN,
			     "advertise",
			     "listen at, or advertise, an address that phones "
			     "reach",
			     "phones are told to send to %s, where no other "
			     "host can",
			     at);
	else if (!doctor_host_has(&d->self) &&
		 addr_class(&d->bound) != ADDR_LOOPBACK)
		look_at_way_back(d);
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
	read_self(d);
	look_at_advertise(d);
	if (tls)
		doctor_cert(d->f, d->conf->tls_certificate, d->conf->tls_key,
			    &d->conf->domains, time(NULL));
	return 0;
}
