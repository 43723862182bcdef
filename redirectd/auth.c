#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/strbuf.h"
#include "common/table.h"

#include "redirectd/auth_internal.h"

int auth_mode_find(enum auth_mode *m, const char *word)
{
	static const char *const words[AUTH_MODE_COUNT] = {
#define AUTH_WORD(name, word) word,
		AUTH_MODES(AUTH_WORD)
#undef AUTH_WORD
	};

	for (unsigned i = 0; i < AUTH_MODE_COUNT; i++) {
		if (strcmp(words[i], word) == 0) {
			*m = (enum auth_mode)i;
			return 0;
		}
	}
	return -ENOENT;
}

static int add_domain(struct table *t, const char *domain)
{
	static char present;
	char name[REDIRECT_ID_MAX];
	size_t len = strlen(domain);
	int err;

	if (len >= sizeof(name))
		return -EMSGSIZE;
	for (size_t i = 0; i < len; i++)
		name[i] = (char)tolower((unsigned char)domain[i]);
	err = table_put(t, name, len, &present);
	return err == -EEXIST ? 0 : err;
}

static int make_domains(struct table **tp, const struct auth_config *cfg)
{
	struct table *t;
	int err;

	*tp = NULL;
	if (!cfg->ndomains)
		return 0;
	err = table_alloc(&t, cfg->ndomains);
	if (err)
		return err;
	for (size_t i = 0; i < cfg->ndomains && !err; i++)
		err = add_domain(t, cfg->domains[i]);
	if (err)
		table_free(t);
	else
		*tp = t;
	return err;
}

int auth_set(struct auth *a, const struct auth_config *cfg)
{
	struct table *domains;
	int err = make_domains(&domains, cfg);

	if (err)
		return err;
	table_free(a->domains);
	a->domains = domains;
	(void)snprintf(a->realm, sizeof(a->realm), "%s", cfg->realm);
	a->mode = cfg->mode;
	memcpy(a->algorithms, cfg->algorithms, sizeof(a->algorithms));
	a->nalgorithms = cfg->nalgorithms;
	nonces_set(a->nonces, cfg->nonce_ms);
	attempts_set(a->attempts, cfg->failures);
	return 0;
}

int auth_alloc(struct auth **ap, const struct auth_config *cfg,
	       struct redirectd_counters *n)
{
	struct auth *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->n = n;
	err = nonces_alloc(&a->nonces, cfg->secret, cfg->nonce_ms,
			   NONCES_USED_MAX);
	if (!err)
		err = attempts_alloc(&a->attempts, ATTEMPTS_MAX, cfg->failures);
	if (!err)
		err = auth_set(a, cfg);
	if (err) {
		auth_free(a);
		return err;
	}
	*ap = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	table_free(a->domains);
	nonces_free(a->nonces);
	attempts_free(a->attempts);
	free(a);
}

enum auth_mode auth_mode(const struct auth *a)
{
	return a->mode;
}

bool auth_is_ours(const struct auth *a, const char *domain)
{
	return !a->domains || table_get(a->domains, domain, strlen(domain));
}

unsigned auth_algorithms(const struct auth *a)
{
	unsigned set = 0;

	for (size_t i = 0; i < a->nalgorithms; i++)
		set |= 1u << a->algorithms[i];
	return set;
}

int auth_challenge(struct strbuf *out, struct auth *a, bool proxy,
		   const char *realm, bool stale, dir_time now)
{
	const char *header = proxy ? "Proxy-Authenticate" : "WWW-Authenticate";
	char nonce[NONCE_LEN];
	int err = nonces_make(nonce, a->nonces, realm, now);

	if (err)
		return err;
	for (size_t i = 0; i < a->nalgorithms; i++)
		strbuf_printf(out,
			      "%s: Digest realm=\"%s\", nonce=\"%s\", "
			      "algorithm=%s, qop=\"auth\"%s\r\n",
			      header, realm, nonce,
			      digest_name(a->algorithms[i]),
			      stale ? ", stale=TRUE" : "");
	return strbuf_err(out);
}
