from {{ cookiecutter.app_name }}.tests import make_item

from ..models import Export
from ..tasks import write_export


def make_export(owner, **fields):
    """Save and return an export of this owner; `fields` override the values."""
    return Export.objects.create(**{"owner": owner, **fields})


def make_file(owner):
    """Return an export of this owner that is done."""
    make_item(owner, name="Compass")
    export = make_export(owner)
    write_export(export.pk)
    export.refresh_from_db()
    return export
