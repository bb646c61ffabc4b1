from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from {{ cookiecutter.app_name }}.models import Item


class ItemPageTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.bob = get_user_model().objects.create_user("bob@example.com")
        cls.item = Item.objects.create(name="Compass", description="Points north", owner=cls.ada)

    def setUp(self):
        self.client.force_login(self.ada)

    def test_list_shows_own_items(self):
        response = self.client.get(reverse("item_list"))
        self.assertContains(response, "Compass")
        self.assertContains(response, "Points north")

    def test_list_hides_the_items_of_others(self):
        self.client.force_login(self.bob)
        self.assertNotContains(self.client.get(reverse("item_list")), "Compass")

    def test_list_is_paginated(self):
        Item.objects.bulk_create(Item(name=f"Item {number}", owner=self.ada) for number in range(20))
        self.assertContains(self.client.get(reverse("item_list")), "Page 1 of 2")

    def test_list_takes_the_same_queries_whatever_its_length(self):
        # The session, the user, the number of items and the page.
        with self.assertNumQueries(4):
            self.client.get(reverse("item_list"))
        Item.objects.bulk_create(Item(name=f"Item {number}", owner=self.ada) for number in range(40))
        with self.assertNumQueries(4):
            self.client.get(reverse("item_list"))

    def test_every_page_asks_to_sign_in(self):
        self.client.logout()
        for path in [
            reverse("item_list"),
            reverse("item_add"),
            reverse("item_edit", args=[self.item.pk]),
            reverse("item_delete", args=[self.item.pk]),
        ]:
            with self.subTest(path=path):
                self.assertRedirects(self.client.get(path), f"{reverse('login')}?next={path}")

    def test_add(self):
        response = self.client.post(reverse("item_add"), {"name": "Map", "description": ""}, follow=True)
        self.assertContains(response, "“Map” was created.")
        self.assertEqual(Item.objects.get(name="Map").owner, self.ada)

    def test_add_without_a_name_says_so(self):
        response = self.client.post(reverse("item_add"), {"name": ""})
        self.assertFormError(response.context["form"], "name", "This field is required.")

    def test_edit(self):
        data = {"name": "Sextant", "description": ""}
        self.assertContains(
            self.client.post(reverse("item_edit", args=[self.item.pk]), data, follow=True), "“Sextant” was saved."
        )
        self.item.refresh_from_db()
        self.assertEqual(self.item.name, "Sextant")

    def test_delete(self):
        response = self.client.post(reverse("item_delete", args=[self.item.pk]), follow=True)
        self.assertContains(response, "The item was deleted.")
        self.assertFalse(Item.objects.exists())

    def test_the_items_of_others_are_not_found(self):
        self.client.force_login(self.bob)
        for name in "item_edit", "item_delete":
            with self.subTest(name=name):
                path = reverse(name, args=[self.item.pk])
                self.assertEqual(self.client.get(path).status_code, 404)
                self.assertEqual(self.client.post(path, {"name": "Mine"}).status_code, 404)
        self.item.refresh_from_db()
        self.assertEqual(self.item.name, "Compass")


class ItemAdminTests(TestCase):
    def test_list_and_form(self):
        user = get_user_model().objects.create_superuser("ada@example.com")
        item = Item.objects.create(name="Compass", owner=user)
        self.client.force_login(user)
        opts = Item._meta
        for path in [
            reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
            reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[item.pk]),
        ]:
            with self.subTest(path=path):
                self.assertContains(self.client.get(path), "Compass")

    def test_who_is_no_staff_or_lacks_the_permission_sees_nothing(self):
        ada = get_user_model().objects.create_user("ada@example.com")
        item = Item.objects.create(name="Compass", owner=ada)
        opts = Item._meta
        path = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[item.pk])
        for is_staff, status in (False, 302), (True, 403):
            with self.subTest(is_staff=is_staff):
                get_user_model().objects.update(is_staff=is_staff)
                self.client.force_login(ada)
                self.assertEqual(self.client.get(path).status_code, status)
