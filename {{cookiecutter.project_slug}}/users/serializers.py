from rest_framework import serializers

from {{ cookiecutter.project_slug }}.api.serializers import ModelSerializer, TextField

from .models import User


class UserSerializer(ModelSerializer):
    class Meta:
        model = User
{% if cookiecutter.login == "email" %}
        fields = ["id", "email", "first_name", "last_name"]
        read_only_fields = ["id", "email"]
{% else %}
        fields = ["id", "username", "email", "first_name", "last_name"]
        read_only_fields = ["id", "username", "email"]
{% endif %}


class SignInSerializer(serializers.Serializer):
    username = TextField(help_text="What the user signs in with.")
    password = TextField()


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField()
    expiry = serializers.DateTimeField()
