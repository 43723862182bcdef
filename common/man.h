#ifndef COMMON_MAN_H
#define COMMON_MAN_H

struct daemon_class;

/*
 * The parts of a daemon's manual pages that its tables say, as mdoc(7) on
 * stdout: "options", "commands" or "keys"; the rest is text in deploy/man.
 * 0, or -EINVAL: no such part.
 */
int man_print(const struct daemon_class *c, const char *part);

#endif
