from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import QuerySet
from django.forms import modelform_factory
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.generic import DeleteView, FormView, TemplateView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, permissions, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .authentication import TokenAuthentication, check_password
from .models import Token, User
from .own_data import Refused, delete_account, own_data
from .serializers import (
    NewTokenSerializer,
    PasswordSerializer,
    SignInSerializer,
    TokenSerializer,
    UserSerializer,
)


class OwnTokensMixin:
    request: Any

    def get_queryset(self) -> QuerySet[Token]:
        return Token.objects.valid().filter(user=self.request.user.pk)


@method_decorator([login_required, reauthentication_required(allow_get=True), never_cache], name="dispatch")
class TokenPageView(OwnTokensMixin, FormView):
    """Lists tokens, creates one, and shows it on the response only."""

    template_name = "users/token_list.html"
    form_class = modelform_factory(Token, fields=["name"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(tokens=self.get_queryset(), **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        user: Any = self.request.user
        token, text = Token.objects.issue(user, form.cleaned_data["name"])
        return self.render_to_response(self.get_context_data(form=self.get_form_class()(), new=token, text=text))


class TokenRevokeView(LoginRequiredMixin, OwnTokensMixin, SuccessMessageMixin, DeleteView):
    http_method_names = ["post"]
    success_url = reverse_lazy("token_list")
    success_message = gettext_lazy("The token was revoked.")


@method_decorator(never_cache, name="dispatch")
class DataPageView(LoginRequiredMixin, TemplateView):
    template_name = "users/data.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the user's data as a file."""
        headers = {"Content-Disposition": 'attachment; filename="data.json"'}
        layout = {"indent": 2, "ensure_ascii": False}
        return JsonResponse(own_data(request.user), json_dumps_params=layout, headers=headers)


# The types of django-allauth's decorator are too wide.
PROTECTED: Any = [login_required, reauthentication_required, never_cache]


@method_decorator(PROTECTED, name="dispatch")
class DeletePageView(TemplateView):
    template_name = "users/delete.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Delete the account, and sign out."""
        try:
            delete_account(request)
        except Refused as refused:
            messages.error(request, str(refused.detail))
            return redirect("data")
        messages.success(request, _("Your account was deleted."))
        return redirect("/")


class TokenView(APIView):
    """Tokens for the header `Authorization: Token <token>`."""

    authentication_classes = [TokenAuthentication]
    throttle_scope = "token"

    def get_permissions(self) -> list[permissions.BasePermission]:
        return [permissions.AllowAny() if self.request.method == "POST" else permissions.IsAuthenticated()]

    @extend_schema(request=SignInSerializer, responses={201: NewTokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Create a token for the user with this name, password and second factor."""
        serializer = SignInSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        user = check_password(request._request, data[User.USERNAME_FIELD], data["password"], data.get("code"))
        token, text = Token.objects.issue(user, data.get("name", "API"))
        return Response({**TokenSerializer(token).data, "token": text}, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the token of this request."""
        request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenViewSet(OwnTokensMixin, mixins.ListModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet):
    """The signed-in user's tokens, with their last use. POST to /api/v1/token/ creates one."""

    queryset = Token.objects.none()
    serializer_class = TokenSerializer
    filter_backends: list[Any] = []


class MeView(generics.RetrieveUpdateAPIView):
    """The signed-in user's own account."""

    serializer_class = UserSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_object(self) -> Any:
        return self.request.user


class DeleteAccountView(APIView):
    permission_classes = [permissions.IsAuthenticated]

    @extend_schema(request=PasswordSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Delete the account."""
        serializer = PasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        check_password(request._request, request.user.get_username(), **serializer.validated_data)
        delete_account(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


@method_decorator(never_cache, name="dispatch")
class DataView(APIView):
    permission_classes = [permissions.IsAuthenticated]

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Get own data")
    def get(self, request: Request) -> Response:
        """Get all that the database has on the signed-in user: the objects of each model."""
        return Response(own_data(request.user))
