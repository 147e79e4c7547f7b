# `make` or `make help` lists the targets. .ci/run and the workflow call the same ones.
.DEFAULT_GOAL := help
.PHONY: help setup fast test lint types bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install everything for development, and the pre-commit hooks
	python -m pip install -e '.[dev]'
	pre-commit install

fast: ## the tests without browser, notebooks and slow ones
	python -m pytest -n 2 -m "not slow and not browser" tests

test: ## all tests and all notebooks, as `pytest --nbval` but in two processes
	python -m pytest --nbval -n 2 --dist loadfile -ra --durations=15

lint: ## style, formatting and the direction of imports
	ruff check .
	ruff format --check .
	lint-imports

types: ## type annotations
	mypy

bench: ## benchmarks against PyTorch and scikit-learn, and of the app in a browser
	python benchmarks/epoch.py
	python benchmarks/augment.py
	python benchmarks/app.py
