#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/strbuf.h"
#include "proto/dialect.h"
#include "proto/registration.h"

#include "redirectd/contact.h"

enum { Q_MAX = 1000, REG_ID_MAX = INT32_MAX };

/* The parameters that are read here. */
static const char *const read_here[] = {"expires", "q", "+sip.instance",
					"reg-id"};

/* Printable ASCII without what would end the <> or a quoted string. */
static bool clean(const char *str, const char *refused)
{
	for (; *str; str++)
		if (*str <= ' ' || *str > '~' || strchr(refused, *str))
			return false;
	return true;
}

/* RFC 3261 25.1, but for the user that is empty; a port may be. */
static bool has_place(const url_t *url)
{
	const char *port = url->url_port ? url->url_port : "";
	size_t len = strspn(port, "0123456789");
	long n = len && len <= 5 ? strtol(port, NULL, 10) : 0;

	if (!url->url_host || !*url->url_host ||
	    (url->url_user && !*url->url_user))
		return false;
	return !*port || (!port[len] && n > 0 && n <= UINT16_MAX);
}

/* Where a proxy has put the phone's own address beside, it was one. */
static bool is_restorable(const url_t *url)
{
	return !url_has_param(url, proto_uri_param_name(PROTO_OWN)) ||
	       registration_marked(url);
}

static int read_url(char url[REDIRECT_URL_MAX], const sip_contact_t *m,
		    const char **why)
{
	issize_t len = url_e(url, REDIRECT_URL_MAX, m->m_url);

	if (m->m_url->url_type != url_sip && m->m_url->url_type != url_sips) {
		*why = "Contact Is Not A SIP URI";
		return -EINVAL;
	}
	if (len < 0 || len >= REDIRECT_URL_MAX) {
		*why = "Contact Too Long";
		return -EINVAL;
	}
	if (!has_place(m->m_url) || !is_restorable(m->m_url) ||
	    !clean(url, "<>\"")) {
		*why = "Malformed Contact URI";
		return -EINVAL;
	}
	return 0;
}

/* Digits only; saturating. -EINVAL where it is anything else. */
static int read_u32(uint32_t *value, const char *str)
{
	uint64_t v = 0;

	if (!str || !*str)
		return -EINVAL;
	for (; *str; str++) {
		if (!isdigit((unsigned char)*str))
			return -EINVAL;
		v = v * 10 + (uint64_t)(*str - '0');
		if (v > UINT32_MAX)
			v = UINT32_MAX;
	}
	*value = (uint32_t)v;
	return 0;
}

/* A quoted string without escapes, kept with its quotes. */
static bool quoted(const char *str)
{
	size_t len = strlen(str);

	return len > 2 && str[0] == '"' && str[len - 1] == '"' &&
	       strcspn(str + 1, "\"\\") == len - 2 && clean(str, "");
}

static int read_instance(struct binding *b, const sip_contact_t *m,
			 const char **why)
{
	const char *v = msg_params_find(m->m_params, "+sip.instance=");

	b->instance = v ? v : "";
	if (!v || (strlen(v) < BINDING_INSTANCE_MAX && quoted(v)))
		return 0;
	*why = "Malformed +sip.instance";
	return -EINVAL;
}

/* RFC 3261 25.1, in thousandths; further digits are borne. */
static int read_q(unsigned *q, const char *str)
{
	unsigned v = 0, digit = Q_MAX / 10;

	if (*str == '0' || *str == '1')
		v = (unsigned)(*str++ - '0') * Q_MAX;
	else if (str[0] != '.' || !isdigit((unsigned char)str[1]))
		return -EINVAL;
	if (*str == '.')
		for (str++; isdigit((unsigned char)*str); str++, digit /= 10)
			v += (unsigned)(*str - '0') * digit;
	if (*str || v > Q_MAX)
		return -EINVAL;
	*q = v;
	return 0;
}

/* RFC 3261 7.3.1 */
static bool has_twice(const sip_contact_t *m, const char *name)
{
	size_t len = strlen(name), n = 0;

	for (size_t i = 0; m->m_params && m->m_params[i]; i++)
		n += !strncasecmp(m->m_params[i], name, len) &&
		     (!m->m_params[i][len] || m->m_params[i][len] == '=');
	return n > 1;
}

static int read_params(struct binding *b, const sip_contact_t *m,
		       const char **why)
{
	const char *reg_id = msg_params_find(m->m_params, "reg-id=");

	*why = "Parameter Of Contact Twice";
	for (size_t i = 0; i < sizeof(read_here) / sizeof(read_here[0]); i++)
		if (has_twice(m, read_here[i]))
			return -EINVAL;
	*why = "Malformed q";
	b->q = Q_MAX;
	if (m->m_q && read_q(&b->q, m->m_q))
		return -EINVAL;
	*why = "Malformed reg-id";
	if (reg_id && (read_u32(&b->reg_id, reg_id) || !b->reg_id ||
		       b->reg_id > REG_ID_MAX))
		return -EINVAL;
	return read_instance(b, m, why);
}

int contact_read(struct binding *b, char url[REDIRECT_URL_MAX],
		 const sip_contact_t *m, const char **why)
{
	int err = read_url(url, m, why);

	b->url = url;
	b->reg_id = 0;
	return err ? err : read_params(b, m, why);
}

uint32_t contact_expires(const sip_contact_t *m, const sip_expires_t *ex,
			 uint32_t otherwise)
{
	uint32_t s;

	if (!read_u32(&s, m->m_expires))
		return s;
	if (ex && !ex->ex_date)
		return (uint32_t)ex->ex_delta;
	return otherwise;
}

void contact_print(struct strbuf *out, const struct binding *b, dir_time now)
{
	strbuf_printf(out, "Contact: <%s>;expires=%u", b->url,
		      binding_left(b, now));
	if (b->q < Q_MAX)
		strbuf_printf(out, ";q=0.%03u", b->q);
	if (*b->instance)
		strbuf_printf(out, ";+sip.instance=%s", b->instance);
	if (b->reg_id)
		strbuf_printf(out, ";reg-id=%u", b->reg_id);
	strbuf_str(out, "\r\n");
}
