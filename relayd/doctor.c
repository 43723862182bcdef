#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ask.h"
#include "relayd/advice.h"
#include "relayd/commands.h"

#include "relayd/doctor.h"

static int look_at_listen(struct doctor *d)
{
	struct channel at;
	int err = 0;

	for (size_t i = 0; !err && i < d->conf->listen.n; i++) {
		err = conf_listen_channel(&at, d->conf->listen.v[i]);
		if (err)
			break;
		if (doctor_ends_add(&d->ends, &at.addr) && i == 0) {
			d->control = at.addr;
			d->joins = d->ends;
		}
		doctor_host_listen(&d->host, &at);
	}
	return err;
}

static int examine(struct findings *f, const void *conf)
{
	struct doctor d = {.f = f, .conf = conf};
	const struct ask q = {.http = d.conf->http, .path = "/api/relay"};
	char why[CONF_ERRLEN];
	int err;

	doctor_host_begin(&d.host, f, "relayd", d.conf->http);
	err = look_at_listen(&d);
	if (err)
		return err;
	if (d.host.running)
		(void)ask(&d.relay, &q, why);
	doctor_host_http(&d.host);
	doctor_host_clock(&d.host);
	relayd_advise(f, d.conf);
	doctor_media(&d);
	doctor_peers(&d);
	json_decref(d.relay);
	return 0;
}

int command_doctor(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	return doctor_host_command(examine, conf,
				   command_value(args, "--json") != NULL, err);
}
