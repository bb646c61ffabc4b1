"""The messages of a project in a language, and the texts that a page shows."""

import ast
import html.parser
import re

# Attributes whose text a browser shows or reads aloud.
ATTRIBUTES = {"alt", "aria-label", "content", "placeholder", "title"}
ENTRY = re.compile(r'^msgid ((?:".*"\n)+)(?:msgid_plural ((?:".*"\n)+))?((?:msgstr.* (?:".*"\n)+)+)', re.MULTILINE)
STRINGS = re.compile(r'^msgstr.* ((?:".*"\n)+)', re.MULTILINE)


def text_of(lines):
    return "".join(map(ast.literal_eval, lines.splitlines()))


def words_of(text):
    """Return a text without numbers and signs, which are the same in many languages."""
    return " ".join(re.findall(r"[^\W\d_]+", text))


def messages_of(path):
    """Return message -> list of translations of a .po file, without its header; a plural is a message of its own."""
    found = {}
    for one, many, translations in ENTRY.findall(f"{path.read_text(encoding='utf-8')}\n"):
        for message in filter(None, (text_of(one), text_of(many))):
            found[message] = [text_of(lines) for lines in STRINGS.findall(translations)]
    return found


class Texts(html.parser.HTMLParser):
    """The texts that a page shows, in `texts`, without those of scripts, styles and the admin's list of all apps."""

    def __init__(self, source):
        super().__init__()
        self.texts = set()
        self.hidden = None
        self.feed(re.sub(r'<nav [^>]*id="nav-sidebar".*?</nav>', "", source, flags=re.DOTALL))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.hidden = tag if tag in ("script", "style") else None
        found = dict(attributes)
        if found.get("type") in ("submit", "reset"):
            self.add(found.get("value"))
        if tag != "meta" or found.get("name") == "description":
            for name in ATTRIBUTES & found.keys():
                self.add(found[name])

    def handle_endtag(self, tag):
        self.hidden = None

    def handle_data(self, data):
        if not self.hidden:
            self.add(data)

    def add(self, text):
        if words := words_of(text or ""):
            self.texts.add(words)


def texts_of_page(source):
    return Texts(source).texts
