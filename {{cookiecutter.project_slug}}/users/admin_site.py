from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class AdminSite(admin.AdminSite):
    """Uses the sign-in of the pages, and with ADMIN_REQUIRES_MFA refuses accounts without a second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        if not super().has_permission(request):
            return False
        user: Any = request.user
        return not settings.ADMIN_REQUIRES_MFA or is_mfa_enabled(user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect to the sign-in, or staff who lack a second factor to the page that adds one."""
        if super().has_permission(request) and not self.has_permission(request):
            return redirect("mfa_index")
        return secure_admin_login(super().login)(request, extra_context)  # type: ignore[no-any-return]
