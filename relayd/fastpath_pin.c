#ifdef FASTPATH_OBJECT

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "relayd/fastpath_priv.h"

/* Whoever gave a sign of life within this time is not to be disturbed. */
#define ALIVE_NS UINT64_C(3000000000)

static const char *const pinned[] = {"flows4", "flows6", "slots", "beat"};

enum {
	PINNED = sizeof(pinned) / sizeof(pinned[0]),
	NAME_LEN = sizeof("/01234567-4294967295"),
};

static void path_of(char path[PATH_MAX], const struct fastpath *fp,
		    const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", fp->pin, name);
}

static void give_up(struct fastpath *fp, const char *why)
{
	snprintf(fp->unpinned, sizeof(fp->unpinned), "%s", why);
	fp->pin[0] = '\0';
}

static void remove_all(const struct fastpath *fp)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < PINNED; i++) {
		path_of(path, fp, pinned[i]);
		unlink(path);
	}
	rmdir(fp->pin);
}

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (uint32_t)fs.f_type == BPF_FS_MAGIC;
}

/* The folder itself, or the one it is to be made in. */
static bool may_be_there(const char *folder)
{
	char parent[FASTPATH_PIN_MAX];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", folder);
	slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	return on_bpffs(folder) || on_bpffs(parent);
}

/* fp->pin, for these addresses and ports and some version of the maps. */
static void name_folder(struct fastpath *fp, unsigned version)
{
	snprintf(fp->pin, sizeof(fp->pin), "%s/%08x-%u", fp->cfg.pin,
		 fastpath_handle(&fp->cfg), version);
}

/* As this program would make it. */
static bool is_like(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

static bool is_alive(const struct fastpath_beat *b)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec -
		       b->last <
	       ALIVE_NS;
}

static void close_all(int fds[PINNED])
{
	for (size_t i = 0; i < PINNED; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* 0, -ENOENT where not all of them are there and as they should be, or what
 * else is in the way. The last one tells whose they are. */
static int get_all(int fds[PINNED], struct fastpath_beat *b,
		   const struct fastpath *fp)
{
	uint32_t zero = 0;
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; i < PINNED; i++) {
		path_of(path, fp, pinned[i]);
		fds[i] = bpf_obj_get(path);
		if (fds[i] < 0)
			err = err ? err : fds[i];
		else if (!is_like(fds[i], bpf_object__find_map_by_name(
						  fp->object, pinned[i])))
			err = err ? err : -ENOENT;
	}
	return err ? err : bpf_map_lookup_elem(fds[PINNED - 1], &zero, b);
}

static bool reuse_all(const int fds[PINNED], const struct fastpath *fp)
{
	int err = 0;

	for (size_t i = 0; !err && i < PINNED; i++)
		err = bpf_map__reuse_fd(
			bpf_object__find_map_by_name(fp->object, pinned[i]),
			fds[i]);
	return !err;
}

/* Of this very relayd, as it was before. */
static bool is_ours(const struct fastpath_beat *b, const struct fastpath *fp)
{
	struct fastpath_beat ours;

	fastpath_identify(&ours, fp);
	return b->identity == ours.identity && b->netns == ours.netns;
}

/* Of one in another network namespace, who has the same addresses there. */
static bool is_taken(const struct fastpath_beat *b, const struct fastpath *fp)
{
	struct fastpath_beat ours;

	fastpath_identify(&ours, fp);
	return b->netns != ours.netns && is_alive(b);
}

/* Whether what is there is fit for use. Nothing is changed before it is known
 * that this process may have a fast path at all. */
static bool find(int fds[PINNED], struct fastpath *fp)
{
	struct fastpath_beat b = {0};
	int err = get_all(fds, &b, fp);

	if (err && err != -ENOENT) {
		give_up(fp, strerror(-err));
		return false;
	}
	if (!err && is_taken(&b, fp)) {
		give_up(fp, "in use by another relayd");
		return false;
	}
	return !err && is_ours(&b, fp) && reuse_all(fds, fp);
}

bool fastpath_pin_find(struct fastpath *fp)
{
	int fds[PINNED];
	bool found;

	if (!fp->cfg.pin || !*fp->cfg.pin)
		return false;
	if (strlen(fp->cfg.pin) >= sizeof(fp->pin) - NAME_LEN) {
		give_up(fp, strerror(ENAMETOOLONG));
		return false;
	}
	if (!may_be_there(fp->cfg.pin)) {
		give_up(fp, "not on a bpffs");
		return false;
	}
	name_folder(fp, FASTPATH_ABI);
	found = find(fds, fp);
	close_all(fds);
	return found;
}

/* What another version left, or another range of ports, is of no use. */
static int make_folder(struct fastpath *fp)
{
	for (unsigned version = 0; version <= FASTPATH_ABI; version++) {
		name_folder(fp, version);
		remove_all(fp);
	}
	if (mkdir(fp->cfg.pin, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(fp->pin, 0700) < 0 ? -errno : 0;
}

void fastpath_pin_new(struct fastpath *fp)
{
	char path[PATH_MAX];
	int err;

	if (!*fp->pin)
		return;
	err = make_folder(fp);
	for (size_t i = 0; !err && i < PINNED; i++) {
		path_of(path, fp, pinned[i]);
		err = bpf_obj_pin(
			bpf_object__find_map_fd_by_name(fp->object, pinned[i]),
			path);
	}
	if (!err)
		return;
	remove_all(fp);
	give_up(fp, strerror(-err));
}

void fastpath_pin_remove(struct fastpath *fp)
{
	if (*fp->pin)
		remove_all(fp);
}

#endif
