"""The OpenAPI document, against the running server."""

import json

import numpy as np
import pytest
from helpers import DIGITS
from jsonschema import Draft202012Validator
from rest_server import JSON, KERNELS, running

from nnlib.server.openapi import openapi_document
from nnlib.server.request_body import MAX_INSTANCES

RING = np.zeros((28, 28), int)
RING[6:22, 8:20] = 255
RING[9:19, 11:17] = 0


@pytest.fixture(scope="module")
def server():
    with running(count_kernels=lambda: KERNELS) as started:
        yield started


@pytest.fixture(scope="module")
def document(server):
    status, _, document = server.send("GET", "/openapi.json")
    assert status == 200
    return document


def validator(document, name) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return Draft202012Validator(schema)


def test_document_is_served_with_its_models(document):
    assert document == json.loads(json.dumps(openapi_document(["robust", "softmax"])))
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_document_names_every_route(document, server):
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post"}:
            address = path.replace("{name}", "robust")
            body = json.dumps(operations["post"]["requestBody"]["content"]["application/json"][
                "example"]) if method == "post" else None  # fmt: skip
            status, headers, answer = server.send(method.upper(), address, body, JSON)
            assert status == 200
            [content] = operations[method]["responses"]["200"]["content"].items()
            assert headers.get_content_type() == content[0]
            schema = content[1]["schema"] | {"components": document["components"]}
            Draft202012Validator(schema).validate(answer)


BODIES = {
    "drawing": {"strokes": DIGITS[3], "canvas": 500, "pen": 12.5, "diagnostics": True},
    "image": {"image": RING.tolist(), "model": "softmax"},
    "flat image": {"image": RING.ravel().tolist()},
    "instances": {
        "instances": [
            {"strokes": DIGITS[3]},
            {"image": (RING / 255).tolist()},
            RING.tolist(),
            RING[..., None].tolist(),
            RING.ravel().tolist(),
        ]
    },
    "empty stroke": {"strokes": [[], [[1, 2]]]},
}
WRONG = {
    "nothing": {},
    "list": [],
    "unknown key": {"strokes": DIGITS[3], "color": 1},
    "two kinds": {"strokes": DIGITS[3], "image": RING.tolist()},
    "text": {"strokes": [[["1", 2]]]},
    "flag": {"strokes": [[[True, 2]]]},
    "short point": {"strokes": [[[1]]]},
    "far": {"strokes": [[[1, 1e7]]]},
    "empty": {"strokes": [[], []]},
    "strokes": {"strokes": [[[1, 2]]] * 1001},
    "canvas": {"strokes": DIGITS[3], "canvas": 0.5},
    "pen": {"strokes": DIGITS[3], "pen": 0},
    "diagnostics": {"strokes": DIGITS[3], "diagnostics": None},
    "pixel": {"image": [[256, 0]]},
    "wide": {"image": [[0] * 1025]},
    "no instances": {"instances": []},
    "many": {"instances": [{"strokes": DIGITS[3]}] * (MAX_INSTANCES + 1)},
    "options inside": {"instances": [{"strokes": DIGITS[3], "diagnostics": True}]},
    "small tensor": {"instances": [[[0, 1], [1, 0]]]},
    "number": {"instances": [5]},
}


@pytest.mark.parametrize("name", BODIES)
def test_what_the_schema_allows_is_answered(document, server, name):
    validator(document, "Request").validate(BODIES[name])
    answer = server.predict(BODIES[name])
    validator(document, "Answer").validate(answer)


@pytest.mark.parametrize("name", WRONG)
def test_what_the_schema_forbids_is_refused(document, server, name):
    assert not validator(document, "Request").is_valid(WRONG[name])
    status, sentence = server.error(WRONG[name])
    assert status == 400
    validator(document, "Error").validate({"error": sentence})
