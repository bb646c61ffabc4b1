from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from rest_framework import exceptions, generics, permissions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from {{ cookiecutter.project_slug }}.views import CreateView

from .forms import SignUpForm
from .serializers import SignInSerializer, TokenSerializer, UserSerializer


class SignUpView(CreateView):
    """Create an account and sign in to it."""

    form_class = SignUpForm
    template_name = "registration/signup.html"
    success_url = settings.LOGIN_REDIRECT_URL

    def form_valid(self, form: forms.ModelForm) -> HttpResponse:
        response = super().form_valid(form)
        login(self.request, self.object, backend="django.contrib.auth.backends.ModelBackend")
        return response


class TokenView(APIView):
    """Tokens for the header `Authorization: Token <token>`."""

    authentication_classes = [TokenAuthentication]
    throttle_scope = "token"

    def get_permissions(self) -> list[permissions.BasePermission]:
        return [permissions.AllowAny() if self.request.method == "POST" else permissions.IsAuthenticated()]

    @extend_schema(request=SignInSerializer, responses={201: TokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Create a token for the user with this user name and password."""
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        # django-axes marks Django's own request after too many failures.
        user = authenticate(request._request, **serializer.validated_data)
        if user is None:
            raise exceptions.AuthenticationFailed
        instance, token = AuthToken.objects.create(user)
        data = TokenSerializer({"token": token, "expiry": instance.expiry}).data
        return Response(data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the token of this request."""
        request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(generics.RetrieveUpdateAPIView):
    """The signed-in user's own account."""

    serializer_class = UserSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_object(self) -> Any:
        return self.request.user
