#ifdef FASTPATH_OBJECT /* else: fastpath_none.c */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "relayd/fastpath_priv.h"
#include "relayd/route.h"

/* The program as clang made it. */
__asm__(".pushsection .rodata\n"
	".balign 8\n"
	".local fastpath_object, fastpath_object_end\n"
	"fastpath_object: .incbin \"" FASTPATH_OBJECT "\"\n"
	"fastpath_object_end: .byte 0\n"
	".popsection\n");
extern const char fastpath_object[], fastpath_object_end[];

enum {
	TC_PRIORITY = 0x5048,
	NS_PER_MS = 1000000,
};

static uint16_t first_port(const struct fastpath_config *cfg)
{
	return (uint16_t)((cfg->ports_lo + 1U) & ~1U);
}

void fastpath_beat(struct fastpath *fp)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	__atomic_store_n(&fp->beat->last,
			 (uint64_t)now.tv_sec * 1000000000U +
				 (uint64_t)now.tv_nsec,
			 __ATOMIC_RELAXED);
}

/* A program whose owner was killed is found again by the same handle; another
 * relayd on this host has other addresses or another range of ports. */
uint32_t fastpath_handle(const struct fastpath_config *cfg)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < cfg->naddresses; i++) {
		const struct fastflow f = {.to = cfg->addresses[i]};
		struct fastpath_hop hop;

		fastflow_hop(&hop, &f, &(struct route){0}, 0, 0);
		sum ^= hop.daddr[0] ^ hop.daddr[1] ^ hop.daddr[2] ^
		       hop.daddr[3];
	}
	return (sum ^ sum >> 16) << 16 | cfg->ports_lo;
}

/* By FNV-1a of what maps of one layout have in common. */
void fastpath_identify(struct fastpath_beat *out, const struct fastpath *fp)
{
	const uint32_t parts[] = {
		FASTPATH_ABI,
		sizeof(struct fastpath_slot),
		fp->nslots,
		first_port(&fp->cfg),
	};
	struct stat ns = {0};

	stat("/proc/self/ns/net", &ns);
	out->netns = ns.st_ino;
	out->identity = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < sizeof(parts); i++)
		out->identity = (out->identity ^ ((const uint8_t *)parts)[i]) *
				UINT64_C(0x100000001b3);
}

static bool is_attached(const struct fastpath *fp, int ifindex)
{
	for (unsigned i = 0; i < fp->nlinks; i++)
		if (fp->links[i] == ifindex)
			return true;
	return false;
}

static int attach(const struct fastpath *fp, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = fastpath_handle(&fp->cfg),
		    .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE);
	const struct bpf_program *prog =
		bpf_object__find_program_by_name(fp->object, "fastpath");
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	opts.prog_fd = bpf_program__fd(prog);
	return bpf_tc_attach(&hook, &opts);
}

/* The queueing discipline stays: others may use it as well. */
static void detach(const struct fastpath *fp, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = fastpath_handle(&fp->cfg),
		    .priority = TC_PRIORITY);

	bpf_tc_detach(&hook, &opts);
}

/* The program reads Ethernet headers. */
static bool is_ethernet(const char *name)
{
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool yes;

	strncat(req.ifr_name, name, sizeof(req.ifr_name) - 1);
	yes = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &req) == 0 &&
	      req.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	if (fd >= 0)
		close(fd);
	return yes;
}

/* Once to an interface, however many addresses it has. */
static int attach_to(struct fastpath *fp, const char *name,
		     char why[FASTPATH_WHY])
{
	int ifindex = (int)if_nametoindex(name);
	int err;

	if (is_attached(fp, ifindex))
		return 0;
	err = fp->nlinks < FASTPATH_LINKS_MAX ? attach(fp, ifindex) : -E2BIG;
	if (err) {
		snprintf(why, FASTPATH_WHY, "tc ingress of %s: %s", name,
			 strerror(-err));
		return err;
	}
	fp->links[fp->nlinks++] = ifindex;
	log_info("fast path attached", LOG_S("interface", name));
	return 0;
}

/* The place of an address among those of media; negative: it is none. */
static int place_of(const struct fastpath_config *cfg,
		    const struct sockaddr *sa)
{
	struct addr a;

	if (!sa || addr_from_sa(&a, sa))
		return -1;
	for (size_t i = 0; i < cfg->naddresses; i++)
		if (addr_ip_eq(&a, &cfg->addresses[i]))
			return (int)i;
	return -1;
}

static int attach_all(struct fastpath *fp, char why[FASTPATH_WHY])
{
	struct ifaddrs *all;
	int err = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (struct ifaddrs *i = all; i && !err; i = i->ifa_next) {
		int place = place_of(&fp->cfg, i->ifa_addr);

		if (place < 0 || i->ifa_flags & IFF_LOOPBACK ||
		    !is_ethernet(i->ifa_name))
			continue;
		err = attach_to(fp, i->ifa_name, why);
		fp->attached[place] = !err;
	}
	freeifaddrs(all);
	if (!err && !fp->nlinks) {
		snprintf(why, FASTPATH_WHY,
			 "no Ethernet interface has a media address");
		err = -ENODEV;
	}
	return err;
}

static int map_fd(const struct fastpath *fp, const char *name)
{
	return bpf_object__find_map_fd_by_name(fp->object, name);
}

static bool has_family(const struct fastpath_config *cfg, int family)
{
	for (size_t i = 0; i < cfg->naddresses; i++)
		if (addr_family(&cfg->addresses[i]) == family)
			return true;
	return false;
}

/* A table of a family that no address has stays as small as it is. */
static int size_maps(struct fastpath *fp)
{
	const struct {
		const char *name;
		bool used;
	} maps[] = {
		{"flows4", has_family(&fp->cfg, AF_INET)},
		{"flows6", has_family(&fp->cfg, AF_INET6)},
		{"slots", true},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++)
		if (maps[i].used)
			err = bpf_map__set_max_entries(
				bpf_object__find_map_by_name(fp->object,
							     maps[i].name),
				fp->nslots);
	return err;
}

/* `found`: with the maps of another process. */
static int load(struct fastpath *fp, bool *found, char why[FASTPATH_WHY])
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "pinhole");
	int err;

	libbpf_set_print(NULL);
	fp->object = bpf_object__open_mem(
		fastpath_object,
		(size_t)(fastpath_object_end - fastpath_object), &opts);
	if (!fp->object)
		return -errno;
	err = size_maps(fp);
	if (!err) {
		*found = fastpath_pin_find(fp);
		err = bpf_object__load(fp->object);
	}
	if (err == -EPERM || err == -EACCES)
		snprintf(why, FASTPATH_WHY,
			 "not permitted, CAP_BPF, CAP_NET_ADMIN and "
			 "CAP_PERFMON are needed");
	else if (err)
		snprintf(why, FASTPATH_WHY, "loading the program: %s",
			 strerror(-err));
	return err;
}

static void *share(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int share_maps(struct fastpath *fp)
{
	fp->flows4 = map_fd(fp, "flows4");
	fp->flows6 = map_fd(fp, "flows6");
	fp->slots_size = fp->nslots * sizeof(*fp->slots);
	fp->slots = share(map_fd(fp, "slots"), fp->slots_size);
	fp->beat = share(map_fd(fp, "beat"), sizeof(*fp->beat));
	fp->entries = calloc(fp->nslots, sizeof(*fp->entries));
	if (!fp->slots || !fp->beat || !fp->entries)
		return -ENOMEM;
	fp->beat->limit = (uint64_t)fp->cfg.dead_ms * NS_PER_MS;
	fastpath_identify(fp->beat, fp);
	fastpath_beat(fp);
	return 0;
}

/* Maps of its own are pinned, those of another process have flows. */
static void settle_maps(struct fastpath *fp, bool found)
{
	if (found)
		fastpath_find_orphans(fp);
	else
		fastpath_pin_new(fp);
}

/* Whether any is one interface's, which is as much as is to be known before
 * the program is loaded. */
static int check_addresses(const struct fastpath_config *cfg,
			   char why[FASTPATH_WHY])
{
	enum addr_class class = ADDR_ANY;

	for (size_t i = 0; i < cfg->naddresses; i++) {
		class = addr_class(&cfg->addresses[i]);
		if (class != ADDR_ANY && class != ADDR_LOOPBACK)
			return 0;
	}
	snprintf(why, FASTPATH_WHY, "media.address is %s, not one interface's",
		 class == ADDR_ANY ? "a wildcard" : "a loopback");
	return -EADDRNOTAVAIL;
}

int fastpath_open(struct fastpath **out, const struct fastpath_config *cfg,
		  char why[FASTPATH_WHY])
{
	struct fastpath *fp;
	bool found = false;
	int err;

	*why = '\0';
	err = check_addresses(cfg, why);
	if (err)
		return err;
	fp = calloc(1, sizeof(*fp));
	if (!fp)
		return -ENOMEM;
	fp->cfg = *cfg;
	fp->nslots = (cfg->ports_hi - first_port(cfg) + 1U) / 2 * LEARN_SIDES;
	err = load(fp, &found, why);
	if (!err)
		err = share_maps(fp);
	if (!err) {
		settle_maps(fp, found);
		err = attach_all(fp, why);
	}
	if (!err && *fp->unpinned)
		log_info("fast path is not pinned, it ends with relayd",
			 LOG_S("fastpath_pin", cfg->pin),
			 LOG_S("reason", fp->unpinned));
	fp->cfg.pin = NULL;
	if (err && !*why)
		snprintf(why, FASTPATH_WHY, "%s", strerror(-err));
	/* what another process has or had there stays */
	if (err)
		fastpath_close(fp, found || !fp->slots);
	else
		*out = fp;
	return err;
}

void fastpath_close(struct fastpath *fp, bool keep)
{
	if (!fp)
		return;
	for (unsigned i = 0; !keep && i < fp->nlinks; i++)
		detach(fp, fp->links[i]);
	if (!keep)
		fastpath_pin_remove(fp);
	if (fp->slots)
		munmap(fp->slots, fp->slots_size);
	if (fp->beat)
		munmap(fp->beat, sizeof(*fp->beat));
	bpf_object__close(fp->object);
	free(fp->entries);
	free(fp);
}

void fastpath_yield(struct fastpath *fp)
{
	__atomic_store_n(&fp->yielded, true, __ATOMIC_RELEASE);
}

/* The other one may have put its program in our place. */
int fastpath_resume(struct fastpath *fp)
{
	int err = 0;

	for (unsigned i = 0; !err && i < fp->nlinks; i++)
		err = attach(fp, fp->links[i]);
	if (!err)
		__atomic_store_n(&fp->yielded, false, __ATOMIC_RELEASE);
	return err;
}

size_t fastpath_flows(const struct fastpath *fp)
{
	return __atomic_load_n(&fp->nflows, __ATOMIC_RELAXED);
}

#endif
