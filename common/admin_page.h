#ifndef COMMON_ADMIN_PAGE_H
#define COMMON_ADMIN_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/* What the page for people at "/" shows. */
struct admin_link {
	const char *path;
	const char *about;
	bool changes; /* by POST: nothing to be followed */
};

struct admin_page {
	const char *daemon;
	const char *version;
	const char *not_ready; /* the reason; "" when ready */
	const struct admin_link *links;
	size_t n;
};

/* One self-contained HTML document, malloc'ed; NULL: out of memory. */
char *admin_page(const struct admin_page *p);

#endif
