"""Serializers that take exactly what the description of the API says."""

from django.core.validators import RegexValidator
from django.db import models
from rest_framework import serializers


class TextField(serializers.CharField):
    """Text as it was sent: a number is not made into it, white space around it stays, white space alone is refused."""

    def __init__(self, **kwargs):
        super().__init__(trim_whitespace=False, **kwargs)
        # The description takes its pattern from here; PostgreSQL stores no NUL.
        self.validators.append(RegexValidator(r"^\s*[^\s\x00][^\x00]*$", "This field may not be blank.", "blank"))

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class ModelSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
    }
