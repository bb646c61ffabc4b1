from unittest import mock

from django import forms
from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse
from django.utils.translation import gettext

from {{ cookiecutter.app_name }}.forms import ItemForm
from {{ cookiecutter.app_name }}.models import Item
from {{ cookiecutter.app_name }}.tests import make_item


class ItemPageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.mine = make_item(cls.ada)
        cls.valid = {"name": "Map"}

    def setUp(self):
        self.client.force_login(self.ada)

    def test_list_shows_own_items(self):
        self.assertContains(self.client.get(reverse("item_list")), "Compass")

    def test_list_hides_the_items_of_others(self):
        self.client.force_login(self.bob)
        self.assertNotContains(self.client.get(reverse("item_list")), "Compass")

    def test_list_is_paginated(self):
        for _ in range(20):
            make_item(self.ada)
        first = self.client.get(reverse("item_list"))
        self.assertNotContains(first, 'rel="prev"')
        second = self.client.get(first.context["page_obj"]["next"])
        self.assertEqual(list(second.context["item_list"]), [self.mine])
        self.assertContains(second, 'rel="prev"')

    def test_list_takes_the_same_queries_for_any_length(self):
        for _ in range(2):
            # Queries for the session, the user and the page.
            with self.assertNumQueries(3):
                self.client.get(reverse("item_list"))
            make_item(self.ada)

    def test_every_page_asks_to_sign_in(self):
        self.client.logout()
        for path in [
            reverse("item_list"),
            reverse("item_add"),
            reverse("item_edit", args=[self.mine.pk]),
            reverse("item_delete", args=[self.mine.pk]),
        ]:
            with self.subTest(path=path):
                self.assertRedirects(self.client.get(path), f"{reverse('account_login')}?next={path}")

    def test_add(self):
        response = self.client.post(reverse("item_add"), self.valid, follow=True)
        self.assertContains(response, gettext("“%(name)s” was created.") % {"name": "Map"})
        self.assertEqual(Item.objects.get(name="Map").owner, self.ada)

    def test_add_without_a_name_says_so(self):
        response = self.client.post(reverse("item_add"), {**self.valid, "name": ""})
        self.assertTrue(response.context["form"].has_error("name", "required"))

    def test_a_form_with_a_field_for_a_file_sends_it(self):
        with mock.patch.dict(ItemForm.base_fields, file=forms.FileField()):
            self.assertContains(self.client.get(reverse("item_add")), 'enctype="multipart/form-data"')

    def test_edit(self):
        response = self.client.post(reverse("item_edit", args=[self.mine.pk]), self.valid, follow=True)
        self.assertContains(response, gettext("“%(name)s” was saved.") % {"name": "Map"})
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.name, "Map")

    def test_delete(self):
        response = self.client.post(reverse("item_delete", args=[self.mine.pk]), follow=True)
        self.assertContains(response, gettext("The item was deleted."))
        self.assertFalse(Item.objects.exists())

    def test_the_items_of_others_are_not_found(self):
        self.client.force_login(self.bob)
        for name in "item_edit", "item_delete":
            with self.subTest(name=name):
                path = reverse(name, args=[self.mine.pk])
                self.assertEqual(self.client.get(path).status_code, 404)
                self.assertEqual(self.client.post(path, self.valid).status_code, 404)
        self.mine.refresh_from_db()
        self.assertEqual(self.mine.name, "Compass")


class ItemAdminTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", is_staff=True)
        cls.path = reverse("admin:{{ cookiecutter.app_name }}_item_change", args=[make_item(cls.ada).pk])

    def test_list_and_form(self):
        self.client.force_login(get_user_model().objects.create_superuser("root@example.com"))
        for path in reverse("admin:{{ cookiecutter.app_name }}_item_changelist"), self.path:
            with self.subTest(path=path):
                self.assertContains(self.client.get(path), "Compass")

    def test_users_without_the_permission_see_nothing(self):
        self.client.force_login(self.ada)
        self.assertEqual(self.client.get(self.path).status_code, 403)
