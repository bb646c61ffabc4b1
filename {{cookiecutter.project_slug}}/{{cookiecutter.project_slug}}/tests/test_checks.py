from unittest import mock

from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.checks import run_checks
from django.db import NotSupportedError, OperationalError, connection
from django.test import TestCase, override_settings
from django.urls import include, path
from rest_framework import generics, serializers

from {{ cookiecutter.project_slug }}.environment import env


@mock.patch.dict(env, DEBUG=False)
@override_settings(ALLOWED_HOSTS=["www.example.com"], TRUSTED_PROXIES=1, REDIS_URL=None, WEB_CONCURRENCY=1)
class CheckTests(TestCase):
    def warnings(self, **changes):
        with self.settings(**changes):
            return [message.id for message in run_checks() if message.id.startswith("project.")]

    def test_no_warnings_if_all_is_well(self):
        self.assertEqual(self.warnings(), [])

    def test_no_warnings_in_development(self):
        with mock.patch.dict(env, DEBUG=True):
            self.assertEqual(self.warnings(ALLOWED_HOSTS=["*"], TRUSTED_PROXIES=None), [])

    def test_any_host(self):
        self.assertEqual(self.warnings(ALLOWED_HOSTS=["*"]), ["project.W001"])

    def test_an_unset_number_of_proxies(self):
        self.assertEqual(self.warnings(TRUSTED_PROXIES=None), ["project.W002"])
        self.assertEqual(self.warnings(TRUSTED_PROXIES=0), [])

    def test_several_processes_that_share_nothing(self):
        self.assertEqual(self.warnings(WEB_CONCURRENCY=2), ["project.W003"])
        self.assertEqual(self.warnings(WEB_CONCURRENCY=2, REDIS_URL="redis://localhost"), [])

    def test_a_database_that_is_too_old(self):
        with mock.patch.object(connection, "ensure_connection", side_effect=NotSupportedError("too old")):
            self.assertEqual(self.warnings(), ["project.E001"])

    def test_a_database_that_does_not_answer_is_not_reported(self):
        with mock.patch.object(connection, "ensure_connection", side_effect=OperationalError("away")):
            self.assertEqual(self.warnings(), [])

    def test_a_pooler_that_is_not_declared(self):
        error = OperationalError("unsupported startup parameter: options")
        with mock.patch.object(connection, "ensure_connection", side_effect=error):
            self.assertEqual(self.warnings(), ["project.E002"])

    def test_staff_without_a_second_factor(self):
        user = get_user_model().objects.create_user("ada@example.com", is_staff=True)
        self.assertEqual(self.warnings(), ["project.W005"])
        Authenticator.objects.create(user=user, type="totp", data={})
        self.assertEqual(self.warnings(), [])

    def test_an_order_by_one_of_many(self):
        class PermissionSerializer(serializers.ModelSerializer):
            class Meta:
                model = Permission

        class PermissionView(generics.ListAPIView):
            serializer_class = PermissionSerializer
            ordering_fields = ["pk", "codename", "name__year", "unknown", "group__name", "content_type__permission"]

        resolver = mock.Mock(url_patterns=[path("api/", include([path("", PermissionView.as_view())]))])
        with mock.patch("{{ cookiecutter.project_slug }}.checks.get_resolver", return_value=resolver):
            found = [message for message in run_checks() if message.id == "project.E003"]
        self.assertEqual([message.msg.split("'")[1] for message in found], ["group__name", "content_type__permission"])
