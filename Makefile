# Pitwall. `make help` lists the targets. All of them need Go, make and git alone; `make test` says what else it could use.
.DEFAULT_GOAL := help
.PHONY: help demo test chaos model build bench lint cross compose-test release release-twice clean

# The demo: a whole stack for one campaign, forgotten afterwards.
DEMO ?= bin/starter dev --ephemeral --demo examples/quickstart

# What the bench takes, such as BENCH="-n 50 -o bench.json".
BENCH ?=

# Parts of the tests, such as PARTS="unit race"; default all.
PARTS ?=

# What chaos takes: the seed of drawn pairs and of the random mode, how long that goes on, the case to begin with, and how
# many cases run side by side (they mostly wait).
SEED ?= 1
DURATION ?= 0s
FROM ?=
CHAOS_PARALLEL ?= 8

# Where starter and worker run against a remote Daytona; local sandboxes need Linux.
CROSS := darwin/arm64 windows/amd64 windows/arm64

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Run examples/quickstart on a stack of its own: Temporal, local sandboxes, a worker
	@$(DEMO)

test: ## Run all tests; the last lines say which part was not run, and why
	@tools/test.sh $(PARTS)

chaos: build ## Break everything at every boundary (≤ 90 min); FROM=ID resumes, DURATION=20m SEED=1 is the random mode
	@go test -c -o bin/chaos.test ./test/chaos
	@cd test/chaos && ../../bin/chaos.test -full -seed $(SEED) -from '$(FROM)' -duration $(DURATION) \
	  -test.timeout 4h -test.parallel $(CHAOS_PARALLEL)

model: ## Check the formal model of slots and leases with spin, and that it can fail
	@tools/model.sh

build: ## Build bin/starter, bin/worker, bin/toolbox, bin/temporal-dev and bin/runsc
	@tools/build.sh

bench: build ## Measure latency and throughput; prints JSON and a table
	@go run ./bench $(BENCH)

lint: ## Run gofumpt, workflowcheck and golangci-lint
	@tools/lint.sh

cross: ## Check that starter and worker build for macOS and Windows
	@for target in $(CROSS); do \
	  echo "build starter and worker for $$target"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./starter || exit 1; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./worker || exit 1; \
	done

compose-test: ## Bring docker-compose.yml up and break it (Linux, root; Debian: docker.io docker-compose debootstrap)
	@deploy/compose-test.sh

release: ## Make dist/: reproducible archives for Linux, macOS and Windows, their checksums and SBOMs
	@go run ./tools/release

release-twice: ## Prove that a release can be made again with the same bytes (5 min a target)
	@tools/release-twice.sh

clean: ## Remove bin/ and dist/
	rm -rf bin dist
