"""The equipment-lending product: what its developer writes by hand after `startapp`."""

import json

from tests.support.changes import add_file, add_imports, edit

# Inserted before these lines.
META_OF_LOAN = "        # One index for each ordering of a borrower's loans.\n"
OWNERS_OF_LOANS = "class LoanQuerySet("
LOAN_VIEWS = "class VisibleLoansMixin("
LOANS = '    path("loans/", '

# A loan does not end before it starts.
CHECK = """\
        constraints = [
            models.CheckConstraint(
                {condition}=models.Q(end__gte=models.F("start")),
                name="loan_ends_after_its_start",
                violation_error_message=_("The end is before the start."),
            )
        ]
"""
TEST_OF_CHECK = """\
from datetime import date

from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from . import make_device


class EndTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com")
        cls.loan = {"device": make_device(cls.ada).pk, "start": date(2030, 1, 2), "end": date(2030, 1, 1)}

    def setUp(self):
        self.client.force_login(self.ada)

    def test_the_page_refuses_an_end_before_the_start(self):
        response = self.client.post(reverse("loan_add"), self.loan)
        self.assertContains(response, "The end is before the start.")

    def test_the_api_refuses_an_end_before_the_start(self):
        response = self.client.post("/api/v1/loans/", self.loan, "application/json")
        self.assertContains(response, "The end is before the start.", status_code=400)
"""

# The API shows a loan with its device, and the device with its category.
NESTED = """\
class DeviceOfLoanSerializer(ModelSerializer):
    category = CategorySerializer(read_only=True)

    class Meta:
        model = Device
        fields = ["id", "name", "category"]


class LoanSerializer(ModelSerializer):
    device_details = DeviceOfLoanSerializer(source="device", read_only=True)

    class Meta:
        model = Loan
        fields = ["id", "device", "device_details", "start", "end", "created_at", "updated_at"]
"""
FLAT = """\
class LoanSerializer(ModelSerializer):
    class Meta:
        model = Loan
        fields = ["id", "device", "start", "end", "created_at", "updated_at"]
"""
TEST_OF_NESTED = """\
from django.contrib.auth import get_user_model
from rest_framework.test import APITestCase

from . import make_loan


class NestedTests(APITestCase):
    def test_a_loan_shows_its_device_and_the_category(self):
        ada = get_user_model().objects.create_user("ada@example.com")
        device = make_loan(ada).device
        self.client.force_authenticate(ada)
        (loan,) = self.client.get("/api/v1/loans/").data["results"]
        self.assertEqual(loan["device_details"]["name"], device.name)
        self.assertEqual(loan["device_details"]["category"]["name"], device.category.name)
"""

# A button lends a device, and a mail says so.
IMPORTS_OF_LEND = """\
from datetime import timedelta
from typing import Any
from django.core.mail import send_mail
from django.utils import timezone
"""
LEND = '''\
    def lend(self, borrower: Any) -> Loan:
        """Lend the device for two weeks, and mail the borrower."""
        start = timezone.localdate()
        loan = Loan.objects.create(device=self, borrower=borrower, start=start, end=start + timedelta(weeks=2))
        self.state = self.State.LENT
        self.save()
        send_mail(f"You borrowed {self}", f"Please return it by {loan.end}.", None, [borrower.email])
        return loan


'''
IMPORTS_OF_LEND_VIEW = """\
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin
"""
LEND_VIEW = """\
class DeviceLendView(VisibleDevicesMixin, SingleObjectMixin, View):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        device = self.get_object()
        if device.state == Device.State.NEW:
            device.lend(request.user)
            messages.success(request, gettext("“%(object)s” was lent.") % {"object": device})
        else:
            messages.error(request, gettext("“%(object)s” is not here.") % {"object": device})
        return redirect("loan_list")


"""
LEND_BUTTON = """\
              <form method="post" action="{% url 'device_lend' device.pk %}">
                {% csrf_token %}
                <button class="button" type="submit">{% translate "Lend" %}</button>
              </form>
"""
TEST_OF_LEND = """\
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import TestCase
from django.urls import reverse

from ..models import Device, Loan
from . import make_device


class LendTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ada = get_user_model().objects.create_user("ada@example.com", email="ada@example.com")
        cls.device = make_device(cls.ada, state=Device.State.NEW)
        cls.path = reverse("device_lend", args=[cls.device.pk])

    def setUp(self):
        self.client.force_login(self.ada)

    def test_the_list_has_a_button_that_lends_a_device(self):
        self.assertContains(self.client.get(reverse("device_list")), f'action="{self.path}"')
        self.assertContains(self.client.post(self.path, follow=True), "was lent")
        self.device.refresh_from_db()
        self.assertEqual(self.device.state, Device.State.LENT)
        self.assertEqual(Loan.objects.get().borrower, self.ada)

    def test_the_borrower_gets_a_mail(self):
        self.client.post(self.path)
        self.assertEqual(mail.outbox[0].to, ["ada@example.com"])

    def test_a_lent_device_is_not_lent_again(self):
        self.client.post(self.path)
        self.assertContains(self.client.post(self.path, follow=True), "is not here")
        self.assertEqual(Loan.objects.count(), 1)
"""

# An action of the admin.
IMPORTS_OF_ACTION = """\
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
"""
ACTION = """\
@admin.action(description=_("Mark as lost"))
def mark_as_lost(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
    queryset.update(state=Device.State.LOST)


@admin.register(Device)
class DeviceAdmin(admin.ModelAdmin):
    actions = [mark_as_lost]
"""
TEST_OF_ACTION = """\
from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from ..models import Device
from . import make_device


class ActionTests(TestCase):
    def test_marks_devices_as_lost(self):
        ada = get_user_model().objects.create_superuser("ada@example.com")
        device = make_device(ada)
        self.client.force_login(ada)
        data = {"action": "mark_as_lost", "_selected_action": [device.pk]}
        self.client.post(reverse("admin:inventory_device_changelist"), data)
        device.refresh_from_db()
        self.assertEqual(device.state, Device.State.LOST)
"""

# A command that runs each night.
REMIND = '''\
"""Mail the borrowers whose loans end tomorrow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.mail import send_mail
from django.core.management.base import BaseCommand
from django.utils import timezone

from inventory.models import Loan


class Command(BaseCommand):
    help = "Mails the borrowers whose loans end tomorrow."

    def handle(self, **options: Any) -> None:
        loans = Loan.objects.filter(end=timezone.localdate() + timedelta(days=1))
        for loan in loans.select_related("device", "borrower"):
            send_mail(f"Please return {loan.device}", f"Its loan ends on {loan.end}.", None, [loan.borrower.email])
'''
TEST_OF_REMIND = """\
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone

from . import make_loan


class RemindTests(TestCase):
    def test_mails_about_the_loans_that_end_tomorrow(self):
        today = timezone.localdate()
        ada = get_user_model().objects.create_user("ada@example.com", email="ada@example.com")
        for days in 0, 1, 2:
            make_loan(ada, start=today, end=today + timedelta(days=days))
        call_command("remind")
        self.assertEqual([message.to for message in mail.outbox], [["ada@example.com"]])
"""

# The loans as CSV.
IMPORTS_OF_EXPORT = """\
import csv
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
"""
EXPORT = """\
@login_required
def export_loans(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(content_type="text/csv", headers={"Content-Disposition": "attachment; filename=loans.csv"})
    writer = csv.writer(response)
    writer.writerow(["device", "start", "end"])
    for loan in Loan.objects.visible_to(request.user).select_related("device"):
        writer.writerow([loan.device, loan.start, loan.end])
    return response


"""
EXPORT_LINK = """<a href="{% url 'loan_export' %}">{% translate "Export" %}</a>"""
TEST_OF_EXPORT = """\
from datetime import date

from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from . import make_device, make_loan


class ExportTests(TestCase):
    def test_has_own_loans(self):
        ada, bob = map(get_user_model().objects.create_user, ["ada@example.com", "bob@example.com"])
        make_loan(bob)
        make_loan(ada, device=make_device(ada, name="Drill"), start=date(2030, 1, 2), end=date(2030, 1, 3))
        self.client.force_login(ada)
        response = self.client.get(reverse("loan_export"))
        self.assertEqual(response.content.decode(), "device,start,end\\r\\nDrill,2030-01-02,2030-01-03\\r\\n")
"""

# A test that the generator wrote.
NOT_RELATED = """\
    def test_add_relates_to_nothing_of_others(self):
        for name, theirs in [
            ("device", make_device(self.bob)),
        ]:
            with self.subTest(name=name):
                response = self.client.post(reverse("loan_add"), {**self.valid, name: theirs.pk})
                self.assertIn(name, response.context["form"].errors)

"""
FLOORS = '[("hall", _("hall")), ("attic", _("attic"))]'


def refuse_early_ends(project, django):
    # The argument has another name since Django 5.1.
    condition = "check" if django < "5" else "condition"
    check = CHECK.replace("{condition}", condition)
    edit(project, "inventory/models.py", META_OF_LOAN, f"{check}{META_OF_LOAN}")
    add_file(project, "inventory/tests/test_end.py", TEST_OF_CHECK)


def nest_serializers(project):
    edit(project, "inventory/serializers.py", FLAT, NESTED)
    old = "    def get_queryset(self) -> LoanQuerySet:\n        return Loan.objects.visible_to(self.request.user)\n"
    new = old.replace("user)\n", 'user).select_related("device__category")\n')
    edit(project, "inventory/views.py", old, new)
    add_file(project, "inventory/tests/test_nested.py", TEST_OF_NESTED)


def lend(project):
    models, views = "inventory/models.py", "inventory/views.py"
    edit(project, models, OWNERS_OF_LOANS, f"{LEND}{OWNERS_OF_LOANS}")
    add_imports(project, models, IMPORTS_OF_LEND)
    edit(project, views, LOAN_VIEWS, f"{LEND_VIEW}{LOAN_VIEWS}")
    add_imports(project, views, IMPORTS_OF_LEND_VIEW)
    route = '    path("devices/<int:pk>/lend/", views.DeviceLendView.as_view(), name="device_lend"),\n'
    edit(project, "inventory/urls.py", LOANS, f"{route}{LOANS}")
    button = '              <a id="edit-{{ device.pk }}"'
    edit(project, "inventory/templates/inventory/device_list.html", button, f"{LEND_BUTTON}{button}")
    add_file(project, "inventory/tests/test_lend.py", TEST_OF_LEND)


def add_action(project):
    old = "@admin.register(Device)\nclass DeviceAdmin(admin.ModelAdmin):\n"
    edit(project, "inventory/admin.py", old, ACTION)
    add_imports(project, "inventory/admin.py", IMPORTS_OF_ACTION)
    add_file(project, "inventory/tests/test_action.py", TEST_OF_ACTION)


def remind(project):
    for folder in "management", "management/commands":
        add_file(project, f"inventory/{folder}/__init__.py", "")
    add_file(project, "inventory/management/commands/remind.py", REMIND)
    add_file(project, "inventory/tests/test_remind.py", TEST_OF_REMIND)


def export(project):
    edit(project, "inventory/views.py", LOAN_VIEWS, f"{EXPORT}{LOAN_VIEWS}")
    add_imports(project, "inventory/views.py", IMPORTS_OF_EXPORT)
    route = '    path("loans/export/", views.export_loans, name="loan_export"),\n'
    edit(project, "inventory/urls.py", LOANS, f"{route}{LOANS}")
    button = """<a class="button" href="{% url 'loan_add' %}">"""
    edit(project, "inventory/templates/inventory/loan_list.html", button, f"{EXPORT_LINK}\n    {button}")
    add_file(project, "inventory/tests/test_export.py", TEST_OF_EXPORT)


def share_devices(project):
    """Let all who signed in see the devices, and only staff change them."""
    models, views, pages = "inventory/models.py", "inventory/views.py", "inventory/tests/test_pages.py"
    api, template = "inventory/tests/test_api.py", "inventory/templates/inventory/device_list.html"
    old, new = "may see and change; none for", "may see: all, or none for"
    edit(project, models, old, new, after="class DeviceQuerySet")
    new = "return self.all() if user.is_authenticated else self.none()"
    edit(project, models, "return self.filter(owner_id=user.pk)", new)
    edit(project, views, "LoginRequiredMixin", "StaffRequiredMixin", after="class DeviceCreateView")
    for name in "DeviceUpdateView", "DeviceDeleteView":
        edit(project, views, f"class {name}(", f"class {name}(StaffRequiredMixin, ")
    signed_in = "permissions.IsAuthenticated]"
    edit(project, views, signed_in, signed_in.replace("]", ", IsStaffOrReadOnly]"), after="class DeviceViewSet")
    add = """<a class="button" href="{% url 'device_add' %}">{% translate "Add a device" %}</a>"""
    edit(project, template, add, f"{{% if user.is_staff %}}{add}{{% endif %}}")
    links = '              <a id="edit-'
    edit(project, template, links, f"              {{% if user.is_staff %}}\n{links}")
    end = "            </div>\n          </li>"
    edit(project, template, end, f"              {{% endif %}}\n{end}")
    # What the tests say about the devices of others.
    for name, tests in (pages, "class DevicePageTests"), (api, "class DeviceAPITests"):
        old = 'create_user("ada@example.com")'
        edit(project, name, old, 'create_user("ada@example.com", is_staff=True)', after=tests)
    edit(project, pages, "assertNotContains", "assertContains", after="test_list_hides_the_devices_of_others")
    edit(project, pages, "test_list_hides_the_devices_of_others", "test_list_shows_the_devices_of_others")
    for _ in "get", "post":
        edit(project, pages, "404", "403", after="test_the_devices_of_others_are_not_found")
    edit(project, pages, "test_the_devices_of_others_are_not_found", "test_the_devices_of_others_cannot_be_changed")
    edit(project, pages, NOT_RELATED, "", after="class LoanPageTests")
    edit(project, api, "        make_device(self.bob)\n", "", after="test_list_has_own_devices")
    edit(project, api, '"get", "put"', '"put"', after="test_the_devices_of_others_are_not_found")
    edit(project, api, "404_NOT_FOUND", "403_FORBIDDEN", after="test_the_devices_of_others_are_not_found")
    edit(project, api, "test_the_devices_of_others_are_not_found", "test_the_devices_of_others_cannot_be_changed")
    edit(project, api, '            ("device", make_device(self.bob), status.HTTP_400_BAD_REQUEST),\n', "")


def rename_serial(project):
    """Rename a field in the seven places that name it."""
    for name, old in [
        ("models.py", "    serial = "),
        ("serializers.py", '"serial"'),
        ("forms.py", '"serial"'),
        ("admin.py", '"serial"]'),
        ("admin.py", '"serial",'),
        ("views.py", '"serial"]'),
        ("templates/inventory/device_list.html", "device.serial "),
    ]:
        edit(project, f"inventory/{name}", old, old.replace("serial", "serial_number"))


def restrict_places(project):
    """Make the names of the places unique, and let one choose their floors."""
    models = "inventory/models.py"
    edit(project, models, "max_length=200)", "max_length=200, unique=True)", after="class Place(")
    edit(project, models, "max_length=200)", f"max_length=200, choices={FLOORS})", after="class Place(")


def ignore_migrations(project, *names):
    """Say that these migrations break the version that runs, on purpose."""
    path = project.path / "pyproject.toml"
    before = path.read_text(encoding="utf-8").partition("\n[tool.django_migration_linter]\n")[0]
    text = f"{before}\n[tool.django_migration_linter]\nignore_name = {json.dumps(names)}\n"
    path.write_text(text, encoding="utf-8")
