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
