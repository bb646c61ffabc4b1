from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from . import make_item


class ItemAdminTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", is_staff=True)
        cls.list = reverse("admin:{{ cookiecutter.app_name }}_item_changelist")
        cls.path = reverse("admin:{{ cookiecutter.app_name }}_item_change", args=[make_item(cls.ada).pk])

    def test_list_and_form(self):
        self.client.force_login(get_user_model().objects.create_superuser("root@example.com"))
        self.assertContains(self.client.get(self.list), f'href="{self.path}')
        self.assertEqual(self.client.get(self.path).status_code, 200)

    def test_users_without_the_permission_see_nothing(self):
        self.client.force_login(self.ada)
        self.assertEqual(self.client.get(self.path).status_code, 403)
