"""
Fill the development database with believable data.

    python manage.py runscript seed

Creates the users ada, bob and admin, and objects of ada and bob until each model of the project's own apps has 20.
The values are the same each time; dates count from today. What exists is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.text import capfirst, slugify

from users.models import User

if TYPE_CHECKING:
    from faker import Faker

PASSPHRASE = "correct horse battery staple"  # noqa: S105
OBJECTS, ATTEMPTS = 20, 300
# The objects of these apps come from what users do.
LEFT_OUT = {"users", "exports"}

WORDS = {
    "look": "big blue bright folding heavy light new old plain portable quiet red silver small spare wooden".split(),
    "thing": "bicycle camera clock drill guitar kettle ladder lamp map microscope printer projector tent".split(),
    "opening": ["How to repair the", "Notes on the", "Questions about the", "Why we chose the", "New uses for the"],
    "remark": [
        "It was bought in spring and used twice.",
        "Please return it clean and dry.",
        "The manual is in the top drawer.",
        "Everybody who tried it liked it.",
        "One screw is missing, which does no harm.",
        "It works best when it is prepared the day before.",
    ],
}
# What a text is: the first of these words in the name of its field, or else in the name of its model, decides.
TEXTS = {
    "first_name": "<first_name>",
    "last_name|surname": "<last_name>",
    "company|supplier|manufacturer|brand|publisher": "<company>",
    "city|town|place|location|venue": "<city>",
    "address|street": "<street_address>",
    "postcode|zip": "<postcode>",
    "country": "<country>",
    "phone|mobile": "+1 555 01##",
    "colou?r": "<safe_color_name>",
    "serial|code|number|sku|reference": "<random_uppercase_letter><random_uppercase_letter>-####",
    "note|comment|remark|reason|summary|description": "<remark>",
    "title|subject|headline": "<opening> <look> <thing>",
    "tag|category|kind": "<look> <thing>s",
    "author|person|customer|contact|member|employee|patient|student": "<name>",
}
LATER = re.compile("end|until|to$|due|return|clos|finish|expir")


def text(fake: Faker, field: Any) -> str:
    names = field.name, field.model._meta.model_name
    found = (template for name in names for words, template in TEXTS.items() if re.search(words, name))
    words = re.split("<(.+?)>", next(found, "<look> <thing>"))
    words[1::2] = [fake.random_element(WORDS[word]) if word in WORDS else fake.format(word) for word in words[1::2]]
    return capfirst(fake.numerify("".join(words)))[: field.max_length]


def number(fake: Faker, field: Any, places: int | None = None) -> Any:
    low = max([1, *(v.limit_value for v in field.validators if isinstance(v, MinValueValidator))])
    high = min([low + 99, *(v.limit_value for v in field.validators if isinstance(v, MaxValueValidator))])
    return field.to_python(str(round(fake.random.uniform(float(low), float(high)), places)))


def document(fake: Faker, field: Any) -> ContentFile:
    names = [name for v in field.validators for name in getattr(v, "allowed_extensions", None) or []]
    return ContentFile(b"%PDF-1.4\n%%EOF\n", name=f"document.{[*names, 'pdf'][0]}")


# A subclass comes before its base class. Faker needs Pillow for a picture, as the field itself does.
KINDS: dict[type[models.Field], Callable[[Faker, Any], Any]] = {
    models.BooleanField: lambda fake, field: fake.boolean(),
    models.ImageField: lambda fake, field: ContentFile(fake.image((320, 240)), name="picture.png"),
    models.FileField: document,
    models.DecimalField: lambda fake, field: number(fake, field, field.decimal_places),
    models.FloatField: lambda fake, field: number(fake, field, 1),
    models.IntegerField: number,
    models.DurationField: lambda fake, field: timedelta(minutes=15 * fake.random_int(1, 32)),
    models.TimeField: lambda fake, field: time(fake.random_int(8, 18), 15 * fake.random_int(0, 3)),
    models.UUIDField: lambda fake, field: fake.uuid4(cast_to=None),
    models.JSONField: lambda fake, field: {"colour": fake.safe_color_name(), "weight": fake.random_int(1, 20)},
    models.EmailField: lambda fake, field: fake.email(domain="example.com"),
    models.URLField: lambda fake, field: f"https://example.com/{fake.slug()}",
    models.TextField: lambda fake, field: " ".join(fake.random_elements(WORDS["remark"], fake.random_int(1, 4), True)),
    models.CharField: text,
}


def value(fake: Faker, field: Any, owner: User, values: dict[str, Any], moment: datetime) -> Any:
    """Return a value for a field of an object; `values` are those that it already has."""
    if field.choices:
        return fake.random_element([key for key, _ in field.flatchoices if key not in ("", None)])
    if field.is_relation:
        return fake.random_element(candidates(field, owner) or [None])
    if isinstance(field, models.DateField):
        return moment if isinstance(field, models.DateTimeField) else moment.date()
    if isinstance(field, models.SlugField):
        return slugify(next((known for known in values.values() if isinstance(known, str)), text(fake, field)))
    return next((make(fake, field) for kind, make in KINDS.items() if isinstance(field, kind)), None)


def is_left(fake: Faker, field: Any) -> bool:
    """Return whether a field gets no value: it fills itself, or it may be empty and is so this time."""
    if field.blank:
        return not (field.null or field.empty_strings_allowed) or fake.boolean(25)
    fills_itself = field.has_default() and callable(field.default)
    return field.auto_created or (fills_itself and not isinstance(field, (models.DateField, models.JSONField)))


def owner_field(model: Any) -> str:
    """Return the name of the first field that refers to a user, or an empty text."""
    return next((field.name for field in model._meta.concrete_fields if field.related_model is User), "")


def candidates(field: Any, owner: User) -> list[Any]:
    """Return the objects that an object of this owner may refer to."""
    found = field.related_model._default_manager.complex_filter(field.get_limit_choices_to())
    owned = owner_field(field.related_model)
    return list(found.filter(**{owned: owner}) if owned else found)


def add(fake: Faker, model: Any, owner: User) -> None:
    """Save an object. Raise ValidationError if the model refuses its values."""
    owned = owner_field(model)
    values: dict[str, Any] = {owned: owner} if owned else {}
    moment = timezone.localtime().replace(hour=fake.random_int(8, 17), minute=0, second=0, microsecond=0)
    moment -= timedelta(days=fake.random_int(10, 60))
    for field in sorted(model._meta.concrete_fields, key=lambda field: bool(LATER.search(field.name))):
        if isinstance(field, models.DateField):
            moment += timedelta(days=fake.random_int(1, 14))
        if field.name not in values and not is_left(fake, field):
            values[field.name] = value(fake, field, owner, values, moment)
    instance = model(**values)
    instance.full_clean()
    instance.save()
    for field in model._meta.many_to_many:
        found = candidates(field, owner) if field.remote_field.through._meta.auto_created else []
        getattr(instance, field.name).set(fake.random.sample(found, min(fake.random_int(0, 3), len(found))))


def fill(fake: Faker, model: Any, owners: list[User]) -> None:
    """Save objects until the model has enough of them."""
    present = number = model._base_manager.count()
    refusal = ""
    for attempt in range(ATTEMPTS):
        if number >= OBJECTS:
            break
        fake.seed_instance(f"{model._meta.label} {number} {attempt}")
        try:
            add(fake, model, owners[number % len(owners)])
            number += 1
        except ValidationError as error:
            refusal = f"; it refused others: {error.messages}"
    print(f"{model._meta.label}: {number - present} new{refusal if number < OBJECTS else ''}")


def in_order(wanted: Iterable[Any], seen: set[Any]) -> Iterator[Any]:
    """Yield models, each after those that it refers to."""
    for model in wanted:
        if model not in seen:
            seen.add(model)
            relations = [*model._meta.concrete_fields, *model._meta.many_to_many]
            yield from in_order([field.related_model for field in relations if field.is_relation], seen)
            yield model


def own_models() -> list[Any]:
    """Return the models of the apps in the project's folder."""
    configs = [config for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR]
    found = [model for config in configs if config.label not in LEFT_OUT for model in config.get_models()]
    return [model for model in in_order(found, set()) if model in found and model._meta.managed]


def account(name: str, is_staff: bool = False) -> User:
    """Return the user with this name, who is created if there is none."""
    address = f"{name}@example.com"
    login = {"username": name, "email": address}[User.USERNAME_FIELD]
    user: User | None = User.objects.filter(**{f"{User.USERNAME_FIELD}__iexact": login}).first()
    if user is None:
        create = User.objects.create_superuser if is_staff else User.objects.create_user
        user = create(**{User.USERNAME_FIELD: login, "email": address, "password": PASSPHRASE})
        user.vouch_for_email()
    return user


@transaction.atomic
def run() -> None:
    if not settings.DEBUG:
        raise SystemExit("The seeds are for development: they need DEBUG.")
    try:
        call_command("migrate", check_unapplied=True, verbosity=0)
    except SystemExit as error:
        raise SystemExit("The database lacks migrations. Run: python manage.py migrate") from error
    # A package for development only.
    from faker import Faker

    fake = Faker("en_US")
    users = [account("ada"), account("bob"), account("admin", is_staff=True)]
    for model in own_models():
        fill(fake, model, users[:2])
    print(f"Sign in as {', '.join(map(str, users))} with the password: {PASSPHRASE}")
