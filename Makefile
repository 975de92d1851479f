# svdir: every target is listed by `make help`.
#
# Each build flavour has a folder of its own: build/ (release), build/asan, build/faults, build/cover. Programs and
# test programs land in the flavour's folder, objects below it in obj/.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.DEFAULT_GOAL := all

# --- What is needed, and from where: Debian packages, the one list -----------------------------------------------
BUILD_PACKAGES := g++ make libuv1-dev libinih-dev nlohmann-json3-dev catch2
TEST_PACKAGES  := runit daemontools nginx-light redis-server postgresql busybox-static libsystemd-dev rsyslog zstd \
                  python3 curl util-linux procps perl wrk
BENCH_PACKAGES := s6
TIDY_PACKAGES  := clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev

# --- Flavours ------------------------------------------------------------------------------------------------------
FLAVOUR ?= release
CXX_fuzz := clang++-19
CXX := $(or $(CXX_$(FLAVOUR)),g++)
# -Wno-restrict: false alarms of g++ 12 on std::string (GCC bug 105651).
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wold-style-cast -Wundef -Wno-restrict
CXXFLAGS_release := -O2 -g
CXXFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CXXFLAGS_faults  := -O1 -g -DSVDIR_FAULTS
CXXFLAGS_cover   := -O0 -g --coverage
LDFLAGS_release  := -static -Wl,--gc-sections
LDFLAGS_asan     := -fsanitize=address,undefined
LDFLAGS_faults   := -static
LDFLAGS_cover    := --coverage
CXXFLAGS_fuzz    := -Wno-unknown-warning-option -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_fuzz     := -fsanitize=fuzzer,address,undefined
OUT_release := build
OUT := $(or $(OUT_$(FLAVOUR)),build/$(FLAVOUR))
OBJ := $(OUT)/obj

CXXFLAGS := -std=c++23 $(CXXFLAGS_$(FLAVOUR)) $(WARNINGS) -ffunction-sections -fdata-sections -fno-plt -I. -MMD -MP
# The programs that run once per service throw nothing.
SMALL := -fno-exceptions -fno-rtti
LDFLAGS := $(LDFLAGS_$(FLAVOUR))
UV  := $(shell ls /usr/lib/*/libuv_a.a 2>/dev/null | head -1)
UV_LIBS := $(or $(UV),-luv) -lpthread -ldl

# --- Programs ------------------------------------------------------------------------------------------------------
PROGRAMS := svscan supervise svctl svlogd svrun
sources = $(sort $(wildcard $(1)/*.cpp))
objects = $(patsubst %.cpp,$(OBJ)/%.o,$(call sources,$(1)))
# What unit tests link: everything of a program but its main.
parts = $(filter-out %/main.o,$(call objects,$(1)))

LIB := $(OBJ)/libsvdir.a

# A make of its own, because what a variable of this file finds may only just have been installed.
all: deps-build
	$(MAKE) programs
programs: $(PROGRAMS:%=$(OUT)/%)

$(OBJ)/svctl/%.o $(OBJ)/svrun/%.o $(OBJ)/tests/%.o: SMALL :=
# Tests are compiled more often than they run; what they test is optimised all the same.
$(OBJ)/tests/unit/%.o $(OBJ)/tests/integration/%.o $(OBJ)/tests/support/%.o: CXXFLAGS += -O0
# svrun must reach every NSS module, so it alone is linked dynamically: to libc, and to nothing else.
$(OUT)/svrun: LDFLAGS := $(patsubst -static,-static-libstdc++ -static-libgcc,$(LDFLAGS)) -Wl,--as-needed
LIBS_svrun := -Wl,-Bstatic -linih -Wl,-Bdynamic

$(LIB): $(call objects,lib)
	@rm -f $@
	ar rcs $@ $^


LIBS_all := -linih

# lib/static/ goes only where -static does.
$(foreach program,$(filter-out svrun,$(PROGRAMS)),$(eval $(OUT)/$(program): $(if $(findstring -static,$(LDFLAGS)),$(call objects,lib/static))))

define link_program
$(OUT)/$(1): $(call objects,$(1)) $(LIB)
	$$(CXX) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS_all) $$(UV_LIBS)
endef
$(foreach program,$(PROGRAMS),$(eval $(call link_program,$(program))))

$(OBJ)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(SMALL) -c -o $@ $<

# --- Tests ---------------------------------------------------------------------------------------------------------
SUITES := $(foreach suite,unit simulation integration,$(if $(wildcard tests/$(suite)/*.cpp),$(suite)))

define link_suite
$(OUT)/tests/$(1): $(call objects,tests/$(1)) $(call objects,tests/support) $(foreach program,$(PROGRAMS),$(call parts,$(program))) $(LIB)
	@mkdir -p $$(@D)
	$$(CXX) $$(filter-out -static,$$(LDFLAGS)) -o $$@ $$^ -lCatch2WithMain -linih $$(UV_LIBS)
endef
$(foreach suite,$(filter-out simulation,$(SUITES)),$(eval $(call link_suite,$(suite))))

# The simulation links supervise and lib once more, with their calls of the C library leading into a kernel in a box
# (tests/simulation/kernel.h); throwing is how a process is killed in there.
SIMULATED_SOURCES := $(filter-out supervise/main.cpp lib/loop.cpp lib/spawn.cpp lib/signals.cpp lib/system.cpp, \
                                  $(wildcard supervise/*.cpp lib/*.cpp))
SIMULATED := $(SIMULATED_SOURCES:%.cpp=$(OBJ)/simulated/%.o)
$(OBJ)/simulated/%.o: %.cpp tests/simulation/calls Makefile
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -fno-builtin -include tests/simulation/cannot_throw.h -c -o $@ $<
	objcopy --redefine-syms=tests/simulation/calls $@

$(OUT)/tests/simulation: $(call objects,tests/simulation) $(call objects,tests/support) $(SIMULATED)
	@mkdir -p $(@D)
	$(CXX) $(filter-out -static,$(LDFLAGS)) -o $@ $^ -lCatch2WithMain -linih

# Each parser of bytes from outside is a program of its own: with libFuzzer in the fuzz flavour, else with a main that
# replays files. The rest of the program it belongs to comes from an archive, so that only what it needs is linked.
FUZZERS := $(patsubst tests/fuzz/%_fuzz.cpp,%,$(wildcard tests/fuzz/*_fuzz.cpp))
PARTS := $(OBJ)/libparts.a
$(PARTS): $(foreach program,$(PROGRAMS),$(call parts,$(program)))
	@rm -f $@
	ar rcs $@ $^

$(OUT)/tests/fuzz/%: $(OBJ)/tests/fuzz/%_fuzz.o $(if $(filter fuzz,$(FLAVOUR)),,$(OBJ)/tests/fuzz/replay.o) $(PARTS) $(LIB)
	@mkdir -p $(@D)
	$(CXX) $(filter-out -static,$(LDFLAGS)) -o $@ $^ -linih $(UV_LIBS)
fuzzers: $(FUZZERS:%=$(OUT)/tests/fuzz/%)

suites: programs $(SUITES:%=$(OUT)/tests/%) fuzzers

# Programs that tests kill before a chosen system call; see lib/system.cpp.
FAULTY := svscan supervise svlogd
faulty:
	$(MAKE) FLAVOUR=faults $(FAULTY:%=build/faults/%)

test: deps-test
	$(MAKE) suites faulty
	tests/run $(OUT)

asan: deps-test
	$(MAKE) FLAVOUR=asan suites faulty
	tests/run build/asan

# The suites once more with counters; prints how much of each file they have run. Programs that are killed count too
# little.
cover: deps-test
	$(MAKE) FLAVOUR=cover suites
	find build/cover -name '*.gcda' -delete
	tests/run build/cover
	tests/cover build/cover

# Searches with libFuzzer for FUZZ_SECONDS per target; what is found stands in build/fuzz/. `make test` replays the
# corpus.
FUZZ_SECONDS ?= 60
fuzz: deps-tidy
	$(MAKE) FLAVOUR=fuzz fuzzers
	tests/fuzz/search build/fuzz $(FUZZ_SECONDS)

bench: deps-bench
	$(MAKE) programs
	tests/bench/run $(OUT)

bench-log: deps-bench
	$(MAKE) programs $(OUT)/log-bench
	$(OUT)/log-bench $(OUT)/svlogd

$(OUT)/log-bench: tests/bench/log_bench.cpp
	$(CXX) -std=c++23 -O2 $(WARNINGS) -o $@ $<

demo: deps-test
	$(MAKE) programs
	examples/demo

# --- The code itself -----------------------------------------------------------------------------------------------
CODE := $(sort $(wildcard lib/*.cpp lib/*.h $(PROGRAMS:%=%/*.cpp) $(PROGRAMS:%=%/*.h) tests/*/*.cpp tests/*/*.h))

check:
	tests/check-layers

tidy: deps-tidy
	clang-tidy-19 --quiet $(filter %.cpp,$(CODE)) -- -std=c++23 -I.

format: deps-tidy
	clang-format-19 -i $(CODE)

format-check: deps-tidy
	clang-format-19 --dry-run --Werror $(CODE)

# --- Installing ----------------------------------------------------------------------------------------------------
PREFIX ?= /usr/local
BINDIR := $(DESTDIR)$(PREFIX)/bin
MANDIR := $(DESTDIR)$(PREFIX)/share/man
PAGES := $(wildcard $(PROGRAMS:%=%/*.[1-8]) lib/*.[1-8])

# The names of runit's and daemontools' tools that our programs also go by (make install-aliases).
ALIASES_svctl := sv svc svok svstat tai64nlocal
ALIASES_supervise := runsv
ALIASES_svscan := runsvdir
ALIASES_svrun := chpst softlimit setuidgid envuidgid envdir pgrphack setlock

install: programs
	install -d $(BINDIR)
	install -s $(PROGRAMS:%=$(OUT)/%) $(BINDIR)
	for page in $(PAGES); do install -D -m 644 $$page $(MANDIR)/man$${page##*.}/$${page##*/}; done

# Not part of install, because in PREFIX they come before the genuine tools. Only what is not there is made.
install-aliases: install
	for program in svctl supervise svscan svrun; do \
	  case $$program in svctl) names="$(ALIASES_svctl)";; supervise) names="$(ALIASES_supervise)";; \
	    svscan) names="$(ALIASES_svscan)";; svrun) names="$(ALIASES_svrun)";; esac; \
	  for name in $$names; do [ -e $(BINDIR)/$$name ] || ln -s $$program $(BINDIR)/$$name; done; done

# Of the aliases only those that are links to our programs.
uninstall:
	for program in $(PROGRAMS); do \
	  find $(BINDIR) -maxdepth 1 -type l -lname $$program -delete; rm -f $(BINDIR)/$$program; done
	for page in $(PAGES); do rm -f $(MANDIR)/man$${page##*.}/$${page##*/}; done

clean:
	rm -rf build

# --- Packages ------------------------------------------------------------------------------------------------------
# Installs what is missing, as root or by sudo; does nothing, quickly, when all is there.
define need
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	  if [ $$(id -u) = 0 ]; then as=; else as=sudo; fi; \
	  $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $$missing; fi
endef
deps-build:
	$(call need,$(BUILD_PACKAGES))
deps-test: deps-build
	$(call need,$(TEST_PACKAGES))
deps-bench: deps-test
	$(call need,$(BENCH_PACKAGES))
deps-tidy:
	$(call need,$(BUILD_PACKAGES) $(TIDY_PACKAGES))

help:
	@echo "all          build the programs into build/ (default)"
	@echo "demo         start the examples under svscan, play with them, stop everything"
	@echo "test         build and run all tests"
	@echo "asan         the same with the address and undefined-behaviour sanitizers"
	@echo "cover        the same, and tell which lines they have run"
	@echo "fuzz         search for bytes that break a parser, FUZZ_SECONDS (60) for each"
	@echo "bench        measure beside runit, daemontools and s6"
	@echo "bench-log    measure svlogd beside the other loggers and cat"
	@echo "check        verify who includes whom"
	@echo "tidy         clang-tidy"
	@echo "format       put the code into shape; format-check only looks"
	@echo "install      programs and manual pages under PREFIX (/usr/local), honours DESTDIR; uninstall takes them away"
	@echo "install-aliases   the names sv, runsv, chpst ... too, where they are not there yet"
	@echo "clean        remove build/"

.PHONY: all programs suites fuzzers faulty test asan cover fuzz bench bench-log demo check tidy format format-check \
        install install-aliases uninstall clean help \
        deps-build deps-test deps-bench deps-tidy
-include $(shell find build -name '*.d' 2>/dev/null)
