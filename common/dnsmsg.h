#ifndef COMMON_DNSMSG_H
#define COMMON_DNSMSG_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/*
 * Answers of a name server (RFC 1035), as far as locating SIP servers needs
 * them: addresses, SRV (RFC 2782), NAPTR (RFC 3403), and what is not there
 * (RFC 2308). Pure: bytes in, structs out.
 */
enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

enum {
	DNS_NAME_LEN = 256,   /* of a name as text, with its NUL */
	DNS_RECORDS_MAX = 32, /* of one answer; further ones are left out */
	DNS_FLAGS_LEN = 8,
	DNS_SERVICE_LEN = 32,
};

struct dns_srv {
	uint16_t priority, weight, port;
	char target[DNS_NAME_LEN]; /* "": decidedly no such service */
};

struct dns_naptr {
	uint16_t order, preference;
	char flags[DNS_FLAGS_LEN];     /* "s" */
	char service[DNS_SERVICE_LEN]; /* "SIP+D2U" */
	char replacement[DNS_NAME_LEN];
};

/* Which one it is, the question has said. */
struct dns_record {
	union {
		struct addr addr; /* port 0 */
		struct dns_srv srv;
		struct dns_naptr naptr;
	} u;
};

/* `err` 0 with n 0: the name has none of this type. */
struct dns_answer {
	int err;      /* -ENOENT: no such name; -EIO, -ETIMEDOUT: not known */
	uint32_t ttl; /* seconds; of the record that goes first, or of the lack
			 of records */
	size_t n;
	struct dns_record *rr; /* n of them, not owned */
};

/*
 * Read the answer to a question for `type` out of a message of len bytes; its
 * records go to `rr`.
 * Names are lower case without the last dot; CNAMEs are followed within the
 * message. Records that cannot be right are left out: another length, a NAPTR
 * with a regular expression, a name with what no host name has. 0; -EBADMSG
 * where the message is none.
 */
int dnsmsg_parse(struct dns_answer *out, struct dns_record rr[DNS_RECORDS_MAX],
		 enum dns_type type, const uint8_t *data, size_t len);

/* "SRV" */
const char *dnsmsg_type_name(enum dns_type type);

/*
 * A host name as a name to ask for: lower case, no last dot. 0, or -EINVAL
 * where it can be none (RFC 1123 2.1; "_" too, which SRV names have).
 */
int dnsmsg_name(char out[DNS_NAME_LEN], const char *host, size_t len);

#endif
