"""The description of the plain routes in the OpenAPI document, from the very structs that check their bodies."""

from collections.abc import Mapping
from typing import Any

import msgspec

from harmonic_stack.api.chat_body import ChatBody
from harmonic_stack.api.completions import CompletionBody
from harmonic_stack.api.embeddings import EmbeddingBody
from harmonic_stack.api.message_request import CountBody, MessageBody
from harmonic_stack.api.response_request import ResponseBody
from harmonic_stack.model_names import Names

BODIES: Mapping[str, type[msgspec.Struct]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/embeddings": EmbeddingBody,
    "/v1/messages": MessageBody,
    "/v1/messages/count_tokens": CountBody,
    "/v1/responses": ResponseBody,
}
_TEMPLATE = "#/components/schemas/{name}"


def with_plain_routes(document: dict[str, Any], names: Names) -> dict[str, Any]:
    """*document*, FastAPI's own, with the plain routes in it, and the names that a model may have here."""
    schemas, components = msgspec.json.schema_components(BODIES.values(), ref_template=_TEMPLATE)
    for path, body in BODIES.items():
        known = [*names.encoders, *names.models] if path == "/v1/embeddings" else names.all
        components[body.__name__]["properties"]["model"]["enum"] = list(known)
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    for (path, body), schema in zip(BODIES.items(), schemas, strict=True):
        document["paths"].setdefault(path, {})["post"] = {
            "summary": (body.__doc__ or "").partition("\n")[0],
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "200": {"description": "The answer: one object, or events where a stream was asked for."},
                "4XX": {"description": "The request is at fault."},
                "5XX": {"description": "The stack, or its engine, is."},
            },
        }
    return document
