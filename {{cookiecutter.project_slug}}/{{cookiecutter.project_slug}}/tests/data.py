"""Random objects, and the data that browsers and clients of the API send for them."""

import json
from base64 import b64decode

from django import forms
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import FileExtensionValidator
from django.db.models import ImageField
from model_bakery import baker
from rest_framework import serializers
from rest_framework.test import APIRequestFactory

# One pixel.
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


class Upload(SimpleUploadedFile):
    """A file that can be sent more than once."""

    def read(self, *args):
        self.seek(0)
        return self.file.read(*args)


def upload(field):
    """Return a file that a field of a model accepts."""
    if isinstance(field, ImageField):
        return Upload("image.png", PNG, "image/png")
    validators = [validator for validator in field.validators if isinstance(validator, FileExtensionValidator)]
    extensions = [name for validator in validators for name in validator.allowed_extensions or ()]
    return Upload(f"file.{(extensions or ['txt'])[0]}", b"North")


def owner_field(model):
    """Return the name of the field with the owner of a model's objects, or None if they have no owner."""
    user = get_user_model()
    return next((field.name for field in model._meta.fields if field.related_model is user and not field.null), None)


def make(model, owner=None, **fields):
    """Save and return an object with random values. The objects that it needs belong to the same owner."""
    if owner:
        fields[owner_field(model)] = owner
    for field in model._meta.fields:
        related = field.related_model
        if owner and related and not field.null and field.name not in fields and owner_field(related):
            fields[field.name] = make(related, owner)
    return baker.make(model, **fields)


def sent(widget):
    """Return what a browser sends for the context of a widget, as a dict."""
    found = {}
    if "subwidgets" in widget:
        for part in widget["subwidgets"]:
            found.update(sent(part))
    elif "optgroups" in widget:
        options = [option for _, group, _ in widget["optgroups"] for option in group if option["selected"]]
        found[widget["name"]] = [str(option["value"]) for option in options]
    elif widget.get("type") == "checkbox":
        found[widget["name"]] = ["on"] if widget["attrs"].get("checked") else []
    else:
        found[widget["name"]] = [] if widget["value"] is None else [str(widget["value"])]
    return {name: values for name, values in found.items() if values}


def form_data(form):
    """
    Return what a browser sends for an unchanged form, with files for the fields that need one.

    Deletes the object of the form, so that its unique values can be sent again.
    """
    data = {}
    for bound in form:
        if isinstance(bound.field, forms.FileField):
            if bound.field.required:
                data[bound.html_name] = upload(form.instance._meta.get_field(bound.name))
            continue
        value = bound.value()
        # Django's field takes an empty object for no value.
        if isinstance(bound.field, forms.JSONField) and bound.field.required and not json.loads(value):
            value = '{"north": 0}'
        data.update(sent(bound.field.widget.get_context(bound.html_name, value, {})["widget"]))
    discard(form.instance)
    return {name: value if not isinstance(value, list) or len(value) > 1 else value[0] for name, value in data.items()}


def api_data(serializer_class, instance, user=None):
    """
    Return what a client sends to create an object, and its format: a multipart form if there are files, or JSON.

    Deletes the object, so that its unique values can be sent again.
    """
    request = APIRequestFactory().get("/")
    request.user = user
    serializer = serializer_class(instance, context={"request": request})
    fields = {name: field for name, field in serializer.fields.items() if not field.read_only}
    data = {name: serializer.data[name] for name in fields.keys() & serializer.data.keys()}
    files = {
        name: upload(instance._meta.get_field(field.source))
        for name, field in fields.items()
        if isinstance(field, serializers.FileField)
    }
    discard(instance)
    data = {name: value for name, value in data.items() if value is not None}
    if not files:
        return data, "json"
    for name, value in data.items():
        if isinstance(fields[name], serializers.JSONField):
            data[name] = json.dumps(value)
    return {**{name: value for name, value in data.items() if value != []}, **files}, "multipart"


def discard(instance):
    if instance.pk and not instance._state.adding:
        instance.delete()
