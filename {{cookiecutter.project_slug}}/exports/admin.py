from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from .models import Export


@admin.register(Export)
class ExportAdmin(admin.ModelAdmin):
    list_display = ["__str__", "owner", "state", "done", "total", "attempts", "created_at"]
    list_select_related = ["owner"]
    list_filter = ["state"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Export | None = None) -> bool:
        return False
