"""Generate the API's description (OpenAPI), from which clients are generated."""

from __future__ import annotations

from typing import Any

from django.utils import translation
from drf_spectacular import generators, openapi

from {{ cookiecutter.project_slug }}.api.problems import CONTENT_TYPE
from {{ cookiecutter.project_slug }}.api.serializers import FileParser, takes_files

VERBS = {"destroy": "Delete", "partial_update": "Change", "retrieve": "Get", "update": "Replace"}


class AutoSchema(openapi.AutoSchema):
    """Gives each operation a summary, and lists forms with files only where the view accepts them."""

    def get_summary(self) -> str:
        action = "list" if self._is_list_view() else self.method_mapping[self.method.lower()]
        model = getattr(getattr(getattr(self.view, "serializer_class", None), "Meta", None), "model", None)
        name = self.get_operation_id().removesuffix(f"_{action}").replace("_", " ")
        if model:
            name = model._meta.verbose_name_plural if action == "list" else model._meta.verbose_name
        return super().get_summary() or f"{VERBS.get(action, action.capitalize())} {name}"

    def map_parsers(self) -> list[str]:
        types: list[str] = super().map_parsers()
        return [name for name in types if name != FileParser.media_type or takes_files(self.view)]


class SchemaGenerator(generators.SchemaGenerator):
    """Describes the API in English, whatever the language of the project or of the reader."""

    def get_schema(self, *args: Any, **kwargs: Any) -> Any:
        with translation.override("en"):
            return super().get_schema(*args, **kwargs)  # type: ignore[no-untyped-call]


def document(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add what drf-spectacular leaves out, such as the problems in the responses with status 4XX."""
    string = {"type": "string"}
    error = {"type": "object", "properties": {"pointer": string, "detail": string, "code": string}}
    result["components"]["schemas"]["Problem"] = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": string,
            "status": {"type": "integer"},
            "detail": string,
            "errors": {"type": "array", "items": error},
        },
        "required": ["type", "title", "status", "detail"],
    }
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            # Without this, clients send a token even to the endpoint that creates tokens.
            operation.setdefault("security", [])
            operation["responses"]["4XX"] = {"description": "A problem (RFC 9457)", "content": content}
            for parameter in operation.get("parameters", []):
                # A filter without a value is ignored.
                if parameter["in"] == "query":
                    parameter["allowEmptyValue"] = True
                    if parameter["schema"] == string:
                        parameter["schema"] = {**string, "pattern": r"^[^\x00]*$"}
    return result
