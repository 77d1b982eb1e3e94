# SPDX-License-Identifier: Apache-2.0
#
# sqlvip: plain GNU make, everything it makes under $(B).
#
#   make                    the programs             make check     unit, fuzz smoke and end-to-end tests (root)
#   sudo make deps          what Debian provides     make demo      the main job in front of your eyes (root)
#   make install DESTDIR=   /usr/local by default    make bench     timings, beside keepalived's (root)
#
# V=1 shows commands; CC=clang, SAN=address,undefined and WERROR=-Werror are everyday options.

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/sqlvip
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
VERSION    := 0.2.0

comma := ,
B     ?= build$(if $(SAN),-san)$(if $(filter clang%,$(CC)),-clang)
PEERS := build/peers
PYTHON := /usr/bin/python3

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
ifndef V
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

# --- flags -------------------------------------------------------------------------------------------------------

PKGS := libnl-3.0 libnl-route-3.0 libmariadb libconfig libcrypto libsystemd jansson libcap-ng
# Asked for once, and only when something is compiled: `make deps all` must work where they are not installed yet.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

CFLAGS  ?= -O2 -g
override CPPFLAGS += -I. -D_GNU_SOURCE -DSQLVIP_VERSION='"$(VERSION)"' -DSQLVIP_SYSCONFDIR='"$(SYSCONFDIR)"' \
	$(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) $(PKG_CFLAGS)
override CFLAGS += -std=gnu11 -MMD -MP -fPIE -fstack-protector-strong -pthread $(WERROR) \
	-Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wimplicit-fallthrough -Wconversion -Wno-sign-conversion \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
override LDFLAGS += -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN))
LDLIBS = $(PKG_LIBS)

# --- what is built -----------------------------------------------------------------------------------------------

PROGRAMS  := $(B)/sqlvipd $(B)/sqlvipctl
MAINS     := agent/main.c agent/ctl/ctl.c
LIB_SRCS  := $(filter-out $(MAINS),$(wildcard agent/*.c agent/*/*.c vrrp/*.c checks/*.c))
LIB       := $(B)/libsqlvip.a
UNIT_SRCS := $(wildcard test/unit/test_*.c)
UNITS     := $(UNIT_SRCS:%.c=$(B)/%)
TOOL_SRCS := $(wildcard test/tools/*.c)
TOOLS     := $(TOOL_SRCS:%.c=$(B)/%)
FUZZ_SRCS := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_B    := build-fuzz
FUZZERS   := $(FUZZ_SRCS:%.c=$(FUZZ_B)/%)
ALL_SRCS  := $(LIB_SRCS) $(MAINS) $(UNIT_SRCS) $(TOOL_SRCS)
HEADERS   := $(wildcard agent/*.h agent/*/*.h vrrp/*.h checks/*.h test/unit/*.h)

.PHONY: all tests
all: $(PROGRAMS)
tests: $(UNITS) $(TOOLS)

$(B)/sqlvipd: $(B)/agent/main.o $(LIB)
$(B)/sqlvipctl: $(B)/agent/ctl/ctl.o $(LIB)
$(PROGRAMS):
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_SRCS:%.c=$(B)/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(UNITS): $(B)/%: $(B)/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(TOOLS): $(B)/%: $(B)/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

-include $(ALL_SRCS:%.c=$(B)/%.d)

# --- dependencies ------------------------------------------------------------------------------------------------

DEPS_BUILD := gcc pkg-config libc6-dev libnl-3-dev libnl-route-3-dev libmariadb-dev libconfig-dev libssl-dev \
	libsystemd-dev libjansson-dev libcap-ng-dev
DEPS_TEST  := libcmocka-dev clang libclang-rt-dev clang-format python3 python3-pytest python3-pytest-xdist \
	mariadb-server-core mariadb-client-core galera-4 tshark nftables iproute2 procps mandoc \
	cppcheck bear
# What Debian's keepalived links to. keepalived itself is only unpacked: installed, it would start a service.
DEPS_PEERS := libglib2.0-0 libmnl0 libnftnl11 libnl-3-200 libnl-genl-3-200 libpcre2-8-0 libsnmp40

.PHONY: deps deps-build
deps:
	$(Q)test/deps $(PEERS) $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_PEERS)

# For a host with a database of its own: what building takes, and nothing for tests.
deps-build:
	$(Q)test/deps '' $(DEPS_BUILD)

# Asked for together, everything waits for them.
DEPS_GOALS := $(filter deps deps-build,$(MAKECMDGOALS))
ifneq ($(DEPS_GOALS),)
$(ALL_SRCS:%.c=$(B)/%.o) $(filter-out deps deps-build,$(MAKECMDGOALS)): | $(DEPS_GOALS)
endif

# --- tests -------------------------------------------------------------------------------------------------------

.PHONY: check unit e2e soak fuzz fuzz-smoke demo bench bench-scale
check:
	$(Q)$(MAKE) all tests lint
	$(Q)$(MAKE) unit
	$(Q)$(MAKE) fuzz-smoke
	$(Q)$(MAKE) e2e

# Two at a time; what one prints stays together. Fails if any of them does.
unit: $(UNITS)
	$(Q)printf '%s\n' $(sort $(UNITS)) | xargs -P 2 -I '{}' sh -c \
		'{} >{}.log 2>&1; r=$$?; [ $$r -eq 0 ] && grep -h "PASSED" {}.log | sed "s|^|$$(basename {}): |" || cat {}.log; exit $$r'

# E2E_ARGS goes to pytest: make e2e E2E_ARGS='-k killed -x'
E2E_JOBS ?= 3
e2e: all tests
	$(Q)SQLVIP_BUILD=$(abspath $(B)) SQLVIP_PEERS=$(abspath $(PEERS)) $(PYTHON) -B -m pytest -c test/e2e/pytest.ini \
		-n $(E2E_JOBS) --dist loadgroup test/e2e $(E2E_ARGS)

soak: all tests
	$(Q)SQLVIP_SOAK=1 SQLVIP_BUILD=$(abspath $(B)) SQLVIP_PEERS=$(abspath $(PEERS)) $(PYTHON) -B -m pytest \
		-c test/e2e/pytest.ini -n $(E2E_JOBS) --dist loadgroup test/e2e $(E2E_ARGS)

demo: all tests
	$(Q)SQLVIP_BUILD=$(abspath $(B)) $(PYTHON) -B test/e2e/demo.py

bench: all tests
	$(Q)SQLVIP_BUILD=$(abspath $(B)) SQLVIP_PEERS=$(abspath $(PEERS)) $(PYTHON) -B test/e2e/bench.py $(BENCH_ARGS)

bench-scale: all tests
	$(Q)SQLVIP_BUILD=$(abspath $(B)) SQLVIP_PEERS=$(abspath $(PEERS)) $(PYTHON) -B test/e2e/bench_scale.py $(BENCH_ARGS)

# Fuzzers are built by clang with libFuzzer, ASan and UBSan. FUZZ_SECONDS is for each target.
FUZZ_SECONDS ?= 600
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
$(FUZZ_B)/%.o: %.c Makefile
	$(call say,CC,$< (fuzz))
	$(Q)mkdir -p $(@D)
	$(Q)clang $(filter-out -D_FORTIFY_SOURCE=2,$(CPPFLAGS)) -std=gnu11 -MMD -MP -fPIE -pthread $(FUZZ_CFLAGS) -c -o $@ $<
$(FUZZ_B)/libsqlvip.a: $(LIB_SRCS:%.c=$(FUZZ_B)/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(FUZZERS): $(FUZZ_B)/%: $(FUZZ_B)/%.o $(FUZZ_B)/libsqlvip.a
	$(call say,LD,$@)
	$(Q)clang -pthread -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)
-include $(FUZZ_SRCS:%.c=$(FUZZ_B)/%.d) $(LIB_SRCS:%.c=$(FUZZ_B)/%.d)

fuzz: $(FUZZERS)
	$(Q)for f in $(FUZZERS); do name=$${f##*/fuzz_}; mkdir -p test/fuzz/corpus/$$name $(FUZZ_B)/new/$$name; \
		$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_B)/$$name- $(FUZZ_B)/new/$$name test/fuzz/corpus/$$name || exit 1; done

# A minute in all, from the kept corpus: that no known input breaks anything, and a short look for new ones.
fuzz-smoke: FUZZ_SECONDS = $(shell echo $$((60 / $(words $(FUZZERS)))))
fuzz-smoke: $(FUZZERS)
	$(Q)for f in $(FUZZERS); do name=$${f##*/fuzz_}; mkdir -p test/fuzz/corpus/$$name $(FUZZ_B)/new/$$name; \
		$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 -verbosity=0 \
		-artifact_prefix=$(FUZZ_B)/$$name- $(FUZZ_B)/new/$$name test/fuzz/corpus/$$name || exit 1; \
		echo "fuzz_$$name: no finding in $(FUZZ_SECONDS) s"; done

# --- judgement ---------------------------------------------------------------------------------------------------

.PHONY: lint format analyze compile_commands.json
PURE := $(wildcard vrrp/packet.c vrrp/auth.c vrrp/fsm.c vrrp/group.c vrrp/arp.c \
	checks/health.c checks/mysql_rules.c checks/mysql_dialect.c checks/fitness_rules.c \
	agent/priority.c agent/auth_watch.c agent/proc_match.c agent/maintenance.c agent/explain.c \
	agent/instance/hold.c \
	agent/process/patience.c)
PURE := $(PURE:%.c=%)
lint: $(PURE:%=$(B)/%.o)
	$(Q)test/lint $(PURE:%=$(B)/%.o)

format:
	$(Q)clang-format -i $(ALL_SRCS) $(HEADERS) $(FUZZ_SRCS)

analyze:
	$(Q)$(MAKE) B=build-analyze CC=gcc CFLAGS='-O2 -fanalyzer' all
	$(Q)cppcheck --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet -I. agent vrrp checks

compile_commands.json:
	$(Q)bear -- $(MAKE) -B all tests

# --- install -----------------------------------------------------------------------------------------------------

.PHONY: install uninstall clean
DOCS := README.md CHANGELOG.md LICENSE
# A man page, naming the folders of this installation.
page = sed 's|/usr/local/share/doc/sqlvip|$(DOCDIR)|g; s|/etc/sqlvip|$(SYSCONFDIR)/sqlvip|g' man/$1.$2 \
	> $(DESTDIR)$(MANDIR)/man$2/$1.$2 && chmod 0644 $(DESTDIR)$(MANDIR)/man$2/$1.$2
install: all
	install -D -m 0755 $(B)/sqlvipd $(DESTDIR)$(SBINDIR)/sqlvipd
	install -D -m 0755 $(B)/sqlvipctl $(DESTDIR)$(SBINDIR)/sqlvipctl
	install -d -m 0755 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(DOCDIR) $(DESTDIR)$(UNITDIR) \
		$(DESTDIR)$(SYSCONFDIR)/sqlvip
	$(call page,sqlvipd,8)
	$(call page,sqlvipctl,8)
	$(call page,sqlvip.conf,5)
	cp -R etc/examples $(DESTDIR)$(DOCDIR)/
	install -m 0644 etc/sqlvip.conf $(DESTDIR)$(DOCDIR)/examples/
	chmod -R u=rwX,go=rX $(DESTDIR)$(DOCDIR)/examples
	install -m 0644 $(DOCS) $(DESTDIR)$(DOCDIR)/
	sed 's|@SBINDIR@|$(SBINDIR)|g' etc/sqlvip.service > $(DESTDIR)$(UNITDIR)/sqlvip.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/sqlvip.service
	install -D -m 0644 etc/sqlvip.sysusers $(DESTDIR)$(SYSUSERSDIR)/sqlvip.conf

# The configuration in $(SYSCONFDIR)/sqlvip stays, and so does what others have put into $(DOCDIR).
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/sqlvipd $(DESTDIR)$(SBINDIR)/sqlvipctl $(DESTDIR)$(MANDIR)/man8/sqlvipd.8 \
		$(DESTDIR)$(MANDIR)/man8/sqlvipctl.8 $(DESTDIR)$(MANDIR)/man5/sqlvip.conf.5 $(DESTDIR)$(UNITDIR)/sqlvip.service \
		$(DESTDIR)$(SYSUSERSDIR)/sqlvip.conf
	rm -f $(DOCS:%=$(DESTDIR)$(DOCDIR)/%)
	rm -rf $(DESTDIR)$(DOCDIR)/examples
	[ ! -d $(DESTDIR)$(DOCDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(DOCDIR)

clean:
	rm -rf build build-san build-clang build-san-clang build-fuzz build-analyze compile_commands.json
