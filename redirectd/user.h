#ifndef REDIRECTD_USER_H
#define REDIRECTD_USER_H

#include "redirectd/digest.h"

enum { USER_NAME_MAX = 128, USER_REALM_MAX = 256 };

/*
 * What a client id proves itself by (RFC 8760): of its password only the
 * hashes H(name:realm:password), one of each algorithm, so that the algorithm
 * offered can be changed without asking anybody. Who gets hold of one can
 * authenticate by it, but has no password.
 */
struct user {
	char name[USER_NAME_MAX];   /* as the phone says it */
	char realm[USER_REALM_MAX]; /* that the hashes were made for */
	struct digest ha1[DIGEST_ALGORITHMS];
};

#endif
