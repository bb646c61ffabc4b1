from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.files.storage import storages
from django.db import models, transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# A run can end without a trace, with its worker. After this number of runs, an export has failed.
MAX_ATTEMPTS = 3


class State(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class ExportQuerySet(models.QuerySet):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> ExportQuerySet:
        """Return the objects that `user` may see and change; none for an anonymous user."""
        return self.filter(owner_id=user.pk)

    def unfinished(self) -> ExportQuerySet:
        return self.filter(state__in=[State.WAITING, State.RUNNING])

    def begin(self, pk: int) -> Export | None:
        """Return the export if it is to run now. It may have run before, and a run that goes on then gives up."""
        with transaction.atomic():
            export: Export | None = self.unfinished().select_for_update().filter(pk=pk).first()
            if export is None:
                return None
            export.attempts += 1
            export.state = State.RUNNING if export.attempts <= MAX_ATTEMPTS else State.FAILED
            export.save()
        return export if export.state == State.RUNNING else None


class Export(models.Model):
    """The items of a user as a CSV file."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="exports"
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(_("rows written"), default=0)
    total = models.PositiveIntegerField(_("rows in all"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["owner", "created_at", "id"]), models.Index(fields=["state", "updated_at"])]

    def __str__(self) -> str:
        return gettext("Export %(number)s") % {"number": self.pk}

    @property
    def is_finished(self) -> bool:
        return self.state in (State.DONE, State.FAILED)

    @property
    def file_name(self) -> str:
        """The name in the storage, which is the same each time: a second run replaces the file of the first."""
        return f"{self.pk}.csv"

    def save_if_current(self, **values: Any) -> bool:
        """Save these values and return True, or return False if the export was deleted or has begun again."""
        with transaction.atomic():
            current = Export.objects.select_for_update().filter(pk=self.pk, attempts=self.attempts)
            if not current.first():
                return False
            for name, value in values.items():
                setattr(self, name, value)
            self.save(update_fields=[*values, "updated_at"])
        return True


@receiver(post_delete, sender=Export)
def delete_file(instance: Export, **kwargs: Any) -> None:
    name = instance.file_name
    transaction.on_commit(lambda: storages["exports"].delete(name), robust=True)
