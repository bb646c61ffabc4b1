from {{ cookiecutter.app_name }}.models import Item


def make_item(owner, **fields):
    """Save and return an item of this owner; `fields` override the values."""
    return Item.objects.create(**{"name": "Compass", "description": "Points north", "owner": owner, **fields})
