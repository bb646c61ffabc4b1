from rest_framework import serializers

from users.models import User


class UserSerializer(serializers.ModelSerializer):
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
    username = serializers.CharField(help_text="What the user signs in with.")
    password = serializers.CharField(trim_whitespace=False)


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField()
    expiry = serializers.DateTimeField()
