"""Read fields as they are written on the command line, such as `serial:str:40:unique`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from importlib import import_module
from inspect import signature
from keyword import iskeyword
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db.models import Model
from django.utils.text import capfirst

from .words import plural_of


@dataclass(frozen=True)
class Kind:
    """A type of field: its class in models, its arguments there, and the lookups of its filters."""

    class_name: str
    example: str
    help: str
    arguments: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()


RANGE = ("gte", "lte")
TIMES = ("gte", "lt")

KINDS = {
    "str": Kind("CharField", "name:str:40", "a line of text, of 200 characters or as many as you say"),
    "text": Kind("TextField", "body:text", "a text of any length"),
    "int": Kind("IntegerField", "stock:int", "a whole number of 32 bits", lookups=RANGE),
    "bigint": Kind("BigIntegerField", "views:bigint", "a whole number of 64 bits", lookups=RANGE),
    "float": Kind("FloatField", "height:float", "a number that need not be exact", lookups=RANGE),
    "decimal": Kind("DecimalField", "price:decimal:8:2", "8 digits, 2 of them after the point; or 12 and 2", (), RANGE),
    "bool": Kind("BooleanField", "lent:bool", "yes or no; no at first", (), ("exact",)),
    "date": Kind("DateField", "due:date", "a day", (), TIMES),
    "time": Kind("TimeField", "opens:time", "a time of the day", (), TIMES),
    "datetime": Kind("DateTimeField", "at:datetime", "a day and a time", (), TIMES),
    "duration": Kind("DurationField", "length:duration", "a length of time", (), RANGE),
    "email": Kind("EmailField", "contact:email", "an email address"),
    "url": Kind("URLField", "site:url", "a web address"),
    "slug": Kind("SlugField", "slug:slug:unique", "letters, digits, hyphens and underscores", (), ("exact",)),
    "uuid": Kind("UUIDField", "key:uuid", "a UUID", (), ("exact",)),
    "json": Kind("JSONField", "extra:json", "any JSON"),
    "choice": Kind("CharField", "state:choice:new:lent:lost", "one of these; the first one at first", (), ("exact",)),
    "image": Kind("ImageField", "photo:image", "a picture: PNG, JPEG, GIF or WebP"),
    "file": Kind("FileField", "manual:file:pdf:txt", "a file with one of these extensions; or PDF"),
}
RELATED = {
    "app.Model": ("category:inventory.Category", "an object of this model"),
    "many": ("tags:many:inventory.Tag", "any number of them"),
    "user": ("author:user", "names the owner, who is `owner` otherwise"),
}
OPTIONS = {
    "optional": ("due:date:optional", "it may be empty; due:date? is the same, in quotes for zsh"),
    "unique": ("serial:str:unique", "no two objects have the same"),
    "index": ("stock:int:index", "the database finds its values quickly"),
    "default=": ("stock:int:default=1", "the value at first; today for a date, now for a datetime"),
    "help=": ('serial:str:"help=On the back"', "a text below the field"),
    "protect": ("category:inventory.Category:protect", "a category with devices is not deleted; so it is by default"),
    "cascade": ("category:inventory.Category:cascade", "a category is deleted with its devices"),
    "set_null": ("category:inventory.Category:set_null", "its devices lose it; so it is if it may be empty"),
}

# Fields that hold text are empty as "", all others as NULL.
TEXTS = {"str", "text", "email", "url", "slug", "choice", "image", "file"}
SEARCHED = {"str", "text", "email", "url", "slug"}
# An object is named by its first field of these types, or else by its number.
TITLES = {"str", "text", "email", "url", "slug", "choice", "int", "bigint", "float", "decimal", "uuid"}
TITLES |= {"date", "time", "datetime", "duration"}

# Names with another meaning in the files of a resource, in the URLs of its API, or for model_bakery.
RESERVED = {*dir(Model), "id", "created_at", "updated_at", "objects", "meta", "models", "settings", "timezone", "str"}
RESERVED |= {"cursor", "format", "ordering", "search", "self", "cls", "make_m2m"}


# What the objects that exist get in a required field that is added.
FIRST = {"int": "0", "bigint": "0", "float": "0", "decimal": "0", "json": "{}", "duration": "datetime.timedelta(0)"}
FIRST |= {"date": "timezone.localdate()", "time": "timezone.localtime().time()", "datetime": "timezone.now()"}
FIRST["uuid"] = '"00000000-0000-0000-0000-000000000000"'

# These are compared as text by the tests that are written.
EXACT = SEARCHED | {"choice", "int", "bigint", "uuid", "date"}
WIDGETS = {
    "date": ("DateInput", '{"type": "date"}', "%Y-%m-%d"),
    "time": ("TimeInput", '{"type": "time", "step": 1}', "%H:%M:%S"),
    "datetime": ("DateTimeInput", '{"type": "datetime-local", "step": 1}', "%Y-%m-%dT%H:%M:%S"),
}


@dataclass
class Field:
    """A field of a model, as the templates of the generator use it."""

    name: str
    kind: str
    optional: bool = False
    unique: bool = False
    # The members of the class with the choices, as name -> value.
    choices: dict[str, str] = field(default_factory=dict)
    lookups: tuple[str, ...] = ()
    # The model that a relation refers to.
    model: Any = None
    has_default: bool = False
    # Whether the database can have an index for its values.
    is_ordered: bool = True
    # The code that imports what makes a related object in tests, and that makes it for these users.
    maker_import: str = ""
    by_ada: str = ""
    by_bob: str = ""
    arguments: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    @property
    def label(self) -> str:
        return capfirst(self.words)

    @property
    def choices_class(self) -> str:
        return self.words.title().replace(" ", "")

    @property
    def is_many(self) -> bool:
        return self.kind == "many"

    @property
    def related(self) -> str:
        return self.model.__name__ if self.model else ""

    @property
    def package(self) -> str:
        return str(self.model._meta.app_config.name)

    @property
    def maker(self) -> Any:
        """The function of the tests that makes an object of the related model."""
        return getattr(import_module(f"{self.package}.tests"), f"make_{self.related.lower()}")

    @property
    def is_owned(self) -> bool:
        """Whether the objects of the related model have owners."""
        return any(each.kind is each.POSITIONAL_OR_KEYWORD for each in signature(self.maker).parameters.values())

    def made_by(self, user: str) -> str:
        """Return the code that makes a related object in tests."""
        return f"{self.maker.__name__}({user if self.is_owned else ''})"

    @property
    def is_required(self) -> bool:
        return not (self.optional or self.has_default or self.is_many or self.kind == "bool")

    @property
    def code(self) -> str:
        """The field in the model."""
        relation = "ManyToManyField" if self.is_many else "ForeignKey"
        return f"models.{KINDS[self.kind].class_name if self.kind in KINDS else relation}({', '.join(self.arguments)})"

    @property
    def source(self) -> str:
        """The lines of the field in the model, with the class of its choices."""
        lines = [f"{self.name} = {self.code}"]
        if self.choices:
            lines = [
                f"class {self.choices_class}(models.TextChoices):",
                *(f"    {each}" for each in self.members),
                "",
                *lines,
            ]
        return "\n".join(lines)

    @property
    def members(self) -> list[str]:
        """The members of the class with the choices."""
        labels = {value: re.sub("[_-]", " ", value) for value in self.choices.values()}
        return [f'{name} = "{value}", _("{labels[value]}")' for name, value in self.choices.items()]

    @property
    def lookup_list(self) -> str:
        return json.dumps(self.lookups)

    @property
    def widget(self) -> str:
        """The widget of a form, if Django's own does not suit browsers."""
        name, kind, form = WIDGETS.get(self.kind, ("", "", ""))
        return name and f"forms.{name}(attrs={kind}, format={form!r})"

    def value(self, name: str) -> str:
        """Return the value in a page, in which `name` is the object."""
        value = f"{name}.{self.name}"
        if self.kind == "text":
            return value
        if self.kind == "bool":
            value += "|yesno"
        elif self.kind == "choice":
            value = f"{name}.get_{self.name}_display"
        elif self.is_many:
            value += '.all|join:", "'
        if self.is_many or (self.optional and self.kind in TEXTS):
            value += '|default:"–"'
        elif self.optional and self.kind != "bool":
            value += '|default_if_none:"–"'
        return value


def default_of(kind: str, text: str) -> str:
    """Return the Python code of a default, or raise an error."""
    if kind in ("int", "bigint"):
        return str(int(text))
    if kind in ("float", "decimal") and Decimal(text).is_finite():
        return str(float(text)) if kind == "float" else f'Decimal("{Decimal(text)}")'
    if kind == "bool":
        return {"true": "True", "false": "False"}[text.lower()]
    if kind in SEARCHED:
        return json.dumps(text, ensure_ascii=False)
    return {"date today": "timezone.localdate", "datetime now": "timezone.now"}[f"{kind} {text}"]


def members_of(values: list[str]) -> dict[str, str]:
    """Return the members of a class with these choices, as a dict of name -> value."""
    return {re.sub(r"\W|^(?=\d)", "_", value).upper(): value for value in values}


def related_model(label: str) -> Any:
    """Return the model that a relation names. Raise CommandError if startapp did not write it."""
    try:
        model = apps.get_model(label)
        # Forms offer only what the user may see.
        model.objects.visible_to  # noqa: B018
    except (AttributeError, LookupError, ValueError):
        raise CommandError(
            f"{label!r} is not a type of field: use {', '.join(KINDS)}, user, or a model that startapp wrote,"
            " such as blog.Post."
        ) from None
    return model


class Reader:
    """Reads a field from words such as `serial`, `str`, `40` and `unique`."""

    def __init__(self, text: str) -> None:
        self.text = text
        name, _, rest = text.partition(":")
        kind, *self.words = re.sub(r"\?(?=:|$)", ":optional", rest).split(":")
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or not kind:
            raise CommandError(f"{text!r} is not a field: write name:type, such as due:date. --help lists the types.")
        if name in RESERVED or iskeyword(name) or "__" in name or name.endswith("_"):
            raise CommandError(
                f"A field cannot be called {name!r}, because it has another meaning: choose another name."
            )
        self.field = Field(name, kind)

    def take(self, pattern: str) -> list[str]:
        """Remove the words that match a pattern, and return them."""
        found = [word for word in self.words if re.fullmatch(pattern, word)]
        self.words = [word for word in self.words if word not in found]
        return found

    def read(self) -> Field:
        found = self.field
        flags = self.take("optional|unique|index")
        found.optional, found.unique = "optional" in flags, "unique" in flags
        given = dict(word.split("=", 1) for word in self.take("(default|help)=.*"))
        if found.kind == "user":
            self.refuse_what_is_left(flags, given)
            return found
        arguments = self.arguments() if found.kind in KINDS else self.relation()
        if "default" in given:
            try:
                # Of a choice, the value is checked with the others.
                value = given["default"]
                default = self.choice(value) if found.kind == "choice" else default_of(found.kind, value)
            except (InvalidOperation, KeyError, ValueError):
                raise CommandError(f"{value!r} cannot be the default of {found.name!r}.") from None
            arguments.append(f"default={default}")
        elif found.kind == "bool":
            arguments.append("default=False")
        elif found.choices and not found.optional:
            arguments.append(f"default={self.choice(next(iter(found.choices.values())))}")
        self.refuse_what_is_left()
        found.has_default = any(argument.startswith("default=") for argument in arguments)
        if "index" in flags:
            arguments.append("db_index=True")
        if found.unique:
            arguments.append("unique=True")
        if found.is_many or (found.optional and found.kind != "bool"):
            # An empty text is "", but only NULL is different from all others.
            if not found.is_many and (found.kind not in TEXTS or found.unique):
                arguments.append("null=True")
            arguments.append("blank=True")
        if "help" in given:
            arguments.append(f"help_text=_({json.dumps(given['help'], ensure_ascii=False)})")
        found.arguments = arguments
        return found

    def refuse_what_is_left(self, *used: Any) -> None:
        for word in [*self.words, *(word for words in used for word in words)]:
            raise CommandError(
                f"{self.text!r} is not a field: {self.field.kind} has no option {word!r}. --help lists the options."
            )

    def choice(self, value: str) -> str:
        """Return the Python code of a choice."""
        (name,) = (name for name, other in self.field.choices.items() if other == value)
        return f"{self.field.choices_class}.{name}"

    def arguments(self) -> list[str]:
        """Return the arguments of a field that is no relation."""
        found, kind = self.field, KINDS[self.field.kind]
        found.lookups = kind.lookups
        arguments = [f'_("{found.words}")']
        if found.kind == "str":
            length = self.numbers(200)[0]
            found.is_ordered = length <= 600
            arguments.append(f"max_length={length}")
        elif found.kind == "decimal":
            digits, places = self.numbers(12, 2)
            arguments += [f"max_digits={digits}", f"decimal_places={places}"]
        elif found.kind == "choice":
            values = self.take(r"\w[\w-]*")
            found.choices = members_of(values)
            if len(found.choices) < 2 or len(found.choices) < len(values) or max(map(len, values)) > 40:
                raise CommandError(f"{self.text!r} needs two or more choices, such as state:choice:new:lent:lost.")
            arguments += ["max_length=40", f"choices={found.choices_class}.choices"]
        elif found.kind in ("image", "file"):
            check = "validate_image"
            if found.kind == "file":
                check = f"FileExtensionValidator({json.dumps(self.take('[a-z0-9]{1,10}') or ['pdf'])})"
            arguments += [f'upload_to=RandomName("{plural_of(found.name)}")', f"validators=[validate_size, {check}]"]
        return arguments

    def numbers(self, *defaults: int) -> list[int]:
        """Return the numbers among the words, or the defaults if there are none."""
        found = [int(word) for word in self.take("[1-9][0-9]{0,3}")]
        if len(found) not in (0, len(defaults)) or found != sorted(found, reverse=True):
            example = KINDS[self.field.kind].example
            raise CommandError(f"{self.text!r} is not a field: write it like {example}.")
        return found or [*defaults]

    def relation(self) -> list[str]:
        """Return the arguments of a relation."""
        found = self.field
        label = found.kind
        if found.is_many:
            label, *self.words = self.words or [""]
        found.model = related_model(label)
        found.lookups = ("exact",)
        arguments = [f'"{found.model._meta.label}"', f'verbose_name=_("{found.words}")']
        if not found.is_many:
            (on_delete, *_) = self.take("protect|cascade|set_null") or ["set_null" if found.optional else "protect"]
            found.optional = found.optional or on_delete == "set_null"
            arguments.append(f"on_delete=models.{on_delete.upper()}")
        return arguments


def field_of(text: str) -> Field:
    """Return the field that a text such as `serial:str:40:unique` describes. Raise CommandError if it cannot."""
    return Reader(text).read()
