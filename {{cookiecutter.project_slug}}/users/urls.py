from django.urls import path

from . import views

urlpatterns = [
    path("accounts/signup/", views.SignUpView.as_view(), name="signup"),
    path("api/v1/token/", views.TokenView.as_view(), name="api-token"),
    path("api/v1/users/me/", views.MeView.as_view(), name="api-me"),
]
