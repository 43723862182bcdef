#include "common/paging.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/admin.h"

enum { DECIMAL = 10, BAD_REQUEST = 400 };

/* `value` stays where nothing is said. */
static int read_number(size_t *value, const char *text, size_t max)
{
	unsigned long n;
	char *end;

	if (!text)
		return 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoul(text, &end, DECIMAL);
	if (errno || *end || n > UINT32_MAX)
		return -EINVAL;
	*value = n < max ? n : max;
	return 0;
}

int paging_begin(struct paging *p, const struct admin_query *q)
{
	*p = (struct paging){.limit = PAGING_MAX};
	if (read_number(&p->offset, admin_arg(q, "offset"), UINT32_MAX) ||
	    read_number(&p->limit, admin_arg(q, "limit"), PAGING_MAX))
		return -EINVAL;
	p->list = json_array();
	return p->list ? 0 : -ENOMEM;
}

bool paging_wants(struct paging *p)
{
	return p->seen++ >= p->offset && !paging_full(p);
}

void paging_add(struct paging *p, json_t *one)
{
	(void)json_array_append_new(p->list, one);
}

bool paging_full(const struct paging *p)
{
	return json_array_size(p->list) >= p->limit;
}

int paging_refuse(json_t **out)
{
	*out = json_pack("{s:s}", "error",
			 "offset and limit are numbers of entries");
	return BAD_REQUEST;
}
