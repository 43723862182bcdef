# Pinhole: SIP calls through NAT firewalls. `make help` lists the targets.

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
PKGS := libuv sofia-sip-ua jansson libmicrohttpd libcrypto sqlite3
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Werror
DEPCFLAGS = $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(WARN) $(DEPCFLAGS) $(CFLAGS) $(SAN) \
	-DPINHOLE_VERSION='"$(VERSION)"' -MMD -MP
LDLIBS = $(shell pkg-config --libs $(PKGS))
VERSION := 0.1.0
Q := $(if $(V),,@)

DAEMONS := proxyd redirectd relayd
LIB_SRC := $(wildcard common/*.c proto/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
daemon_obj = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
BINS := $(DAEMONS:%=$(BUILD)/bin/%)

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)

.PHONY: all
all: $(BINS)

define daemon_rule
$(BUILD)/bin/$(1): $(call daemon_obj,$(1)) $(BUILD)/libpinhole.a
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach d,$(DAEMONS),$(eval $(call daemon_rule,$(d))))

$(BUILD)/libpinhole.a: $(LIB_OBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# tests/unit/test_X.c tests common/ or proto/; test_DAEMON_X.c one of a daemon,
# and links that daemon's objects without its main.
unit_daemon = $(filter $(DAEMONS),$(word 2,$(subst _, ,$(notdir $(1)))))
unit_obj = $(foreach d,$(call unit_daemon,$(1)),$(filter-out $(BUILD)/$(d)/main.o,$(call daemon_obj,$(d))))

define unit_rule
$(1): $(1:$(BUILD)/unit/%=tests/unit/%.c) $(call unit_obj,$(1)) $(BUILD)/libpinhole.a
	@mkdir -p $$(@D)
	@echo "  TEST  $$@"
	$(Q)$(CC) $(ALL_CFLAGS) -o $$@ $$(filter %.c %.o %.a,$$^) $$(LDLIBS) $$(shell pkg-config --libs check)
endef
$(foreach t,$(UNIT_BIN),$(eval $(call unit_rule,$(t))))

.PHONY: unit
unit: $(UNIT_BIN)

.PHONY: check-unit
check-unit: unit
	$(Q)set -e; for t in $(UNIT_BIN); do $$t; done

.PHONY: clean
clean:
	rm -rf $(BUILD)
