"""Base classes for the views of apps, the home page, the error pages, and the page with the API's documentation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import UserPassesTestMixin
from django.contrib.messages.views import SuccessMessageMixin as DjangoSuccessMessageMixin
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views import generic
from django.views.static import serve
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from {{ cookiecutter.project_slug }}.api.pagination import CursorPagination
from {{ cookiecutter.project_slug }}.deletion import consequences
from {{ cookiecutter.project_slug }}.forms import ModelForm


class CursorListView(generic.ListView):
    """
    Lists objects in the order of `ordering`, with cursors instead of page numbers, as the API does.

    In the template, `page_obj.previous` and `page_obj.next` are the URLs of the neighbouring pages, or None.
    """

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        paginator = CursorPagination()
        paginator.page_size = page_size
        paginator.ordering = self.get_ordering() or paginator.ordering
        try:
            page = paginator.paginate_queryset(queryset, Request(self.request))  # pyright: ignore[reportCallIssue]
        except exceptions.NotFound as error:
            raise Http404(str(error)) from error
        if not page and paginator.cursor.position is not None:
            raise Http404("There are no more rows after this cursor.")
        # Without the host, which a proxy may report wrongly.
        paginator.base_url = self.request.get_full_path()
        page_obj = {"previous": paginator.get_previous_link(), "next": paginator.get_next_link()}
        return paginator, page_obj, page, any(page_obj.values())


class StaffRequiredMixin(UserPassesTestMixin):
    """Limits a view to staff; others who signed in get 403."""

    request: HttpRequest

    def test_func(self) -> bool:
        return self.request.user.is_staff


class SuccessMessageMixin(DjangoSuccessMessageMixin):
    """Lets `success_message` contain the object too, as in `“%(object)s” was saved.`"""

    object: Any

    def get_success_message(self, cleaned_data: dict[str, Any]) -> str:
        return str(super().get_success_message({**cleaned_data, "object": self.object}))


class SavingMixin:
    request: HttpRequest

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs()  # type: ignore[misc]
        if issubclass(self.get_form_class(), ModelForm):  # type: ignore[attr-defined]
            kwargs["user"] = self.request.user
        return kwargs

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save the form. If another request has just saved a duplicate, validate again to show the error."""
        post = super().post  # type: ignore[misc]
        try:
            with transaction.atomic():
                return post(request, *args, **kwargs)  # type: ignore[no-any-return]
        except IntegrityError:
            return post(request, *args, **kwargs)  # type: ignore[no-any-return]


class CreateView(SavingMixin, generic.CreateView):
    pass


class UpdateView(SavingMixin, generic.UpdateView):
    pass


class DeleteView(generic.DeleteView):
    """In the template, `consequences` are sentences about other objects, and `is_blocked` says whether they forbid it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sentences, is_blocked = consequences(self.object)
        return super().get_context_data(**kwargs, consequences=sentences, is_blocked=is_blocked)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete the object, or show a message if other objects refer to it."""
        try:
            return super().post(request, *args, **kwargs)
        except (ProtectedError, RestrictedError):
            messages.error(request, gettext("This cannot be deleted because something else refers to it."))
            return HttpResponseRedirect(request.path)


class HomeView(generic.TemplateView):
    template_name = "home.html"


def csrf_failure(request: HttpRequest, reason: str) -> HttpResponse:
    """Render 403_csrf.html with the context processors, which older versions of Django do not run."""
    return render(request, "403_csrf.html", status=403)


# Django's own error views read the body for the CSRF token, and raise an error if it is malformed.
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Say when the longest limit of django-allauth has passed."""
    context = {"minutes": settings.RETRY_AFTER // 60}
    headers = {"Retry-After": str(settings.RETRY_AFTER)}
    return HttpResponse(render_to_string("429.html", context, request), status=429, headers=headers)


def media(request: HttpRequest, path: str, document_root: str) -> HttpResponseBase:
    """Serve an uploaded file in development, as the web server does in production: nothing in it can run."""
    response = serve(request, path, document_root)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


class DocsView(SpectacularSwaggerView):
    template_name = "api_docs.html"
    # REST framework has no page for its answer to OPTIONS.
    http_method_names = ["get", "head"]

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(*args, **kwargs)
        # drf-spectacular relaxes this header for OAuth, which is not used here.
        del response.headers["Cross-Origin-Opener-Policy"]
        return response
