#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "proxyd/breadth.h"

static const char name[] = "Max-Breadth";

static sip_unknown_t *find(sip_unknown_t *u)
{
	while (u && (!u->un_name || strcasecmp(u->un_name, name) != 0))
		u = u->un_next;
	return u;
}

/* Digits and spaces behind them; saturating. */
static int read_number(const char *text)
{
	int n = 0;

	if (!text || !isdigit((unsigned char)*text))
		return -EBADMSG;
	for (; isdigit((unsigned char)*text); text++)
		if (n <= BREADTH_MAX)
			n = n * 10 + (*text - '0');
	while (*text == ' ' || *text == '\t' || *text == '\r')
		text++;
	return *text ? -EBADMSG : n > BREADTH_MAX ? BREADTH_MAX : n;
}

int breadth_read(const sip_t *sip)
{
	sip_unknown_t *u = find(sip->sip_unknown);

	if (!u)
		return BREADTH_DEFAULT;
	if (find(u->un_next))
		return -EBADMSG;
	return read_number(u->un_value);
}

int breadth_write(msg_t *msg, unsigned breadth)
{
	sip_t *sip = sip_object(msg);
	char text[32];
	sip_unknown_t *u;

	for (u = find(sip->sip_unknown); u; u = find(sip->sip_unknown))
		if (sip_header_remove(msg, sip, (sip_header_t *)u) < 0)
			return -ENOMEM;
	(void)snprintf(text, sizeof(text), "%s: %u", name, breadth);
	u = sip_unknown_make(msg_home(msg), text);
	if (!u || msg_header_insert(msg, (msg_pub_t *)sip, (msg_header_t *)u))
		return -ENOMEM;
	return 0;
}
