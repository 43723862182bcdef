#include <stdlib.h>
#include <string.h>

#include "common/doctor_sockets.h"
#include "relayd/iface.h"

#include "relayd/doctor.h"

static const char advertise_advice[] =
	"media.advertise: the public address that leads here (1:1 NAT)";

/* A control socket at a public address says that phones come over the
 * internet; with a public address for media all is well. */
static bool serves_internet(const struct doctor *d, const struct ifaces *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_class(&l->v[i].advertise) == ADDR_PUBLIC)
			return false;
	return addr_class(&d->control) == ADDR_PUBLIC;
}

static void look_at_address(const struct doctor *d, const struct iface *i)
{
	char bind[ADDR_STRLEN], named[ADDR_STRLEN];

	(void)addr_ip_str(bind, &i->bind);
	(void)addr_ip_str(named, &i->advertise);
	if (addr_class(&i->bind) != ADDR_ANY && !doctor_host_has(&i->bind))
		findings_add(d->f, FINDING_FAIL, "media",
			     "media.address: an address of this host (ip addr)",
			     "%s is no address of this host", bind);
	else if (addr_class(&i->advertise) == ADDR_LOOPBACK)
		findings_add(d->f, FINDING_WARN, "media", advertise_advice,
			     "phones are told to send to %s, which only this "
			     "host can",
			     named);
	else
		findings_add(d->f, FINDING_OK, "media", NULL,
			     "phones are told to send media to %s, it is "
			     "received at %s",
			     named, bind);
}

static void look_at_addresses(const struct doctor *d, const struct ifaces *l)
{
	for (size_t i = 0; i < l->n; i++)
		look_at_address(d, &l->v[i]);
	if (serves_internet(d, l))
		findings_add(d->f, FINDING_WARN, "media", advertise_advice,
			     "this host is on the internet, but phones are "
			     "told no public address for media");
}

/* Whether a socket takes away a port that media needs. */
static bool is_in_the_way(const struct doctor_bound *b, const struct ifaces *l)
{
	if (addr_class(&b->at) == ADDR_ANY)
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (addr_ip_eq(&l->v[i].bind, &b->at) ||
		    (addr_class(&l->v[i].bind) == ADDR_ANY &&
		     addr_class(&b->at) != ADDR_LOOPBACK))
			return true;
	return false;
}

/* The process that the control port belongs to; 0: none, or not known. */
static int find_self(const struct doctor *d)
{
	uint16_t port = addr_port(&d->control);
	struct doctor_bound *list = NULL;
	int n = doctor_sockets(&list, true, port, port), pid = 0;

	for (int i = 0; i < n && !pid; i++)
		if (!strcmp(list[i].owner, d->host.daemon) &&
		    addr_ip_eq(&list[i].at, &d->control))
			pid = list[i].pid;
	free(list);
	return pid;
}

/* Whose a socket is that nobody may see the owner of is not guessed. */
static void look_at_ports(const struct doctor *d, const struct ifaces *l)
{
	const struct conf_range *r = &d->conf->media_ports;
	const struct doctor_bound *first = NULL;
	struct doctor_bound *list = NULL;
	int n = doctor_sockets(&list, true, (uint16_t)r->lo, (uint16_t)r->hi);
	int self = find_self(d);
	size_t taken = 0;

	for (int i = 0; i < n; i++) {
		if (!list[i].pid || list[i].pid == self ||
		    !is_in_the_way(&list[i], l))
			continue;
		first = first ? first : &list[i];
		taken++;
	}
	if (first)
		findings_add(d->f, FINDING_WARN, "media",
			     "move the others, or choose other media.ports",
			     "%zu of media.ports are taken by others: %u by %s "
			     "(process %d)",
			     taken, addr_port(&first->at), first->owner,
			     first->pid);
	free(list);
}

/* Calls are as good without it; it is told for whoever counts on it. */
static void look_at_fastpath(const struct doctor *d)
{
	enum relayd_fastpath wanted;

	if (!d->relay || relayd_fastpath_parse(&wanted, d->conf->fastpath) ||
	    wanted == FASTPATH_OFF)
		return;
	findings_add(d->f, FINDING_OK, "fastpath", NULL, "%s",
		     json_is_true(json_object_get(d->relay, "fastpath"))
			     ? "the kernel forwards what it can of the media"
			     : "relayd forwards all media itself, its log says "
			       "why the kernel does not");
}

void doctor_media(const struct doctor *d)
{
	struct ifaces list;

	if (relayd_conf_media(&list, d->conf, &d->control)) {
		findings_add(d->f, FINDING_FAIL, "media", advertise_advice,
			     "there is no address that phones could be told "
			     "of");
		return;
	}
	look_at_addresses(d, &list);
	look_at_ports(d, &list);
	look_at_fastpath(d);
}
