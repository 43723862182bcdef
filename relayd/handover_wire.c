#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdmsg.h"
#include "relayd/handover.h"
#include "relayd/handover_wire.h"

const char *handover_is(const json_t *message)
{
	const char *is = json_string_value(json_object_get(message, "is"));

	return is ? is : "";
}

int handover_send(int peer, json_t *message, const int *fds, size_t nfds)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	int err = text ? 0 : -ENOMEM;

	json_decref(message);
	if (!err)
		err = len > FDMSG_MAX ? -EMSGSIZE
				      : fdmsg_send(peer, text, len, fds, nfds,
						   HANDOVER_MS);
	free(text);
	return err;
}

int handover_recv(json_t **message, int peer, struct fdbag *fds)
{
	char *text = malloc(FDMSG_MAX);
	int some[FDMSG_FDS], err;
	size_t nfds = 0;
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = fdmsg_recv(peer, text, FDMSG_MAX, some, &nfds, HANDOVER_MS);
	*message = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	free(text);
	err = fdbag_add(fds, some, nfds);
	if (n < 0)
		return (int)n;
	if (*message && !err)
		return 0;
	json_decref(*message);
	return err ? err : -EPROTO;
}

int handover_expect(int peer, const char *is)
{
	struct fdbag none = {0};
	json_t *message;
	int err = handover_recv(&message, peer, &none);

	fdbag_close(&none);
	if (err)
		return err;
	if (strcmp(handover_is(message), is) != 0)
		err = -EPROTO;
	json_decref(message);
	return err;
}
