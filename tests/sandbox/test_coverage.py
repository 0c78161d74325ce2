"""Every method the project calls is described and there; the description follows the library's version."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import telegram

from community.sandbox.description import library, newer, own
from community.sandbox.description.calls import described
from community.sandbox.methods import METHODS

ROOT = Path(__file__).parents[2]
FOLDERS = ("community", "flows", "tasks", "deployments")
OURS = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "sandbox" not in path.parts]
SQL = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql")]
OFFERED = {each.name for each in METHODS.values()}


def called() -> Iterator[str]:
    """Names of Bot API methods in our sources: calls of a bot, and names and addresses as texts."""
    snake = {function.__name__: name for name, function in library.functions().items()}
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value, "do_api_request"), args=[ast.Constant(name), *_]):
                    yield str(name)
                case ast.Call(func=ast.Attribute(value, name)) if name in snake and "bot" in ast.unparse(value).lower():
                    yield snake[name]
                case ast.Constant(str(text)):
                    yield from {text} & library.functions().keys()
                case ast.JoinedStr(parts):
                    yield from _formatted(parts)
    for path in SQL:
        yield from set(re.findall(r"'(\w+)'", path.read_text(encoding="utf-8"))) & library.functions().keys()


def _formatted(parts: list[ast.expr]) -> list[str]:
    """Methods that the last step of a formatted address may mean."""
    texts = [str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts]
    last = "".join(texts).rpartition("/")[2]
    if not re.fullmatch(r"\0?[A-Za-z]{6,}", last):
        return []
    pattern = re.compile(last.replace("\0", "[a-z]+"))
    return [name for name in library.functions() if pattern.fullmatch(name)]


def test_every_method_the_project_calls_is_described_and_in_the_sandbox() -> None:
    names = set(called())
    assert {"sendMessage", "answerCallbackQuery", "getUpdates", "approveChatJoinRequest", "setWebhook"} <= names
    assert names <= library.functions().keys()
    assert names <= OFFERED


def test_every_method_of_the_sandbox_is_described() -> None:
    assert library.functions().keys() >= OFFERED
    for name in library.functions():
        assert set(described(name).required) <= described(name).arguments.keys()


def test_the_tables_of_our_own_are_not_out_of_date() -> None:
    """Each entry still corrects something; the library has none of what is newer."""
    everywhere = {name for function in library.functions().values() for name in function.__code__.co_varnames}
    inits = {name for kind in vars(telegram).values() if isinstance(kind, type) for name in _parameters(kind)}
    assert everywhere | inits >= own.CONVENIENCES
    assert not {name for name in vars(newer.Methods) if not name.startswith("_")} & vars(telegram.Bot).keys()
    assert not [kind.__name__ for kind in newer.CLASSES if hasattr(telegram, kind.__name__)]
    for owner, fields in newer.ADDED.items():
        theirs = library.functions().get(owner) or getattr(telegram, owner).__init__
        assert not fields.keys() & set(theirs.__code__.co_varnames), owner


def _parameters(kind: type) -> tuple[str, ...]:
    code = getattr(kind.__init__, "__code__", None)  # type: ignore[misc]
    return code.co_varnames if code else ()
