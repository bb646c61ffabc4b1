from django import forms

from {{ cookiecutter.app_name }}.models import Item


class ItemForm(forms.ModelForm):
    class Meta:
        model = Item
        fields = ["name", "description"]
