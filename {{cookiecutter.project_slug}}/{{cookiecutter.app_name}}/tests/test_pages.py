from unittest import mock

from django import forms
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext

from {{ cookiecutter.project_slug }}.tests.data import form_data

from ..forms import ItemForm
from ..models import Item
from . import make_item


class ItemPageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.mine = make_item(cls.ada)
        cls.other = make_item(cls.ada)
        cls.valid = form_data(ItemForm(instance=cls.other, user=cls.ada))

    def setUp(self):
        self.client.force_login(self.ada)

    def test_list_shows_own_items(self):
        self.assertContains(self.client.get(reverse("item_list")), escape(str(self.mine)))

    def test_list_hides_the_items_of_others(self):
        self.client.force_login(self.bob)
        self.assertNotContains(self.client.get(reverse("item_list")), escape(str(self.mine)))

    def test_list_is_paginated(self):
        for _ in range(20):
            make_item(self.ada)
        first = self.client.get(reverse("item_list"))
        self.assertNotContains(first, 'rel="prev"')
        second = self.client.get(first.context["page_obj"]["next"])
        self.assertEqual(list(second.context["item_list"]), [self.mine])
        self.assertContains(second, 'rel="prev"')

    def test_list_takes_the_same_queries_for_any_length(self):
        with CaptureQueriesContext(connection) as queries:
            self.client.get(reverse("item_list"))
        make_item(self.ada)
        with self.assertNumQueries(len(queries)):
            self.client.get(reverse("item_list"))

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
        made = Item.objects.exclude(pk=self.mine.pk).get()
        self.assertContains(response, escape(gettext("“%(object)s” was created.") % {"object": made}))
        self.assertEqual(made.owner, self.ada)

    def test_add_without_a_required_field_says_so(self):
        response = self.client.post(reverse("item_add"), {})
        form = response.context["form"]
        for name in [name for name, field in form.fields.items() if field.required]:
            with self.subTest(name=name):
                self.assertTrue(form.has_error(name, "required"))

    def test_a_form_with_a_field_for_a_file_sends_it(self):
        with mock.patch.dict(ItemForm.base_fields, file=forms.FileField()):
            self.assertContains(self.client.get(reverse("item_add")), 'enctype="multipart/form-data"')

    def test_edit(self):
        response = self.client.post(reverse("item_edit", args=[self.mine.pk]), self.valid, follow=True)
        self.mine.refresh_from_db()
        self.assertContains(response, escape(gettext("“%(object)s” was saved.") % {"object": self.mine}))
        self.assertEqual(str(self.mine), str(self.other))

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
        self.assertTrue(Item.objects.filter(pk=self.mine.pk).exists())
