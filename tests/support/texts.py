"""Texts as users type them, some of them hostile, and what a page or a README shows of them."""

import html.parser

TEXTS = [
    "It's",
    '"',
    "'''",
    '"""',
    """It's "quoted" and 'quoted'""",
    """"a" "b" it's""",
    "“Quoted” «so» „or“ so",
    "\\",
    "C:\\new\\table\\",
    '\\"',
    "\\N{BULLET} \\u0041 \\x41 \\101",
    "{{ 7 * 7 }}",
    "{% raw %}{{ }}{% endraw %}",
    "{% if x %}",
    "{# comment #}",
    "#}",
    "{{ cookiecutter.email }}",
    "</script><script>alert(1)</script>",
    "</title></footer><!-- <![CDATA[ ]]> -->",
    "&lt; & &amp;amp; <b> &#65; &nbsp",
    "$(touch x) `touch x` $HOME ${HOME}",
    "%s %(name)s %% {name} {0}",
    "# noqa",
    "null",
    "None",
    "1e3",
    "- yes: no",
    "!!python/object:os.system x",
    "# heading ##",
    "C #",
    "#",
    "> quoted",
    "+ item",
    "* item * * *",
    "---",
    "===",
    "1. one",
    "1)",
    "_a_b_ __init__ a_b_c *a* **b** ~~c~~ ~d~",
    "``` `code` ~~~",
    "[link](x) ![image](x) [reference] <https://example.com>",
    "[reference]: https://example.com",
    "| a | b |",
    "<div>",
    "two  spaces",
    "日本語 Ünïcödé",
    "🐍 👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽",
    "שלום مرحبا",
    "abc \u202edef\u202c \u2066ghi\u2069 \u200f\u200e\u061c",
    "e\u0301 Z\u0351\u036b\u0343\u036a\u0302 \u0301",
    "non\xa0breaking\ufeff \u200bzero\u200d \xad \u3164 \u2060",
    "private \ue000 \U0010fffd unassigned \u0378 not a character \ufffe \uffff \U0001fffe",
    "tags \U000e0041\U000e007f variation \ufe0f",
    "x" * 300,
    "word " * 60 + "end",
    "x" * 98,
    "x" * 99,
    "x" * 106,
    "'\"" * 45,
    "日" * 50,
    "e\u0301" * 60,
    "🐍" * 150,
]

PAYLOADS = [
    """'\\"\\"\\"+__import__("os").system("touch MARKER")+'""",
    """"+__import__('os').system('touch MARKER')+\"""",
    """'+__import__("os").system("touch MARKER")+'""",
    """\"\"\"+__import__('os').system('touch MARKER')+\"\"\"""",
    """\\"+__import__('os').system('touch MARKER')#""",
    """''')\\n__import__('os').system('touch MARKER')#""",
    "$(touch MARKER)",
    "`touch MARKER`",
    "'; touch MARKER; '",
    "x; touch MARKER #",
    "{{ cycler.__init__.__globals__.os.system('touch MARKER') }}",
    "{% set x = cycler.__init__.__globals__.os.system('touch MARKER') %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cookiecutter|refuse_impossible_answers }}",
    "{% load static %}{% include 'base.html' %}{{ settings.SECRET_KEY }}{% debug %}",
    "<script>fetch('/MARKER')</script><img src=x onerror=alert(1)>",
    "!!python/object/apply:os.system ['touch MARKER']",
    "%(x)s {0.__class__} {settings.SECRET_KEY}",
]


class Elements(html.parser.HTMLParser):
    """The texts of the elements with this tag and these attributes, in `texts`."""

    def __init__(self, source, tag, **attributes):
        super().__init__()
        self.wanted = tag, attributes
        self.inside = False
        self.texts = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        wanted, with_attributes = self.wanted
        if tag == wanted and with_attributes.items() <= dict(attributes).items():
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != self.wanted[0]

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] += data


def texts_of(source, tag, **attributes):
    return Elements(source, tag, **attributes).texts
