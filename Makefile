# The ways to build, test and try Gimlet. `make help` lists them; CI runs the same names.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
# Outside the checkout, so that a fresh clone builds upon what was built before.
export CARGO_TARGET_DIR ?= $(CACHE)/gimlet/target
# Where the shared cluster and Gitea keep their state (see e2e/README.md).
export E2E_STATE ?= $(CACHE)/gimlet-e2e

# Linking is a large part of a rebuild: use the fastest linker that is installed. All targets get
# the same flags, for other flags mean that everything is compiled anew.
ifeq ($(origin CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS),undefined)
ifndef RUSTFLAGS
LINKER := $(shell for l in mold lld; do \
	echo 'int main(){}' | gcc -x c -fuse-ld=$$l -o /dev/null - 2>/dev/null && { echo $$l; break; }; done)
ifneq ($(LINKER),)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS := -Clink-arg=-fuse-ld=$(LINKER)
endif
endif
endif

# Public charts that some tests render, where they are at hand.
ifneq ($(wildcard ../shared/charts/*),)
export GIMLET_CHARTS ?= $(abspath ../shared/charts)
endif

SCRIPTS = $(wildcard e2e/*.sh .ci/*)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## bring up a cluster without containers, install Gimlet, make a release
	e2e/demo.sh

.PHONY: demo-stop
demo-stop: ## stop what the demo started
	e2e/demo.sh stop

.PHONY: test
test: lint web-test tools ## everything that CI runs: lint, the dashboard's pages, then all tests with a cluster and a Gitea
	e2e/with.sh cargo test --workspace

.PHONY: test-unit
test-unit: ## the tests of all crates but e2e, without a cluster (with helm and sops as judges, if they are built)
	@bin=$$(e2e/cluster.sh where); if [ -x "$$bin/helm" ]; then export GIMLET_HELM=$$bin/helm; fi; \
	if [ -x "$$bin/unsops" ]; then export GIMLET_UNSOPS=$$bin/unsops; fi; \
	set -x; cargo test --workspace --exclude gimlet-e2e

.PHONY: test-e2e
test-e2e: tools web ## the tests that need a cluster and a Gitea
	e2e/with.sh cargo test -p gimlet-e2e

.PHONY: man
man: ## write the man pages of the command line into the target folder
	cargo run -q -p gimlet-cli --bin gimlet -- man "$(CARGO_TARGET_DIR)/man"

.PHONY: lint
lint: fmt-check clippy shellcheck deny ## format, clippy, shellcheck, licences and bans

.PHONY: fmt-check
fmt-check:
	cargo fmt --all -- --check

.PHONY: clippy
clippy:
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: shellcheck
shellcheck:
	@if command -v shellcheck >/dev/null; then shellcheck -x $(SCRIPTS); \
	else echo "skipped: shellcheck is not installed"; fi

# Advisories need the network, so they are left out: make audit
.PHONY: deny
deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check licenses bans sources; \
	else echo "skipped: cargo-deny is not installed (cargo install cargo-deny --locked)"; fi

.PHONY: audit
audit: ## look for published flaws of all dependencies (cargo-deny, npm; needs the network)
	cargo deny --log-level error check advisories
	cd $(WEB) && npm audit

.PHONY: sbom
sbom: ## write what each program and the pages are made of into the target folder (cargo-cyclonedx, npm, jq)
	.ci/sbom "$(CARGO_TARGET_DIR)/sbom"

.PHONY: reproducible
reproducible: ## build the programs twice in different folders and compare the bytes (PROFILE=dist: as in the image)
	.ci/reproducible

.PHONY: build
build: web ## build the operator, the dashboard with its pages, the agent and the CLI
	cargo build -p gimlet-operator -p gimlet-dashboard -p gimlet-agent -p gimlet-cli

WEB = dashboard/web

.PHONY: web
web: $(WEB)/dist/index.html ## build the dashboard's pages into dashboard/web/dist (Node 20.19 or newer)

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB)/index.html $(WEB)/vite.config.mts $(shell find $(WEB)/src -type f)
	cd $(WEB) && npm run build

.PHONY: web-test
web-test: web ## check the dashboard's pages: format, types, unit tests; and every screen, where there is a Chromium
	cd $(WEB) && npm run check
	@if command -v chromium >/dev/null || [ -n "$${CHROMIUM:-}" ]; then cd $(WEB) && npm run screens; \
	else echo "skipped: chromium is not installed (apt-get install chromium)"; fi

.PHONY: tools
tools: ## build the control plane's tools (about 7 minutes the first time)
	e2e/cluster.sh build

.PHONY: up
up: ## start the cluster and the Gitea that tests share, and leave them running
	e2e/cluster.sh up
	e2e/gitea.sh up

.PHONY: down
down: ## stop them
	e2e/gitea.sh down
	e2e/cluster.sh down

.PHONY: crds
crds: ## write config/crd from the types
	@mkdir -p config/crd
	cargo run --quiet -p gimlet-crds --features generate --bin crdgen -- config/crd

# Every target has a folder with its corpus. The shipped profile has no checks that a fuzzer could see fail.
FUZZ_TARGETS ?= $(notdir $(wildcard fuzz/corpus/*))
fuzz: export CARGO_TARGET_DIR := $(CARGO_TARGET_DIR)/fuzz
fuzz: export CARGO_PROFILE_RELEASE_DEBUG := line-tables-only
fuzz: export CARGO_PROFILE_RELEASE_STRIP := none
fuzz: export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS := true
fuzz: export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS := true

.PHONY: fuzz
fuzz: ## feed every parser of outside bytes what a fuzzer makes, FUZZ_SECONDS (60) for each of FUZZ_TARGETS (nightly Rust, cargo-fuzz)
	@for target in $(FUZZ_TARGETS); do \
		case $$target in \
			templates) dictionary=templates ;; \
			values|yaml|split|manifest|variables|patches|indexes) dictionary=yaml ;; \
			*) dictionary= ;; \
		esac; \
		mkdir -p $(CACHE)/gimlet/fuzz/$$target; \
		cargo +nightly fuzz run --fuzz-dir fuzz --features fuzzer -s none $$target $(CACHE)/gimlet/fuzz/$$target \
			fuzz/corpus/$$target -- -max_total_time=$${FUZZ_SECONDS:-60} \
			-timeout=20 -rss_limit_mb=4096 $${dictionary:+-dict=fuzz/dictionaries/$$dictionary.dict}; \
	done

.PHONY: soak
soak: ## kill a writing process GIMLET_TEST_KILLS times, compare GIMLET_TEST_BATCHES random batches with git (200 and 1,000)
	GIMLET_TEST_KILLS=$${GIMLET_TEST_KILLS:-200} GIMLET_TEST_BATCHES=$${GIMLET_TEST_BATCHES:-1000} \
		cargo test -p gimlet-gitops --test wire --test runner -- killed_at_any_moment random_batches

.PHONY: chaos
chaos: tools ## play CHAOS_ROUNDS rounds (100) from CHAOS_SEED (1) on, CHAOS_JOBS (1) side by side, in which everything goes wrong: some 15 s each
	CHAOS_ROUNDS=$${CHAOS_ROUNDS:-100} cargo test -p gimlet-e2e --test chaos -- --nocapture nothing_is_lost

.PHONY: bench
bench: tools web ## measure releases, large repositories, rendering and agents (BENCH="--only c --quick")
	cargo build --release -p gimlet-operator -p gimlet-agent -p gimlet-dashboard
	cargo run --release -p gimlet-e2e --bin bench -- $(BENCH)

.PHONY: clean
clean: ## stop the cluster and the Gitea, delete their state and all that cargo built
	e2e/gitea.sh destroy
	e2e/cluster.sh destroy
	cargo clean
