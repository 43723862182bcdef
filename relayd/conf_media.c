#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relayd/conf.h"
#include "relayd/iface.h"

static const char automatic[] = "auto";

static bool is_auto(const struct relayd_conf *c)
{
	return c->media_address.n == 1 &&
	       !strcmp(c->media_address.v[0], automatic);
}

static int refuse(char err[CONF_ERRLEN], const char *key, const char *value,
		  const char *why)
{
	snprintf(err, CONF_ERRLEN, "%s: %s: %s", key, value, why);
	return -EINVAL;
}

/* The i-th, both checked already; "" advertises the same, "auto" is none. */
static void read_pair(struct addr *bind, struct addr *advertise,
		      const struct relayd_conf *c, size_t i)
{
	*bind = *advertise = (struct addr){0};
	(void)addr_parse(bind, c->media_address.v[i], 0);
	if (i < c->media_advertise.n)
		(void)addr_parse(advertise, c->media_advertise.v[i], 0);
}

static int check_pair(const struct relayd_conf *c, size_t i,
		      char err[CONF_ERRLEN])
{
	const char *text = c->media_address.v[i];
	struct addr bind, advertise, other, unused;

	read_pair(&bind, &advertise, c, i);
	if (addr_is_none(&bind))
		return refuse(err, "media.address", text, "stands alone");
	if (!addr_is_none(&advertise) &&
	    addr_family(&advertise) != addr_family(&bind))
		return refuse(err, "media.advertise", c->media_advertise.v[i],
			      "of another address family than media.address");
	for (size_t k = 0; k < c->media_address.n; k++) {
		read_pair(&other, &unused, c, k);
		if (k < i && addr_ip_eq(&bind, &other))
			return refuse(err, "media.address", text,
				      "stands there twice");
		if (k != i && addr_class(&bind) == ADDR_ANY &&
		    addr_family(&bind) == addr_family(&other))
			return refuse(err, "media.address", text,
				      "stands for all others of its family");
	}
	return 0;
}

int relayd_conf_check_media(const struct relayd_conf *c, char err[CONF_ERRLEN])
{
	int ret = 0;

	if (c->media_address.n == 0 || c->media_address.n > IFACE_MAX) {
		snprintf(err, CONF_ERRLEN,
			 "media.address: %zu addresses, give 1 to %d",
			 c->media_address.n, IFACE_MAX);
		return -EINVAL;
	}
	if (c->media_advertise.n > c->media_address.n) {
		snprintf(
			err, CONF_ERRLEN,
			"media.advertise: more of them than media.address has");
		return -EINVAL;
	}
	for (size_t i = 0; !ret && !is_auto(c) && i < c->media_address.n; i++)
		ret = check_pair(c, i, err);
	return ret;
}

/* The control address; where that is for this host alone, or any, what this
 * host would send from. */
static int lead(struct addr *bind, const struct addr *control)
{
	struct addr out;
	int err;

	*bind = *control;
	if (addr_class(control) != ADDR_ANY &&
	    addr_class(control) != ADDR_LOOPBACK)
		return 0;
	err = addr_local_for(&out, NULL);
	if (!err)
		*bind = out;
	return addr_class(control) == ADDR_LOOPBACK ? 0 : err;
}

/* That one, then all others. */
static int add_auto(struct ifaces *l, const struct relayd_conf *c,
		    const struct addr *control)
{
	struct addr bind, advertise;
	int err;

	read_pair(&bind, &advertise, c, 0);
	err = lead(&bind, control);
	if (!err)
		err = iface_add(l, &bind, &advertise);
	if (!err)
		iface_add_others(l);
	return err;
}

int relayd_conf_media(struct ifaces *l, const struct relayd_conf *c,
		      const struct addr *control)
{
	struct addr bind, advertise;
	int err = iface_init(l);

	if (!err && is_auto(c))
		err = add_auto(l, c, control);
	else
		for (size_t i = 0; !err && i < c->media_address.n; i++) {
			read_pair(&bind, &advertise, c, i);
			err = iface_add(l, &bind, &advertise);
		}
	for (size_t i = 0; !err && i < l->n; i++)
		if (addr_class(&l->v[i].advertise) == ADDR_ANY)
			err = -EADDRNOTAVAIL;
	return err;
}
