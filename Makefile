# SPDX-License-Identifier: BSD-3-Clause
# The usual words for those who type make; the build itself is meson's.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all help setup test check demo bench evaluate module install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup --prefix=$(PREFIX) $(BUILD)

help:
	@echo 'make            build into $(BUILD) (BUILD=...)'
	@echo 'make setup      install the Debian packages for everything below'
	@echo 'make test       build and run every test; make check: static checks only'
	@echo 'make demo       see it work; make bench: see how fast it is'
	@echo 'make evaluate   RT latency against other ways to connect a guest'
	@echo 'make module     outsock.ko for the running kernel, in guest-kmod/ (KVER=...)'
	@echo 'make install    outsockd, outsockctl, man pages, systemd unit under $(PREFIX) (PREFIX=...)'
	@echo 'make clean      remove $(BUILD) and what make module built'

setup:
	scripts/setup

test:
	scripts/test

check:
	scripts/check

demo:
	scripts/demo

bench:
	scripts/bench

evaluate:
	scripts/evaluate

module:
	$(MAKE) -C guest-kmod

install: all
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)
	find guest-kmod \( -name '*.ko' -o -name '*.o' -o -name '*.mod*' -o -name '.*.cmd' \
		-o -name modules.order -o -name Module.symvers \) -delete
