import io
from unittest import mock

from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.db import DataError
from django.http import HttpResponse
{% if cookiecutter.__django == "4.2" %}
from django.http.multipartparser import MultiPartParserError
{% endif %}
from django.test import Client, RequestFactory, SimpleTestCase, TestCase, override_settings
from django.urls import reverse

from {{ cookiecutter.project_slug }} import security
from {{ cookiecutter.project_slug }}.security import Request, client_address


class ClientAddressTests(SimpleTestCase):
    def address(self, forwarded):
        return client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded})

    def test_without_a_proxy_the_header_is_not_trusted(self):
        for count in None, 0:
            with self.subTest(count=count), self.settings(TRUSTED_PROXIES=count):
                self.assertEqual(self.address("1.1.1.1"), "10.0.0.1")

    def test_each_proxy_is_trusted_for_the_address_before_it(self):
        for count, address in (1, "3.3.3.3"), (2, "2.2.2.2"), (4, "10.0.0.1"):
            with self.subTest(count=count), self.settings(TRUSTED_PROXIES=count):
                self.assertEqual(self.address("1.1.1.1, 2.2.2.2, 3.3.3.3"), address)

    @override_settings(TRUSTED_PROXIES=1)
    def test_a_request_without_a_proxy_keeps_its_address(self):
        self.assertEqual(client_address({"REMOTE_ADDR": "10.0.0.1"}), "10.0.0.1")

    @override_settings(TRUSTED_PROXIES=1)
    def test_forwarded_addresses_have_several_forms(self):
        for forwarded, address in (
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("unknown", "10.0.0.1"),
            ("999.1.1.1:80", "10.0.0.1"),
            ("", "10.0.0.1"),
        ):
            with self.subTest(forwarded=forwarded):
                self.assertEqual(self.address(forwarded), address)


class RefusalTests(TestCase):
    def test_a_nul_in_an_address_or_a_cookie_is_refused(self):
        for path, cookie in ("/%00", ""), ("/?q=%00", ""), ("/?q=\0", ""), ("/", r'sessionid="\000"'):
            with self.subTest(path=path, cookie=cookie):
                self.assertEqual(self.client.get(path, headers={"cookie": cookie}).status_code, 400)

    def test_a_malformed_header_is_refused(self):
        for headers in {"authorization": "Token \xff"}, {"accept": "text/html; q*=nowhere''%ff"}:
            with self.subTest(headers=headers):
                self.assertEqual(self.client.get(reverse("api-me"), headers=headers).status_code, 400)

    def test_text_that_is_not_utf_8_is_refused(self):
        for charset, status in ("UTF-8", 200), ("latin-1", 415), ("hex", 415), ("nowhere", 415):
            with self.subTest(charset=charset):
                content_type = f"application/x-www-form-urlencoded; charset={charset}"
                response = self.client.generic("POST", reverse("account_login"), b"a=%ff", content_type)
                self.assertEqual(response.status_code, status)

    def test_a_charset_is_refused_and_not_read(self):
        for content_type in "text/plain; charset=idna", "text/plain; x*=nowhere''%ff":
            with self.subTest(content_type=content_type):
                meta = {"REQUEST_METHOD": "GET", "CONTENT_TYPE": content_type, "wsgi.input": io.BytesIO()}
                request = Request({**meta, "QUERY_STRING": "a=%ff%fe.%C3%A9"})
                self.assertIsNone(request.encoding)
                self.assertEqual(security.refusal(request), (415, "The text must be in UTF-8."))

{% if cookiecutter.__django == "4.2" %}
    def test_a_file_whose_name_cannot_be_read_is_refused(self):
        body = b"--x\r\nContent-Disposition: form-data; name=a; filename*=nowhere''%ff\r\n\r\n\r\n--x--"
        meta = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data; boundary=x"}
        request = Request({**meta, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)})
        with self.assertRaises(MultiPartParserError):
            request.POST  # noqa: B018

{% endif %}
    def test_a_length_of_thousands_of_digits_is_too_large(self):
        self.assertEqual(self.client.get("/", CONTENT_LENGTH="9" * 5000).status_code, 413)

    def test_a_long_url_is_not_repeated_in_a_redirect(self):
        page = reverse("admin:index")
        for length, status in (1000, 302), (3000, 414):
            self.assertEqual(self.client.get(f"{page}?{'x' * length}").status_code, status)

    def test_a_malformed_body_does_not_break_error_pages(self):
        client = Client(enforce_csrf_checks=True)
        client.get(reverse("account_login"))
        content_type = "multipart/form-data; boundary=" + "x" * 300
        for path, status in ("/nowhere/", 404), (reverse("account_login"), 400):
            with self.subTest(path=path):
                self.assertEqual(client.post(path, b"--x", content_type=content_type).status_code, status)

    def test_an_admin_form_with_an_invalid_key_is_refused(self):
        self.client.force_login(get_user_model().objects.create_superuser("ada@example.com"))
        path = reverse("admin:users_user_changelist")
        response = self.client.post(path, {"action": "delete_selected", "_selected_action": "x"})
        self.assertEqual(response.status_code, 400)

    def test_an_admin_query_that_the_database_refuses_is_a_bad_request(self):
        self.client.force_login(get_user_model().objects.create_superuser("ada@example.com"))
        with mock.patch.object(UserAdmin, "get_queryset", side_effect=DataError("invalid regular expression")):
            response = self.client.get(reverse("admin:users_user_changelist"), {"email__regex": "\\"})
        self.assertEqual(response.status_code, 400)

    def test_an_error_outside_the_admin_is_not_handled(self):
        middleware = security.SecurityMiddleware(lambda request: HttpResponse())
        request = RequestFactory().get("/")
        request.resolver_match = None
        self.assertIsNone(middleware.process_exception(request, ValueError("Field 'id' expected a number")))


class HeaderTests(TestCase):
    def test_each_page_has_a_content_security_policy_without_exceptions(self):
        policy = self.client.get(reverse("account_login"))["Content-Security-Policy"]
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
        response = self.client.get(reverse("account_login"))
        self.assertEqual(response["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertIn("camera=()", response["Permissions-Policy"])
        self.assertEqual(response["X-Frame-Options"], "DENY")

    def test_other_sites_do_not_learn_which_page_links_to_them(self):
        self.assertEqual(self.client.get(reverse("account_login"))["Referrer-Policy"], "same-origin")

    def test_windows_of_other_sites_may_not_reach_a_page(self):
        for name in "account_login", "docs":
            with self.subTest(name=name):
                self.assertEqual(self.client.get(reverse(name))["Cross-Origin-Opener-Policy"], "same-origin")

    @override_settings(CORS_ALLOWED_ORIGINS=["https://app.example.com"])
    def test_scripts_of_named_origins_may_use_the_api(self):
        for origin, name, allowed in (
            ("https://app.example.com", "api-me", True),
            ("https://app.example.com", "account_login", False),
            ("https://evil.example", "api-me", False),
        ):
            with self.subTest(origin=origin, name=name):
                response = self.client.get(reverse(name), headers={"origin": origin})
                self.assertEqual("Access-Control-Allow-Origin" in response, allowed)

    @override_settings(REQUEST_MAX_SIZE=1000)
    def test_a_large_request_is_refused(self):
        for path in reverse("account_login"), reverse("api-token"):
            with self.subTest(path=path):
                self.assertEqual(self.client.post(path, {"name": "x" * 1000}).status_code, 413)
