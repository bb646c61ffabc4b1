from {{ cookiecutter.project_slug }}.tests.data import make

from ..models import Item


def make_item(owner, **fields):
    """Save and return an item of this owner with random values; `fields` override them."""
    return make(Item, owner, **fields)
