from {{ cookiecutter.project_slug }}.forms import ModelForm

from .models import Item


class ItemForm(ModelForm):
    class Meta:
        model = Item
        fields = ["name", "description"]
