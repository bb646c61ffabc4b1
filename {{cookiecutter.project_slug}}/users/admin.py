from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from users.models import User

{% if cookiecutter.login == "email" %}

@admin.register(User)
class EmailUserAdmin(UserAdmin):
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Personal info", {"fields": ["first_name", "last_name"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Important dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "password1", "password2"]})]
    list_display = ["email", "first_name", "last_name", "is_staff"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
{% else %}
admin.site.register(User, UserAdmin)
{% endif %}
