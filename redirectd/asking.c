#include <errno.h>
#include <stdio.h>

#include "redirectd/asking.h"

int asking_await(struct asking *a, const char *id)
{
	if (id != a->await)
		(void)snprintf(a->await, sizeof(a->await), "%s", id);
	a->await_served = false;
	return -EAGAIN;
}
