"""Views that the project lacks: a form with an upload, a view that fails, and one that tells the client's address."""

PROBE = """
from django import forms
from django.core.files.storage import default_storage
from django.http import HttpResponse, JsonResponse
from django.template import engines


class UploadForm(forms.Form):
    file = forms.FileField()


def upload(request):
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        file = form.cleaned_data["file"]
        name = default_storage.save(file.name, file)
        return JsonResponse({"size": file.size, "url": default_storage.url(name)})
    page = "<form method=post enctype=multipart/form-data>{% csrf_token %}{{ form }}<button>Send</button></form>"
    return HttpResponse(engines["django"].from_string(page).render({"form": form}, request))


def broken(request):
    raise RuntimeError("broken on purpose")


def client(request):
    return JsonResponse({"address": request.META["REMOTE_ADDR"], "secure": request.is_secure()})
"""
ROUTES = """
from my_project import probe

urlpatterns += [path("probe/upload/", probe.upload), path("probe/broken/", probe.broken)]
urlpatterns += [path("probe/client/", probe.client)]
"""


def with_probe(project):
    package = project.path / "my_project"
    (package / "probe.py").write_text(PROBE)
    with (package / "urls.py").open("a") as urls:
        urls.write(ROUTES)
    return project
