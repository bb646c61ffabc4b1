from datetime import timedelta

from django.contrib.auth import get_backends, get_user_model
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import TestCase
from django.utils import timezone

from users.backends import AuthenticationBackend
from users.sessions import SessionStore

from . import make_user


class SessionStoreTests(TestCase):
    def setUp(self):
        store = SessionStore()
        store["color"] = "red"
        store.create()
        self.key = store.session_key

    def test_loads_what_was_saved_with_one_query(self):
        with self.assertNumQueries(1):
            self.assertEqual(SessionStore(self.key).load(), {"color": "red"})

    def test_reads_sessions_that_django_saved(self):
        store = db.SessionStore()
        store["color"] = "blue"
        store.create()
        self.assertEqual(SessionStore(store.session_key).load(), {"color": "blue"})

    def test_an_expired_session_is_empty_and_loses_its_key(self):
        Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        store = SessionStore(self.key)
        self.assertEqual(store.load(), {})
        self.assertIsNone(store.session_key)

    def test_an_unknown_session_is_empty_and_loses_its_key(self):
        store = SessionStore("unknown-key")
        self.assertEqual(store.load(), {})
        self.assertIsNone(store.session_key)


class AuthenticationBackendTests(TestCase):
    def setUp(self):
        self.ada = make_user()

    def found(self):
        return AuthenticationBackend().get_user(self.ada.pk)

    def test_returns_the_whole_user_with_one_query(self):
        make_user("grace")
        with self.assertNumQueries(1):
            found = self.found()
            self.assertEqual(found, self.ada)
            for field in self.ada._meta.concrete_fields:
                with self.subTest(field=field.name):
                    self.assertEqual(getattr(found, field.attname), getattr(self.ada, field.attname))

    def test_returns_nobody_for_a_user_who_is_not_active(self):
        get_user_model().objects.update(is_active=False)
        self.assertIsNone(self.found())

    def test_returns_nobody_for_a_user_who_is_gone(self):
        get_user_model().objects.all().delete()
        self.assertIsNone(self.found())

    def test_the_settings_use_both_classes(self):
        self.client.force_login(self.ada)
        self.assertIsInstance(self.client.session, SessionStore)
        self.assertIsInstance(get_backends()[0], AuthenticationBackend)
