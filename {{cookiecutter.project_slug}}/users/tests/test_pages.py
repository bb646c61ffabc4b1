import re

from django.contrib.auth import get_user, get_user_model
from django.contrib.auth.models import Group, Permission
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
        data.update(is_staff="on", is_superuser="on")
        self.assertRedirects(self.client.post(reverse("signup"), data), "/", fetch_redirect_response=False)
        user = get_user(self.client)
        self.assertEqual(user.email, "bob@example.com")
        self.assertFalse(user.is_staff or user.is_superuser)

    def test_the_forms_have_attributes_for_password_managers(self):
        for name in "signup", "login", "password_reset":
            for field in self.client.get(reverse(name)).context["form"]:
                with self.subTest(page=name, field=field.name):
                    self.assertIn("autocomplete", field.field.widget.attrs)

    def test_sign_up_with_a_weak_password(self):
        for weak in "short-1", "bob@example.com", "password123", "73409218564":
            with self.subTest(password=weak):
                data = {"username": "bob", "email": "bob@example.com", "password1": weak, "password2": weak}
                self.client.post(reverse("signup"), data)
                self.assertTrue(get_user(self.client).is_anonymous)
{% if cookiecutter.login == "email" %}

    def test_sign_in_with_the_address_in_another_case(self):
        self.client.post(reverse("login"), {"username": "ADA@Example.com", "password": PASSWORD})
        self.assertEqual(get_user(self.client), self.ada)

    def test_sign_up_with_a_known_address_in_another_case(self):
        data = {"email": "ADA@example.com", "password1": PASSWORD, "password2": PASSWORD}
        response = self.client.post(reverse("signup"), data)
        self.assertContains(response, "User with this Email address already exists.")
{% endif %}

    def test_a_user_has_something_to_sign_in_with(self):
        with self.assertRaises(ValueError):
            get_user_model().objects.create_user("")

    def test_change_the_password(self):
        self.sign_in(PASSWORD)
        data = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        response = self.client.post(reverse("password_change"), data, follow=True)
        self.assertContains(response, "Your password was changed")
        self.assertEqual(self.sign_in(NEW_PASSWORD), self.ada)

    def test_reset_the_password_with_the_link_that_was_mailed(self):
        response = self.client.post(reverse("password_reset"), {"email": "ada@example.com"}, follow=True)
        self.assertContains(response, "Check your email")
        [message] = mail.outbox
        self.assertEqual(message.to, ["ada@example.com"])
        link = re.search(r"http://testserver(\S+)", message.body)[1]
        form = self.client.get(link, follow=True)
        path = form.redirect_chain[-1][0]
        data = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        self.assertContains(self.client.post(path, data, follow=True), "Your new password is set")
        self.assertEqual(self.sign_in(NEW_PASSWORD), self.ada)
        self.assertContains(self.client.get(link), "This link was already used")

    def test_reset_does_not_reveal_whether_an_address_is_known(self):
        response = self.client.post(reverse("password_reset"), {"email": "nobody@example.com"}, follow=True)
        self.assertContains(response, "Check your email")
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

    def colleague(self):
        """Sign in as a user who may change accounts, and return this user."""
        user = get_user_model().objects.create_user("carol@example.com", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
        self.client.force_login(user)
        return user

    def test_staff_cannot_grant_rights(self):
        user = self.colleague()
        path = reverse("admin:users_user_change", args=[user.pk])
        fields = self.client.get(path).context["adminform"].form.initial
        data = {name: fields[name] for name in ("username", "email") if name in fields}
        data.update(date_joined_0="2026-01-01", date_joined_1="00:00:00", is_active="on")
        data.update(is_superuser="on", groups=Group.objects.create(name="Navigators").pk)
        data.update(user_permissions=Permission.objects.get(codename="add_user").pk)
        self.assertEqual(self.client.post(path, data).status_code, 302)
        user.refresh_from_db()
        self.assertFalse(user.is_superuser or user.groups.exists() or user.has_perm("users.add_user"))

    def test_staff_cannot_take_over_a_superusers_account(self):
        self.colleague()
        path = reverse("admin:auth_user_password_change", args=[self.admin.pk])
        self.assertEqual(self.client.post(path, {"password1": PASSWORD, "password2": PASSWORD}).status_code, 403)

    def test_other_users_see_nothing(self):
        self.client.force_login(get_user_model().objects.create_user("bob@example.com"))
        for name in "admin:index", "admin:users_user_changelist", "admin:users_user_add":
            with self.subTest(name=name):
                self.assertRedirects(self.client.get(reverse(name)), f"{reverse('admin:login')}?next={reverse(name)}")
