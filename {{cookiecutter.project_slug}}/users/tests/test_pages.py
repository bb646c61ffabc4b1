import re

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.core import mail
from django.test import TestCase, override_settings
from django.urls import reverse

from . import NEW_PASSWORD, PASSWORD, confirm_password, make_user, sign_in


def link(message):
    """Return the path of the link in a mail."""
    return re.search(r"https?://testserver(/\S+)", message.body)[1]


class SignInTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()

    def test_sign_in(self):
        self.assertRedirects(sign_in(self.client, self.ada), "/", fetch_redirect_response=False)
        self.assertEqual(get_user(self.client), self.ada)

    def test_sign_in_with_a_wrong_password(self):
        self.assertEqual(sign_in(self.client, self.ada, "wrong").status_code, 200)
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_a_deactivated_user_cannot_sign_in(self):
        self.ada.is_active = False
        self.ada.save()
        sign_in(self.client, self.ada)
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_sign_out(self):
        sign_in(self.client, self.ada)
        self.assertRedirects(self.client.post(reverse("account_logout")), reverse("account_login"))
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_the_forms_have_attributes_for_password_managers(self):
        for name in "account_signup", "account_login", "account_reset_password":
            for field in self.client.get(reverse(name)).context["form"]:
                with self.subTest(page=name, field=field.name):
                    self.assertIn("autocomplete", field.field.widget.attrs)
{% if cookiecutter.login == "email" %}

    def test_sign_in_with_the_address_in_another_case(self):
        self.client.post(reverse("account_login"), {"login": "ADA@Example.com", "password": PASSWORD})
        self.assertEqual(get_user(self.client), self.ada)

    def test_commands_find_a_user_by_the_address_in_another_case(self):
        self.assertEqual(get_user_model().objects.get_by_natural_key("ADA@Example.com"), self.ada)
{% endif %}

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_an_address_that_is_not_verified(self):
        bob = make_user("bob", verified=False)
        self.assertRedirects(sign_in(self.client, bob), reverse("account_email_verification_sent"))
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_another_session_can_be_ended(self):
        sign_in(self.client, self.ada)
        other = self.client_class()
        sign_in(other, self.ada)
        self.client.post(reverse("usersessions_list"))
        self.assertTrue(get_user(other).is_anonymous)
        self.assertEqual(get_user(self.client), self.ada)


class SignUpTests(TestCase):
    def sign_up(self, password=PASSWORD, email="bob@example.com", **data):
        values = {"email": email, "password1": password, "password2": password, **data}
{% if cookiecutter.login == "username" %}
        values.setdefault("username", email.partition("@")[0])
{% endif %}
        return self.client.post(reverse("account_signup"), values)

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="optional")
    def test_in_development_a_new_user_is_signed_in_at_once(self):
        self.assertRedirects(self.sign_up(), "/", fetch_redirect_response=False)
        self.assertEqual(get_user(self.client).email, "bob@example.com")

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_in_production_the_link_that_was_mailed_comes_first(self):
        self.assertRedirects(self.sign_up(), reverse("account_email_verification_sent"))
        self.assertTrue(get_user(self.client).is_anonymous)
        [message] = mail.outbox
        self.assertEqual(message.to, ["bob@example.com"])
        self.assertFalse(EmailAddress.objects.get().verified)
        self.client.post(link(message))
        self.assertTrue(EmailAddress.objects.get().verified)
        sign_in(self.client, get_user_model().objects.get())
        self.assertEqual(get_user(self.client).email, "bob@example.com")

    def test_mail_has_the_link_as_html_too(self):
        self.sign_up()
        [message] = mail.outbox
        html, kind = message.alternatives[0]
        self.assertEqual(kind, "text/html")
        self.assertIn(f'{link(message)}"', html)

    def test_mail_has_the_name_of_the_project(self):
        self.sign_up()
        self.assertIn(settings.PROJECT_NAME, mail.outbox[0].body)

    def test_a_new_user_has_no_rights(self):
        self.sign_up(is_staff="on", is_superuser="on")
        user = get_user_model().objects.get()
        self.assertFalse(user.is_staff or user.is_superuser)

    def test_a_weak_password_is_refused(self):
        for weak in "short-1", "bob@example.com", "password123", "73409218564":
            with self.subTest(password=weak):
                self.sign_up(weak)
                self.assertFalse(get_user_model().objects.exists())

    @override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_it_does_not_reveal_whether_an_address_is_known(self):
        make_user("bob")
{% if cookiecutter.login == "email" %}
        response = self.sign_up(email="BOB@example.com")
{% else %}
        response = self.sign_up(email="BOB@example.com", username="robert")
{% endif %}
        self.assertRedirects(response, reverse("account_email_verification_sent"))
        [message] = mail.outbox
        self.assertIn(reverse("account_reset_password"), message.body)
        self.assertEqual(get_user_model().objects.count(), 1)

    def test_a_user_has_something_to_sign_in_with(self):
        with self.assertRaises(ValueError):
            get_user_model().objects.create_user("")


class PasswordTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()

    def signs_in(self, password):
        client = self.client_class()
        sign_in(client, self.ada, password)
        return get_user(client) == self.ada

    def test_change_the_password(self):
        sign_in(self.client, self.ada)
        data = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        self.client.post(reverse("account_change_password"), data)
        self.assertTrue(self.signs_in(NEW_PASSWORD))
        self.assertFalse(self.signs_in(PASSWORD))
        self.assertEqual([message.to for message in mail.outbox], [["ada@example.com"]])

    def test_reset_the_password_with_the_link_that_was_mailed(self):
        self.client.post(reverse("account_reset_password"), {"email": "ada@example.com"})
        [message] = mail.outbox
        self.assertEqual(message.to, ["ada@example.com"])
        path = self.client.get(link(message), follow=True).redirect_chain[-1][0]
        data = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        self.assertRedirects(self.client.post(path, data), reverse("account_reset_password_from_key_done"))
        self.assertTrue(self.signs_in(NEW_PASSWORD))
        used = self.client_class().get(link(message), follow=True)
        self.assertTrue(used.context["token_fail"])

    def test_reset_does_not_reveal_whether_an_address_is_known(self):
        for address in "ada@example.com", "nobody@example.com":
            with self.subTest(address=address):
                response = self.client.post(reverse("account_reset_password"), {"email": address})
                self.assertRedirects(response, reverse("account_reset_password_done"))


class EmailTests(TestCase):
    def test_a_new_address_replaces_the_old_one_when_it_is_verified(self):
        ada = make_user()
        sign_in(self.client, ada)
        confirm_password(self.client)
        self.client.post(reverse("account_email"), {"action_add": "", "email": "ada@example.org"})
        ada.refresh_from_db()
        self.assertEqual(ada.email, "ada@example.com")
        [message] = [message for message in mail.outbox if message.to == ["ada@example.org"]]
        self.client.post(link(message))
        ada.refresh_from_db()
        self.assertEqual(ada.email, "ada@example.org")


class PolicyTests(TestCase):
    def test_pages_of_the_account_have_no_inline_styles(self):
        ada = make_user()
        EmailAddress.objects.create(user=ada, email="ada@example.org")
        sign_in(self.client, ada)
        confirm_password(self.client)
        for name in "account_email", "account_change_password", "mfa_index", "mfa_list_webauthn", "usersessions_list":
            with self.subTest(page=name):
                self.assertNotContains(self.client.get(reverse(name)), " style=")
