from types import SimpleNamespace

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.test import SimpleTestCase

from ..permissions import IsStaffOrReadOnly


class IsStaffOrReadOnlyTests(SimpleTestCase):
    def test_only_staff_change(self):
        User = get_user_model()
        for user, may_change in (AnonymousUser(), False), (User(), False), (User(is_staff=True), True):
            for method, expected in ("GET", True), ("POST", may_change), ("DELETE", may_change):
                with self.subTest(user=user, method=method):
                    request = SimpleNamespace(method=method, user=user)
                    self.assertIs(IsStaffOrReadOnly().has_permission(request, None), expected)
