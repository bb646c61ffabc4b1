from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.urls import reverse
from django.utils.translation import gettext

from users.models import Token

from . import PASSWORD, make_user


def make_staff(name="carol", *codenames):
    """Save and return a user who may use the admin, with these permissions."""
    user = make_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


class AdminSiteTests(TestCase):
    def get(self, user=None):
        if user:
            self.client.force_login(user)
        return self.client.get(reverse("admin:index"))

    def test_uses_the_sign_in_of_the_pages(self):
        login = self.client.get(self.get().url)
        self.assertRedirects(login, f"{reverse('account_login')}?next=%2Fadmin%2F")

    def test_staff_may_enter(self):
        self.assertEqual(self.get(make_staff()).status_code, 200)

    def test_other_users_may_not(self):
        self.client.force_login(make_user())
        for name in "admin:index", "admin:users_user_changelist", "admin:users_user_add":
            with self.subTest(name=name):
                self.assertEqual(self.client.get(reverse(name), follow=True).status_code, 403)

    @override_settings(ADMIN_REQUIRES_MFA=True)
    def test_a_second_factor_can_be_required(self):
        user = make_staff()
        self.assertRedirects(self.client.get(self.get(user).url), reverse("mfa_index"))
        TOTP.activate(user, generate_totp_secret())
        self.assertEqual(self.get().status_code, 200)


class UserAdminTests(TestCase):
    def setUp(self):
        self.admin = get_user_model().objects.create_superuser(
            **{get_user_model().USERNAME_FIELD: "root@example.com", "email": "root@example.com"}
        )
        self.client.force_login(self.admin)

    def test_list_and_form(self):
        for path in reverse("admin:users_user_changelist"), reverse("admin:users_user_change", args=[self.admin.pk]):
            with self.subTest(path=path):
                self.assertContains(self.client.get(path), "root@example.com")

    def test_the_address_of_a_superuser_counts_as_verified(self):
        address = EmailAddress.objects.get(user=self.admin)
        self.assertEqual((address.email, address.verified, address.primary), ("root@example.com", True, True))

    def add(self, **data):
        data = {**data, "password1": PASSWORD, "password2": PASSWORD}
        self.client.post(reverse("admin:users_user_add"), data)
        return get_user_model().objects.exclude(pk=self.admin.pk).get()

    def test_add(self):
        user = self.add(**{get_user_model().USERNAME_FIELD: "bob@example.com", "email": "bob@example.com"})
        self.assertTrue(user.check_password(PASSWORD))
        self.assertTrue(EmailAddress.objects.get(user=user, email="bob@example.com").verified)

    def change(self, user, **data):
        path = reverse("admin:users_user_change", args=[user.pk])
        fields = self.client.get(path).context["adminform"].form.initial
        kept = {name: fields[name] for name in ("username", "email") if name in fields}
        kept.update(date_joined_0="2026-01-01", date_joined_1="00:00:00", is_active="on")
        self.assertEqual(self.client.post(path, {**kept, **data}).status_code, 302)
        user.refresh_from_db()

    def test_staff_vouch_for_an_address_that_they_enter(self):
        bob = make_user("bob", verified=False)
        self.change(bob, first_name="Bob")
        self.assertFalse(EmailAddress.objects.get(user=bob).verified)
        self.change(bob, email="Robert@example.com")
        address = EmailAddress.objects.get(user=bob)
        self.assertEqual((address.email, address.verified), ("robert@example.com", True))

    def test_an_address_of_another_account_is_refused(self):
        User = get_user_model()
        EmailAddress.objects.filter(user=self.admin).update(email="bob@example.com")
        user = {User.USERNAME_FIELD: "Bob@example.com", "email": "Bob@example.com"}
        message = gettext("Another account has this email address.")
        passwords = {"password1": PASSWORD, "password2": PASSWORD}
        self.assertContains(self.client.post(reverse("admin:users_user_add"), {**user, **passwords}), message)
        with self.assertRaisesMessage(CommandError, message):
            call_command("createsuperuser", interactive=False, **user)
        self.assertEqual(User.objects.get(), self.admin)

    def test_a_user_without_an_address_has_none_that_is_verified(self):
        self.admin.email = ""
        self.admin.vouch_for_email()
        self.assertFalse(EmailAddress.objects.exists())

    def colleague(self):
        """Sign in as a user who may change accounts, and return this user."""
        user = make_staff("carol", "view_user", "change_user")
        self.client.force_login(user)
        return user

    def test_staff_cannot_grant_rights(self):
        user = self.colleague()
        group, permission = Group.objects.create(name="Navigators"), Permission.objects.get(codename="add_user")
        self.change(user, is_superuser="on", groups=group.pk, user_permissions=permission.pk)
        self.assertFalse(user.is_superuser or user.groups.exists() or user.has_perm("users.add_user"))

    def test_staff_cannot_take_over_a_superusers_account(self):
        self.colleague()
        path = reverse("admin:auth_user_password_change", args=[self.admin.pk])
        self.assertEqual(self.client.post(path, {"password1": PASSWORD, "password2": PASSWORD}).status_code, 403)


class OtherAdminTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = make_user()
        cls.root = get_user_model().objects.create_superuser("root@example.com")

    def test_of_django_allauth_there_are_only_second_factors(self):
        models = [model for model in admin.site._registry if model.__module__.startswith("allauth.")]
        self.assertEqual(models, [Authenticator])

    def test_tokens_can_be_revoked_but_not_made_or_changed(self):
        token, _ = Token.objects.issue(self.ada, "Phone")
        self.client.force_login(self.root)
        self.assertContains(self.client.get(reverse("admin:users_token_changelist")), "Phone")
        self.assertEqual(self.client.get(reverse("admin:users_token_add")).status_code, 403)
        page = self.client.get(reverse("admin:users_token_change", args=[token.pk]))
        self.assertNotContains(page, token.digest)
        self.assertNotContains(page, 'name="_save"')
        self.client.post(reverse("admin:users_token_delete", args=[token.pk]), {"post": "yes"})
        self.assertFalse(Token.objects.exists())

    def test_a_superuser_deletes_the_second_factor_of_somebody_who_lost_it(self):
        secret = generate_totp_secret()
        factor = TOTP.activate(self.ada, secret).instance
        path = reverse("admin:mfa_authenticator_change", args=[factor.pk])
        delete = reverse("admin:mfa_authenticator_delete", args=[factor.pk])
        self.client.force_login(make_staff("carol", "view_authenticator", "delete_authenticator"))
        self.assertNotContains(self.client.get(path), secret)
        self.assertEqual(self.client.post(delete, {"post": "yes"}).status_code, 403)
        self.client.force_login(self.root)
        found = self.client.get(reverse("admin:mfa_authenticator_changelist"), {"q": self.ada.get_username()})
        self.assertContains(found, path)
        self.client.post(delete, {"post": "yes"})
        self.assertFalse(Authenticator.objects.exists())
