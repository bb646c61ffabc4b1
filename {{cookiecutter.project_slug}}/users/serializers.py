from rest_framework import serializers

from {{ cookiecutter.project_slug }}.api.serializers import ModelSerializer, TextField

from .models import Token, User


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


class PasswordSerializer(serializers.Serializer):
    password = TextField()
    code = TextField(required=False, help_text="Of the second factor, for accounts that have one.")


class SignInSerializer(PasswordSerializer):
{% if cookiecutter.login == "email" %}
    email = TextField()
{% else %}
    username = TextField()
{% endif %}
    name = TextField(required=False, max_length=100, help_text="What the token is for.")


class TokenSerializer(ModelSerializer):
    class Meta:
        model = Token
        fields = ["id", "name", "created_at", "last_used_at", "expires_at"]
        read_only_fields = fields


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields
