import copy
from pathlib import Path
from unittest import mock

import yaml
from django.conf import settings
from django.test import SimpleTestCase

from ci import api_changes

STATE = {"type": "string", "enum": ["new", "lent"]}
DOCUMENT = {
    "info": {"version": "1"},
    "paths": {
        "/items/": {
            "post": {
                "parameters": [{"in": "query", "name": "page", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}},
                    "204": {},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "State": STATE,
            "Item": {
                "properties": {
                    "name": {"type": "string", "nullable": True},
                    "state": {"oneOf": [{"$ref": "#/components/schemas/State"}, {"enum": [""]}]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                },
                "required": ["state"],
            },
        }
    },
}


class BreakTests(SimpleTestCase):
    def setUp(self):
        self.new = copy.deepcopy(DOCUMENT)
        self.operation = self.new["paths"]["/items/"]["post"]
        self.item = self.new["components"]["schemas"]["Item"]

    def assertBreaks(self, *sentences):
        found = list(api_changes.Comparison(DOCUMENT, self.new).breaks())
        self.assertEqual(found, [f"POST /items/{sentence}" for sentence in sentences])

    def test_nothing_has_changed(self):
        self.assertBreaks()

    def test_something_new_is_optional(self):
        self.new["paths"]["/tags/"] = {}
        self.operation["parameters"].append({"in": "query", "name": "tag", "schema": {"type": "string"}})
        self.item["properties"]["tag"] = {"type": "string"}
        self.new["components"]["schemas"]["State"]["enum"].append("lost")
        self.assertBreaks()

    def test_an_operation_is_gone(self):
        self.new["paths"] = {}
        self.assertBreaks(" is gone.")

    def test_a_field_is_gone(self):
        del self.item["properties"]["state"], self.item["required"]
        self.assertBreaks(", request, field state is gone.", ", response, field state is gone.")

    def test_a_field_has_another_type(self):
        self.item["properties"]["name"] = {"type": "integer", "nullable": True}
        sentence = "field name was null or string and is integer or null."
        self.assertBreaks(f", request, {sentence}", f", response, {sentence}")

    def test_a_field_cannot_be_null_any_more(self):
        self.item["properties"]["name"] = {"type": "string"}
        self.assertBreaks(", request, field name was null or string and is string.")

    def test_a_field_is_now_required(self):
        self.item["required"] = ["state", "name"]
        self.assertBreaks(", request, field name is now required.")

    def test_a_field_is_no_longer_always_there(self):
        self.item["required"] = []
        self.assertBreaks(", response, field state is no longer always there.")

    def test_a_choice_is_gone(self):
        self.new["components"]["schemas"]["State"]["enum"] = ["new"]
        self.assertBreaks(", request, field state no longer accepts lent.")

    def test_a_parameter_is_gone(self):
        self.operation["parameters"] = []
        self.assertBreaks(", parameter page is gone.")

    def test_a_parameter_is_now_required(self):
        self.operation["parameters"].append({"in": "query", "name": "tag", "required": True})
        self.assertBreaks(", parameter tag is now required.")

    def test_the_body_is_now_required(self):
        self.operation["requestBody"]["required"] = True
        self.assertBreaks(", the body is now required.")

    def test_a_type_of_content_is_gone(self):
        self.operation["requestBody"]["content"] = {}
        self.assertBreaks(", request is no longer application/json.")

    def test_a_status_is_gone(self):
        del self.operation["responses"]["204"]
        self.assertBreaks(", response 204 is gone.")


class BranchTests(SimpleTestCase):
    def main(self, committed, branch="change"):
        """Return the result for a repository with this schema.yml on `main`."""
        outputs = {"branch": f"{branch}\n", "show": committed and yaml.safe_dump(committed)}

        def git(command, *words):
            return ("1" if words[-1] == "main" else None) if command == "rev-parse" else outputs[command]

        text = yaml.safe_dump(DOCUMENT)
        with mock.patch.object(api_changes, "git", git), mock.patch.object(Path, "read_text", return_value=text):
            with mock.patch("builtins.print"):
                return api_changes.main()

    def test_a_break_fails(self):
        self.assertIsNone(self.main(DOCUMENT))
        committed = copy.deepcopy(DOCUMENT)
        committed["paths"]["/gone/"] = {"get": {}}
        self.assertEqual(self.main(committed).splitlines()[1:], ["GET /gone/ is gone."])
        # Nothing to compare with: on the default branch itself, or before it has a schema.yml.
        self.assertIsNone(self.main(committed, "main"))
        self.assertIsNone(self.main(None))
        committed["info"]["version"] = "0"
        self.assertIsNone(self.main(committed))

    def test_the_description_of_this_project_has_no_breaks_to_itself(self):
        current = yaml.safe_load((settings.BASE_DIR / "schema.yml").read_text(encoding="utf-8"))
        self.assertEqual(list(api_changes.Comparison(current, current).breaks()), [])

    def test_git_says_nothing_if_it_fails_or_is_not_installed(self):
        self.assertIsNone(api_changes.git("no-command"))
        with mock.patch("subprocess.run", side_effect=FileNotFoundError):
            self.assertIsNone(api_changes.git("status"))
