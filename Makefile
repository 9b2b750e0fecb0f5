# `make demo` and `make test` are the two commands; each makes .venv by itself when it is missing.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo test test-slow check docs pictures versions bench bench-peers clean

setup: $(READY)

# opencv-python (scenedetect wants it by that name) and the headless build write the same folder: the headless
# one goes on top, so that no libGL is needed.
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$$(grep '^opencv-python-headless==' requirements.lock)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@$(BIN)/python -c "import cv2" || { echo "import cv2 failed: on Debian and Ubuntu try 'apt-get install libglib2.0-0'"; exit 1; }
	touch $@

demo: setup
	$(BIN)/python -m demo

test: setup
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

test-slow: setup
	$(BIN)/python -m pytest -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_borders_of_the_house.py tests/test_step_versions.py

# After a column, a scorer or a preset changed: docs/columns.md and docs/presets.md.
docs: setup
	$(BIN)/python -m docs

# docs/graph.png and docs/explore.png, of the demo's root; needs Chromium.
pictures: demo
	$(BIN)/python -m docs.pictures data-demo/root

# An hour and a half on two cores; `make bench ARGS="scan --rounds 3"` for less. Writes docs/benchmarks.md.
bench: setup
	$(BIN)/python -m benchmarks $(ARGS)

bench-peers: setup
	$(BIN)/python -m benchmarks.peers $(ARGS)

# After a step's version was raised: write down what its sources are now.
versions: setup
	$(BIN)/python tests/test_step_versions.py

clean:
	rm -rf $(VENV) data-demo data-bench
