# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
# Every recipe finds the environment's programs first; `dvc repro` calls `chronoslide`.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help env data demo test lint types check bench bench-peers lock clean test-faults test-guided quality sbom audit unlock

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

env: .venv/.installed ## Make the environment .venv from requirements.lock

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "chronoslide needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python lacks its venv module; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "Making .venv from requirements.lock (some minutes, about 3 GB) ..."
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

data: env ## Pull the data from a DVC remote if one is set, simulate them otherwise
	@if [ -n "$$(dvc remote list)" ] && dvc pull --quiet data.dvc; then \
	  echo "data/ was pulled from the DVC remote"; \
	elif [ -f data/dataset.yaml ] && dvc status --quiet data.dvc 2>/dev/null; then \
	  echo "data/ is there already"; \
	else \
	  chronoslide simulate && dvc commit --quiet --force data.dvc; \
	fi

demo: data ## Map seven years of simulated landslides: data, models, maps, inventories, report
	@# After a kill; says something only if there is something to mend.
	@chronoslide unlock >/dev/null
	dvc repro
	@echo
	@echo "The report:        reports/report.html (and report.md)"
	@echo "The maps:          results/maps/transferred/<year>.tif"
	@echo "The inventories:   results/inventories/predicted.gpkg, results/tracked/predicted.gpkg"
	@echo "The runs:          $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db"

test: env ## Run the tests, on up to four processors at once
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-faults: env ## Kill every stage 20 times and feed every reader 10,000 broken files (hours)
	PYTHONPATH=tests $(BIN)/python -m faults $(FAULTS)

test-guided: env .atheris ## Look for broken files by the lines that they reach, a minute for each reader of text
	PYTHONPATH=.atheris:tests $(BIN)/python -m faults.guided $(GUIDED)

quality: env .tools/.installed ## Branch coverage of src/ and the share of harms that tests notice; fails below 90 and 80 %
	$(BIN)/python -m coverage erase
	@# All of it is printed, whatever fails or falls below its bar.
	$(BIN)/python -m coverage run -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal || low=1; \
	$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report || low=1; \
	PYTHONPATH=src:tests $(BIN)/python -m mutants $(MUTANTS) || low=1; \
	exit $${low:-0}

lint: env ## Check style
	ruff check .
	ruff format --check .

types: env ## Check types
	mypy

check: lint types test ## Everything that CI checks

bench: env ## Measure and print the table of benchmarks
	$(BIN)/python -m benchmarks

bench-peers: ## Make .venv-peers, the other tools that `make bench` and benchmarks.bench_chips measure (optional)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers/requirements.txt

lock: env ## Write requirements.lock anew from pyproject.toml (needs uv)
	$(BIN)/python -m pip install --quiet uv
	uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	  --no-emit-index-url --extra dev --output-file requirements.lock pyproject.toml

.tools/.installed:
	$(PYTHON) -m venv --clear .tools
	.tools/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-audit==2.10.1 cosmic-ray==8.7.0
	@touch $@

# Apart from the other tools: it instruments the programs of the environment, so it is read into their process.
.atheris: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ atheris==3.0.0

sbom: .tools/.installed ## Write sbom.json (CycloneDX): every package of requirements.lock with its hashes
	.tools/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --of JSON -o sbom.json

audit: .tools/.installed ## Ask the vulnerability database about every package of requirements.lock (network)
	.tools/bin/pip-audit --require-hashes --disable-pip --requirement requirements.lock

unlock: env ## Mend what a killed `dvc` left half-written (its locks, dvc.lock)
	chronoslide unlock

clean: ## Remove what the stages made (the environment and DVC's cache stay)
	rm -rf results data logs search
