# Works with GNU make 3.81 and later, and in an empty environment. `make help` lists the targets:
# those with `## text`, in the groups that lines of `##@` begin.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PATH := $(if $(PATH),$(PATH),/usr/local/bin:/usr/bin:/bin)
export PATH
# Kept bytecode: the tests start some hundred processes, and each would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

# Each can be set on the command line: make run PORT=8123
VENV ?= .venv
DATA ?= .data
PYTEST_ARGS ?= -n 3
export VENV DATA

python := $(VENV)/bin/python
install := $(SHELL) tools/bootstrap.sh
# The database of `make run`, running or not; DATABASE_URL wins. Or an empty one for a moment.
with_database := $(python) -m tools.with_database --data $(DATA)/postgresql --
with_empty_database := $(python) -m tools.with_database --
# Django asks the database for its history and warns when there is none.
without_database := -W "ignore:Got an error checking a consistent migration history:RuntimeWarning"

##@ Start here

.PHONY: help
help: ## List the targets in groups
	@{ [ -t 1 ] && [ -z "$$NO_COLOR" ] && bold=1; awk -v bold="$$bold" '\
		/^##@ / { group = substr($$0, 5); print (bold ? "\n\033[1m" group "\033[0m" : "\n" group) } \
		/^[a-z][a-z0-9.\/-]*:.*## / { \
			name = text = $$0; sub(/:.*/, "", name); sub(/^.*:.*## /, "", text); \
			printf "  make %-29s %s\n", name, text }' $(MAKEFILE_LIST); }

.PHONY: run
run: .installed-run ## Start everything at http://127.0.0.1:8000 (PORT=, HOST=, DATA=, WORKERS=, THREADS=, DATABASE_URL=)
	@exec $(python) -m larder.local

# `make test` leaves out the tests that start a server (make test/system) or take minutes (make slow).
without_servers := --ignore tests/system -m "not system and not slow"

# The seconds of CPU that `make test` and its PostgreSQL may take in CI, on the reference machine of
# tests/cpu.py. Seconds of a clock would depend on what else the machine does.
cpu_budget := $(if $(CI)$(LIMITED),--cpu-budget 800)

.PHONY: test
test: .installed ## The tests that start no server: services, APIs, the admin; below 4 minutes on two free cores (PYTEST_ARGS="tests/orders -x")
	@exec $(python) -m pytest $(without_servers) $(cpu_budget) $(PYTEST_ARGS)

.PHONY: check
check: lint test ## Before a push: `make lint`, then `make test`; CI runs more (.ci/run)

##@ Develop

.PHONY: format
format: .installed ## Format the code, and fix what can be fixed automatically
	$(python) -m ruff format .
	$(python) -m ruff check --fix .

.PHONY: lint
lint: .installed ## All checks that run no tests: style, types, walls, migrations, API documents, settings of production
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	@$(python) -m tools.budgets
	$(python) -m mypy
	$(VENV)/bin/lint-imports
	$(python) -m bandit --quiet --recursive --severity-level medium --configfile pyproject.toml larder manage.py
	$(python) $(without_database) manage.py makemigrations --check --dry-run --skip-checks
	@$(with_empty_database) $(python) -m tools.migrations
	DEMO=1 $(python) -m tools.openapi
	@$(with_empty_database) $(SHELL) tools/django_check.sh

.PHONY: messages
messages: .installed ## Add new texts of the admin to its catalogues, and compile them (needs GNU gettext)
	cd larder && for domain in django djangojs; do \
		$(abspath $(python)) ../manage.py makemessages --all --domain $$domain --no-obsolete \
			--no-wrap --add-location file || exit 1; \
	done
	cd larder && $(abspath $(python)) ../manage.py compilemessages

.PHONY: audit
audit: .installed ## Known vulnerabilities of the locked packages (asks the package index), and their bill of materials, sbom.json
	$(VENV)/bin/pip-audit --disable-pip --require-hashes --requirement requirements/prod.txt
	$(VENV)/bin/cyclonedx-py requirements --output-file sbom.json requirements/prod.txt

.PHONY: makemigrations
makemigrations: .installed ## Write the migrations for changed models
	$(python) $(without_database) manage.py makemigrations --skip-checks

# Named after what it makes, in `requirements`; the file in the root points there.
.PHONY: requirements.txt
requirements.txt: .installed ## Lock the dependencies of pyproject.toml (UV_ARGS=--upgrade for newer ones)
	@printf '%s\n' '# Where Heroku and Elastic Beanstalk look; `make requirements.txt` writes what it names.' \
		'-r requirements/prod.txt' >$@
	$(call lock) --extra telemetry --extra s3 -o requirements/prod.txt
	$(call lock) --extra local -o requirements/run.txt
	$(call lock) --extra local --extra telemetry --extra s3 --extra dev -o requirements/dev.txt
	for group in docs deploy; do \
		$(lock_only) --group pyproject.toml:$$group -o requirements/$$group.txt || exit 1; \
	done
lock = $(lock_only) pyproject.toml
lock_only = $(python) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(UV_ARGS)

# The virtual environment with everything for development, as an earlier README calls it too, and
# with what `make run` needs.
.PHONY: .installed .installed-run venv
venv: .installed
.installed:
	@$(install) requirements/dev.txt
.installed-run:
	@$(install) requirements/run.txt

# The fonts of the admin: those of the theme, with the letters of Latin scripts alone, and with the
# icons whose names are words of the admin or of the theme. Needed after an icon is added (the
# journeys of the tests name one that is missing), and after an update of the theme.
.PHONY: fonts
fonts: .installed
	@theme=$$(echo $(VENV)/lib/python*/site-packages/unfold) && own=larder/staff/theme_static/unfold/fonts && \
	subset="$(python) -m uv tool run --quiet --from fonttools[woff] fonttools subset" && words=$$(mktemp) && \
	grep -rhoE '[a-z][a-z0-9_]{2,}' --include='*.py' --include='*.html' --include='*.js' \
		larder/staff larder/config/settings.py $$theme/templates $$theme/static/unfold/js/app.js $$theme/*.py | sort -u >$$words && \
	icons=material-symbols/Material-Symbols-Outlined.woff2 && \
	$$subset $$theme/static/unfold/fonts/$$icons --glyphs-file=$$words --ignore-missing-glyphs \
		--unicodes=U+5F,U+61-7A,U+30-39 --no-layout-closure '--layout-features=*' --flavor=woff2 --output-file=$$own/$$icons && \
	for weight in Regular Medium SemiBold; do \
		$$subset $$theme/static/unfold/fonts/inter/Inter-$$weight.woff2 --flavor=woff2 \
			--unicodes=U+20-7E,U+A0-17F,U+2010-2026,U+2030,U+2039-203A,U+20AC,U+2190-2193,U+2212 \
			--layout-features=kern,calt,ccmp,locl,mark,tnum --output-file=$$own/inter/Inter-$$weight.woff2 || exit 1; \
	done; rm $$words

.PHONY: build
build: ## What a server needs besides its database, as in the image: the environment, the static files
	@$(install) requirements/prod.txt
	@$(python) manage.py collectstatic --no-input --verbosity 0
	@echo "Built: $(VENV) and larder/collected_static/. Next: docs/deploy/index.md, or make run for everything."

.PHONY: clean
clean: ## Remove files that can be made again: environments, static files, reports, caches; never the data
	rm -rf $(VENV) $(VENV).lock .venv-docs .venv-docs.lock .venv-deploy .venv-deploy.lock docs/_build dist larder/collected_static .coverage sbom.json
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find clients deploy tests -name node_modules -type d -prune -exec rm -rf {} +
	find benchmarks larder tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Test more

.PHONY: test/system
test/system: .installed ## The tests of servers, clusters, faults, replicas, browsers and tools
	@exec $(python) -m pytest -m "system and not slow" $(PYTEST_ARGS)

.PHONY: slow
slow: .installed ## The tests that take minutes: long outages, generated clients for phones
	@exec $(python) -m pytest -m slow $(PYTEST_ARGS)

# COVERAGE_CORE=sysmon costs little from Python 3.12 on; before, the tests take about half as long again.
.PHONY: coverage
coverage: .installed ## The tests, with the coverage of larder/: at least the value in pyproject.toml
	@rm -rf .coverage && mkdir .coverage
	COVERAGE_CORE=$${COVERAGE_CORE-$$($(python) -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')} \
		$(python) -m coverage run -m pytest $(PYTEST_ARGS)
	$(python) -m coverage combine --quiet
	$(python) -m coverage report

.PHONY: fuzz
fuzz: .installed ## Send requests made from the OpenAPI documents, and compare the answers with them (FUZZ_ARGS="--examples 50")
	@exec $(python) -m tools.fuzz $(FUZZ_ARGS)

.PHONY: mutants
mutants: .installed ## Break a sample of larder/orders, inventory and identity, and list what no test notices (MUTANTS=100)
	@exec $(SHELL) tools/mutants.sh $(or $(MUTANTS),100)

.PHONY: proof
proof: .installed ## Let customers go on while a shop is broken, released, attacked; compare all answers with the books (PROOF="drill checkouts --seed 7 --full")
	@exec $(python) -m tools.proof --out $(DATA)/proof $(PROOF)

.PHONY: replay
replay: .installed-run ## Send real orders to a running server, then count every unit (BASE_URL=, PROOF="--full")
	@exec $(python) -m tools.proof --url $(or $(BASE_URL),http://127.0.0.1:$(or $(PORT),8000)) replay $(PROOF)

##@ Data

.PHONY: migrate
migrate: .installed-run ## Roles, migrations, rights: on the database of `make run`, or on DATABASE_URL
	@$(with_database) $(python) manage.py prepare

.PHONY: shell
shell: .installed-run ## A Python shell on the database of `make run`, or on DATABASE_URL
	@$(with_database) $(python) manage.py shell

.PHONY: psql
psql: .installed-run ## An SQL shell on the database of `make run`, as the owner of its tables
	@$(python) -m larder.local manage dbshell --database owner

# One argument, with its spaces, or none.
file = $(if $(FILE),"$(FILE)")

.PHONY: backup
backup: .installed-run ## `larder backup`: the shop of `make run` in one file, also while it runs (FILE=)
	@$(python) -m larder.local backup $(file)

.PHONY: restore
restore: .installed-run ## `larder restore`: put a backup into an empty folder of data (FILE=, DATA=)
	@$(python) -m larder.local restore $(file)

##@ Measure

.PHONY: bench
bench: .installed ## Load figures as ratios to this machine's limits (BENCH_ARGS="--quick")
	@exec $(python) -m benchmarks $(BENCH_ARGS)

.PHONY: bench/compare
bench/compare: .installed ## Compare the speed of two commits: make bench/compare A=HEAD~1 B=HEAD (or B=. for the present files)
	@exec $(python) -m benchmarks.compare $(A) $(B) $(BENCH_ARGS)

##@ Containers and deployment

# The container engine's command. compose.yaml has every set.
DOCKER ?= docker
export DOCKER
production := $(DOCKER) compose --env-file prod.env
with_engine := @$(SHELL) deploy/docker/engine.sh

.PHONY: run-docker
run-docker: docker/compose/up ## Start the development set at http://127.0.0.1:8000: demo data, code that is reloaded (PORT=, DOCKER=)

# The names of an earlier README: build, up, migrate, makemigrations, unittest.
development := $(DOCKER) compose --profile replica
docker/compose/%: export REPLICA_URLS = postgresql://larder_app:larder@replica:5432/larder
compose/build = $(development) build
compose/up = $(development) up --build --detach --wait && \
	echo "Larder is at http://127.0.0.1:$${PORT:-8000}/, the admin at /admin/ (admin, 12345). Stop it: $(development) down"
compose/migrate = $(development) run --rm migrate
compose/makemigrations = $(development) run --rm --no-deps --user "$$(id -u):$$(id -g)" --env PYTHONWARNINGS=ignore \
	migrate python manage.py makemigrations --skip-checks
compose/unittest = $(development) run --rm --no-deps web python manage.py test $(TESTS)
docker/compose/%:
	$(with_engine) compose
	$(or $(compose/$*),$(error docker/compose/ has build, up, migrate, makemigrations and unittest))

.PHONY: up
up: ## Start the production set in containers, with the settings of prod.env, which is made (HOST=shop.example.com)
	$(with_engine) compose
	@$(SHELL) deploy/prod-env.sh $(HOST)
	@REVISION=$$(git rev-parse HEAD) CREATED=$$(git log -1 --format=%cI) $(production) up --build --detach --wait
	@echo "Larder runs: $$(sed -n 's/^PUBLIC_URL=//p' prod.env). An account for the admin:"
	@echo "    $(production) run --rm prepare python manage.py createsuperuser"

.PHONY: down
down: ## Stop the production set; its data are kept
	@$(production) down

# The image's name, as compose.yaml has it too, another base than the Dockerfile's where one is
# named (PYTHON_DIGEST=@sha256:…, empty for whatever the tag is now), and what its labels say.
IMAGE ?= larder:local
base := $(foreach name,PYTHON_TAG PYTHON_DIGEST,$(if $(filter undefined,$(origin $(name))),,--build-arg $(name)=$($(name))))

.PHONY: docker/build
docker/build: ## Build the image (DOCKER=, IMAGE=, PYTHON_TAG=, PYTHON_DIGEST=)
	$(with_engine)
	$(DOCKER) build --tag $(IMAGE) $(base) --build-arg REVISION=$$(git rev-parse HEAD) \
		--build-arg CREATED=$$(git log -1 --format=%cI) .

.PHONY: deploy/check
deploy/check: .installed ## Check the files of deploy/ with the programs that use them, in three minutes
	@PYTHON=$(python) $(SHELL) deploy/check.sh

##@ Documentation

docs_python := .venv-docs/bin/python
build_docs := $(docs_python) -m sphinx --fail-on-warning --keep-going --nitpicky --quiet

.PHONY: docs
docs: .installed ## Build the documentation site, docs/_build/html/index.html; fails on a dead link and on a page of reference that is out of date
	@$(python) -m tools.reference --check
	@VENV=.venv-docs $(install) requirements/docs.txt
	@$(build_docs) --builder html docs docs/_build/html
	@echo "Built: docs/_build/html/index.html"

.PHONY: docs/reference
docs/reference: .installed ## Write the pages and diagrams that are made from the code
	@$(python) -m tools.reference

.PHONY: openapi
openapi: .installed ## Write the OpenAPI documents in docs/openapi
	DEMO=1 $(python) -m tools.openapi --write
