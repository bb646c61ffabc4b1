from {{ cookiecutter.project_slug }}.api.serializers import ModelSerializer

from .models import Export


class ExportSerializer(ModelSerializer):
    class Meta:
        model = Export
        fields = ["id", "state", "done", "total", "created_at"]
        read_only_fields = fields
