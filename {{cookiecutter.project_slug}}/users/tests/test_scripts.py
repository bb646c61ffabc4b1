import io
from contextlib import redirect_stdout
from datetime import timedelta
from unittest import mock

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialToken
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.validators import FileExtensionValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.test import SimpleTestCase, TestCase, override_settings
from django.test.utils import isolate_apps
from django.utils import timezone
from faker import Faker

from scripts import seed
from users.tests import make_user, sign_in


class InactiveUsersTests(TestCase):
    def printed(self, *days):
        with redirect_stdout(io.StringIO()) as output:
            call_command("runscript", "inactive_users", script_args=days)
        return output.getvalue().split()

    def test_lists_users_who_have_not_signed_in_for_some_days(self):
        for name, days in ("ada", None), ("bob", 40), ("carol", 1):
            last_login = None if days is None else timezone.now() - timedelta(days=days)
            get_user_model().objects.create_user(f"{name}@example.com", last_login=last_login)
        self.assertCountEqual(self.printed("30"), ["ada@example.com", "bob@example.com"])
        self.assertEqual(self.printed(), ["ada@example.com"])


def run_seed(*models):
    """Run the script for these models instead of the project's; return what it prints."""
    with redirect_stdout(io.StringIO()) as output, override_settings(DEBUG=True):
        with mock.patch.object(seed, "own_models", return_value=models or seed.own_models()):
            call_command("runscript", "seed")
    return output.getvalue()


class SeedTests(TestCase):
    def test_is_refused_in_production(self):
        with self.assertRaisesMessage(SystemExit, "The seeds are for development: they need DEBUG."):
            call_command("runscript", "seed")

    def test_says_that_migrations_are_missing(self):
        with mock.patch("django.db.migrations.executor.MigrationExecutor.migration_plan", return_value=["one"]):
            with self.assertRaisesMessage(SystemExit, "The database lacks migrations. Run: python manage.py migrate"):
                run_seed(Group)

    def test_creates_accounts_that_can_sign_in_and_keeps_present_ones(self):
        make_user("ada")
        self.assertIn(seed.PASSPHRASE, run_seed(Group))
        User = get_user_model()
        users = {user.email: user.is_staff for user in User.objects.all()}
        self.assertEqual(users, {"ada@example.com": False, "bob@example.com": False, "admin@example.com": True})
        self.assertEqual(EmailAddress.objects.filter(verified=True, primary=True).count(), 3)
        bob = User.objects.get(email="bob@example.com")
        self.assertRedirects(sign_in(self.client, bob, seed.PASSPHRASE), "/", fetch_redirect_response=False)

    def test_each_model_has_objects_after_it_and_a_second_run_changes_nothing(self):
        run_seed()
        before = [list(model.objects.values()) for model in seed.own_models()]
        self.assertTrue(all(len(rows) == seed.OBJECTS for rows in before))
        run_seed()
        self.assertEqual([list(model.objects.values()) for model in seed.own_models()], before)

    def test_the_values_are_the_same_each_time(self):
        Group.objects.create(name="Mine")
        found = []
        for _ in range(2):
            self.assertIn("auth.Group: 19 new\n", run_seed(Group))
            found.append(dict(Group.objects.annotate(count=models.Count("permissions")).values_list("name", "count")))
            Group.objects.exclude(name="Mine").delete()
        self.assertEqual(*found)
        self.assertEqual(set(found[0].values()), {0, 1, 2, 3})
        self.assertIn("Mine", found[0])

    def test_says_what_a_model_refuses(self):
        with mock.patch.object(seed, "ATTEMPTS", 2):
            self.assertRegex(run_seed(SocialToken), r"SocialToken: 0 new; it refused others: \['.+'\]")

    def test_related_objects_are_of_the_same_owner(self):
        ada, bob = make_user("ada"), make_user("bob")
        field = EmailAddress.emailconfirmation_set.rel.field
        self.assertEqual([address.user for address in seed.candidates(field, ada)], [ada])
        self.assertCountEqual(seed.candidates(EmailAddress._meta.get_field("user"), ada), [ada, bob])

    def test_a_model_comes_after_those_that_it_refers_to(self):
        found = list(seed.in_order([Group, Permission], set()))
        self.assertEqual([model._meta.model_name for model in found], ["contenttype", "permission", "group"])


class ValueTests(SimpleTestCase):
    @isolate_apps("users")
    def test_every_kind_of_field_gets_a_valid_value(self):
        class Loan(models.Model):  # noqa: DJ008
            returned_on = models.DateField()
            lent_at = models.DateTimeField(default=timezone.now)
            key = models.UUIDField(default="00000000-0000-0000-0000-000000000001".strip)
            other_key = models.UUIDField()
            title = models.CharField(max_length=40)
            slug = models.SlugField()
            first_name = models.CharField(max_length=8)
            state = models.CharField(max_length=9, choices=[("", "-"), ("new", "New"), ("Old", [("lost", "Lost")])])
            remarks = models.TextField(blank=True)
            photo = models.ImageField()
            manual = models.FileField(validators=[FileExtensionValidator(["txt"])])
            receipt = models.FileField()
            price = models.DecimalField(max_digits=5, decimal_places=2)
            weight = models.FloatField(validators=[MinValueValidator(200), MaxValueValidator(201)])
            count = models.PositiveSmallIntegerField(null=True, blank=True)
            is_late = models.BooleanField(default=False)
            length = models.DurationField()
            at = models.TimeField()
            extra = models.JSONField(default=dict)
            email = models.EmailField()
            page = models.URLField()
            unknown = models.BinaryField(blank=True)
            changed_at = models.DateTimeField(auto_now=True)

            class Meta:
                app_label = "users"

        fake = Faker("en_US")
        with (
            mock.patch.object(Faker, "image", create=True, return_value=b"PNG"),
            mock.patch.object(Loan, "save") as save,
        ):
            for number in range(20):
                fake.seed_instance(number)
                with mock.patch.object(Loan, "full_clean", autospec=True) as full_clean:
                    seed.add(fake, Loan, None)
                (loan,) = full_clean.call_args.args
                loan.clean_fields()
                self.assertLess(loan.lent_at.date(), loan.returned_on)
                self.assertTrue(loan.manual.name.endswith(".txt"))
                self.assertTrue(loan.title.lower().replace(" ", "-").startswith(loan.slug))
        self.assertEqual(save.call_count, 20)
