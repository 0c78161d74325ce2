"""The page's words: every one that is used is there, in both languages."""

import re
from pathlib import Path

from community import sandbox

SCRIPTS = Path(sandbox.__file__).parent / "page" / "js"
KEY = re.compile(r'^\s+"?([\w.]+)"?:\s', re.MULTILINE)
USED = re.compile(r'\bt\(\s*"([\w.]+)"')


def words(language: str) -> set[str]:
    """Keys of a language; its plurals apart, which Chinese has none of."""
    found = {key for file in SCRIPTS.glob(f"words_{language}*.js") for key in KEY.findall(file.read_text())}
    return {key for key in found if not key.endswith(".one")}


def test_both_languages_say_the_same() -> None:
    assert words("en") == words("zh")


def test_every_word_used_is_there() -> None:
    scripts = [file.read_text() for file in SCRIPTS.glob("*.js") if not file.name.startswith("words_")]
    used = {key for script in scripts for key in USED.findall(script)}
    assert used
    assert used <= words("en")
