import re

from django.contrib.auth import get_user, get_user_model
from django.core import mail
from django.test import TestCase
from django.urls import reverse

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "a different horse altogether"


class AccountPageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
{% if cookiecutter.login == "email" %}
        cls.ada = get_user_model().objects.create_user("ada@example.com", PASSWORD)
{% else %}
        cls.ada = get_user_model().objects.create_user("ada", "ada@example.com", PASSWORD)
{% endif %}

    def sign_in(self, password):
        self.client.post(reverse("login"), {"username": self.ada.get_username(), "password": password})
        return get_user(self.client)

    def test_sign_in(self):
        self.assertEqual(self.sign_in(PASSWORD), self.ada)

    def test_sign_in_with_a_wrong_password(self):
        self.assertTrue(self.sign_in("wrong").is_anonymous)

    def test_sign_out(self):
        self.sign_in(PASSWORD)
        self.assertRedirects(self.client.post(reverse("logout")), reverse("login"))
        self.assertTrue(get_user(self.client).is_anonymous)

    def test_sign_up(self):
{% if cookiecutter.login == "email" %}
        data = {"email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD}
{% else %}
        data = {"username": "bob", "email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD}
{% endif %}
        self.assertRedirects(self.client.post(reverse("signup"), data), "/", fetch_redirect_response=False)
        user = get_user(self.client)
        self.assertEqual(user.email, "bob@example.com")
        self.assertFalse(user.is_staff)
{% if cookiecutter.login == "email" %}

    def test_sign_up_with_a_known_address_in_another_case(self):
        data = {"email": "ADA@example.com", "password1": PASSWORD, "password2": PASSWORD}
        response = self.client.post(reverse("signup"), data)
        self.assertContains(response, "User with this Email address already exists.")
{% endif %}

    def test_change_the_password(self):
        self.sign_in(PASSWORD)
        data = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        response = self.client.post(reverse("password_change"), data, follow=True)
        self.assertContains(response, "Your password was changed")
        self.assertEqual(self.sign_in(NEW_PASSWORD), self.ada)

    def test_reset_the_password_with_the_link_that_was_mailed(self):
        response = self.client.post(reverse("password_reset"), {"email": "ada@example.com"}, follow=True)
        self.assertContains(response, "Look at your mail")
        [message] = mail.outbox
        self.assertEqual(message.to, ["ada@example.com"])
        link = re.search(r"http://testserver(\S+)", message.body)[1]
        form = self.client.get(link, follow=True)
        path = form.redirect_chain[-1][0]
        data = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        self.assertContains(self.client.post(path, data, follow=True), "Your new password is set")
        self.assertEqual(self.sign_in(NEW_PASSWORD), self.ada)
        self.assertContains(self.client.get(link), "This link was used already")

    def test_reset_does_not_tell_whether_an_address_is_known(self):
        response = self.client.post(reverse("password_reset"), {"email": "nobody@example.com"}, follow=True)
        self.assertContains(response, "Look at your mail")
        self.assertEqual(mail.outbox, [])


class UserAdminTests(TestCase):
    def setUp(self):
        self.admin = get_user_model().objects.create_superuser("root@example.com")
        self.client.force_login(self.admin)

    def test_list_and_form(self):
        for path in reverse("admin:users_user_changelist"), reverse("admin:users_user_change", args=[self.admin.pk]):
            with self.subTest(path=path):
                self.assertContains(self.client.get(path), "root@example.com")

    def test_add(self):
{% if cookiecutter.login == "email" %}
        data = {"email": "bob@example.com", "password1": PASSWORD, "password2": PASSWORD}
{% else %}
        data = {"username": "bob", "password1": PASSWORD, "password2": PASSWORD}
{% endif %}
        self.client.post(reverse("admin:users_user_add"), {**data, "usable_password": "true"})
{% if cookiecutter.login == "email" %}
        self.assertTrue(get_user_model().objects.get(email="bob@example.com").check_password(PASSWORD))
{% else %}
        self.assertTrue(get_user_model().objects.get(username="bob").check_password(PASSWORD))
{% endif %}
