#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relayd/fdstore_found.h"

enum { LISTEN_FDS_START = 3, FDS_MAX = 1 << 20 };

static long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long n;

	if (!text || !isdigit((unsigned char)*text))
		return -1;
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end ? -1 : n;
}

/* A slot's name, "1" to "2000"; 0: none. */
static uint32_t slot_of(const char *name)
{
	char *end;
	unsigned long n;

	if (!isxdigit((unsigned char)*name))
		return 0;
	n = strtoul(name, &end, 16);
	return *end || n > FDSTORE_SLOTS ? 0 : (uint32_t)n;
}

static void sort_one(struct fdstore_found *found, struct fdbag *doors,
		     const char *name, int fd)
{
	uint32_t slot = slot_of(name);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return; /* there is none */
	if (!strcmp(name, FDSTORE_TABLE) && found->table < 0)
		found->table = fd;
	else if (!strcmp(name, FDSTORE_CONTROL))
		fdbag_add(doors, &fd, 1);
	else if (slot)
		fdbag_add(&found->slot[slot], &fd, 1);
	else
		close(fd);
}

void fdstore_find(struct fdstore_found *found, struct fdbag *doors)
{
	long n = number_of("LISTEN_FDS");
	const char *env = getenv("LISTEN_FDNAMES");
	char *names = strdup(env ? env : ""), *rest = names;

	memset(found, 0, sizeof(*found));
	found->table = -1;
	if (number_of("LISTEN_PID") != getpid() || n > FDS_MAX)
		n = 0;
	for (long i = 0; i < n; i++) {
		char *name = rest ? strsep(&rest, ":") : NULL;

		sort_one(found, doors, name ? name : "",
			 LISTEN_FDS_START + (int)i);
	}
	free(names);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void fdstore_found_close(struct fdstore_found *found)
{
	if (found->table >= 0)
		close(found->table);
	for (uint32_t i = 1; i <= FDSTORE_SLOTS; i++)
		fdbag_close(&found->slot[i]);
}
