# svdir: every target is listed by `make help`.
#
# Each build flavour has a folder of its own: build/ (release), build/asan, build/faults, build/cover. Programs and
# test programs land in the flavour's folder, objects below it in obj/.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.DEFAULT_GOAL := all

# --- What is needed, and from where: Debian packages, the one list -----------------------------------------------
BUILD_PACKAGES := g++ make libuv1-dev libinih-dev libcli11-dev libfmt-dev nlohmann-json3-dev catch2
TEST_PACKAGES  := runit daemontools nginx-light redis-server postgresql busybox-static libsystemd-dev rsyslog \
                  python3 curl util-linux procps
BENCH_PACKAGES := s6 wrk
TIDY_PACKAGES  := clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev

# --- Flavours ------------------------------------------------------------------------------------------------------
FLAVOUR ?= release
CXX := g++
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
OUT_release := build
OUT := $(or $(OUT_$(FLAVOUR)),build/$(FLAVOUR))
OBJ := $(OUT)/obj

CXXFLAGS := -std=c++23 -DFMT_HEADER_ONLY $(CXXFLAGS_$(FLAVOUR)) $(WARNINGS) -ffunction-sections -fdata-sections -fno-plt -I. -MMD -MP
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

$(OBJ)/%.o: %.cpp
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
$(OBJ)/simulated/%.o: %.cpp tests/simulation/calls
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -fno-builtin -include tests/simulation/cannot_throw.h -c -o $@ $<
	objcopy --redefine-syms=tests/simulation/calls $@

$(OUT)/tests/simulation: $(call objects,tests/simulation) $(call objects,tests/support) $(SIMULATED)
	@mkdir -p $(@D)
	$(CXX) $(filter-out -static,$(LDFLAGS)) -o $@ $^ -lCatch2WithMain -linih

suites: programs $(SUITES:%=$(OUT)/tests/%)

# Programs that tests kill before a chosen system call; see lib/system.cpp.
FAULTY := svlogd
faulty:
	$(MAKE) FLAVOUR=faults $(FAULTY:%=build/faults/%)

test: deps-test
	$(MAKE) suites faulty
	tests/run $(OUT)

asan: deps-test
	$(MAKE) FLAVOUR=asan suites faulty
	tests/run build/asan

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

install: programs
	install -d $(BINDIR)
	install $(PROGRAMS:%=$(OUT)/%) $(BINDIR)
	for page in $(PAGES); do install -D -m 644 $$page $(MANDIR)/man$${page##*.}/$${page##*/}; done

uninstall:
	rm -f $(PROGRAMS:%=$(BINDIR)/%)
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
	@echo "bench        measure beside runit, daemontools and s6"
	@echo "bench-log    measure svlogd beside the other loggers and cat"
	@echo "check        verify who includes whom"
	@echo "tidy format format-check    clang-tidy and clang-format"
	@echo "install uninstall           under PREFIX (default /usr/local), honours DESTDIR"
	@echo "clean        remove build/"

.PHONY: all programs suites faulty test asan bench bench-log demo check tidy format format-check install uninstall clean help \
        deps-build deps-test deps-bench deps-tidy
-include $(shell find build -name '*.d' 2>/dev/null)
