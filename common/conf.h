#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * JSON configuration driven by one table of keys, from which parsing, the
 * environment's overrides, `-h` and the documentation are all made.
 */
enum conf_type {
	CONF_STRING,  /* char * */
	CONF_INT,     /* int64_t, within [min, max] */
	CONF_BOOL,    /* bool */
	CONF_STRINGS, /* struct conf_strings */
	CONF_RANGE,   /* struct conf_range, both within [min, max], lo <= hi */
};

struct conf_strings {
	char **v;
	size_t n;
};

struct conf_range {
	int64_t lo, hi;
};

/* Check one string value (each item of a list); 0, or nonzero after writing
 * what was expected into why[len], e.g. "an address like 203.0.113.1:5060". */
typedef int conf_check_h(const char *value, char *why, size_t len);

struct conf_key {
	const char *name; /* "listen", or "media.ports" for a nested key */
	enum conf_type type;
	size_t offset;   /* in the struct to fill */
	const char *def; /* the default, as JSON text; NULL: left zero */
	int64_t min, max;
	/* For strings; may be NULL. An empty string is not checked where the
	 * default is empty or absent: it means "none". */
	conf_check_h *check;
	bool reload;      /* takes effect on SIGHUP */
	const char *help; /* one line */
};

enum { CONF_ERRLEN = 512 };

/*
 * Fill *out (zeroed by the caller) with defaults, then the file (NULL: none),
 * then the environment: key "media.address" of program "relayd" is
 * RELAYD_MEDIA_ADDRESS; lists there are comma-separated, a range is "lo-hi".
 * Every error names file, line and key (or the variable):
 *   relayd.json:7: media.ports: expected [low, high] within 1024-65535
 * Unknown keys and duplicates are errors, with the nearest known key as a
 * hint. 0, or -EINVAL/-ENOMEM/-errno with the line in err. Free with
 * conf_free() in both cases.
 */
int conf_load(void *out, const struct conf_key *keys, size_t nkeys,
	      const char *program, const char *path, char err[CONF_ERRLEN]);
void conf_free(void *out, const struct conf_key *keys, size_t nkeys);

/*
 * At a reload: every key that takes no effect without a restart is given in
 * `next` the value it has in `running`; one that would have changed is logged.
 * 0 or -ENOMEM.
 */
int conf_keep(void *next, const void *running, const struct conf_key *keys,
	      size_t nkeys);

/* The table of keys, for -h: name, default, help. Printed to stdout. */
void conf_print(const struct conf_key *keys, size_t nkeys, const char *program);

/* The environment's name of a key: "relayd", "media.address" ->
 * "RELAYD_MEDIA_ADDRESS". */
enum { CONF_NAME_MAX = 128 };
void conf_variable(char buf[CONF_NAME_MAX], const char *program,
		   const char *name);

/* Ready-made checks. */
int conf_check_addr(const char *value, char *why, size_t len); /* ip[:port] */
int conf_check_ip(const char *value, char *why, size_t len);   /* ip */
int conf_check_cidr(const char *value, char *why, size_t len);
/* a secret that daemons of one kind share: at least 16 characters, or none */
int conf_check_secret(const char *value, char *why, size_t len);
int conf_check_log(const char *value, char *why, size_t len); /* log level */
/* "udp:203.0.113.1:5060" or the same without "udp:"; "auto" for the host */
int conf_check_listen(const char *value, char *why, size_t len);
/* the same of any transport: "tls:203.0.113.1:5061" */
int conf_check_listen_any(const char *value, char *why, size_t len);

/* What conf_check_listen accepted -> address; host "auto" is taken from the
 * routing table (addr_local_for NULL), port 5060 where none is given. */
struct addr;
int conf_listen_addr(struct addr *a, const char *value);
struct channel;
int conf_listen_channel(struct channel *c, const char *value);

#endif
