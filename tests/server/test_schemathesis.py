"""Requests that schemathesis makes up from the OpenAPI document, sent to the running server."""

import importlib.util
import os
import subprocess
import sys

import pytest
from rest_server import KERNELS, running


@pytest.mark.slow
def test_server_keeps_to_its_document(tmp_path):
    if importlib.util.find_spec("schemathesis") is None and not os.environ.get("CI"):
        pytest.skip("schemathesis is not installed (pip install schemathesis)")
    with running(count_kernels=lambda: KERNELS) as server:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"http://127.0.0.1:{server.port}/openapi.json",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=25",
                "--generation-deterministic",
                "--no-color",
                # No schema can say that an image shows ink and that its rows have equal lengths.
                "--exclude-checks=positive_data_acceptance",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "No issues found" in run.stdout
