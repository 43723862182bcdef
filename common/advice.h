#ifndef COMMON_ADVICE_H
#define COMMON_ADVICE_H

#include <stddef.h>
#include <stdint.h>

struct findings;

/*
 * What of this host's kernel would hurt a daemon: verdicts from figures that
 * are passed in, each with the line of sysctl.conf(5) that helps. The same
 * lines, for defaults, are in deploy/sysctl/pinhole.conf.
 */
enum {
	ADVICE_BACKLOG = 5000, /* packets */
	ADVICE_TEXT_MAX = 256,
};

/* -1, and "" for the list: not known here (another network namespace may not
 * show it, or there is no /proc). */
struct advice_host {
	int64_t rmem_max, wmem_max;     /* net.core, bytes */
	int64_t backlog;                /* net.core.netdev_max_backlog */
	int64_t local_lo, local_hi;     /* net.ipv4.ip_local_port_range */
	char reserved[ADVICE_TEXT_MAX]; /* net.ipv4.ip_local_reserved_ports */
	int64_t files;                  /* open files, the hard limit */
};

/* Read all of it. */
void advice_read(struct advice_host *h);

/* Buffers of the sockets for signalling, without CAP_NET_ADMIN. */
void advice_buffers(struct findings *f, const struct advice_host *h);

/* Packets that wait for a CPU, of one that forwards media. */
void advice_backlog(struct findings *f, const struct advice_host *h);

/* Whether other programs may get these ports by chance: those of the key `key`,
 * both ends included. */
void advice_ports(struct findings *f, const struct advice_host *h,
		  const char *key, uint16_t lo, uint16_t hi);

/* The same of the port of `listen`, as conf_check_listen_any() has it. */
void advice_listen(struct findings *f, const struct advice_host *h,
		   const char *listen);

/* Whether `need` files, for what `key` says, can be open. */
void advice_files(struct findings *f, const struct advice_host *h,
		  const char *key, size_t need);

#endif
