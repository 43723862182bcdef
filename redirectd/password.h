#ifndef REDIRECTD_PASSWORD_H
#define REDIRECTD_PASSWORD_H

#include "common/conf.h"

enum { PASSWORD_MAX = 128 }; /* with its NUL */

/*
 * Ask for a new password: twice, without echo, where standard input is a
 * terminal; otherwise it is the first line there. A signal that ends the
 * process finds the terminal as it was. 0; or -EINVAL (empty, too long, control
 * characters, not the same twice), -EINTR, -errno, with one line in err. The
 * caller wipes it.
 */
int password_read(char buf[PASSWORD_MAX], char err[CONF_ERRLEN]);

#endif
