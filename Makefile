# Box Office. `make lab` opens the course, `make test` checks all of it; the rest is for authors.
.PHONY: lab hub test book check release bench lock environment
VENV := .venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

lab: environment  ## install what is missing, open JupyterLab on the welcome notebook
	@$(VENV) -m coursekit.cli lab -- $(LAB)

hub: environment  ## a hub with a lead and two learners, to try a cohort out
	@$(VENV) -m coursekit.cli hub $(HUB)

environment:  # .venv with the packages of requirements.txt; seconds where nothing changed
	@sh book/environment.sh "$(PYTHON)"

test: environment  ## everything: engine, lessons, exercises, checks, backend, site
	@$(VENV) tests/everything.py

check: environment  ## ruff and mypy on coursekit and on the assembled backend
	@$(VENV) tests/everything.py check

book: environment  ## the site, into _build/html
	@$(VENV) book/build.py

release: environment  ## exercises/ from solutions/
	@$(VENV) -m coursekit.cli release

bench: environment  ## the speeds, each beside its baseline
	@$(VENV) tests/bench $(BENCH)

lock:  # requirements.txt from pyproject.toml; needs uv
	uv pip compile --universal --python-version 3.11 --all-extras pyproject.toml \
		--no-header --no-annotate --quiet -o requirements.txt
	printf '\n-e .\n' >> requirements.txt
