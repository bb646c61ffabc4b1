from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter()
router.register("tokens", views.TokenViewSet, basename="api-tokens")

urlpatterns = [
    path("accounts/data/", views.DataPageView.as_view(), name="data"),
    path("accounts/delete/", views.DeletePageView.as_view(), name="account_delete"),
    path("accounts/tokens/", views.TokenPageView.as_view(), name="token_list"),
    path("accounts/tokens/<int:pk>/revoke/", views.TokenRevokeView.as_view(), name="token_revoke"),
    path("api/v1/token/", views.TokenView.as_view(), name="api-token"),
    path("api/v1/users/me/", views.MeView.as_view(), name="api-me"),
    path("api/v1/users/me/data/", views.DataView.as_view(), name="api-data"),
    path("api/v1/users/me/delete/", views.DeleteAccountView.as_view(), name="api-delete"),
    path("api/v1/", include(router.urls)),
]
