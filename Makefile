# Everything here needs Rust, a C compiler, make and Python 3. nextest is used where it is installed: it runs
# each test in a process of its own. Without it, cargo's own runner gives the same answer.

RUNNER := $(shell cargo nextest --version >/dev/null 2>&1 && echo "nextest run" || echo test)

# The engines that read snapshots in the tests. Made once, and again when the list changes.
VENV := $(or $(CARGO_TARGET_DIR),target)/venv
ENGINES := tests/readers/requirements.txt

.PHONY: all test format lint pages tests bench docs

all: test

# Format, lints and documentation with warnings as errors, all tests.
test: format lint pages tests

format:
	cargo fmt --check

lint:
	cargo clippy --all-targets -- -D warnings

pages:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

tests: $(VENV)/made
	cargo $(RUNNER)

$(VENV)/made: $(ENGINES)
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(ENGINES)
	cp $(ENGINES) $@

# Speed and requests, measured on this machine.
bench:
	cargo bench

# Writes docs/tables.md and the README's option table again from the code.
docs:
	UPDATE_DOCS=1 cargo test --test it docs::
