#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "redirectd/auth.h"
#include "redirectd/errand.h"
#include "redirectd/redis_url.h"

#include "redirectd/doctor.h"

enum {
	PATH_LEN = 4096,
	MB = 1 << 20,
	/* A million clients take some hundred. */
	ROOM_WARN_MB = 200,
	ROOM_FAIL_MB = 10,
};

static void folder_of(char folder[PATH_LEN], const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 1;

	(void)snprintf(folder, PATH_LEN, "%.*s", len ? len : 1,
		       slash ? path : ".");
}

static void look_at_room(const struct doctor *d, const char *folder)
{
	struct statvfs disk;
	unsigned long long mb;

	if (statvfs(folder, &disk))
		return;
	mb = (unsigned long long)disk.f_bavail * disk.f_frsize / MB;
	if (mb < ROOM_WARN_MB)
		findings_add(d->f,
			     mb < ROOM_FAIL_MB ? FINDING_FAIL : FINDING_WARN,
			     "store", "make room on that disk",
			     "%s has %llu MB left: on a full disk nobody can "
			     "register",
			     folder, mb);
}

/* A command may be run by root, who may write everything. */
static void look_at_file(const struct doctor *d, const char *path)
{
	char folder[PATH_LEN];

	folder_of(folder, path);
	if (access(folder, W_OK) || (access(path, W_OK) && errno != ENOENT))
		findings_add(d->f, FINDING_FAIL, "store",
			     "give the file and its folder to the user of "
			     "redirectd",
			     "%s cannot be written to: %s", path,
			     strerror(errno));
	look_at_room(d, folder);
}

/* Where anybody may register as anybody, phones at private addresses alone are
 * served. */
static void judge_users(const struct doctor *d, size_t users)
{
	enum auth_mode mode;

	if (auth_mode_find(&mode, d->conf->auth_required) ||
	    mode == AUTH_ALWAYS || (mode == AUTH_AUTO && users)) {
		findings_add(d->f, FINDING_OK, "auth", NULL,
			     "callers have to authenticate, %zu can", users);
		return;
	}
	if (mode == AUTH_NEVER)
		findings_add(d->f, FINDING_WARN, "auth",
			     "add users, and leave auth.required at auto",
			     "auth.required is never: whoever reaches a proxy "
			     "can be anybody");
	else
		findings_add(d->f, FINDING_WARN, "auth",
			     "add users: redirectd user add alice@example.com",
			     "there are no users: phones at public addresses "
			     "are refused");
}

/* Beside the daemon, as any command; it changes nothing. */
static void look_into(const struct doctor *d)
{
	char why[CONF_ERRLEN];
	struct errand e;

	if (errand_begin(&e, d->conf, ERRAND_BESIDE, why)) {
		findings_add(d->f, FINDING_FAIL, "store",
			     "redirectd answers 503 until it can be reached",
			     "%s", why);
	} else {
		findings_add(d->f, FINDING_OK, "store", NULL,
			     "the store can be read");
		judge_users(d, store_counts(e.store).users);
	}
	errand_end(&e);
}

static bool is_file(const char **path, const char *spec)
{
	static const char scheme[] = "sqlite:";

	*path = spec + strlen(scheme);
	return !strncmp(spec, scheme, strlen(scheme));
}

static bool is_redis(struct redis_url *u, const char *spec)
{
	static const char tcp[] = "redis:", local[] = "redis+unix:";

	if (!strncmp(spec, tcp, strlen(tcp)))
		return !redis_url_tcp(u, spec + strlen(tcp));
	return !strncmp(spec, local, strlen(local)) &&
	       !redis_url_unix(u, spec + strlen(local));
}

void doctor_store(const struct doctor *d)
{
	const char *path;
	struct redis_url url;

	if (is_redis(&url, d->conf->store)) {
		doctor_redis(d, &url);
		look_into(d);
	} else if (is_file(&path, d->conf->store)) {
		look_at_file(d, path);
		if (!access(path, F_OK))
			look_into(d);
		else
			judge_users(d, 0);
	} else {
		findings_add(d->f, FINDING_WARN, "store",
			     "store: \"sqlite:/var/lib/pinhole/directory.db\"",
			     "the store is memory: after a restart nobody is "
			     "reached until their phones register again");
		judge_users(d, 0);
	}
}
