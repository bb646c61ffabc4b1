from django.conf import settings


def project(request):
    """Give every page the project's name and description."""
    return {
        "project_name": settings.PROJECT_NAME,
        "project_description": settings.PROJECT_DESCRIPTION,
    }
