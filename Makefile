# The doors of the project. Each says what it does; run again, nothing that is there is made again.
#
#   make            the environment in .venv
#   make demo       a VAE learns handwritten digits in less than a minute; leaves runs/demo/report.html
#   make test       the tests
#   make check      style and types
#   make ideas      rebuild docs/ideas.md with every figure
#   make peers      pythae and PyOD in .peers, for the benchmarks peer-pythae and adbench
#   make upgrade    the newest versions that pyproject.toml allows, written to constraints.txt
#   make release    wheel and source archive in dist/
#
# On Linux, PyPI's torch brings CUDA (several GB). For CPU-only torch, pass the flags of the line that pytorch.org's
# "get started" page gives for CPU:  make TORCH_FLAGS="--index-url ..."

PYTHON ?= python3
TORCH_FLAGS ?=
PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet
READY = .venv/ready

.PHONY: environment demo test check ideas peers upgrade release

environment: $(READY)

$(READY): pyproject.toml constraints.txt
	@echo "making the environment in .venv: torch first, then the rest (once; a few minutes)"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) install $(TORCH_FLAGS) --constraint constraints.txt torch
	@$(PIP) install --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)
	@echo "the environment is ready: .venv/bin/latentia --help"

demo: $(READY)
	@echo "a VAE learns 8 x 8 handwritten digits (less than a minute on 2 cores); stopped, it goes on where it was"
	@.venv/bin/latentia train vae digits --run runs/demo --images 150k --latent 8
	@echo "open runs/demo/report.html"

test: $(READY)
	@echo "running the tests, as many at a time as there are cores"
	@.venv/bin/python -m pytest -n auto --dist loadfile

check: $(READY)
	@echo "style (ruff) and types (mypy)"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

ideas: $(READY)
	@echo "rebuilding docs/ideas.md with every figure (several minutes on 2 free cores)"
	@.venv/bin/python docs/ideas.py

peers: .peers/ready

.peers/ready: benchmarks/peers.txt constraints.txt
	@echo "making the peers' environment in .peers: torch first, then pythae and PyOD without dependencies (a few minutes)"
	@test -x .peers/bin/python || $(PYTHON) -m venv .peers
	@.peers/bin/python -m pip --disable-pip-version-check --quiet install $(TORCH_FLAGS) --constraint constraints.txt torch
	@.peers/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --requirement benchmarks/peers.txt
	@.peers/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	@touch .peers/ready
	@echo "the peers are ready: .venv/bin/python -m benchmarks peer-pythae, or adbench"

upgrade:
	@echo "a new .venv with the newest versions that pyproject.toml allows; constraints.txt will hold them"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install $(TORCH_FLAGS) torch
	@$(PIP) install --editable ".[dev]" build
	@{ head -n 1 constraints.txt; $(PIP) freeze --exclude-editable \
		| grep -v -i -E '^(nvidia|cuda|triton)' | sed 's/+[a-z0-9.]*$$//'; } > constraints.new
	@mv constraints.new constraints.txt
	@touch $(READY)

release: $(READY)
	@echo "building wheel and source archive in dist/"
	@$(PIP) install --constraint constraints.txt build
	@rm -rf dist
	@.venv/bin/python -m build --outdir dist . > /dev/null
	@ls dist
