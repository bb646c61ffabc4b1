import json
from decimal import Decimal
from types import SimpleNamespace
from unittest import mock
from uuid import UUID

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth import get_user, get_user_model
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import models
from django.db.models import ProtectedError, RestrictedError
from django.test import SimpleTestCase, TestCase
from django.test.utils import isolate_apps
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import status
from rest_framework.test import APITestCase

from users import own_data
from users.models import Token

from . import PASSWORD, confirm_password, make_user, sign_in

User = get_user_model()
DATA = "/api/v1/users/me/data/"
DELETE = "/api/v1/users/me/delete/"


def make_superuser(name="root"):
    return make_user(name, is_staff=True, is_superuser=True)


class LookupTests(SimpleTestCase):
    def lookups(self, tree):
        """Return the lookups for a dict of model -> the foreign keys to it: name, on_delete and model."""
        found = {}
        for parent, rows in tree.items():
            found[parent] = [
                SimpleNamespace(field=SimpleNamespace(name=name), on_delete=on_delete, related_model=model)
                for name, on_delete, model in rows
            ]
        with mock.patch.object(own_data, "relations", lambda model: found.get(model, [])):
            return own_data.lookups()

    def test_each_relation_to_a_user_counts(self):
        tree = {User: [("sender", models.CASCADE, "Message"), ("recipient", models.CASCADE, "Message")]}
        self.assertEqual(self.lookups(tree), {User: ["pk"], "Message": ["sender", "recipient"]})

    def test_what_is_kept_counts_too(self):
        for on_delete in models.SET_NULL, models.PROTECT:
            with self.subTest(on_delete=on_delete):
                tree = {User: [("customer", on_delete, "Invoice")]}
                self.assertEqual(self.lookups(tree), {User: ["pk"], "Invoice": ["customer"]})

    def test_what_belongs_to_another_user_does_not_count(self):
        tree = {
            User: [
                ("owner", models.CASCADE, "Item"),
                ("approver", models.SET_NULL, "Item"),
                ("author", models.CASCADE, "Comment"),
            ],
            "Item": [("item", models.CASCADE, "Comment")],
        }
        self.assertEqual(self.lookups(tree), {User: ["pk"], "Item": ["owner"], "Comment": ["author"]})

    def test_parts_count_that_are_deleted_with_the_whole(self):
        tree = {
            User: [("customer", models.SET_NULL, "Order"), ("customer", models.CASCADE, "Offer")],
            "Order": [("order", models.CASCADE, "Line"), ("order", models.SET_NULL, "Parcel")],
            "Offer": [("offer", models.CASCADE, "Line")],
            "Line": [("line", models.CASCADE, "Note"), ("next", models.CASCADE, "Line")],
        }
        found = self.lookups(tree)
        self.assertEqual(found["Line"][:2], ["order__customer", "offer__customer"])
        self.assertEqual(found["Note"][0], "line__order__customer")
        self.assertNotIn("Parcel", found)


class ValueTests(SimpleTestCase):
    @isolate_apps("users")
    def test_values_are_json_and_secrets_are_left_out(self):
        class Photo(models.Model):  # noqa: DJ008
            id = models.UUIDField(primary_key=True)
            file = models.FileField()
            price = models.DecimalField(max_digits=5, decimal_places=2)
            tags = models.JSONField()
            content = models.BinaryField()
            monkey = models.CharField(max_length=9)
            api_key = models.CharField(max_length=9)
            password = models.CharField(max_length=9)
            token_digest = models.CharField(max_length=9)

        photo = Photo(id=UUID(int=7), file="a.png", price=Decimal("1.50"), tags=["b"], content=b"c", monkey="d")
        expected = {"id": str(UUID(int=7)), "file": "a.png", "price": Decimal("1.50"), "tags": ["b"]}
        self.assertEqual(own_data.values(photo), {**expected, "content": "Yw==", "monkey": "d"})


class DataTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()
        make_user("bob")

    def setUp(self):
        sign_in(self.client, self.ada)

    def test_refuses_anonymous_users(self):
        client = self.client_class()
        self.assertEqual(client.get(DATA).status_code, status.HTTP_401_UNAUTHORIZED)
        path = reverse("data")
        self.assertRedirects(client.get(path), f"{reverse('account_login')}?next={path}")

    def test_has_the_users_own_objects_of_all_apps(self):
        Token.objects.issue(self.ada, "Phone")
        self.ada.groups.add(Group.objects.create(name="Navigators"))
        account = SocialAccount.objects.create(user=self.ada, provider="github", uid="7")
        SocialToken.objects.create(account=account, token="secret", expires_at=timezone.now())
        data = self.client.get(DATA).data
        self.assertEqual([row["email"] for row in data["users.User"]], ["ada@example.com"])
        self.assertEqual([row["email"] for row in data["account.EmailAddress"]], ["ada@example.com"])
        self.assertEqual([row["name"] for row in data["users.Token"]], ["Phone"])
        self.assertEqual([row["uid"] for row in data["socialaccount.SocialAccount"]], ["7"])
        self.assertEqual([row["account"] for row in data["socialaccount.SocialToken"]], [account.pk])
        self.assertEqual([row["ip"] for row in data["usersessions.UserSession"]], ["127.0.0.1"])
        self.assertEqual([row["user"] for row in data["users.User_groups"]], [self.ada.pk])

    def test_has_no_secrets(self):
        _, text = Token.objects.issue(self.ada, "Phone")
        secret = generate_totp_secret()
        factor = TOTP.activate(self.ada, secret).instance
        account = SocialAccount.objects.create(user=self.ada, provider="github", uid="7")
        SocialToken.objects.create(account=account, token="social-1", token_secret="social-2")
        session_key = self.client.session.session_key
        content = self.client.get(DATA).content.decode()
        self.assertIn(f'"id":{factor.pk},"user":{self.ada.pk},"type":"totp"', content)
        token = Token.objects.get()
        hidden = [self.ada.password, text, token.digest, token.password, secret, "social-1", "social-2", session_key]
        for value in hidden:
            with self.subTest(value=value):
                self.assertNotIn(value, content)

    def test_the_page_sends_a_file_that_nobody_stores(self):
        self.assertContains(self.client.get(reverse("data")), reverse("account_delete"))
        response = self.client.post(reverse("data"))
        self.assertEqual(response["Content-Disposition"], 'attachment; filename="data.json"')
        data = json.loads(response.content)
        self.assertEqual(data["users.User"][0]["date_joined"], self.ada.date_joined.isoformat()[:23] + "Z")
        for answer in response, self.client.get(DATA):
            self.assertIn("no-store", answer["Cache-Control"])


class DeletePageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()
        cls.path = reverse("account_delete")

    def setUp(self):
        sign_in(self.client, self.ada)
        confirm_password(self.client)

    def delete(self):
        """Return the messages to the user."""
        response = self.client.post(self.path)
        return [str(message) for message in get_messages(response.wsgi_request)]

    def test_asks_to_sign_in(self):
        client = self.client_class()
        self.assertRedirects(client.post(self.path), f"{reverse('account_login')}?next={self.path}")

    def test_needs_the_password_again(self):
        session = self.client.session
        session["account_authentication_methods"] = []
        session.save()
        for method in self.client.get, self.client.post:
            response = method(self.path)
            self.assertRedirects(response, f"{reverse('account_reauthenticate')}?next={self.path}")
        self.assertTrue(User.objects.exists())

    def test_deletes_the_account_and_what_belongs_to_it(self):
        Token.objects.issue(self.ada, "Phone")
        bob = make_user("bob")
        self.assertContains(self.client.get(self.path), gettext("Delete the account?"))
        self.assertIn(gettext("Your account was deleted."), self.delete())
        self.assertEqual(User.objects.get(), bob)
        self.assertFalse(Token.objects.exists())

    def test_ends_all_sessions(self):
        other = self.client_class()
        sign_in(other, self.ada)
        self.delete()
        for client in self.client, other:
            self.assertTrue(get_user(client).is_anonymous)
        keys = [client.session.session_key for client in (self.client, other)]
        self.assertFalse(Session.objects.exclude(session_key__in=keys).exists())

    def test_tells_the_user_by_mail(self):
        mail.outbox.clear()
        self.delete()
        [message] = mail.outbox
        self.assertEqual((message.to, message.subject), (["ada@example.com"], gettext("Your account was deleted")))
        self.assertIn(gettext("Your account and its data were deleted."), message.body)
        self.assertEqual(len(message.alternatives), 1)

    def test_of_a_user_without_an_address_sends_no_mail(self):
        mail.outbox.clear()
        User.objects.update(email="")
        self.delete()
        self.assertEqual(mail.outbox, [])

    def test_says_what_prevents_it(self):
        for error in ProtectedError, RestrictedError:
            with self.subTest(error=error):
                refusal = error("", {Group(pk=1), self.ada})
                with mock.patch.object(User, "delete", side_effect=refusal):
                    *_, shown = self.delete()
                for model in Group, User:
                    self.assertIn(str(model._meta.verbose_name_plural), shown)
                self.assertEqual(get_user(self.client), self.ada)

    def test_the_only_superuser_stays(self):
        root = make_superuser()
        self.client.force_login(root)
        confirm_password(self.client)
        self.assertIn(gettext("You are the only superuser. Make another user a superuser first."), self.delete())
        make_superuser("other")
        self.delete()
        self.assertFalse(User.objects.filter(pk=root.pk).exists())


class DeleteTests(APITestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()

    def test_a_token_and_the_password_delete_the_account(self):
        _, text = Token.objects.issue(self.ada, "Phone")
        headers = {"authorization": f"Token {text}"}
        for data, expected in (
            ({}, status.HTTP_400_BAD_REQUEST),
            ({"password": "wrong"}, status.HTTP_401_UNAUTHORIZED),
            ({"password": PASSWORD}, status.HTTP_204_NO_CONTENT),
        ):
            with self.subTest(data=data):
                self.assertEqual(self.client.post(DELETE, data, headers=headers).status_code, expected)
        self.assertFalse(User.objects.exists())

    def test_a_session_and_the_password_delete_the_account(self):
        self.client.force_login(self.ada)
        self.assertEqual(self.client.post(DELETE, {"password": PASSWORD}).status_code, status.HTTP_204_NO_CONTENT)
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_a_second_factor_is_needed(self):
        TOTP.activate(self.ada, generate_totp_secret())
        self.client.force_authenticate(self.ada)
        self.assertEqual(self.client.post(DELETE, {"password": PASSWORD}).status_code, status.HTTP_403_FORBIDDEN)

    def test_a_refusal_is_a_problem(self):
        self.client.force_authenticate(make_superuser())
        response = self.client.post(DELETE, {"password": PASSWORD})
        self.assertEqual(response.status_code, status.HTTP_409_CONFLICT)
        refusal = gettext("You are the only superuser. Make another user a superuser first.")
        self.assertEqual(response.data["detail"], refusal)
