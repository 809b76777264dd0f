# `make demo` and `make test` set up what they need; everything else is a part of them.
SHELL := /bin/bash
GRADUS := .build/release/gradus

.PHONY: demo test setup build reproduce-quick sanitize fuzz portability clean help

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: build ## the main job, end to end: retrieve, re-rank, train with a curriculum, evaluate
	@scripts/demo.sh $(GRADUS)

test: ## build and pass all tests
	@scripts/setup-debian.sh --optional
	@scripts/test.sh

reproduce-quick: ## every recipe small, on the data that is here, with the command that was built last
	@scripts/reproduce-quick.sh

setup: ## install the Debian packages that the build needs
	@scripts/setup-debian.sh

build: setup ## the gradus command, in release mode
	swift build -c release --product gradus

sanitize: setup ## kernels and index under the address, undefined-behaviour and thread sanitizers
	@scripts/sanitize.sh

fuzz: setup ## random input for every reader of files, SECONDS_EACH (60) for each
	@scripts/fuzz.sh

portability: setup ## the C kernels for arm64 and old x86-64, compiled and run (qemu), to the bit
	@scripts/check-portability.sh

clean: ## remove what was built; fetched models and collections stay
	rm -rf .build .build-* .gradus
