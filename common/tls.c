#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/addr.h"
#include "common/tls.h"

enum { WHY_LEN = 128, NAME_LEN = 256 };

struct tls_context {
	SSL_CTX *server; /* NULL without a certificate */
	SSL_CTX *client;
	bool has_roots; /* the client's; the system's are read when needed */
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* belong to ssl */
	char why[WHY_LEN];
};

/* The first of OpenSSL's complaints, which is the deepest. */
static const char *complaint(void)
{
	unsigned long e = ERR_get_error();
	const char *text = ERR_reason_error_string(e);

	ERR_clear_error();
	if (text)
		return text;
	return ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : "failed";
}

/* Nobody is there to ask; *arg tells that it was wanted. */
static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets resume sessions; a cache of ours would only grow. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static int load_pair(SSL_CTX *ctx, const char *certificate, const char *key,
		     char *err, size_t err_len)
{
	bool locked = false;

	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &locked);
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		(void)snprintf(err, err_len, "certificate %s: %s", certificate,
			       complaint());
		return -EINVAL;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		(void)snprintf(err, err_len, "key %s: %s", key,
			       locked ? "it must not need a password"
				      : complaint());
		return -EINVAL;
	}
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	return 0;
}

static int set_server(struct tls_context *c, const char *certificate,
		      const char *key, char *err, size_t err_len)
{
	int e;

	c->server = new_ctx(TLS_server_method());
	if (!c->server)
		return -ENOMEM;
	e = load_pair(c->server, certificate, key, err, err_len);
	if (!e)
		e = load_pair(c->client, certificate, key, err, err_len);
	return e;
}

static int set_client(struct tls_context *c, const char *ca, char *err,
		      size_t err_len)
{
	c->client = new_ctx(TLS_client_method());
	if (!c->client)
		return -ENOMEM;
	SSL_CTX_set_verify(c->client, SSL_VERIFY_PEER, NULL);
	if (!*ca)
		return 0;
	if (SSL_CTX_load_verify_file(c->client, ca) != 1) {
		(void)snprintf(err, err_len, "ca %s: %s", ca, complaint());
		return -EINVAL;
	}
	c->has_roots = true;
	return 0;
}

int tls_context_alloc(struct tls_context **cp, const char *certificate,
		      const char *key, const char *ca, char *err,
		      size_t err_len)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int e;

	(void)snprintf(err, err_len, "out of memory");
	if (!c)
		return -ENOMEM;
	ERR_clear_error();
	e = set_client(c, ca, err, err_len);
	if (!e && *certificate)
		e = set_server(c, certificate, key, err, err_len);
	if (e) {
		tls_context_free(c);
		return e;
	}
	*cp = c;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->server);
	SSL_CTX_free(c->client);
	free(c);
}

bool tls_context_serves(const struct tls_context *c)
{
	return c->server;
}

static int open_session(struct tls **tp, SSL_CTX *ctx)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ssl = SSL_new(ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		SSL_free(t->ssl);
		BIO_free(t->in);
		BIO_free(t->out);
		free(t);
		return -ENOMEM;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	*tp = t;
	return 0;
}

int tls_accept(struct tls **tp, const struct tls_context *c)
{
	int err = c->server ? open_session(tp, c->server) : -ENOENT;

	if (!err)
		SSL_set_accept_state((*tp)->ssl);
	return err;
}

static int expect_address(SSL *ssl, const struct addr *addr)
{
	char ip[ADDR_STRLEN];

	return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
					     addr_ip_str(ip, addr)) == 1
		       ? 0
		       : -EINVAL;
}

/* Whose certificate it must be; a name is also told to the server (RFC 6066
 * 3), which may have several. */
static int expect(SSL *ssl, const char *name, const struct addr *addr)
{
	char text[NAME_LEN];
	struct addr literal;
	int ok;

	if (!name)
		return expect_address(ssl, addr);
	if (!addr_set(&literal, name, strlen(name), 0))
		return expect_address(ssl, &literal);
	if (!*name || strlen(name) >= sizeof(text))
		return -EINVAL;
	strcpy(text, name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	ok = SSL_set1_host(ssl, text) == 1 &&
	     SSL_set_tlsext_host_name(ssl, text) == 1;
	return ok ? 0 : -EINVAL;
}

int tls_connect(struct tls **tp, struct tls_context *c, const char *name,
		const struct addr *addr)
{
	int err;

	if (!c->has_roots && SSL_CTX_set_default_verify_paths(c->client) != 1)
		return -ENOENT;
	c->has_roots = true;
	err = open_session(tp, c->client);
	if (err)
		return err;
	SSL_set_connect_state((*tp)->ssl);
	err = expect((*tp)->ssl, name, addr);
	if (err) {
		tls_free(*tp);
		*tp = NULL;
	}
	return err;
}

int tls_input(struct tls *t, const void *data, size_t len)
{
	size_t n = 0;

	if (len == 0)
		return 0;
	return BIO_write_ex(t->in, data, len, &n) == 1 && n == len ? 0
								   : -ENOMEM;
}

/* Why a call said no: 0 where it waits for input, or as tls_read(). */
static int outcome(struct tls *t, int result)
{
	long verified;
	int what = SSL_get_error(t->ssl, result);

	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return 0;
	if (what == SSL_ERROR_ZERO_RETURN)
		return -EPIPE;
	verified = SSL_get_verify_result(t->ssl);
	(void)snprintf(t->why, sizeof(t->why), "%s",
		       verified == X509_V_OK
			       ? complaint()
			       : X509_verify_cert_error_string(verified));
	ERR_clear_error();
	return -EPROTO;
}

int tls_read(struct tls *t, void *buf, size_t cap)
{
	size_t n = 0;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(t->ssl, buf, cap, &n);
	return r == 1 ? (int)n : outcome(t, r);
}

bool tls_is_up(const struct tls *t)
{
	return SSL_is_init_finished(t->ssl);
}

int tls_write(struct tls *t, const void *data, size_t len)
{
	const char *p = data;
	size_t n = 0;
	int r;

	for (ERR_clear_error(); len > 0; p += n, len -= n) {
		r = SSL_write_ex(t->ssl, p, len, &n);
		if (r != 1)
			return outcome(t, r) ? -EPROTO : -ENOMEM;
	}
	return 0;
}

void tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (tls_is_up(t))
		(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

size_t tls_output(struct tls *t, const char **data)
{
	char *p = NULL;
	long n = BIO_get_mem_data(t->out, &p);

	*data = p;
	return n > 0 ? (size_t)n : 0;
}

void tls_sent(struct tls *t)
{
	(void)BIO_reset(t->out);
}

const char *tls_why(const struct tls *t)
{
	return t->why;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}
