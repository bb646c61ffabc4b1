from django.contrib.auth import get_user_model
from django.test import SimpleTestCase, TestCase, override_settings
from django.urls import reverse

from {{ cookiecutter.project_slug }}.security import client_address


class ClientAddressTests(SimpleTestCase):
    def address(self, forwarded):
        return client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded})

    def test_without_a_proxy_the_header_is_not_believed(self):
        for count in None, 0:
            with self.subTest(count=count), self.settings(TRUSTED_PROXIES=count):
                self.assertEqual(self.address("1.1.1.1"), "10.0.0.1")

    def test_each_proxy_is_believed_about_the_address_before_it(self):
        for count, address in (1, "3.3.3.3"), (2, "2.2.2.2"), (4, "10.0.0.1"):
            with self.subTest(count=count), self.settings(TRUSTED_PROXIES=count):
                self.assertEqual(self.address("1.1.1.1, 2.2.2.2, 3.3.3.3"), address)

    @override_settings(TRUSTED_PROXIES=1)
    def test_a_request_that_no_proxy_passed_on_keeps_its_address(self):
        self.assertEqual(client_address({"REMOTE_ADDR": "10.0.0.1"}), "10.0.0.1")


class HeaderTests(TestCase):
    def test_each_page_has_a_content_security_policy_without_exceptions(self):
        policy = self.client.get(reverse("login"))["Content-Security-Policy"]
        for directive in "default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'":
            with self.subTest(directive=directive):
                self.assertIn(directive, policy.split("; "))
        self.assertNotIn("unsafe", policy)

    def test_the_script_of_the_api_docs_has_the_nonce_of_the_policy(self):
        response = self.client.get(reverse("docs"))
        self.assertRegex(response.content.decode(), '<script nonce="[^"]{16,}">')
        nonce = response.content.decode().partition('<script nonce="')[2].partition('"')[0]
        self.assertIn(f"'nonce-{nonce}'", response["Content-Security-Policy"])

    def test_other_sites_may_not_embed_a_page_and_it_may_not_use_devices(self):
        response = self.client.get(reverse("login"))
        self.assertEqual(response["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertIn("camera=()", response["Permissions-Policy"])
        self.assertEqual(response["X-Frame-Options"], "DENY")

    def test_other_sites_are_not_told_which_page_links_to_them(self):
        self.assertEqual(self.client.get(reverse("login"))["Referrer-Policy"], "same-origin")

    def test_windows_of_other_sites_may_not_reach_a_page(self):
        for name in "login", "docs":
            with self.subTest(name=name):
                self.assertEqual(self.client.get(reverse(name))["Cross-Origin-Opener-Policy"], "same-origin")

    @override_settings(CORS_ALLOWED_ORIGINS=["https://app.example.com"])
    def test_scripts_of_named_origins_may_use_the_api(self):
        for origin, name, allowed in (
            ("https://app.example.com", "api-me", True),
            ("https://app.example.com", "login", False),
            ("https://evil.example", "api-me", False),
        ):
            with self.subTest(origin=origin, name=name):
                response = self.client.get(reverse(name), headers={"origin": origin})
                self.assertEqual("Access-Control-Allow-Origin" in response, allowed)

    @override_settings(REQUEST_MAX_SIZE=1000)
    def test_a_large_request_is_refused(self):
        for path in reverse("login"), reverse("api-token"):
            with self.subTest(path=path):
                self.assertEqual(self.client.post(path, {"name": "x" * 1000}).status_code, 413)


class LockOutTests(TestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com", password="correct horse")
        self.ada.email = "ada@example.com"
        self.ada.save()

    def sign_in(self, password, path="login", **extra):
        data = {"username": self.ada.get_username(), "password": password}
        return self.client.post(reverse(path), data, **extra)

    def fail(self, path="login", **extra):
        for _ in range(5):
            self.sign_in("wrong", path, **extra)

    def test_five_failures_lock_out_the_account_at_this_address(self):
        self.fail()
        self.assertContains(self.sign_in("correct horse"), "Too many failed sign-ins", status_code=429)

    def test_failures_by_another_spelling_count(self):
        self.fail()
        data = {"username": self.ada.get_username().upper(), "password": "correct horse"}
        self.assertEqual(self.client.post(reverse("login"), data).status_code, 429)

    def test_the_api_and_the_admin_are_locked_too(self):
        self.fail("api-token", content_type="application/json")
        locked = self.sign_in("correct horse", "api-token", content_type="application/json")
        self.assertEqual(locked.status_code, 429)
        self.assertEqual(locked["Content-Type"], "application/problem+json")
        self.assertEqual(self.sign_in("correct horse", "admin:login").status_code, 429)

    def test_another_address_is_not_locked(self):
        self.fail()
        self.assertEqual(self.sign_in("correct horse", REMOTE_ADDR="10.0.0.2").status_code, 302)

    @override_settings(TRUSTED_PROXIES=1)
    def test_behind_a_proxy_it_is_the_clients_address_that_counts(self):
        self.fail(headers={"x-forwarded-for": "1.1.1.1, 2.2.2.2"})
        invented = {"x-forwarded-for": "9.9.9.9, 2.2.2.2"}
        self.assertEqual(self.sign_in("correct horse", headers=invented).status_code, 429)
        other = {"x-forwarded-for": "3.3.3.3"}
        self.assertEqual(self.sign_in("correct horse", headers=other).status_code, 302)
