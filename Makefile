# Everything a developer does with this repository. `make` alone lists it. ARGS= is passed on:
#   make demo ARGS="--once --json"      make test ARGS="tests/unit -k settings"
# Written for GNU make 3.81 and later, with a POSIX shell.

.DEFAULT_GOAL := help
.PHONY: help install demo up test soak unit check fmt bench lock clean

PYTHON := .venv/bin/python
COMMAND := .venv/bin/protiv-buildertrend
COMPILE := .venv/bin/uv pip compile -q --no-annotate --universal --generate-hashes --no-emit-index-url pyproject.toml \
	--custom-compile-command "make lock"

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  ARGS="..." is passed on to the command behind demo, up, test, soak, unit and bench.'

install: ## Make .venv and install the pinned requirements, if they changed
	@sh scripts/install.sh

demo: install ## Start everything with a simulated Buildertrend, sync a company and show the result
	@$(COMMAND) demo $(ARGS)

up: install ## Start the embedded stack and all services, without the simulated Buildertrend
	@$(COMMAND) up $(ARGS)

test: install ## Run every test
	@$(PYTHON) -m pytest -n 2 --dist loadfile --durations 25 --durations-min 5 $(ARGS)

soak: install ## Run every test with the many rounds of a release; takes long
	@PROTIV_SOAK=1 $(PYTHON) -m pytest -n 2 --dist loadfile -o timeout=3600 -o faulthandler_timeout=7200 $(ARGS)

unit: install ## Run the tests that need no service
	@$(PYTHON) -m pytest tests/unit $(ARGS)

check: install ## Check style, types, import rules and what schemas mean; all five, also when one fails
	@status=0; \
	$(PYTHON) -m ruff check . || status=1; \
	$(PYTHON) -m ruff format --check . || status=1; \
	$(PYTHON) -m mypy || status=1; \
	.venv/bin/lint-imports || status=1; \
	$(PYTHON) -m schemas.meaning || status=1; \
	exit $$status

fmt: install ## Format the code and mend what can be mended by itself
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .

bench: install ## Measure, into benchmarks/results.json
	@$(PYTHON) -m benchmarks $(ARGS)

lock: install ## Resolve the versions in pyproject.toml and embedded/lock.py anew, with their hashes
	@$(COMPILE) -o requirements.txt
	@$(COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt
	@$(PYTHON) -m embedded.lock

clean: ## Remove .venv, .data and caches, without asking
	@for path in .venv .data .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist; do \
		if [ -e "$$path" ]; then echo "removing $$path"; rm -rf "$$path"; fi; \
	done
	@echo "removing __pycache__ folders"
	@find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
