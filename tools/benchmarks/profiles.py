"""Where the processor time of a request goes, by parts of the generated project and of the bare one."""

import statistics
import sys
from contextlib import ExitStack

from tools.benchmarks.loop import Loop

ROUNDS, COUNT, WARM_UP = 5, 200, 50
FETCH = "django.db.models.query.QuerySet._fetch_all"
GENERIC = "rest_framework.generics.GenericAPIView"
SERIALIZERS = "rest_framework.serializers"
# Part -> its functions. Where one part calls another, the time is that of the part which comes first here.
PARTS = {
    "session and user": ["django.contrib.auth.middleware.get_user"],
    "throttles": ["rest_framework.views.APIView.check_throttles"],
    "filters": [f"{GENERIC}.filter_queryset"],
    "saving": [f"{SERIALIZERS}.BaseSerializer.save"],
    "fetching the page": [FETCH],
    "serializer": [
        f"{GENERIC}.get_serializer",
        f"{SERIALIZERS}.BaseSerializer.is_valid",
        f"{SERIALIZERS}.Serializer.data",
        f"{SERIALIZERS}.ListSerializer.data",
    ],
    "JSON": ["rest_framework.renderers.JSONRenderer.render"],
    "template": ["django.template.response.SimpleTemplateResponse.rendered_content"],
    "routing and view": ["django.core.handlers.base.BaseHandler._get_response"],
}
REST = "middleware and log"
# Project -> the functions that also fetch the page.
PAGINATION = {
    "ours": ["my_project.api.pagination.CursorPagination.paginate_queryset"],
    "bare, tuned": [f"{GENERIC}.paginate_queryset", "django.views.generic.list.MultipleObjectMixin.paginate_queryset"],
}
# Request -> the parts that it must have. A part that is missing has been renamed, or is no longer used.
API = {"session and user", "throttles", "serializer", "JSON", "routing and view"}
EXPECTED = {
    ("GET", "/api/v1/items/"): API | {"filters", "fetching the page"},
    ("GET", "/items/"): {"session and user", "fetching the page", "template", "routing and view"},
    ("POST", "/api/v1/items/"): API | {"saving"},
}


def parts_of(name):
    """Return the parts of a project, for the Stopwatch."""
    return {**PARTS, "fetching the page": [FETCH, *PAGINATION[name]]}


def check(name, request, found):
    """Exit with a sentence if a request has other parts than expected."""
    parts = set(found) - {""}
    for part in sorted(EXPECTED[request] ^ parts):
        has = "has an unexpected part" if part in parts else "has no part"
        sys.exit(f"{' '.join(request)} of {name} {has}: {part}. Correct tools/benchmarks/profiles.py.")


def measure(loops):
    """Ask each Loop in turn; return request -> name -> part -> milliseconds, the median of the rounds."""
    rounds = {}
    for number in range(ROUNDS + 1):
        for request in EXPECTED:
            for name, loop in loops.items():
                found = loop.ask(*request, COUNT if number else WARM_UP)
                check(name, request, found)
                if number:
                    rounds.setdefault(request, {}).setdefault(name, []).append(found)
    return {
        request: {
            name: {part: statistics.median(one[part] for one in of) for part in of[0]} for name, of in names.items()
        }
        for request, names in rounds.items()
    }


def rows(measured):
    """Return a row for each part of each request: share and milliseconds of each project."""
    rows = []
    for request, names in measured.items():
        totals = {name: sum(parts.values()) for name, parts in names.items()}
        label = f"`{' '.join(request)}`"
        rows.append([label, "all", *(cell for total in totals.values() for cell in ("100 %", f"{total:.2f}"))])
        for part in [*(part for part in PARTS if part in EXPECTED[request]), ""]:
            row = [label, part or REST]
            for name, parts in names.items():
                row += [f"{parts[part] / totals[name]:.0%}".replace("%", " %"), f"{parts[part]:.2f}"]
            rows.append(row)
    return rows


def profile(projects):
    """Return the rows for each name -> the arguments of its Loop."""
    with ExitStack() as stack:
        loops = {name: stack.enter_context(Loop(*of, parts=parts_of(name))) for name, of in projects.items()}
        return rows(measure(loops))
