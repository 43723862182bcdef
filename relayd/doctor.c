#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/ask.h"
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
		if (i == 0)
			d->control = at.addr;
		doctor_host_listen(&d->host, &at);
	}
	return err;
}

static int examine(struct doctor *d)
{
	const struct ask q = {.http = d->conf->http, .path = "/api/relay"};
	char why[CONF_ERRLEN];
	int err;

	doctor_host_begin(&d->host, d->f, "relayd", d->conf->http);
	err = look_at_listen(d);
	if (err)
		return err;
	if (d->host.running)
		(void)ask(&d->relay, &q, why);
	doctor_host_http(&d->host);
	doctor_host_clock(&d->host);
	doctor_media(d);
	doctor_peers(d);
	return 0;
}

int command_doctor(const void *conf, const struct command_args *args,
		   char err[CONF_ERRLEN])
{
	struct doctor d = {.conf = conf};
	int ret = findings_alloc(&d.f);

	if (!ret)
		ret = examine(&d);
	if (ret)
		(void)snprintf(err, CONF_ERRLEN, "doctor: listen: %s",
			       strerror(-ret));
	else
		ret = doctor_host_end(d.f, command_value(args, "--json"), err);
	findings_free(d.f);
	json_decref(d.relay);
	return ret;
}
