#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"

#include "redirectd/contact.h"

enum { Q_MAX = 1000 };

/* Printable ASCII without what would end the <> or a quoted string. */
static bool clean(const char *str, const char *refused)
{
	for (; *str; str++)
		if (*str <= ' ' || *str > '~' || strchr(refused, *str))
			return false;
	return true;
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
	if (!m->m_url->url_host || !*m->m_url->url_host ||
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

int contact_read(struct binding *b, char url[REDIRECT_URL_MAX],
		 const sip_contact_t *m, const char **why)
{
	int err = read_url(url, m, why);

	if (!err)
		err = read_instance(b, m, why);
	if (err)
		return err;
	b->url = url;
	b->q = m->m_q ? sip_q_value(m->m_q) : Q_MAX;
	if (b->q > Q_MAX)
		b->q = Q_MAX;
	if (read_u32(&b->reg_id, msg_params_find(m->m_params, "reg-id=")))
		b->reg_id = 0;
	return 0;
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
