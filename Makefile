# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets. V=1 shows the commands, SANITIZE=1 builds with ASan and UBSan in
# build-asan/, COVERAGE=1 with counters for gcov in build-coverage/. DESTDIR and prefix are honoured by
# install and uninstall.

prefix      ?= /usr
sysconfdir  ?= /etc
bindir      ?= $(prefix)/bin
sbindir     ?= $(prefix)/sbin
datadir     ?= $(prefix)/share
mandir      ?= $(datadir)/man
unitdir     ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
hookdir     ?= $(sysconfdir)/libvirt/hooks

CC         ?= cc
CLANG      ?= clang
LLVM_STRIP ?= llvm-strip
# Looked for when it is first needed, not for targets that work without it (help, deps, clean).
BPFTOOL    ?= $(eval BPFTOOL := $(shell scripts/find-bpftool.sh))$(BPFTOOL)
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

VERSION := 0.1.0

ifeq ($(SANITIZE),1)
B := build-asan
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(COVERAGE),1)
B := build-coverage
SANITIZERS := --coverage
CFLAGS ?= -O0 -g
else
B := build
SANITIZERS :=
endif

# Ubuntu's compilers set this by default and then print more warnings. Sanitizers and unoptimized code
# cannot use it.
FORTIFY = $(if $(SANITIZERS),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

PACKAGES := libbpf libelf zlib libvirt libxml-2.0 libsystemd jansson smartcols libmnl libmicrohttpd inih

# Not evaluated for targets that work without the libraries (help, deps, clean).
package_cflags = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
package_libs   = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

# Callbacks have the parameters that their caller gives them, used or not.
WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter \
	    -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
CFLAGS   ?= -O2 -g
CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE -DVMSEG_VERSION='"$(VERSION)"' \
	    -DVMSEG_SYSCONFDIR='"$(sysconfdir)"' -DVMSEG_DATADIR='"$(datadir)/vmseg"'
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(FORTIFY) $(WARNINGS) $(SANITIZERS) -fstack-protector-strong \
	     $(package_cflags)

BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function \
	     -I. -I/usr/include/$(shell gcc -print-multiarch)

# ---- what is built ------------------------------------------------------------------------

LIBRARY_SOURCES := $(filter-out hostd/ctl/%,$(wildcard hostd/*/*.c hostd/*/*/*.c)) \
		   hooks/libvirt/decision.c
CTL_SOURCES     := $(wildcard hostd/ctl/*.c)
BPF_SOURCES     := $(wildcard bpf/*.bpf.c)
BPF_HEADERS     := $(wildcard bpf/*.h bpf/*.def)
HARNESS_SOURCES := $(wildcard tests/harness/*.c tests/model/*.c)
HARNESS         := $(B)/libharness.a
UNIT_TESTS      := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
VERIFIER_REPORT := $(B)/tests/bpf/verifier_report
BPF_TESTS       := $(patsubst tests/bpf/%.c,$(B)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
NETNS_TESTS     := $(patsubst tests/netns/%.c,$(B)/tests/netns/%,$(wildcard tests/netns/test_*.c))
BENCHES         := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,\
			$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
TEST_TOOLS      := $(patsubst tests/harness/tools/%.c,$(B)/tests/tools/%,\
			$(wildcard tests/harness/tools/*.c))

BENCH_TOOLS     := $(patsubst tests/bench/tools/%.c,$(B)/tests/bench/tools/%,\
			$(wildcard tests/bench/tools/*.c))

STACKS          := $(B)/tests/stacks/differential

LIBRARY  := $(B)/libvmseg.a
SKELETON := $(B)/vmseg.skel.h
TAGGER   := $(B)/tests/bpf/push_tag.skel.h
WALKER   := $(B)/tests/bench/walker.skel.h $(B)/tests/bench/primitives.skel.h
PROGRAMS := $(B)/vmseg-hostd $(B)/vmseg $(B)/vmseg-hook
# The same for every way of building.
SCHEMAS  := build/vmseg.rng build/vmseg.rnc

object = $(patsubst %.c,$(B)/%.o,$(1))

all: $(PROGRAMS) $(B)/hostd.conf $(SCHEMAS) ## build the daemon, the command, the hook and the schema

$(B)/vmseg-hostd: $(call object,hostd/vmseg-hostd.c) $(LIBRARY)
$(B)/vmseg: $(call object,$(CTL_SOURCES)) $(LIBRARY)
$(B)/vmseg-hook: $(call object,hooks/libvirt/qemu.c) $(LIBRARY)

# As needed: the hook starts in a millisecond because it loads two small libraries, not eleven.
$(PROGRAMS):
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(package_libs)

# The settings file that is installed.
$(B)/hostd.conf: $(B)/vmseg-hostd
	$(call say,CONF,$@)
	$(Q)$< --print-config >$@

$(LIBRARY): $(call object,$(LIBRARY_SOURCES))
$(HARNESS): $(call object,$(HARNESS_SOURCES))

$(LIBRARY) $(HARNESS):
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The skeleton must be there before anything that includes it is compiled for the first time;
# after that the dependency files know.
$(call object,$(LIBRARY_SOURCES) $(CTL_SOURCES) $(HARNESS_SOURCES)): | $(SKELETON)

$(B)/vmseg.bpf.o: bpf/vmseg.bpf.c $(BPF_HEADERS)
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(SKELETON): $(B)/vmseg.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name vmseg >$@

$(SCHEMAS): build/%: policies/%.in scripts/make-schema.sh scripts/list-rows.sh \
		bpf/guards.def bpf/limits.def
	@mkdir -p $(@D)
	$(call say,SCHEMA,$@)
	$(Q)scripts/make-schema.sh $< >$@

$(UNIT_TESTS) $(BPF_TESTS) $(NETNS_TESTS): | $(SCHEMAS)

# ---- tests ----------------------------------------------------------------------------------

, := ,

# Only the libraries that a test needs: some run in small guests, with copies of what they need.
$(UNIT_TESTS) $(BPF_TESTS) $(NETNS_TESTS) $(VERIFIER_REPORT) $(BENCHES): %: %.o $(HARNESS) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lcmocka $(package_libs)

# Its allocations fail when it says so, those of libxml2 (base/xml_memory.c) among them.
$(B)/tests/unit/test_whole: LDFLAGS += \
	$(addprefix -Wl$(,)--wrap=,malloc calloc realloc reallocarray strdup asprintf vasprintf)

$(B)/tests/unit/test_json_whole: LDFLAGS += -Wl,--wrap=malloc
$(B)/tests/unit/test_effect: LDFLAGS += -Wl,--wrap=page_sessions

# Preloaded into the daemon, it has calls fail.
FAULT_SHIM := $(B)/tests/faults/shim.so
$(FAULT_SHIM): tests/faults/shim.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -g $(WARNINGS) -fPIC -shared -fvisibility=hidden \
		-MMD -MP -MF $@.d -o $@ $< -ldl

# What the tests themselves need in the kernel.
$(call object,$(HARNESS_SOURCES)): | $(TAGGER)
$(addsuffix .o,$(VERIFIER_REPORT) $(BENCHES)): | $(SKELETON) $(WALKER)

$(B)/tests/%.bpf.o: tests/%.bpf.c $(BPF_HEADERS) $(wildcard tests/bench/*.h)
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(TAGGER) $(WALKER): %.skel.h: %.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(basename $(basename $(@F))) >$@

$(STACKS): $(call object,$(wildcard tests/stacks/*.c)) $(HARNESS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^

# Static and without the project's libraries: the same tools run in guests that have neither.
$(B)/tests/tools/%: tests/harness/tools/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -O2 -g $(FORTIFY) $(WARNINGS) -static -MMD -MP -MF $@.d -o $@ $<

$(B)/tests/bench/tools/%: tests/bench/tools/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -I. -O2 -g $(FORTIFY) $(WARNINGS) -MMD -MP -MF $@.d -o $@ $< -lpthread

# What the test VMs boot. The kernel is fetched once, and kept for every build.
GUEST := $(B)/tests/guest/initrd
$(GUEST): $(wildcard tests/harness/guest/*) tests/harness/fetch-kernel.sh $(TEST_TOOLS) | $(SCHEMAS)
	$(call say,GUEST,$@)
	$(Q)tests/harness/guest/build-image.sh $(B)/tests/tools build/cache $(@D)

tests: $(UNIT_TESTS) $(BPF_TESTS) $(VERIFIER_REPORT) $(BENCHES) $(NETNS_TESTS) \
	$(TEST_TOOLS) $(BENCH_TOOLS) $(STACKS) $(FAULT_SHIM)

# Scripts that need no more than what is built, in the order in which they run.
SOURCE_SCRIPTS := $(sort $(wildcard tests/source/test_*.sh))
UNIT_SCRIPTS := $(sort $(wildcard tests/unit/test_*.sh))
BPF_SCRIPTS  := $(sort $(wildcard tests/bpf/test_*.sh))
LAB_SCRIPTS  := $(sort $(wildcard tests/netns/test_*.sh)) tests/stacks/test_differential.sh \
		tests/faults/test_faults.sh \
		$(sort $(wildcard tests/e2e/test_*.sh))
FUZZ_SCRIPTS := tests/fuzz/test_fuzz.sh
KERNEL_TESTS := $(sort $(wildcard tests/kernels/test_*.sh))
KERNELS      := $(KERNEL_TESTS:tests/kernels/test_%.sh=%)
# One seed for all random tests, so that a state of the source passes or fails the same way each time;
# the targets fuzz and fuzz-model take new ones.
SEED      := 20261123
run_tests = $(Q)BUILD=$(abspath $(B)) LOGS=$(B)/tests/log VMSEG_TEST_SEED=$(SEED) tests/run

test: export VMSEG_MODEL_PACKETS ?= 200000
test: all $(UNIT_TESTS) $(BPF_TESTS) $(TEST_TOOLS) ## the quick tests: units and BPF programs
	$(run_tests) $(UNIT_TESTS) $(UNIT_SCRIPTS) $(BPF_TESTS) $(BPF_SCRIPTS)

check-kernels: $(BPF_TESTS) $(VERIFIER_REPORT) ## the BPF programs' tests on every supported kernel
	$(run_tests) $(KERNEL_TESTS)

# The unit tests once more, with sanitizers.
build-asan:
	$(Q)$(MAKE) --no-print-directory SANITIZE=1 unit-tests

unit-tests: $(UNIT_TESTS)

# Counters add up over runs, so old ones are removed first.
coverage: ## the share of the lines of hostd/ that the C unit tests execute
	$(Q)find build-coverage -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory COVERAGE=1 unit-coverage

unit-coverage: $(UNIT_TESTS) $(call object,$(CTL_SOURCES))
	$(run_tests) $(UNIT_TESTS)
	$(Q)tests/source/coverage.sh $(B)

check: deps ## every test, real VMs included
	$(Q)$(MAKE) --no-print-directory run-check

run-check: all tests build-asan build-fuzz $(GUEST)
	$(run_tests) $(SOURCE_SCRIPTS) $(UNIT_TESTS) $(UNIT_SCRIPTS) \
		$(UNIT_TESTS:build/%=build-asan/%) $(FUZZ_SCRIPTS) $(BPF_TESTS) $(BPF_SCRIPTS) \
		$(NETNS_TESTS) $(LAB_SCRIPTS) tests/bench/test_bench.sh $(KERNEL_TESTS)

# Newer and older compilers, headers and libraries than this machine's.
check-root: ## build and test the last commit in a bare Debian (RELEASE=trixie, CHECK=test: less than all)
	$(Q)CHECK='$(or $(CHECK),check)' scripts/check-root.sh $(or $(RELEASE),trixie)

check-integration: all tests $(GUEST)
	$(run_tests) $(NETNS_TESTS) $(LAB_SCRIPTS)

update-golden: $(B)/tests/unit/test_golden ## write tests/golden/*.image anew; review the difference
	$(Q)VMSEG_UPDATE_GOLDEN=1 $<

protocol-page: $(B)/tests/unit/test_methods ## write docs/control-protocol.md from hostd/control/methods.def
	$(Q)VMSEG_UPDATE_PROTOCOL=1 $<

schema: build/vmseg.rnc ## make policies/vmseg.rng.in from vmseg.rnc.in
	$(Q)trang $< $(B)/whole.rng
	$(Q)awk '/^    <element name="(guards|limits)">/ { mark = /guards/ ? "@GUARDS@" : "@LIMITS@"; \
			print; print mark; inside = 1; next } \
		/^    <\/element>/ { inside = 0 } !inside' $(B)/whole.rng >policies/vmseg.rng.in

verifier-report: $(VERIFIER_REPORT) ## what each kernel's verifier says of each program (KERNELS=: this one's)
	$(Q)$<
	$(Q)for kernel in $(KERNELS); do tests/kernels/run-kernel.sh --report $$kernel || exit 1; done

bench: all tests $(GUEST) ## all benchmarks, some 10 minutes (ONLY="packet starts": some; ROUNDS=9: more)
	$(Q)BUILD=$(abspath $(B)) tests/bench/run.sh
	$(Q)tests/bench/report.py compare $(B)/bench/results.jsonl tests/bench/baseline.jsonl

bench-page: ## docs/performance.md and its pictures, from what `make bench` has measured last
	$(Q)tests/bench/report.py page $(B)/bench/results.jsonl docs/performance.md docs/images

bench-baseline: ## keep the last run as what later ones are compared with
	$(Q)cp $(B)/bench/results.jsonl tests/bench/baseline.jsonl

bench-hotplug: all $(TEST_TOOLS) ## how long a new tap passes frames before it is closed (TAPS=50)
	$(Q)BUILD=$(abspath $(B)) TAPS=$(TAPS) tests/bench/hotplug.sh

# Everything is compiled once more, by clang, with coverage for libFuzzer.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): %: %.o $(LIBRARY) | $(SCHEMAS)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(package_libs)

fuzzers: $(FUZZERS)

build-fuzz: # the same makefile with the compiler and the folder that fuzzing needs
	$(Q)$(MAKE) --no-print-directory B=build-fuzz CC=$(CLANG) fuzzers \
		SANITIZERS='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'

fuzz: build-fuzz ## fuzz the parsers, FUZZ_SECONDS each (default 60)
	$(Q)FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) tests/fuzz/test_fuzz.sh

fuzz-model: $(B)/tests/bpf/test_model ## random packets through programs and model, PACKETS of them
	$(Q)VMSEG_MODEL_PACKETS=$(or $(PACKETS),10000000) $<

churn: all tests ## connections at the highest rate over few ports, for SECONDS (default 600)
	$(Q)BUILD=$(abspath $(B)) CHURN_SECONDS=$(or $(SECONDS),600) tests/netns/test_churn.sh

differential: all tests ## connections between real stacks, with and without ports: SEQUENCES of them (default 100000), by SEED (default: a new one)
	$(Q)BUILD=$(abspath $(B)) SEQUENCES=$(or $(SEQUENCES),100000) \
		VMSEG_TEST_SEED=$(if $(filter command,$(firstword $(origin SEED))),$(SEED)) \
		tests/stacks/test_differential.sh

chaos: all tests $(GUEST) ## random events around real VMs, SECONDS of them (default 600), by SEED (default: a new one)
	$(Q)BUILD=$(abspath $(B)) CHAOS_SECONDS=$(or $(SECONDS),600) \
		CHAOS_SEED=$(if $(filter command,$(firstword $(origin SEED))),$(SEED),$(shell date +%s)) \
		tests/e2e/test_chaos.sh

faults: all tests ## every call that can fail fails once (ONLY="adopt": one scenario; FAULTS=8: a sample)
	$(Q)BUILD=$(abspath $(B)) FAULTS=$(or $(FAULTS),0) ONLY='$(ONLY)' TEST_TIMEOUT=36000 \
		VMSEG_TEST_SEED=$(SEED) tests/faults/test_faults.sh

demo: deps ## three VMs, what their policies do, and what it costs (KEEP=1: a shell at the end)
	$(Q)$(MAKE) --no-print-directory all $(GUEST)
	$(Q)BUILD=$(abspath $(B)) tests/demo/demo.sh

deps: ## install what building and testing needs (Debian, Ubuntu)
	$(Q)scripts/deps.sh

# ---- the source itself ----------------------------------------------------------------------

C_FILES     := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
SHELL_FILES := $(shell git grep -lE '^\#!.*sh' 2>/dev/null)
BASH_COMPLETION := packaging/completions/vmseg.bash
MAN_PAGES   := $(wildcard docs/man/*.[158])
# clang-tidy reads what the compiler reads; BPF programs are judged by clang and the verifier.
TIDY_FILES  := $(filter hostd/%.c hooks/%.c,$(C_FILES))

fmt: ## format the C files
	$(Q)clang-format -i $(C_FILES)

lint: lint-format lint-tidy lint-shell lint-manual ## what the linters say of the source: nothing

lint-format:
	$(Q)clang-format --dry-run --Werror $(C_FILES)

# clang-tidy takes the flags from a file, one a line, and gets one source file at a time: of several in one
# process, the analyzer takes what it remembers of one for something in the next (LLVM bug 41311).
lint-tidy: $(SKELETON)
	$(Q)printf '%s\n' -std=gnu11 $(CPPFLAGS:-I%=-I$(CURDIR)/%) $(package_cflags) \
		>$(B)/compile_flags.txt
	$(Q)printf '%s\n' $(TIDY_FILES) | xargs -n 1 -P 2 clang-tidy --quiet -p $(B)

lint-shell:
	$(Q)shellcheck -x -P SCRIPTDIR $(SHELL_FILES) $(BASH_COMPLETION)

lint-manual:
	$(Q)mandoc -T lint -W warning $(MAN_PAGES)

# ---- installation ---------------------------------------------------------------------------

D := $(DESTDIR)

install: all ## install below DESTDIR: programs, hook, unit, group, schema, policies, manual, completions
	$(Q)$(INSTALL) -D -m 0755 $(B)/vmseg-hostd $(D)$(sbindir)/vmseg-hostd
	$(Q)$(INSTALL) -D -m 0755 $(B)/vmseg $(D)$(bindir)/vmseg
	$(Q)$(INSTALL) -D -m 0755 $(B)/vmseg-hook $(D)$(hookdir)/qemu.d/vmseg
	$(Q)$(INSTALL) -D -m 0755 $(B)/vmseg-hook $(D)$(hookdir)/lxc.d/vmseg
	$(Q)$(INSTALL) -d $(D)$(unitdir) $(D)$(datadir)/vmseg/policies $(D)$(sysconfdir)/vmseg/policies
	$(Q)sed 's|@sbindir@|$(sbindir)|g' packaging/systemd/vmseg-hostd.service \
		>$(D)$(unitdir)/vmseg-hostd.service
	$(Q)$(INSTALL) -m 0644 $(SCHEMAS) $(D)$(datadir)/vmseg/
	$(Q)$(INSTALL) -m 0644 $(wildcard policies/*.xml) $(D)$(datadir)/vmseg/policies/
	$(Q)test -e $(D)$(sysconfdir)/vmseg/hostd.conf || \
		$(INSTALL) -m 0644 $(B)/hostd.conf $(D)$(sysconfdir)/vmseg/hostd.conf
	$(Q)for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 0644 $$page $(D)$(mandir)/man$${page##*.}/$${page##*/}; done
	$(Q)$(INSTALL) -D -m 0644 packaging/sysusers.d/vmseg.conf $(D)$(sysusersdir)/vmseg.conf
	$(Q)$(INSTALL) -D -m 0644 $(BASH_COMPLETION) \
		$(D)$(datadir)/bash-completion/completions/vmseg
	$(Q)$(INSTALL) -D -m 0644 packaging/completions/vmseg.zsh $(D)$(datadir)/zsh/vendor-completions/_vmseg

# What an admin has written stays: hostd.conf and the policy directory.
uninstall: ## remove what install has put there, but no configuration
	$(Q)rm -f $(D)$(sbindir)/vmseg-hostd $(D)$(bindir)/vmseg $(D)$(hookdir)/qemu.d/vmseg \
		$(D)$(hookdir)/lxc.d/vmseg $(D)$(unitdir)/vmseg-hostd.service \
		$(D)$(sysusersdir)/vmseg.conf \
		$(D)$(datadir)/bash-completion/completions/vmseg \
		$(D)$(datadir)/zsh/vendor-completions/_vmseg \
		$(foreach page,$(MAN_PAGES),$(D)$(mandir)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	$(Q)rm -rf $(D)$(datadir)/vmseg

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)

clean: ## remove everything that was built
	$(Q)rm -rf build build-asan build-coverage build-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests unit-tests coverage unit-coverage test check run-check check-integration check-kernels check-root build-asan build-fuzz \
	fuzz fuzzers churn differential chaos bench bench-page bench-baseline bench-hotplug update-golden protocol-page schema verifier-report demo deps fmt lint lint-format \
	lint-tidy lint-shell lint-manual install uninstall clean help
