#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxyd/advice.h"
#include "proxyd/commands.h"

#include "proxyd/doctor.h"

static void look_at_secret(const struct doctor *d)
{
	if (!*d->conf->secret)
		findings_add(d->f, FINDING_WARN, "secret",
			     "give all proxies of the site the same secret of "
			     "16 characters and more",
			     "secret is empty: a restart of this proxy ends "
			     "the calls it carries, and no other can serve "
			     "them");
}

static int examine(struct findings *f, const void *conf)
{
	struct doctor d = {.f = f, .conf = conf};
	int err;

	doctor_host_begin(&d.host, f, "proxyd", d.conf->http);
	err = doctor_self(&d);
	if (err)
		return err;
	doctor_host_http(&d.host);
	doctor_host_clock(&d.host);
	proxyd_advise(f, d.conf);
	look_at_secret(&d);
	doctor_peers(&d);
	doctor_domains(&d);
	return 0;
}

int command_doctor(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	return doctor_host_command(examine, conf,
				   command_value(args, "--json") != NULL, err);
}
