# Works with GNU make 3.81 and later, and in an empty environment. `make help` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PATH := $(if $(PATH),$(PATH),/usr/local/bin:/usr/bin:/bin)
export PATH

# Each can be set on the command line: make run PORT=8123
VENV ?= .venv
DATA ?= .data
PYTEST_ARGS ?= -n 2
export VENV DATA

python := $(VENV)/bin/python
install := sh tools/bootstrap.sh
with_database := $(python) -m tools.local_postgres with --data $(DATA)/postgresql --

# What `check --deploy` looks at: a production's environment and nothing of this one.
production = env -i PATH="$(PATH)" DEBUG=0 DEMO=0 REGISTRATION=closed COMPAT= \
	SECRET_KEY="$$($(python) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	ALLOWED_HOSTS=larder.example.com PUBLIC_URL=https://larder.example.com \
	DATABASE_URL=postgresql://larder_app:password@database.example.com/larder

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z\/-]*:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: installed-run ## Start everything at http://127.0.0.1:8000 (PORT=, HOST=, DATA=, WORKERS=, THREADS=, DATABASE_URL=)
	@exec $(python) -m tools.run --end-with-parent

.PHONY: test
test: venv ## Run the tests (PYTEST_ARGS="-n 2")
	@exec $(python) -m pytest $(PYTEST_ARGS)

.PHONY: check
check: lint types walls migrations deploy-check test ## Everything that CI checks

.PHONY: lint
lint: venv ## Format and style, without changing anything
	$(python) -m ruff format --check .
	$(python) -m ruff check .

.PHONY: format
format: venv ## Format the code and mend what can be mended by itself
	$(python) -m ruff format .
	$(python) -m ruff check --fix .

.PHONY: types
types: venv ## Types (mypy)
	$(python) -m mypy

.PHONY: walls
walls: venv ## The walls between the modules (import-linter)
	$(VENV)/bin/lint-imports

.PHONY: migrations
migrations: venv ## No model without its migration
	$(python) manage.py makemigrations --check --dry-run

.PHONY: deploy-check
deploy-check: venv ## Django's checks for a production
	$(production) $(python) manage.py check --deploy --fail-level WARNING

.PHONY: openapi
openapi: venv ## Write docs/openapi/v1.json anew
	$(python) manage.py spectacular --format openapi-json --validate --file docs/openapi/v1.json

.PHONY: makemigrations
makemigrations: venv ## Write the migrations for changed models
	$(python) manage.py makemigrations

.PHONY: migrate
migrate: installed-run ## Migrate the database of `make run`, or that of DATABASE_URL
	@$(with_database) $(python) manage.py migrate

.PHONY: shell
shell: installed-run ## A Python shell on that database
	@$(with_database) $(python) manage.py shell

.PHONY: psql
psql: installed-run ## An SQL shell on that database, as the owner of its tables
	@$(python) -m tools.local_postgres psql --data $(DATA)/postgresql

.PHONY: requirements
requirements: venv ## Lock the dependencies of pyproject.toml (UV_ARGS=--upgrade for newer ones)
	$(call lock) -o requirements/prod.txt
	$(call lock) --extra local -o requirements/run.txt
	$(call lock) --extra local --extra dev -o requirements/dev.txt
lock = $(python) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(UV_ARGS)

.PHONY: venv
venv: ## The virtual environment with everything for development
	@$(install) requirements/dev.txt

.PHONY: installed-run
installed-run:
	@$(install) requirements/run.txt

.PHONY: clean
clean: ## Remove what can be made again: the virtual environment and caches, never the data
	rm -rf $(VENV) $(VENV).lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find config larder tools tests -name __pycache__ -type d -prune -exec rm -rf {} +
