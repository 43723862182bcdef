#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "redirectd/advice.h"
#include "redirectd/commands.h"
#include "redirectd/store.h"

#include "redirectd/doctor.h"

static void look_at_listen(const struct doctor *d)
{
	struct channel at = channel_udp(&d->listen);

	doctor_host_listen(&d->host, &at);
}

/* Loopback is for one host alone, which a list of other proxies says it is
 * not. */
static void look_at_reach(const struct doctor *d)
{
	if (addr_class(&d->listen) != ADDR_LOOPBACK || !d->conf->trusted.n)
		return;
	findings_add(d->f, FINDING_WARN, "listen",
		     "listen at the address that the proxies have in redirect",
		     "%s is reached from this host alone, but `trusted` names "
		     "proxies",
		     d->conf->listen);
}

static bool is_shared(const struct redirectd_conf *c)
{
	return !strncmp(c->store, "redis", strlen("redis"));
}

/* Challenges of one are answered at another. */
static void look_at_secret(const struct doctor *d)
{
	if (!is_shared(d->conf) || *d->conf->auth_secret)
		return;
	findings_add(d->f, FINDING_WARN, "auth",
		     "give all of them the same auth.secret",
		     "auth.secret is empty: if several redirectd share this "
		     "Redis, each refuses the challenges of the others, and "
		     "phones are asked again");
}

static int examine(struct findings *f, const void *conf)
{
	struct doctor d = {.f = f, .conf = conf};
	int err = conf_listen_addr(&d.listen, d.conf->listen);

	if (err)
		return err;
	(void)doctor_ends_add(&d.ends, &d.listen);
	doctor_host_begin(&d.host, f, "redirectd", d.conf->http);
	look_at_listen(&d);
	look_at_reach(&d);
	doctor_host_http(&d.host);
	doctor_host_clock(&d.host);
	redirectd_advise(f, d.conf);
	look_at_secret(&d);
	doctor_store(&d);
	doctor_peers(&d);
	return 0;
}

int command_doctor(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	return doctor_host_command(examine, conf,
				   command_value(args, "--json") != NULL, err);
}
