#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tally.h"

struct tally {
	struct bpf_object *object;
	struct rtptally *counts; /* shared with the program */
	int ifindex;             /* 0: not attached */
};

/* Global variables of the program are a map that can be written from here. */
static int map_counts(struct tally *t)
{
	struct bpf_map *map = bpf_object__find_map_by_name(t->object, ".bss");
	void *at;

	if (!map)
		return -EINVAL;
	at = mmap(NULL, sizeof(*t->counts), PROT_READ | PROT_WRITE, MAP_SHARED,
		  bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		return -errno;
	t->counts = at;
	return 0;
}

static int attach(struct tally *t, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	const struct bpf_program *prog =
		bpf_object__find_program_by_name(t->object, "rtptally");
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	opts.prog_fd = bpf_program__fd(prog);
	err = bpf_tc_attach(&hook, &opts);
	if (!err)
		t->ifindex = ifindex;
	return err;
}

int tally_open(struct tally **tp, const char *object, int ifindex)
{
	struct tally *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (!t)
		return err;
	t->object = bpf_object__open_file(object, NULL);
	err = t->object ? 0 : -errno;
	if (!err)
		err = bpf_object__load(t->object);
	if (!err)
		err = map_counts(t);
	if (!err)
		err = attach(t, ifindex);
	if (err)
		tally_close(t);
	else
		*tp = t;
	return err;
}

void tally_close(struct tally *t)
{
	if (!t)
		return;
	if (t->ifindex) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = t->ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

		bpf_tc_hook_destroy(&hook);
	}
	if (t->counts)
		munmap(t->counts, sizeof(*t->counts));
	bpf_object__close(t->object);
	free(t);
}

void tally_start(struct tally *t, uint32_t step)
{
	memset(t->counts, 0, sizeof(*t->counts));
	__atomic_store_n(&t->counts->step, step, __ATOMIC_RELEASE);
}

const struct rtptally *tally_counts(const struct tally *t)
{
	return t->counts;
}

uint32_t tally_percentile(const struct tally *t, double fraction)
{
	uint64_t want = (uint64_t)((double)t->counts->received * fraction);
	uint64_t seen = 0;
	uint32_t us;

	for (us = 0; us < RTPTALLY_LATENCY_US - 1; us++) {
		seen += t->counts->latency[us];
		if (seen > want)
			break;
	}
	return us;
}
