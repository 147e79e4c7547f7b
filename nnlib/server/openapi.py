"""The OpenAPI 3.1 document: what programs can read about REST."""

from typing import Any

from nnlib.explain.diagnostics import MEASURES
from nnlib.preprocessing.drawing import MAX_COORDINATE, MAX_STROKES
from nnlib.preprocessing.mnist_format import SIDE
from nnlib.server.request_body import MAX_IMAGE_SIDE, MAX_INSTANCES
from nnlib.version import __version__

Schema = dict[str, Any]

SEVEN = {"strokes": [[[160, 110], [340, 110], [220, 400]]]}


def _object(required: list[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _list(items: Schema, least: int, most: int, **more: Any) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(description: str, schema: Schema) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {"description": description, "content": content}


_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_PIXEL: Schema = {"type": "number", "minimum": 0, "maximum": 255}
_BASE64: Schema = {
    "type": "string",
    "contentEncoding": "base64",
    "contentMediaType": "image/png",
    "description": f"A PNG of at most {MAX_IMAGE_SIDE}×{MAX_IMAGE_SIDE} pixels, in base64.",
}
_OPTIONS: dict[str, Schema] = {
    "diagnostics": {**_FLAG, "description": "Also say what is unusual about the input."},
    "model": {**_TEXT, "description": "The name of a model; the server's default if left out."},
}
_DRAWING: dict[str, Schema] = {
    "strokes": _ref("Strokes"),
    "canvas": {
        "type": "number",
        "minimum": 1,
        "maximum": MAX_COORDINATE,
        "description": "The side of the canvas; only the diagnostics depend on it.",
    },
    "pen": {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": MAX_COORDINATE,
        "description": "The width of the pen; only the diagnostics depend on it.",
    },
}
_PICTURE: dict[str, Schema] = {"image": _ref("Image")}

_SCHEMAS: dict[str, Schema] = {
    "Strokes": _list(
        _list(
            _list({**_NUMBER, "minimum": -MAX_COORDINATE, "maximum": MAX_COORDINATE}, 2, 2),
            0,
            20_000,
        ),
        1,
        MAX_STROKES,
        contains={"type": "array", "minItems": 1},
        description="A list of strokes, each a list of points [x, y], with y down, in any unit. "
        "At least one point.",
    ),
    "Image": {
        "oneOf": [
            _list(_list(_PIXEL, 1, MAX_IMAGE_SIDE), 1, MAX_IMAGE_SIDE),
            _list(_PIXEL, SIDE * SIDE, SIDE * SIDE),
            _BASE64,
            _object(["b64"], b64=_BASE64),
        ],
        "description": "Rows of equal length of numbers from 0 to 1, or from 0 to 255 if any is "
        "above 1; or a PNG. The border is taken to be paper.",
    },
    "Tensor": {
        "oneOf": [
            _list(_list(_PIXEL, SIDE, SIDE), SIDE, SIDE),
            _list(_list(_list(_PIXEL, 1, 1), SIDE, SIDE), SIDE, SIDE),
            _list(_PIXEL, SIDE * SIDE, SIDE * SIDE),
        ],
        "description": "What enters the network, as it is: 0 for paper, and 1 or 255 for ink.",
    },
    "Drawing": _object(["strokes"], **_DRAWING),
    "Picture": _object(["image"], **_PICTURE),
    "Bytes": _object(["b64"], b64=_BASE64),
    "Request": {
        "oneOf": [
            _object(["strokes"], **_DRAWING, **_OPTIONS),
            _object(["image"], **_PICTURE, **_OPTIONS),
            _object(["instances"], instances=_ref("Instances"), **_OPTIONS),
        ]
    },
    "Instances": _list(
        {"oneOf": [_ref("Drawing"), _ref("Picture"), _ref("Bytes"), _ref("Tensor")]},
        1,
        MAX_INSTANCES,
    ),
    "Prediction": _object(
        ["digit", "confidence", "probabilities", "is_digit", "digit_probability"],
        digit={"type": "integer", "minimum": 0, "maximum": 9},
        confidence={**_PROBABILITY, "description": "The probability of the digit, if it is one."},
        probabilities=_list(
            _PROBABILITY, 10, 10, description="Of the digits 0 to 9, if it is one."
        ),
        is_digit={**_FLAG, "description": "Whether digit_probability is at least 0.5."},
        digit_probability={**_PROBABILITY, "description": "That it is a digit at all."},
        diagnostics=_list(_ref("Diagnostic"), len(MEASURES), len(MEASURES)),
    ),
    "Diagnostic": _object(
        ["name", "unit", "as_drawn", "input", "low", "high", "state", "summary", "advice"],
        name={**_TEXT, "enum": list(MEASURES)},
        unit=_TEXT,
        as_drawn={**_NUMBER, "description": "The value of the drawing as it was sent."},
        input={**_NUMBER, "description": "The value of what entered the network."},
        low={**_NUMBER, "description": "Values from here to `high` are usual for this digit."},
        high=_NUMBER,
        state={**_TEXT, "enum": ["usual", "corrected", "unusual"]},
        summary=_TEXT,
        advice=_TEXT,
    ),
    "Model": _object(
        ["name", "id", "version"],
        name=_TEXT,
        id={**_TEXT, "description": "A hash of its content."},
        version={"type": ["string", "null"], "description": "The nnlib that wrote it."},
    ),
    "Answer": _object(
        ["predictions", "model"],
        predictions=_list(_ref("Prediction"), 1, MAX_INSTANCES),
        model=_ref("Model"),
    ),
    "Health": _object(
        ["live", "ready", "version", "model"],
        live=_FLAG,
        ready=_FLAG,
        version=_TEXT,
        model=_ref("Model"),
        kernels=_object(
            ["in_use", "starting", "free"],
            **{state: {"type": "integer"} for state in ("in_use", "starting", "free")},
        ),
    ),
    "Error": _object(["error"], error={**_TEXT, "description": "What is wrong, and what to do."}),
}

_ERROR = _ref("Error")
_PREDICT_RESPONSES = {
    "200": _response("The predictions, in the order of the instances", _ref("Answer")),
    "400": _response("Something in the body is wrong", _ERROR),
    "404": _response("There is no such model", _ERROR),
    "413": _response("The body is too large", _ERROR),
    "415": _response("The body is not JSON", _ERROR),
    "503": _response("The server is busy; see Retry-After", _ERROR),
}


def openapi_document(models: list[str]) -> dict[str, Any]:
    """The document for a server with these models, as JSON values."""
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {**_TEXT, "enum": models},
    }
    missing = {"404": _response("There is no such model", _ERROR)}
    names = {"type": "array", "items": _TEXT}
    descriptions = {"type": "array", "items": _ref("Model")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nnlib",
            "version": __version__,
            "description": "Recognizes handwritten digits. Errors are JSON with one sentence.",
        },
        "servers": [{"url": "./"}],
        "paths": {
            "/predict": {"post": _predict("predict", "Recognize drawings or images")},
            "/health": {
                "get": {
                    **_get("health", "Whether the server is ready", _ref("Health")),
                    "responses": {
                        "200": _response("Ready", _ref("Health")),
                        "503": _response("About to stop", _ref("Health")),
                    },
                }
            },
            "/models": {
                "get": _get("models", "The models", _object(["models"], models=descriptions))
            },
            "/v1/models": {
                "get": _get(
                    "v1_models",
                    "The names of the models (protocol V1)",
                    _object(["models"], models=names),
                )
            },
            "/v1/models/{name}": {
                "parameters": [name],
                "get": _get(
                    "v1_model",
                    "Whether a model is ready (protocol V1)",
                    _object(["name", "ready"], name=_TEXT, ready=_FLAG),
                    missing,
                ),
            },
            "/v1/models/{name}:predict": {
                "parameters": [name],
                "post": _predict("v1_predict", "Recognize drawings, images or tensors (V1)"),
            },
        },
        "components": {"schemas": _SCHEMAS},
    }


def _get(
    operation: str, summary: str, schema: Schema, more_responses: dict[str, Schema] | None = None
) -> Schema:
    responses = {"200": _response("As asked", schema), **(more_responses or {})}
    return {"operationId": operation, "summary": summary, "responses": responses}


def _predict(operation: str, summary: str) -> Schema:
    content = {"application/json": {"schema": _ref("Request"), "example": SEVEN}}
    return {
        "operationId": operation,
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": _PREDICT_RESPONSES,
    }
