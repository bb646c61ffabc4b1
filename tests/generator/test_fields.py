from django.core.management import CommandError
from django.test import SimpleTestCase
from generator.fields import KINDS, field_of
from generator.words import plural_of, with_article


class FieldTests(SimpleTestCase):
    def test_each_type_is_written(self):
        for text, code in [
            ("name:str", 'models.CharField(_("name"), max_length=200)'),
            ("name:str:40:unique", 'models.CharField(_("name"), max_length=40, unique=True)'),
            ("name:str:optional", 'models.CharField(_("name"), max_length=200, blank=True)'),
            ("name:str?:40", 'models.CharField(_("name"), max_length=40, blank=True)'),
            ("name:str:40?", 'models.CharField(_("name"), max_length=40, blank=True)'),
            ("name:str:unique?", 'models.CharField(_("name"), max_length=200, unique=True, null=True, blank=True)'),
            ("body_text:text", 'models.TextField(_("body text"))'),
            ("stock:int:index", 'models.IntegerField(_("stock"), db_index=True)'),
            ("stock:int:default=-1", 'models.IntegerField(_("stock"), default=-1)'),
            ("views:bigint?", 'models.BigIntegerField(_("views"), null=True, blank=True)'),
            ("height:float:default=1", 'models.FloatField(_("height"), default=1.0)'),
            ("price:decimal", 'models.DecimalField(_("price"), max_digits=12, decimal_places=2)'),
            ("price:decimal:8:3", 'models.DecimalField(_("price"), max_digits=8, decimal_places=3)'),
            (
                "price:decimal:default=1.50",
                'models.DecimalField(_("price"), max_digits=12, decimal_places=2, default=Decimal("1.50"))',
            ),
            ("lent:bool", 'models.BooleanField(_("lent"), default=False)'),
            ("lent:bool?:default=true", 'models.BooleanField(_("lent"), default=True)'),
            ("due:date:default=today", 'models.DateField(_("due"), default=timezone.localdate)'),
            ("at:datetime:default=now", 'models.DateTimeField(_("at"), default=timezone.now)'),
            ("slug:slug:unique", 'models.SlugField(_("slug"), unique=True)'),
            ("site:url:default=https", 'models.URLField(_("site"), default="https")'),
            ("extra:json?", 'models.JSONField(_("extra"), null=True, blank=True)'),
            (
                "name:str:help=On the “back”",
                'models.CharField(_("name"), max_length=200, help_text=_("On the “back”"))',
            ),
            (
                "photo:image",
                'models.ImageField(_("photo"), upload_to=RandomName("photos"), '
                "validators=[validate_size, validate_image])",
            ),
            (
                "manual:file:pdf:txt?",
                'models.FileField(_("manual"), upload_to=RandomName("manuals"), validators=[validate_size,'
                ' FileExtensionValidator(["pdf", "txt"])], blank=True)',
            ),
            (
                "state:choice:new:old",
                'models.CharField(_("state"), max_length=40, choices=State.choices, default=State.NEW)',
            ),
            (
                "state:choice:new:old:default=old",
                'models.CharField(_("state"), max_length=40, choices=State.choices, default=State.OLD)',
            ),
            (
                "state:choice:new:old?",
                'models.CharField(_("state"), max_length=40, choices=State.choices, blank=True)',
            ),
        ]:
            with self.subTest(text=text):
                self.assertEqual(field_of(text).code, code)

    def test_the_examples_of_the_help_are_valid(self):
        for kind in KINDS.values():
            with self.subTest(text=kind.example):
                self.assertTrue(field_of(kind.example).code)

    def test_choices_have_a_class(self):
        self.assertEqual(
            field_of("lens_size:choice:35mm:very-long").source.split("\n"),
            [
                "class LensSize(models.TextChoices):",
                '    _35MM = "35mm", _("35mm")',
                '    VERY_LONG = "very-long", _("very long")',
                "",
                'lens_size = models.CharField(_("lens size"), max_length=40, choices=LensSize.choices,'
                " default=LensSize._35MM)",
            ],
        )

    def test_impossible_fields_are_refused(self):
        for text, message in [
            ("title", "'title' is not a field: write name:type"),
            ("title:", "'title:' is not a field"),
            ("Body:text", "'Body:text' is not a field"),
            ("class:str", "A field cannot be called 'class'"),
            ("save:bool", "A field cannot be called 'save'"),
            ("str:str", "A field cannot be called 'str'"),
            ("self:str", "A field cannot be called 'self'"),
            ("a__b:str", "A field cannot be called 'a__b'"),
            ("body:html", "'html' is not a type of field: use str, text"),
            ("group:auth.Group", "'auth.Group' is not a type of field"),
            ("parent:tried_app.TriedModel", "'tried_app.TriedModel' is not a type of field"),
            ("tags:many", "'' is not a type of field"),
            ("name:str:40:50", "'name:str:40:50' is not a field: write it like name:str:40"),
            ("price:decimal:2:8", "'price:decimal:2:8' is not a field: write it like price:decimal:8:2"),
            ("price:decimal:8", "'price:decimal:8' is not a field"),
            ("name:str:blue", "'name:str:blue' is not a field: str has no option 'blue'"),
            ("author:user:unique", "user has no option 'unique'"),
            ("stock:int:default=many", "'many' cannot be the default of 'stock'"),
            ("price:decimal:default=x", "'x' cannot be the default of 'price'"),
            ("height:float:default=nan", "'nan' cannot be the default of 'height'"),
            ("due:date:default=now", "'now' cannot be the default of 'due'"),
            ("lent:bool:default=perhaps", "'perhaps' cannot be the default of 'lent'"),
            ("state:choice:new:old:default=lost", "'lost' cannot be the default of 'state'"),
            ("state:choice:new", "'state:choice:new' needs two or more choices"),
            ("state:choice:a-b:a_b", "'state:choice:a-b:a_b' needs two or more choices"),
            ("state:choice:new:old:Größe!", "choice has no option 'Größe!'"),
        ]:
            with self.subTest(text=text):
                with self.assertRaisesMessage(CommandError, message):
                    field_of(text)

    def test_english_words(self):
        for word, many, one in (
            ("entry", "entries", "an entry"),
            ("person", "people", "a person"),
            ("hour", "hours", "an hour"),
        ):
            with self.subTest(word=word):
                self.assertEqual((plural_of(word), with_article(word)), (many, one))
