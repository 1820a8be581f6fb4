# Everything here needs Rust, a C compiler, make and Python 3; the tests also zsh and fish. nextest is used where it is installed: it runs
# each test in a process of its own. Without it, cargo's own runner gives the same answer.

RUNNER := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo test)

# The engines that read snapshots in the tests. Made once, and again when the list changes.
VENV := $(or $(CARGO_TARGET_DIR),target)/venv
ENGINES := tests/readers/requirements.txt

# Those that the completion scripts are for.
SHELLS := bash zsh fish

.PHONY: all test format lint pages tests shells bench soak soak-kills soak-fuzz soak-model soak-nights docs

all: test

# Format, lints and documentation with warnings as errors, all tests.
test: format lint pages tests

format:
	cargo fmt --check

lint:
	cargo clippy --all-targets -- -D warnings

pages:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

tests: $(VENV)/made shells
	cargo $(RUNNER)

# The shells that the tests complete in. Installed where that needs no question; elsewhere the tests of a shell
# that is missing say so.
shells:
	@missing=$$(for shell in $(SHELLS); do command -v $$shell >/dev/null || echo $$shell; done); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update --quiet --quiet && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends $$missing; \
	fi

$(VENV)/made: $(ENGINES)
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(ENGINES)
	cp $(ENGINES) $@

# Speed and requests, measured on this machine.
bench:
	cargo bench

# Long runs: kills, mutated pages, nights of large desks and cases of the model, or one of them. SOAK_MINUTES bounds the whole, 90 unless set.
soak:
	cargo bench --bench soak -- all

soak-kills:
	cargo bench --bench soak -- kills

soak-fuzz:
	cargo bench --bench soak -- fuzz

soak-model:
	cargo bench --bench soak -- model

soak-nights:
	cargo bench --bench soak -- nights

# Writes docs/tables.md, the option table of docs/options.md and the named queries of docs/queries.md again from the code.
docs:
	UPDATE_DOCS=1 cargo test --test it docs::
