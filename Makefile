# Two commands to know: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: demo test bench clean venv help

help:
	@echo "make demo              everything on this machine, until Ctrl-C"
	@echo "make test              every check"
	@echo "make bench NAME=x      one measurement; without NAME: which there are"
	@echo "make clean             stops what still runs; removes var/ and caches, keeps .venv/"

demo: .venv/runs
	@exec $(PYTHON) -m config.up

test: .venv/tests
	@echo "- ruff"; .venv/bin/ruff check . && .venv/bin/ruff format --check .
	@echo "- mypy"; .venv/bin/mypy
	@echo "- page scripts"; bash config/check_scripts.sh
	@echo "- tests (import contracts and migrations among them)"; .venv/bin/pytest -n 2 --dist loadfile

bench: .venv/tests
	@if [ -z "$(NAME)" ]; then \
		echo "make bench NAME=... [ARGS=...]; there are:"; \
		ls benchmarks/*.py | sed -n 's|^benchmarks/\([a-z][a-z0-9_]*\)\.py$$|  \1|p'; \
	elif [ -f "benchmarks/$(NAME).py" ]; then \
		exec $(PYTHON) -m benchmarks.$(NAME) $(ARGS); \
	else \
		echo "There is no benchmark $(NAME); make bench lists them."; exit 2; \
	fi

clean:
	@var="$${PENUMBRA_VAR:-var}"; if [ -x $(PYTHON) ] && [ -d "$$var" ]; then $(PYTHON) -m config.up --stop; fi; \
	rm -rf "$$var" .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

venv: .venv/tests

# A stamp per requirements file: packages are installed once, and again when a file changes.
.venv/runs: requirements.txt
	@bash config/venv.sh requirements.txt && touch $@

.venv/tests: requirements-dev.txt requirements.txt
	@bash config/venv.sh requirements-dev.txt && touch .venv/runs $@
