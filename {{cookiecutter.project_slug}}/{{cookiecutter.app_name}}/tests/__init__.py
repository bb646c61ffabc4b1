from {{ cookiecutter.app_name }}.models import Item


def make_item(owner, **fields):
    """Save and return an item of this owner; `fields` are those that matter to the test."""
    return Item.objects.create(**{"name": "Compass", "description": "Points north", "owner": owner, **fields})
