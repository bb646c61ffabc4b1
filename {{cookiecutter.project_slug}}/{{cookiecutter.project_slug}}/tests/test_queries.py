from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import TestCase, override_settings
from django.urls import path
from zeal import NPlusOneError

from users.models import Token


def careless_view(request):
    return HttpResponse(", ".join(str(token.user) for token in Token.objects.all()))


urlpatterns = [path("", careless_view)]


@override_settings(ROOT_URLCONF=__name__)
class QueryTests(TestCase):
    def test_a_query_for_each_object_raises_an_error(self):
        user = get_user_model().objects.create_user("ada@example.com")
        for name in "Phone", "Tablet":
            Token.objects.issue(user, name)
        with self.assertLogs("django.request"), self.assertRaises(NPlusOneError):
            self.client.get("/")
