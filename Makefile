# What a person types. The work is Meson's (meson.build) and the scripts' (tools/); this file only
# says which. A bare Debian 12 needs make and git; the rest is installed and fetched (tools/setup,
# tools/fetch).
.PHONY: all help setup fetch demo check bench sim-nightly fuzz lint format install uninstall
.PHONY: clean distclean
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

BUILD := build
FUZZ_SECONDS ?= 600
SIM_SECONDS ?= 600

help:
	@echo 'make          build build/allium'
	@echo 'make demo     eight nodes on this machine, a download from a service, a relay that dies'
	@echo 'make check    every test: gcc, clang with sanitizers, WebAssembly; checks and lint'
	@echo 'make bench    measure; JSON in bench/results/ and a table'
	@echo 'make sim-nightly  simulate fresh seeds for SIM_SECONDS (600) seconds'
	@echo 'make fuzz     run each fuzz target for FUZZ_SECONDS (600) seconds'
	@echo 'make verify   check the models of proofs/ (installs spin)'
	@echo 'make lint     clang-format and clang-tidy over what changed'
	@echo 'make format   let clang-format rewrite our files'
	@echo 'make install  install the program, its manual and its unit (PREFIX, DESTDIR)'
	@echo 'make clean    remove what was built; distclean: what was fetched, too'
	@echo 'ALLIUM_SOURCES=FOLDER takes the third-party sources from there instead of the network.'

setup:
	@tools/setup build

fetch: setup
	@tools/fetch

$(BUILD)/build.ninja: | fetch
	@mkdir -p $(BUILD)
	@CC=gcc meson setup $(if $(PREFIX),--prefix $(PREFIX)) $(BUILD) >$(BUILD)/setup.log 2>&1 \
	  || { grep -E 'ERROR' $(BUILD)/setup.log || cat $(BUILD)/setup.log; exit 1; }

all: fetch $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(if $(V),-v,--quiet)

demo: all
	@tools/demo

check:
	@tools/setup check
	@tools/fetch
	@tools/check

bench: all
	@tools/bench

sim-nightly: all
	@tools/sim-nightly $(SIM_SECONDS)

fuzz:
	@tools/setup check
	@tools/fetch
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz

verify:
	@tools/setup verify
	@tools/verify

lint:
	@tools/setup check
	@tools/fetch
	@tools/lint

format:
	@tools/setup check
	@tools/lint --format

install: all
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

uninstall:
	@ninja -C $(BUILD) uninstall

clean:
	rm -rf $(BUILD)

distclean: clean
	rm -rf subprojects/src subprojects/src.new subprojects/cache
