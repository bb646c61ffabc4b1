from django import forms
from django.contrib.auth.forms import UserCreationForm

from users.models import User


class SignUpForm(UserCreationForm):
    class Meta:
        model = User
{% if cookiecutter.login == "email" %}
        fields = ["email"]
{% else %}
        fields = ["username", "email"]
{% endif %}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}
