# Each target does its own set-up. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help docs demo test build-tests unit consumers readme lint fuzz bench format check

# What the library itself needs, and what the tests speak to: a plain `swift test` leaves out what is not installed.
LIBRARY_PACKAGES := zlib1g-dev
TEST_PACKAGES := nginx curl python3 nghttp2-client wrk netcat-openbsd
# Not every system has it under this name: the tests with a browser are left out without it.
BROWSER_PACKAGE := chromium-headless-shell

# SwiftPM takes this flag back for the packages that we depend on, so that only our own targets are built with it.
# Everything below uses the one build that it makes.
STRICT := -Xswiftc -warnings-as-errors

FUZZ_SECONDS ?= 60
SWIFT_FILES = find Package.swift Sources Tests \( -name '.build*' -o -path Tests/Consumers \) -prune \
	-o -name '*.swift' -print0

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Install what is missing, build, and run the example gateway
	@.ci/packages $(LIBRARY_PACKAGES)
	swift run ExampleServer

test: ## Install what is missing; build without warnings, test, compile the consumers and the README, lint, fuzz
	@.ci/packages $(LIBRARY_PACKAGES) $(TEST_PACKAGES)
	@.ci/packages --if-there $(BROWSER_PACKAGE)
	@$(MAKE) --no-print-directory lint unit consumers readme fuzz

check: lint unit consumers ## Lint, test and compile the consumers: before every commit

build-tests:
	swift build --build-tests $(STRICT)

unit: build-tests ## Build, and run the tests
	swift test --skip-build --disable-xctest --no-parallel

consumers: build-tests ## Compile both consumers of the public contract, and run the one that answers
	@diff Tests/Consumers/Plain.expected <("$$(swift build --show-bin-path)"/ConsumerContract) \
		&& echo "The consumers of the contract compile, and the first answers as expected."

readme: ## Build and test the package that the README describes, outside of the tree
	@.ci/readme

lint: ## Check the format
	@$(SWIFT_FILES) | xargs -0 swift format lint --strict --parallel

docs: ## Convert the documentation catalogue; a broken link is an error. Needs docc, which comes with the toolchain
	swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members > .build/symbols.log
	@rm -rf .build/catalogue && mkdir -p .build/catalogue/symbols
	@cp "$$(swift build --show-bin-path)"/../symbolgraph/Middleware.symbols.json .build/catalogue/symbols/
	docc convert Sources/Middleware/Middleware.docc --warnings-as-errors --output-dir .build/catalogue/out \
		--additional-symbol-graph-dir .build/catalogue/symbols \
		--fallback-display-name Middleware --fallback-bundle-identifier middleware

format: ## Format the sources
	@$(SWIFT_FILES) | xargs -0 swift format --in-place --parallel

fuzz: ## Feed the parsers for FUZZ_SECONDS, 60 unless told
	Tests/Fuzz/run.sh $(FUZZ_SECONDS)

bench: ## Compare with nginx and HAProxy on this machine
	Tests/Benchmarks/run.sh
