#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "common/addr.h"

#include "common/doctor_cert.h"

enum { DAY = 24 * 3600, WHY_LEN = 160, DATE_LEN = 32 };

static const char check[] = "certificate";
static const char renew_advice[] =
	"renew it, then send proxyd a SIGHUP (systemctl reload proxyd)";

static const char *date_of(char date[DATE_LEN], int64_t at)
{
	const time_t t = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(date, DATE_LEN, "%Y-%m-%d", &tm))
		*date = '\0';
	return date;
}

static int64_t least(int64_t days, int64_t life, int64_t part)
{
	return days * DAY < life / part ? days * DAY : life / part;
}

static bool is_near(int64_t *days, enum finding_level *level, int64_t left,
		    int64_t life)
{
	*days = left / DAY;
	*level =
		left < least(DOCTOR_CERT_FAIL_DAYS, life, DOCTOR_CERT_FAIL_PART)
			? FINDING_FAIL
			: FINDING_WARN;
	return left < least(DOCTOR_CERT_WARN_DAYS, life, DOCTOR_CERT_WARN_PART);
}

bool doctor_cert_times(struct findings *f, const char *file, int64_t from,
		       int64_t until, int64_t now)
{
	enum finding_level level;
	char date[DATE_LEN];
	int64_t days;

	if (now < from)
		findings_add(f, FINDING_FAIL, check,
			     "is the clock of this host right?",
			     "%s is not good before %s", file,
			     date_of(date, from));
	else if (now >= until)
		findings_add(f, FINDING_FAIL, check, renew_advice,
			     "%s has run out on %s", file,
			     date_of(date, until));
	else if (is_near(&days, &level, until - now, until - from))
		findings_add(f, level, check, renew_advice,
			     "%s runs out on %s, in %lld days", file,
			     date_of(date, until), (long long)days);
	else
		return true;
	return false;
}

static void fail(struct findings *f, const char *file, const char *what)
{
	char why[WHY_LEN];

	ERR_error_string_n(ERR_peek_last_error(), why, sizeof(why));
	ERR_clear_error();
	findings_add(f, FINDING_FAIL, check,
		     "tls.certificate and tls.key name PEM files that proxyd "
		     "can read",
		     "%s %s: %s", file, what, why);
}

static bool seconds_of(int64_t *s, const ASN1_TIME *at)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(at, &tm))
		return false;
	*s = timegm(&tm);
	return true;
}

static bool is_for(X509 *x, const char *name)
{
	struct addr ip;

	if (!addr_parse(&ip, name, 0))
		return X509_check_ip_asc(x, name, 0) == 1;
	return X509_check_host(x, name, 0, 0, NULL) == 1;
}

static void judge_names(struct findings *f, const char *file, X509 *x,
			const struct conf_strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!is_for(x, names->v[i]))
			findings_add(f, FINDING_WARN, check,
				     "have it made for all domains",
				     "%s is not for the domain %s: phones that "
				     "check it refuse it",
				     file, names->v[i]);
}

static void judge(struct findings *f, const char *file, X509 *x,
		  const struct conf_strings *names, int64_t now)
{
	int64_t from, until;
	size_t bad = findings_count(f, FINDING_WARN);
	bool in_time;

	if (!seconds_of(&from, X509_get0_notBefore(x)) ||
	    !seconds_of(&until, X509_get0_notAfter(x))) {
		fail(f, file, "has no dates");
		return;
	}
	in_time = doctor_cert_times(f, file, from, until, now);
	judge_names(f, file, x, names);
	if (in_time && findings_count(f, FINDING_WARN) == bad)
		findings_add(f, FINDING_OK, check, NULL,
			     "%s is good for %lld more days", file,
			     (long long)((until - now) / DAY));
}

void doctor_cert(struct findings *f, const char *certificate, const char *key,
		 const struct conf_strings *names, int64_t now)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		fail(f, certificate, "is no certificate");
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		fail(f, key, "is not the key of the certificate");
	else
		judge(f, certificate, SSL_CTX_get0_certificate(ctx), names,
		      now);
	SSL_CTX_free(ctx);
}
