#ifndef TESTS_UNIT_TLS_FIXTURE_H
#define TESTS_UNIT_TLS_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Certificates of a test, in a folder of its own. */

static char folder[] = "/tmp/pinhole-tls-XXXXXX";

/* A certificate and its key; `path` is where both are in one file. */
struct identity {
	X509 *cert;
	EVP_PKEY *key;
	char path[64];
};

static inline void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	ck_assert_ptr_nonnull(ext);
	ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static inline void write_identity(const struct identity *id)
{
	FILE *f = fopen(id->path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(PEM_write_X509(f, id->cert), 1);
	ck_assert_int_eq(
		PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(f);
}

/* Signed by `issuer` (NULL: by itself, which makes it a CA), for the subject
 * alternative name `san`. */
static inline struct identity identity_of(const char *file, const char *san,
					  const struct identity *issuer)
{
	static long serial;
	struct identity id = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
	X509_NAME *name = X509_get_subject_name(id.cert);

	(void)snprintf(id.path, sizeof(id.path), "%s/%s", folder, file);
	X509_set_version(id.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)file, -1, -1, 0);
	X509_set_issuer_name(
		id.cert, issuer ? X509_get_subject_name(issuer->cert) : name);
	X509_set_pubkey(id.cert, id.key);
	if (san)
		add_extension(id.cert, NID_subject_alt_name, san);
	if (!issuer)
		add_extension(id.cert, NID_basic_constraints,
			      "critical,CA:TRUE");
	X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256());
	write_identity(&id);
	return id;
}

static inline void forget(struct identity *id)
{
	(void)unlink(id->path);
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

#endif
