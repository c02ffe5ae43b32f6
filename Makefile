# SPDX-License-Identifier: BSD-3-Clause
# The usual words for those who type make; the build itself is meson's.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all setup test check demo bench module install clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup --prefix=$(PREFIX) $(BUILD)

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

module:
	$(MAKE) -C guest-kmod

install: all
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)
