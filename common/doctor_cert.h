#ifndef COMMON_DOCTOR_CERT_H
#define COMMON_DOCTOR_CERT_H

#include <stdint.h>

#include "common/conf.h"
#include "common/findings.h"

/*
 * What renews certificates does so when a third of their time is left, a month
 * of three: one with less than three weeks has been forgotten, and in the last
 * week it is urgent. For those of a few days it is a fourth and a twelfth.
 */
enum {
	DOCTOR_CERT_WARN_DAYS = 21,
	DOCTOR_CERT_FAIL_DAYS = 7,
	DOCTOR_CERT_WARN_PART = 4,
	DOCTOR_CERT_FAIL_PART = 12,
};

/* When it is good, in seconds since 1970: pure. False: there is
 * something wrong with it. */
bool doctor_cert_times(struct findings *f, const char *file, int64_t from,
		       int64_t until, int64_t now);

/* The certificate of a server: the files can be read, belong together, are good
 * now, and for each of these names (RFC 5922 7.1). */
void doctor_cert(struct findings *f, const char *certificate, const char *key,
		 const struct conf_strings *names, int64_t now);

#endif
