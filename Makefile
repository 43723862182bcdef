# Pinhole: SIP calls through NAT firewalls. `make help` lists the targets.

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
PKGS := libuv sofia-sip-ua jansson libmicrohttpd libssl libcrypto libcares sqlite3 hiredis libcurl
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Werror
# Asked once, and not before `make deps` has had its turn.
DEPCFLAGS = $(eval DEPCFLAGS := $$(shell pkg-config --cflags $$(PKGS) | sed 's/-I/-isystem /g'))$(DEPCFLAGS)
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(WARN) $(DEPCFLAGS) $(CFLAGS) $(SAN) \
	-DPINHOLE_VERSION='"$(VERSION)"' -MMD -MP
# The kernel fast path, where libbpf and a clang that can make BPF are there.
BPF_CC ?= clang -target bpf
BPF_CFLAGS = -O2 -g -ffreestanding -Wall -Wextra -Werror -I. -I/usr/include/$(shell uname -m)-linux-gnu
FASTPATH = $(eval FASTPATH := $$(shell pkg-config --exists libbpf && command -v clang >/dev/null && echo yes))$(FASTPATH)
BPF_LIBS = $(if $(FASTPATH),$(shell pkg-config --libs libbpf))
LDLIBS = $(eval LDLIBS := $$(shell pkg-config --libs $$(PKGS)) -lm)$(LDLIBS)
VERSION := 0.1.0
MAKEFLAGS += --no-print-directory
Q := $(if $(V),,@)

# Where things are installed, as in GNU's conventions. The daemons look for
# their configuration in $(sysconfdir)/pinhole.
PREFIX ?= /usr/local
sysconfdir ?= /etc
sbindir ?= $(PREFIX)/sbin
mandir ?= $(PREFIX)/share/man
unitdir ?= $(PREFIX)/lib/systemd/system
sysusersdir ?= $(PREFIX)/lib/sysusers.d
sysctldir ?= $(PREFIX)/lib/sysctl.d
confdir := $(sysconfdir)/pinhole

DAEMONS := proxyd redirectd relayd
LIB_SRC := $(wildcard common/*.c proto/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
daemon_obj = $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard $(1)/*.c)))
BINS := $(DAEMONS:%=$(BUILD)/bin/%)

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)

.PHONY: all
all: $(BINS)

define daemon_rule
$(BUILD)/bin/$(1): $(call daemon_obj,$(1)) $(BUILD)/libpinhole.a
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(SAN) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $(if $(filter relayd,$(1)),$$(BPF_LIBS))
endef
$(foreach d,$(DAEMONS),$(eval $(call daemon_rule,$(d))))

$(BUILD)/libpinhole.a: $(LIB_OBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# fastpath.o embeds the program of fastpath.bpf.c.
$(BUILD)/relayd/fastpath.o: relayd/fastpath.c relayd/fastpath.bpf.c relayd/fastpath_abi.h relayd/quality_step.h
	@mkdir -p $(@D)
	@echo "  CC    $<$(if $(FASTPATH), (with fastpath.bpf.c))"
	$(if $(FASTPATH),$(Q)$(BPF_CC) $(BPF_CFLAGS) -c -o $(@D)/fastpath.bpf relayd/fastpath.bpf.c)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(FASTPATH),-DFASTPATH_OBJECT='"$(@D)/fastpath.bpf"') -c -o $@ $<

# The one object that knows where it is installed, made anew when that changes.
$(BUILD)/common/daemon_options.o: ALL_CFLAGS += -DPINHOLE_CONF_DIR='"$(confdir)"'
$(BUILD)/common/daemon_options.o: $(BUILD)/sysconfdir
$(BUILD)/sysconfdir: FORCE
	@mkdir -p $(@D)
	@echo '$(sysconfdir)' | cmp -s - $@ || echo '$(sysconfdir)' >$@
.PHONY: FORCE

$(addprefix $(BUILD)/relayd/fastpath_,none.o user.o pin.o orphan.o): ALL_CFLAGS += $(if $(FASTPATH),-DFASTPATH_OBJECT)

-include $(foreach d,$(DAEMONS) common proto unit fuzz tests,$(wildcard $(BUILD)/$(d)/*.d))

# tests/unit/test_X.c tests common/ or proto/; test_DAEMON_X.c one of a daemon,
# and links that daemon's objects without its main.
unit_daemon = $(filter $(DAEMONS),$(word 2,$(subst _, ,$(notdir $(1)))))
unit_obj = $(foreach d,$(call unit_daemon,$(1)),$(filter-out $(BUILD)/$(d)/main.o,$(call daemon_obj,$(d))))

define unit_rule
$(1): $(1:$(BUILD)/unit/%=tests/unit/%.c) $(call unit_obj,$(1)) $(BUILD)/libpinhole.a
	@mkdir -p $$(@D)
	@echo "  TEST  $$@"
	$$(Q)$$(CC) $$(ALL_CFLAGS) -o $$@ $$(filter %.c %.o %.a,$$^) $$(LDLIBS) $(if $(filter relayd,$(call unit_daemon,$(1))),$$(BPF_LIBS)) $$(shell pkg-config --libs check)
endef
$(foreach t,$(UNIT_BIN),$(eval $(call unit_rule,$(t))))

# Small tools of the end-to-end tests.
TOOLS := $(BUILD)/tests/heard $(BUILD)/tests/fastlane
$(BUILD)/tests/%: tests/support/%.c
	@mkdir -p $(@D)
	@echo "  TOOL  $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $< -lm

$(BUILD)/tests/fastlane: tests/support/fastlane.c $(filter-out $(BUILD)/relayd/main.o,$(call daemon_obj,relayd)) $(BUILD)/libpinhole.a
	@mkdir -p $(@D)
	@echo "  TOOL  $@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS) $(BPF_LIBS)

# Fuzz targets replay their corpus in every check; `make fuzz` explores. As with
# unit tests, fuzz_DAEMON_X links the objects of that daemon.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
define fuzz_rule
$(1): $(1:$(BUILD)/fuzz/%=tests/fuzz/%.c) tests/fuzz/replay.c $(call unit_obj,$(1)) $(BUILD)/libpinhole.a
	@mkdir -p $$(@D)
	@echo "  FUZZ  $$@"
	$$(Q)$$(CC) $$(ALL_CFLAGS) -o $$@ $$(filter %.c %.o %.a,$$^) $$(LDLIBS) $(if $(filter relayd,$(call unit_daemon,$(1))),$$(BPF_LIBS))
endef
$(foreach t,$(FUZZ_BIN),$(eval $(call fuzz_rule,$(t))))

AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -B -m pytest -q -p no:cacheprovider
C_FILES = $(shell find $(DAEMONS) common proto tests -name '*.[ch]')

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

.PHONY: deps bench-deps
deps: ## install what building and testing need (Debian packages)
	@sh deploy/install-packages build test
bench-deps: ## install the peers that `make bench` compares with
	@sh deploy/install-packages build bench

.PHONY: unit check-unit check-fuzz check-net check
unit: $(UNIT_BIN)
# Each by itself, as many at a time as make has jobs.
UNIT_RUNS := $(UNIT_BIN:%=run/%)
.PHONY: $(UNIT_RUNS)
$(UNIT_RUNS): run/%: %
	$(Q)$<
check-unit: check-fuzz $(UNIT_RUNS) ## unit tests and fuzz replay; no root needed
check-fuzz: $(FUZZ_BIN)
	$(Q)set -e; for f in $(FUZZ_BIN); do \
		$$f tests/fuzz/corpus/$$(basename $$f); done
check-net: all $(TOOLS) ## end-to-end tests across the NAT test network (root)
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD) $(PYTEST) tests/net
# A selection that CI has time for, and all of them.
COMPOSE_TESTS := $(addprefix tests/compose/test_,shapes.py scale.py site.py)
.PHONY: check-compose check-compose-full compose-deps
compose-deps:
	@sh deploy/install-packages build test compose
	$(Q)$(MAKE) $(BUILD)/tests/heard
check-compose: compose-deps ## a site of containers, scaled out under calls (root)
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD) $(PYTEST) $(COMPOSE_TESTS)
check-compose-full: compose-deps ## its faults and upgrades too (root)
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD) $(PYTEST) tests/compose
# Builds that watch threads and memory, of what runs in several threads.
TSAN := CFLAGS="-O1 -g -Wno-tsan" SAN="-fsanitize=thread"
ASAN := CFLAGS="-O1 -g -fno-omit-frame-pointer" \
	SAN="-fsanitize=address,undefined -fno-sanitize-recover=all"
.PHONY: check-memory
check-memory: ## what the fuzz targets found, replayed under AddressSanitizer
	$(Q)$(MAKE) BUILD=$(BUILD)/asan $(ASAN) check-fuzz
.PHONY: check-busy
check-busy: ## a busy relayd and a tortured proxyd under sanitizers (root)
	$(Q)$(MAKE) BUILD=$(BUILD)/tsan $(TSAN) $(BUILD)/tsan/bin/relayd
	$(Q)$(MAKE) BUILD=$(BUILD)/asan $(ASAN) all
	$(Q)for b in tsan asan; do \
		$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD)/$$b \
			$(PYTEST) tests/net/test_busy.py || exit 1; done
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD)/asan \
		$(PYTEST) tests/net/test_torture.py
check: deps ## everything: set-up, unit tests, end-to-end tests
	$(Q)$(MAKE) all $(TOOLS)
	$(Q)$(MAKE) check-unit
	$(Q)$(MAKE) check-memory
	$(Q)$(MAKE) check-net

.PHONY: demo run bench bench-soak bench-media bench-directory
demo: deps ## a call between two real phones behind two NATs, heard and drawn
	$(Q)$(MAKE) all $(TOOLS)
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) $(PYTHON) -B tests/support/demo.py
run: deps ## all three daemons on this host, until Ctrl-C
	$(Q)$(MAKE) all
	@deploy/run
bench: ## calls/s, packets/s, the directory, CPU and memory, beside Kamailio + rtpengine; the soak (root)
	$(Q)$(MAKE) all
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/bench
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/bench-directory
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/soak
bench-soak: ## 20,000 calls of all kinds: none lost, nothing left, memory flat (root)
	$(Q)$(MAKE) all
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/soak
bench-media: ## media: packets/s, CPU, latency and memory, four ways (root)
	$(Q)$(MAKE) all
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/bench-media
bench-directory: ## the directory: a million contacts, each store, beside Kamailio (root)
	$(Q)$(MAKE) $(BUILD)/bin/redirectd
	$(AS_ROOT) env PINHOLE_BUILD=$(BUILD) tests/bench/bench-directory

# Manual pages, from texts and the tables of the daemons. Their date is that of
# the source.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
PAGES := $(foreach d,$(DAEMONS),$(BUILD)/man/$(d).8 $(BUILD)/man/$(d).json.5)
.PHONY: man
man: $(PAGES) ## manual pages, in build/man
define page_rule
$(BUILD)/man/$(1): $(BUILD)/bin/$(2) $(wildcard deploy/man/*)
	@mkdir -p $$(@D)
	@echo "  MAN   $$@"
	$$(Q)SOURCE_DATE_EPOCH=$$(SOURCE_DATE_EPOCH) CONFDIR=$$(confdir) \
		deploy/man/page $(BUILD)/bin $(2) $(3) >$$@.new && mv $$@.new $$@
endef
$(foreach d,$(DAEMONS),$(eval $(call page_rule,$(d).8,$(d),8))$(eval $(call page_rule,$(d).json.5,$(d),5)))

# What is there in $(confdir) stays.
INSTALLED = $(DAEMONS:%=$(sbindir)/%) $(DAEMONS:%=$(unitdir)/%.service) \
	$(DAEMONS:%=$(mandir)/man8/%.8) $(DAEMONS:%=$(mandir)/man5/%.json.5) \
	$(sysusersdir)/pinhole.conf $(sysctldir)/50-pinhole.conf
SUBSTITUTE := sed -e 's|@sbindir@|$(sbindir)|g' -e 's|@confdir@|$(confdir)|g'
.PHONY: install uninstall
install: all man ## onto this host: PREFIX=/usr/local DESTDIR= sysconfdir=/etc
	@mkdir -p $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	$(Q)install -m 755 $(BINS) $(DESTDIR)$(sbindir)
	$(Q)install -m 644 $(filter %.8,$(PAGES)) $(DESTDIR)$(mandir)/man8
	$(Q)install -m 644 $(filter %.5,$(PAGES)) $(DESTDIR)$(mandir)/man5
	$(Q)install -m 644 deploy/systemd/pinhole.sysusers $(DESTDIR)$(sysusersdir)/pinhole.conf
	$(Q)install -m 644 deploy/sysctl/pinhole.conf $(DESTDIR)$(sysctldir)/50-pinhole.conf
	$(Q)for d in $(DAEMONS); do \
		$(SUBSTITUTE) deploy/systemd/$$d.service.in >$(DESTDIR)$(unitdir)/$$d.service && \
		chmod 644 $(DESTDIR)$(unitdir)/$$d.service || exit 1; done
	$(Q)deploy/conf/install $(DESTDIR)$(confdir) $(DAEMONS)
	@echo "installed; next, as root: systemd-sysusers && systemctl daemon-reload" \
		"&& chgrp pinhole $(confdir)/*.json && systemctl enable --now $(DAEMONS)"
uninstall: ## take away what install brought, but for configuration and state
	$(Q)rm -f $(INSTALLED:%=$(DESTDIR)%)

.PHONY: deb check-host
deb: ## Debian packages, in build/deb
	@sh deploy/install-packages build deb
	$(Q)$(MAKE) $(BUILD)/deb/built
$(BUILD)/deb/built: Makefile README.md LICENSE $(shell find $(DAEMONS) common proto deploy -type f)
	$(Q)SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) deploy/debian/build $(BUILD)/deb $(VERSION)
	@touch $@
check-host: ## installation, units, manual pages, packages in a clean Debian (root)
	@sh deploy/install-packages build deb test host
	$(Q)$(MAKE) all man $(TOOLS) $(BUILD)/deb/built
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_BUILD=$(BUILD) $(PYTEST) tests/host
.PHONY: check-clean
check-clean: ## `make demo` and `make check` on a fresh Debian with git and make (root)
	@sh deploy/install-packages build host test
	$(AS_ROOT) env PINHOLE_NET=1 PINHOLE_CLEAN=1 PINHOLE_BUILD=$(BUILD) \
		$(PYTEST) tests/host/test_newcomer.py

# libFuzzer: make fuzz FUZZ=fuzz_sipmsg SECONDS=60
FUZZ ?= fuzz_sipmsg
SECONDS ?= 60
FUZZ_SAN := address,undefined
FUZZ_DICT = $(if $(filter %_sipmsg %_brief %_proto %_txn %_receive %_control %_answering,$(FUZZ)),-dict=tests/fuzz/sip.dict)
FUZZ_OBJ = $(patsubst $(BUILD)/%,$(BUILD)/libfuzzer/%,$(call unit_obj,$(FUZZ)) $(BUILD)/libpinhole.a)
.PHONY: fuzz
fuzz: ## explore one fuzz target: FUZZ=name SECONDS=n
	$(Q)$(MAKE) BUILD=$(BUILD)/libfuzzer CC=clang \
		SAN="-fsanitize=$(FUZZ_SAN),fuzzer-no-link -fno-sanitize-recover=all" \
		$(FUZZ_OBJ)
	@mkdir -p $(BUILD)/libfuzzer/found/$(FUZZ)
	$(Q)clang $(ALL_CFLAGS) -fsanitize=$(FUZZ_SAN),fuzzer \
		-fno-sanitize-recover=all \
		-o $(BUILD)/libfuzzer/$(FUZZ) tests/fuzz/$(FUZZ).c \
		$(FUZZ_OBJ) $(LDLIBS) $(if $(call unit_daemon,$(FUZZ)),$(BPF_LIBS))
	$(BUILD)/libfuzzer/$(FUZZ) -max_total_time=$(SECONDS) $(FUZZ_DICT) \
		-artifact_prefix=$(BUILD)/libfuzzer/ \
		$(BUILD)/libfuzzer/found/$(FUZZ) tests/fuzz/corpus/$(FUZZ)

.PHONY: fmt fmt-check lint clean
fmt: ## format the C files in place
	clang-format -i $(C_FILES)
fmt-check: ## fail where `make fmt` would change something
	clang-format --dry-run -Werror $(C_FILES)
lint: ## static analysis
	cppcheck --include=.cppcheck.h --std=c11 --quiet --enable=warning,performance,portability \
		--inline-suppr --suppressions-list=.cppcheck --error-exitcode=1 \
		-I. $(DAEMONS) common proto
clean: ## remove what was built
	rm -rf $(BUILD)
