import io

from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import translation
from rest_framework.test import APITestCase

from {{ cookiecutter.project_slug }}.api import schema

ME = "/api/v1/users/me/"


class SchemaTests(APITestCase):
    def test_schema_yml_describes_the_api_as_it_is(self):
        output = io.StringIO()
        call_command("spectacular", stdout=output)
        path = settings.BASE_DIR / "schema.yml"
        committed = path.read_text(encoding="utf-8") if path.exists() else "nothing"
        self.assertEqual(committed, output.getvalue(), "run: python manage.py spectacular --file schema.yml")

    def test_the_schema_is_the_same_in_every_language(self):
        with translation.override("de"):
            self.test_schema_yml_describes_the_api_as_it_is()

    def test_the_schema_is_served(self):
        served = self.client.get(reverse("schema"), headers={"accept": "application/json"}).json()
        self.assertEqual(served["info"]["title"], settings.PROJECT_NAME)
        self.assertIn("application/problem+json", str(served["paths"][ME]["get"]["responses"]["4XX"]))

    def test_a_client_sends_nothing_that_only_the_server_writes(self):
        served = self.client.get(reverse("schema"), headers={"accept": "application/json"}).json()
        self.assertIn("id", served["components"]["schemas"]["User"]["required"])
        self.assertNotIn("id", served["components"]["schemas"]["UserRequest"]["properties"])

    def test_each_operation_has_a_summary_and_says_who_may_ask(self):
        served = self.client.get(reverse("schema"), headers={"accept": "application/json"}).json()
        self.assertEqual(served["paths"][ME]["get"]["summary"], "Get user")
        self.assertEqual(served["paths"][reverse("api-token")]["post"]["security"], [])
        for path in served["paths"].values():
            for operation in path.values():
                self.assertTrue(operation["summary"])
                self.assertEqual(operation["security"] == [], operation["summary"] == "Create token")

    def test_a_filter_may_be_empty_but_not_contain_nul(self):
        number, text = {"type": "integer"}, {"type": "string"}
        kinds = ("path", text), ("query", number), ("query", text)
        parameters = [{"in": place, "schema": kind} for place, kind in kinds]
        operation = {"responses": {}, "parameters": parameters}
        schema.document({"components": {"schemas": {}}, "paths": {"/": {"get": operation}}}, None, None, True)
        self.assertEqual([parameter.get("allowEmptyValue") for parameter in parameters], [None, True, True])
        self.assertEqual([parameter["schema"].get("pattern") for parameter in parameters][:2], [None, None])
        self.assertEqual(parameters[2]["schema"]["pattern"], r"^[^\x00]*$")
