"""`sop check`: every kind of mistake is found, with its file and line, and all of them at once."""

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from community.bundle import load_bundle
from community.check import Problem, check_folder
from community.check_copy import CopyCheck
from community.settings import Mode, Settings
from deployments.cli import check as cli_check
from tests.shipped import TEMPLATES, shipped_bundle

YAML = (TEMPLATES / "playbook.yaml").read_text()
DAY_1 = "copy/en/welcome_drip/day_1.html"


PLAYBOOK = shipped_bundle().playbook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def playbook_problems(folder: Path, old: str, new: str) -> list[Problem]:
    """Of the shipped playbook with `old` replaced; without its copy, so that the check is quick."""
    assert old in YAML
    folder.mkdir()
    (folder / "playbook.yaml").write_text(YAML.replace(old, new, 1))
    return [problem for problem in check_folder(folder) if problem.file.endswith("playbook.yaml")]


def test_the_shipped_templates_have_no_problem() -> None:
    assert check_folder(TEMPLATES) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("  per_day: 2", "  per_dya: 2", "caps.per_dya: unknown key; did you mean per_day?"),
        ("  per_day: 2", "  per_day: two", "caps.per_day: input should be a valid integer"),
        ("caps:\n", "capz: 1\ncaps:\n", "capz: unknown key; did you mean caps?"),
        ("zone: Asia/Shanghai", "zone: China", "community.zone: 'China' is not a time zone"),
        ('"22:00"', '"25:00"', "quiet_hours.from: '25:00' is not a time of day"),
        ("timeout: 10m", "timeout: 10min", "gate.timeout: '10min' is not a duration"),
        ("global: 0%", "global: 120%", "holdout.global: '120%' is not a percentage"),
        ('cron: "0 * * * *"', 'cron: "0 * * *"', "is not a cron (it has 4 fields)"),
        ("goal:", "goals:", "stages.welcome_drip.goals: unknown key; did you mean goal?"),
        ("  - token: partner-a", "  - token: notes-post-1", "token notes-post-1 is used 2 times"),
        ("  - token: partner-a", "  - token: tariff_lookup", "tariff_lookup is also a resource's key"),
        ("{name: day_7, day: 7,", "{name: day_6, day: 7,", "name day_6 is used 2 times"),
        ("      en: US duty", "      fr: US duty", "fr is not in community.locales"),
        ("per_week: 10", "per_week: 1", "per_week is less than per_day"),
        ("  locale:        ", "  locale: fr      ", "fr is not in community.locales"),
        ("  per_week: 10", "  per_day: 5", "per_day is written twice"),
        ("en: Monthly membership}", "}", "title is missing in en"),
        ("en: Monthly membership}", "en: Month, fr: Mois}", "fr is not in community.locales"),
        ("    length: 7d\n    trial: true", "    price: 9 CNY\n    trial: true", "a trial is free"),
        (
            "    length: 3mo\n    price: 29",
            "    renews: true\n    length: 6mo\n    price: 29",
            "only what lasts 1mo, 3mo or 1y can be subscribed to",
        ),
        ("    price: 499 CNY", "    price: 499 XTR", "Telegram renews Stars by the month only"),
        ("    price: 499 CNY\n", "", "it has no price, so nobody can subscribe to it"),
        ("25 EUR, 1500 XTR", "10001 XTR", "Telegram takes at most 10000 XTR a month by subscription"),
        ("    once: true ", "    renews: true ", "a trial is not paid for, so it cannot renew"),
        ("    price: 499 CNY", "    prices: [9 USD]", "price is missing, which stands for all"),
        ("[25 EUR, 1500 XTR]", "[25 EUR, 9 CNY]", "CNY is used 2 times, with the price"),
        ("price: 199 CNY", "price: 0 CNY", "nothing cannot be paid"),
        ("library: []", "library: [nothing]", "nothing is no resource; add it to resources"),
        ("library: []", "library: [trade_figures]", "trade_figures is given to everyone on entry"),
        ("includes: []", "includes: [week]", "plan week is not in the playbook"),
        ("includes: []", "includes: [month]", "month is a bundle itself"),
        ("grace: 1d", "grace: soon", "plans.month.grace: 'soon' is not a duration"),
        ("links_ready: 50", "links_ready: 50000", "access.links_ready: input should be less than or equal to 10000"),
        ("length: 1mo ", "length: month ", "plans.month.length: 'month' is not a length; write 24h, 7d, 1mo"),
        ("price: 29 USD", "price: $29", "plans.pack.price: '$29' is not an amount of money; write it as 29.90 USD"),
        ("opens: vip_pass", "opens: vip", "plan vip is not in the playbook; known: month, quarter"),
        ("plans: [month, quarter, year]", "plans: [month, week]", "plan week is not in the playbook"),
        ("prefix: RENEW", "prefix: TRIAL", "prefix TRIAL is another offer's too"),
        ("prefix: RENEW", "prefix: renew", "offers.renewal.prefix: string should match pattern"),
        ("percent: 10%", "percent: 0%", "takes nothing off"),
        (
            "  renewal:\n",
            "  renewal:\n    opens: month\n",
            "offers.renewal: give exactly one of percent",
        ),
        ("minimum: 499 CNY", "minimum: 499 USD", "is in another currency (CNY and USD)"),
        ("plans: [month]", "plans: [pack]", "pack is priced in USD, the offer in CNY"),
        ("plans: [month]", "plans: [trial_7]", "plan trial_7 has no price"),
        ("{name: day_7, day: 7,", "{name: day_7, offer: gift, day: 7,", "offer gift is not in the playbook"),
        ("  offer: trial ", "  offer: gift ", "offer gift is not in the playbook"),
        ("{name: day_7, day: 7,", "{name: day_7, plans: [week], day: 7,", "plan week is not in the playbook"),
        ("moment: half,", "moment: noon,", "moment: noon; give one of announce, start, end, half"),
        ("{name: moved, moment: moved, ", "{name: moved, ", "moment: missing; give one of announce"),
        ("who: watched", "who: viewers", "who: viewers; give one of everyone, registered, watched"),
        ("after: -24h,", 'day: -1, at: "20:00",', "its moment is the same for everyone; give after: -1h"),
        ("{name: last_call,", "{name: close,", "close is a run of its own; name the step otherwise"),
        ("{name: live_now,", "{name: live_now, every: 1d,", "every: such a step comes once for each reason"),
        ("{name: day_2, day: 2,", "{name: day_2, moment: entered, day: 2,", "moment: entered; the stage has but one"),
        ("{name: day_2, day: 2,", "{name: day_2, who: free, day: 2,", "who: free; such a step is for all"),
        (
            '{name: day_2, day: 2, at: "10:00",',
            "{name: day_2, after: 2d,",
            "give day and at: HH:MM or immediately: true",
        ),
        ("{name: day_2, day: 2,", "{name: day_2, day: -2,", "day: -2; give 0 to 3650"),
        ("{name: day_2, day: 2,", "{name: day_2, every: 7d, day: 2,", "every: such a step comes once"),
        (
            "{name: day_2, day: 2,",
            "{name: day_2, plans: [month], day: 2,",
            "plans: month; such a step is for whatever plan",
        ),
        ("moment: mid_term  ", "moment: midterm  ", "moment: midterm; give one of coverage, month, mid_term, entered"),
        (
            "- name: benefits\n        moment: month  ",
            "- name: benefits  ",
            "moment: missing; give one of coverage, month, mid_term, entered",
        ),
        ("who: free              # never", "who: paying            # never", "who: paying; give one of free"),
        ("who: repeating", "who: paying", "who: paying; give one of repeating"),
        ("moment: half, who: watched,", "moment: half,", "who: missing; give one of everyone, registered"),
        ("day: 5\n", "day: 31\n", "day: 31; give 1 to 28"),
        (
            'day: 5\n        at: "11:00"',
            "after: 5d",
            "after: such a step comes by the member's own clock; give day and at",
        ),
        ("plans: [month, quarter]   #", "plans: [month]   #", "plans: month; give two: the one that is held and"),
        ("plans: [month]         #", "plans: [month, year]   #", "plans: month, year; give the one that is offered"),
        (
            "who: free              # who holds",
            "who: guest  # who holds",
            "who: guest; give one of free, holder, or none",
        ),
        ("moment: unspoken ", "moment: unheard ", "moment: unheard; give one of silent, unspoken"),
        (
            "{name: silent_holder, moment: silent,",
            "{name: silent_holder,",
            "moment: missing; give one of silent, unspoken",
        ),
        ('day: 30\n        at: "10:00"', "after: 30d", "after: such a step comes by the member's own clock"),
        ("{name: month_3, ", "{name: month_3, moment: end, ", "moment: end; the stage has but one"),
        ("{name: month_3, ", "{name: month_3, who: holder, ", "who: holder; such a step is for all"),
        (
            'day: -3, at: "10:00", expires_after: 2d, promotional: true, late: collapse}\n      - {name: month_1',
            "after: -3d, expires_after: 2d, promotional: true, late: collapse}\n      - {name: month_1",
            "after: such a step comes by the member's own clock",
        ),
    ],
)
def test_a_playbook_mistake_is_found_with_its_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    problems = playbook_problems(tmp_path / "templates", old, new)
    changed = line_of(YAML, old)
    assert [problem for problem in problems if what in problem.message and problem.line - changed in (0, 1)], problems


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    [problem] = playbook_problems(tmp_path / "templates", "quiet_hours:\n", "quiet_hours: {\n")
    assert problem.line >= line_of(YAML, "quiet_hours:\n")
    assert "correct the YAML there" in problem.message


def test_a_missing_key_is_named_at_the_part_it_belongs_to(tmp_path: Path) -> None:
    [problem] = playbook_problems(tmp_path / "templates", "  timeout: 10m", "  # no time-out")
    assert (problem.line, problem.message) == (line_of(YAML, "gate:\n"), "gate.timeout: missing; add it")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("Hello\n{{ mebmer.name }}", 2, "mebmer is not known here"),
        ("Hello\n\n{{ member.nmae }}", 3, "member has no nmae; it has name"),
        ("{{ data.name }}", 1, "data is not known here"),
        ("{{ attempts_left }}", 1, "attempts_left is not known here"),
        ("Hello\n{{ link('nothing') }}", 2, "link 'nothing' is not in the playbook"),
        ("Hello\n{% for key in ['nope'] %}\n{{ link(key) }}\n{% endfor %}", 3, "link 'nope' is neither"),
        ("Hello\n{% if %}", 2, "correct the Jinja expression"),
        ("Hello\n\n{{ member.name", 3, "correct the Jinja expression"),
        ("{{ member.name | safe }}", 1, "No filter named 'safe'"),
        ("Hi\n{% autoescape false %}{{ member.name }}{% endautoescape %}", 2, "{% autoescape %} is not allowed"),
        ("Hi\n{% include 'bot/help' %}", 2, "{% include %} is not allowed"),
        ("{{ ().__class__.__mro__ }}", 1, "unsafe"),
        ("{{ 1 / 0 }}", 1, "cannot be rendered"),
        ("Hello\n<b>bold", 2, "<b> is never closed"),
        ("{% for n in [1, 2] %}\n{{ n }}\n{% endfor %}\n<br>", 4, "<br> is not a tag"),
        ("Hello\n{% if resources %}\nyes\n{% else %}\n<p>no\n{% endif %}", 5, "<p> is not a tag"),
        ("Hi\n<b>a<i>b</b></i>", 2, "<i> must be closed before </b>"),
        ("1 < 2", 1, "a bare '<'"),
        ("a&nbsp;b", 1, "&nbsp; would be shown as typed"),
        ("x" * 4097, 1, "up to 4097 characters as Telegram counts; the limit is 4096"),
        ("😀" * 2049, 1, "up to 4098 characters"),
        ("---\ncaption: true\n---\n" + "x" * 1025, 4, "the limit is 1024"),
        ("\n<b> </b>\n", 1, "the message is empty"),
        ("---\nbuttons:\n  - [{text: A, action: dance}]\n---\nHi", 3, "action must be one of"),
        ("---\nbuttons:\n  - [{text: A, action: 'problem:love'}]\n---\nHi", 3, "problem:love is not in the playbook"),
        ("---\nbuttons:\n  - [{text: A, action: answer}]\n---\nHi", 3, "answer needs an argument"),
        ("---\nbuttons:\n  - [{text: A, action: 'stop:now'}]\n---\nHi", 3, "stop takes no argument"),
        ("---\nbuttons:\n\n  - [{text: A, action: 'answer:" + "x" * 50 + "'}]\n---\nHi", 4, "Telegram takes 64"),
        ("---\nbuttons:\n  - [{text: A, link: nothing}]\n---\nHi", 3, "link 'nothing' is not in the playbook"),
        ("---\nbuttons:\n  - [{text: A, url: 'javascript:x'}]\n---\nHi", 3, "not an address a button can open"),
        ("---\nbuttons:\n  - [{text: A, start: 'a b'}]\n---\nHi", 3, "a start payload"),
        ("---\nbuttons:\n  - [{text: '{{ nobody }}', action: stop}]\n---\nHi", 3, "nobody is not known here"),
        ("---\nbuttons:\n  - [{text: A}]\n---\nHi", 3, "exactly one of action, link, url, start"),
        ("---\nbuttons:\n  - [{text: '', action: stop}]\n---\nHi", 3, "button text must have 1 to 64"),
        ("---\nbuttons:\n  - [{txt: A, action: stop}]\n---\nHi", 3, "buttons.0.0.txt"),
        ("---\nbutons: []\n---\nHi", 2, "butons"),
        ("---\nbuttons: [\n---\nHi", 3, "correct the lines between"),
        ("---\nbuttons:\n  - [" + "{text: A, action: stop}," * 9 + "]\n---\nHi", 3, "more than 8 buttons"),
        ("---\nbuttons: []\nbuttons: []\n---\nHi", 3, "buttons is written twice"),
        ("---\nbuttons: []\n---\n\nHi\n<b>", 6, "<b> is never closed"),
    ],
)
def test_a_copy_mistake_is_found_with_its_line(text: str, line: int, what: str) -> None:
    problems = CopyCheck("welcome_drip/day_1", "en", text, PLAYBOOK).problems()
    assert [found for found in problems if what in found[1] and found[0] == line], problems


@pytest.mark.parametrize(
    ("argument", "known"),
    [
        ("zone_Asia-Tokyo", True),
        ("zone_default", True),
        ("locale_en", True),
        ("summary", True),
        ("zone_Atlantis", False),
        ("locale_fr", False),
        ("welcome_maybe", False),
        ("colour", False),
    ],
)
def test_a_set_up_that_the_bot_does_not_know_is_found(argument: str, known: bool) -> None:
    text = f'---\nbuttons:\n  - - {{text: x, action: "setup:{{{{ number }}}}_{argument}"}}\n---\nHi'
    problems = CopyCheck("bot/setup_zone", "en", text, PLAYBOOK).problems()
    assert [line for line, message in problems if "can be set up" in message] == ([] if known else [3])


@pytest.mark.parametrize(
    ("argument", "known"), [("register_{}", True), ("ask_{}", True), ("leave_{}", False), ("{}", False)]
)
def test_a_wish_about_a_session_that_the_bot_does_not_know_is_found(argument: str, known: bool) -> None:
    action = f"live:{argument.format('{{ live.id }}')}"
    problems = CopyCheck(
        "bot/live_ask", "en", f'---\nbuttons:\n  - - {{text: x, action: "{action}"}}\n---\nHi', PLAYBOOK
    )
    assert (problems.problems() == []) is known


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("staff/alert", "{{ member.name }}"),
        ("group/welcome", "{{ member.name }}"),
        ("bot/answer_thanks", "{{ member.name }}"),
        ("bot/answer_thanks", "{{ link('trade_figures') }}"),
    ],
)
def test_copy_may_use_only_what_it_is_given(template: str, text: str) -> None:
    [(_, message)] = CopyCheck(template, "en", text, PLAYBOOK).problems()
    assert "is not known here" in message


@pytest.mark.parametrize(
    ("button", "what"),
    [
        ('text: "{{ item.title }}", url: "{{ item.address }}", each: entries', None),
        (
            'text: "{{ item.titel }}", url: "{{ item.address }}", each: entries',
            "item has no titel; it has title, address",
        ),
        ('text: "{{ item.title }}", url: "{{ item.address }}"', "item is not known here"),
        (
            'text: x, url: "{{ item.address }}", each: exits',
            "each: exits is no list here; use one of entries, resources",
        ),
        ('text: x, url: "{{ item.title }}", each: entries', "is not an address a button can open"),
    ],
)
def test_a_button_for_each_of_a_list_is_checked(button: str, what: str | None) -> None:
    text = f"---\nbuttons:\n  - - {{text: Help, action: help}}\n  - - {{{button}}}\n---\nHi"
    problems = CopyCheck("payment/entry", "en", text, PLAYBOOK).problems()
    assert [line for line, _ in problems][:1] == ([4] if what else [])
    assert what is None or what in problems[0][1]


def test_copy_that_only_mentions_a_session_asks_whether_there_is_one() -> None:
    unasked = "Next: {{ live.title }}"
    assert CopyCheck("dormancy_reactivation/silent", "en", unasked, PLAYBOOK).problems()
    assert CopyCheck("live_conversion/announce", "en", unasked, PLAYBOOK).problems() == []


def test_missing_copy_is_named_for_its_locale(folder: Path) -> None:
    (folder / "copy/zh-Hant/bot/help.html").unlink()
    [problem] = check_folder(folder)
    assert str(problem) == (
        "templates/copy/zh-Hant/bot/help.html:1: missing copy: bot/help in zh-Hant; write this file"
    )


def test_copy_that_nothing_sends_is_named(folder: Path) -> None:
    (folder / "copy/en/welcome_drip/day_8.html").write_text("Hi")
    [problem] = check_folder(folder)
    assert "nothing in the playbook sends this" in problem.message


def test_files_that_are_not_text_are_named(folder: Path) -> None:
    (folder / DAY_1).write_bytes(b"Hello\n\xff\xfe")
    (folder / "copy/en/bot/help.html").write_bytes(b"a\n\nb\0")
    found = {(problem.file.rpartition("/")[2], problem.line, problem.message) for problem in check_folder(folder)}
    assert ("day_1.html", 2, "is not UTF-8 text; save the file as UTF-8") in found
    assert ("help.html", 3, "holds a NUL byte; remove it") in found


def test_files_saved_on_windows_are_read(folder: Path) -> None:
    for file in folder.rglob("*.*"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert check_folder(folder) == []
    assert load_bundle(folder).hash == shipped_bundle().hash


def test_all_problems_are_found_at_once(folder: Path) -> None:
    (folder / DAY_1).write_text("{{ mebmer }}\n{{ membre }}\n<b>")
    (folder / "copy/zh-Hans/bot/help.html").write_text("<p>x")
    (folder / "playbook.yaml").write_text(YAML.replace("  per_day: 2", "  per_dya: 2"))
    assert [(problem.file.rpartition("/")[2], problem.line) for problem in check_folder(folder)] == [
        ("day_1.html", 1),
        ("day_1.html", 2),
        ("day_1.html", 3),
        ("help.html", 1),
        ("playbook.yaml", line_of(YAML, "  per_day")),
    ]


def test_a_hostile_name_of_full_length_counts_towards_the_limit() -> None:
    text = "x" * 4000 + "{{ member.name }}"
    [(_, message)] = CopyCheck("welcome_drip/day_1", "en", text, PLAYBOOK).problems()
    assert "the limit is 4096" in message


def test_a_broken_playbook_does_not_hide_what_is_wrong_with_the_copy() -> None:
    problems = CopyCheck("welcome_drip/day_1", "en", "{{ link('any') }}\n<b>{{ nobody }}", None).problems()
    assert [line for line, _ in problems] == [2, 2]


@pytest.mark.parametrize(("public", "said"), [(None, True), ("https://sop.test", False)])
def test_that_a_library_cannot_be_kept_without_a_public_address_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], public: str | None, said: bool
) -> None:
    file = folder / "playbook.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("library: []", "library: [trade_figures]"), encoding="utf-8")
    settings = Settings(_env_file=None, mode=Mode.real, telegram_token=SecretStr("1:x"), public_url=public)
    monkeypatch.setattr(cli_check, "load_settings", lambda: settings)
    cli_check.check(folder)
    assert (cli_check.NO_LIBRARY in capsys.readouterr().out) is said
