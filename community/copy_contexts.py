"""What each message copy is given: the names it may use, with sample values at their worst for the check."""

from typing import Any

from community.access_contexts import ACCESS, LIBRARY, TO_STAFF
from community.experiment_contexts import EXPERIMENT_PRESSED, EXPERIMENTS
from community.feedback_contexts import FEEDBACK
from community.payment_contexts import PAYMENTS, WAYS
from community.playbook import Playbook
from community.report_contexts import REPORTS
from community.sales_contexts import SALES, SHOWN
from community.step_copy import copy_of_steps

ACTIONS: dict[str, bool | None] = {
    "ab": True,
    "answer": True,
    "approve": True,
    "buy": None,
    "coupon": None,
    "done": True,
    "gate": True,
    "help": False,
    "invoice": None,
    "language": None,
    "live": True,
    "membership": False,
    "moving": True,
    "my_data": False,
    "nps": True,
    "order": None,
    "pay": True,
    "pay_upgrade": True,
    "pay_order": True,
    "paysupport": False,
    "problem": True,
    "refund": None,
    "refunding": True,
    "removals": True,
    "resume": False,
    "setup": None,
    "stop": False,
    "subscribe": True,
    "unsubscribe": True,
    "talk": False,
    "trial": False,
}
"""The button actions that the bot handles, and whether each needs an argument (True), takes none, or may have one."""
SCORES = range(11)
"""What `nps:<score>` may say."""
HOSTILE_NAME = ("<b>&\"'{{x}}{%" + "😀" * 64)[:64]
"""As long as a shown name gets, full of what HTML and Jinja trip over; most of it counts double."""
_LARGEST_ID = 2**63 - 1
_LONG_TEXT = "<" * 5000
"""An error of whatever length: the copy must cut it."""

_DATA = {
    "telegram_id": _LARGEST_ID,
    "name": HOSTILE_NAME,
    "username": "a" * 32,
    "language": "zh-Hans",
    "zone": "America/Argentina/ComodRivadavia",
    "joined": "2026-11-22",
    "source": "<" * 1300,
    "interests": ["sourcing", "price", "logistics", "compliance"],
    "stopped": True,
    "received": 10**9,
    "activities": 10**9,
}
_ALERT = {"what": _LONG_TEXT, "where": _LONG_TEXT, "next": _LONG_TEXT, "times": 10**6}
_PROPOSAL: dict[str, Any] = {
    "number": 10**9,
    "stage": "a" * 32,
    "hash": "f" * 16,
    "skipped": 10**9,
    "reasons": [{"reason": "a" * 32, "messages": 10**9}] * 3,
}
_RESULT = {
    "number": _LARGEST_ID,
    "title": "<" + "😀" * 127,
    "starts": "30 Nov, 20:00",
    **dict.fromkeys(("announced", "registered", "watched", "questions", "bought", "coupons"), 10**9),
    "conversion": "100.0",
    "revenue": ["999999999999.99 USD"] * 3,
}
_STAFF_MEMBER = {"number": _LARGEST_ID, "telegram_id": _LARGEST_ID}
_TASK = {"task": _LARGEST_ID, "due": "2026-11-22 22:30 +08"}
"""What staff are to do by when; its number goes with the button `done:<number>`."""

_STANDARD: dict[str, Any] = {
    "member": {"name": HOSTILE_NAME, "first_name": HOSTILE_NAME, "locale": "zh-Hans"},
    "group": {"title": "<" + "😀" * 127},
    "bot": "a" * 32,
    "message_id": _LARGEST_ID,
}
_SETUP: dict[str, Any] = {
    "number": 10**9,
    "zone": "America/Argentina/ComodRivadavia",
    "language": "zh-Hans",
    "greets": True,
    "missing": ["can_invite_users", "can_delete_messages", "can_restrict_members"],
}
_GROUPS = [{"title": "<" + "😀" * 40, "start_payload": f"setup_{10**9}"}] * 20
_QUESTION: dict[str, Any] = {"attempts_left": 3}
_TOAST = "bot/answer_thanks"
_CHECKOUT = "bot/checkout_refused"
_INVITATION = "group/invitation"
_PRESSED = "staff/pressed"
_NOT_SENT = (_TOAST, _CHECKOUT, _INVITATION, _PRESSED, EXPERIMENT_PRESSED, *SHOWN)
"""Words that are shown, not sent as a message: they know of no chat."""
_TO_NO_MEMBER = TO_STAFF | {
    "group/feedback_received",
    "group/setup",
    "group/welcome",
    "staff/alert",
    "staff/approval",
    "staff/care_tasks",
    "staff/decided",
    "staff/experiment",
    "staff/live_result",
    "staff/report",
    "staff/watch",
}
_FIXED: dict[str, dict[str, Any]] = (
    ACCESS
    | EXPERIMENTS
    | {
        "gate/wrong": _QUESTION,
        "gate/declined": {},
        "gate/timeout": {},
        _TOAST: {},
        _CHECKOUT: {"reason": "someone_elses"},
        "bot/problem_thanks": {"hours": 24},
        "bot/nps_promoter": {},
        "bot/nps_detractor": {"hours": 24},
        "bot/talk": {"hours": 48},
        **{name: {} for name in ("bot/stopped", "bot/resumed", "bot/language", "bot/language_set", "bot/paysupport")},
        "bot/my_data": {"data": _DATA},
        "bot/dashboard": {"address": f"https://{'x' * 200}"},
        "bot/help": {},
        "bot/join": {"join_url": f"https://t.me/+{'x' * 40}"},
        "bot/setup_groups": {"groups": _GROUPS},
        "bot/setup_rights": _SETUP,
        "bot/setup_zone": _SETUP,
        "bot/setup_zone_typed": {"number": 10**9, "unknown": "<" * 64},
        "bot/setup_locale": _SETUP,
        "bot/setup_welcome": _SETUP,
        "bot/setup_summary": _SETUP,
        "bot/setup_refused": {"asked": True},
        **{f"bot/live_{name}": {} for name in ("registered", "ask", "asked", "enough", "over")},
        "group/setup": {"start_payload": f"setup_{10**9}"},
        "group/welcome": {"names": [HOSTILE_NAME] * 20, "others": 10**6, "start_payload": "x" * 64},
        _INVITATION: {"start_url": f"https://t.me/{'x' * 32}?start=welcome"},
        "staff/alert": {"alerts": [_ALERT] * 5, "more": 10**6},
        "staff/approval": {
            **_PROPOSAL,
            "kind": "backfill",
            "send": 10**9,
            "went": 10**9,
            "part": "99.999",
            "first_day": "2026-11-22",
            "last_day": "2026-11-22",
            "until": "2026-11-22T22:30:00+08:00",
        },
        "staff/decided": {
            **_PROPOSAL,
            "outcome": "cancelled",
            "sent": 10**9,
            "left": 10**9,
            "by": _LONG_TEXT,
            "how": "staff_chat",
            "note": _LONG_TEXT,
        },
        _PRESSED: {"pressed": "decided", "decision": "cancel", "by": _LONG_TEXT, "how": "form"},
        "staff/live_result": {"result": _RESULT},
        "staff/dashboard": {**_STAFF_MEMBER, "public": True, "sent": False},
        "staff/follow_up": {**_STAFF_MEMBER, **_TASK, "problem": "sourcing", "text": "<😀" * 2048},
        "staff/nps": {**_STAFF_MEMBER, **_TASK, "score": 10},
        "staff/talk": {**_STAFF_MEMBER, **_TASK},
        "staff/care_tasks": {
            "tasks": [
                {**_STAFF_MEMBER, **_TASK, "kind": "consulting_lead", "name": HOSTILE_NAME, "note": "<" + "😀" * 127},
            ]
            * 10,
            "more": 10**6,
        },
    }
)
PLAN: dict[str, Any] = {"key": "a" * 32, "title": "<" + "😀" * 127, "price": "999999999999.99 USD"}
COUPON: dict[str, Any] = {
    "code": "A" * 10 + "-" + "F" * 12,
    "until": "30 Nov, 20:00",
    "remaining": 10**9,
    "percent": "99.99",
    "amount": "999999999999.99 USD",
    "price": "999999999999.99 USD",
    "opens": "<" + "😀" * 127,
}
LIVE: dict[str, Any] = {
    "id": _LARGEST_ID,
    "title": "<" + "😀" * 127,
    "speaker": "<" + "😀" * 127,
    "materials": f"https://{'x' * 60}.example/{'x' * 120}?a=1&b=2",
    "starts": "30 Nov, 20:00",
    "ends": "30 Nov, 21:30",
    "window_until": "2 Dec, 21:30",
    "remaining": 10**9,
    "link": f"https://{'x' * 60}.example/l/live-{'x' * 24}?a=1&b=2",
    "plan": PLAN,
    "coupon": COUPON,
}
_SINCE = "2026-01-01T04:00:00+00:00"
_PAYER = {"since_at": _SINCE, "consultant": HOSTILE_NAME}
_OF_STAGES: dict[str, dict[str, Any]] = {
    "dormancy_reactivation": {"next_live": None},
    "renewal_reminders": {"ends_at": "2026-11-30T12:00:00+00:00", "days_left": 3650},
    "member_care/nps": _PAYER,
    "member_care/benefits": _PAYER,
    "member_care/mid_year_review": _PAYER,
    "member_care/upgrade_month": {"ends_at": _SINCE},
    "member_care/upgrade_quarter": {"ends_at": _SINCE},
}
"""What a stage's audience gives the copy of its steps besides; of a step, where steps differ."""
_TERM = {"title": PLAN["title"], "until": "2026-11-30", "starts": "2026-11-30", "trial": True, "cancelled": True,
         "renews": True}  # fmt: skip
_FIXED |= {
    "bot/coupon": {"plans": [PLAN["title"]] * 20, "minimum": "999999999999.99 USD"},
    "bot/coupons": {"coupons": [COUPON] * 8},
    "bot/coupon_refused": {"reason": "someone_elses", "code": "A" * 32, "when": "2026-11-30"},
    "bot/opened": {"until": "2026-11-30", "starts": "2026-11-30", "library": LIBRARY, **WAYS},
    "bot/membership": {
        "terms": [_TERM] * 20,
        "renewals": [{"title": PLAN["title"], "term": _LARGEST_ID}] * 5,
        "ended": _TERM,
        "library": LIBRARY,
    },
}
_FIXED |= SALES | PAYMENTS | REPORTS | FEEDBACK
RESERVED_FOLDERS = frozenset({"test", *(name.partition("/")[0] for name in _FIXED)})
"""Folders of copy that no stage may be named after; and what `sop send-test` sends as."""


def needed_copy(playbook: Playbook) -> list[str]:
    """Names of all copy that must exist in every locale."""
    questions = [question.template for question in playbook.gate.questions]
    return [*_FIXED, *questions, *copy_of_steps(playbook)]


def context_of(template: str) -> dict[str, Any]:
    """What the sender gives the copy of that name, as a sample. A toast is plain words and given nothing."""
    if template in _NOT_SENT:
        return dict(_FIXED[template])
    own = _FIXED.get(template) or (_QUESTION if template.startswith("gate/") else step_context(template))
    given = {**_STANDARD, "plan": PLAN, "coupon": COUPON, "live": LIVE, **own}
    return {name: value for name, value in given.items() if name != "member" or template not in _TO_NO_MEMBER}


def step_context(template: str) -> dict[str, Any]:
    """What the audience gives the copy of a stage's step, as a sample."""
    return _OF_STAGES.get(template) or _OF_STAGES.get(template.partition("/")[0], {})


def smallest(sample: dict[str, Any]) -> dict[str, Any]:
    """The same sample with nothing in whatever may be empty, so that a check sees the other branches too."""
    kept = {*_STANDARD, "alerts", "join_url", "start_payload", "start_url"}
    nothing = {"coupon": None, "live": None if "next_live" in sample else _PLAIN_LIVE}
    return {name: value if name in kept else _emptied(value) for name, value in sample.items()} | {
        name: value for name, value in nothing.items() if name in sample
    }


def standard_context(playbook: Playbook, locale: str) -> dict[str, Any]:
    """What the renderer itself gives every copy: `community` (name) and what is given on entry, `resources` (each key,
    title), in `locale`.
    """
    default = playbook.community.locale
    return {
        "community": {"name": playbook.community.name},
        "resources": [
            {"key": resource.key, "title": resource.title.get(locale) or resource.title.get(default, resource.key)}
            for resource in playbook.resources
            if resource.on_entry
        ],
    }


def _emptied(value: Any) -> Any:
    return {key: _emptied(part) for key, part in value.items()} if isinstance(value, dict) else type(value)()


_PLAIN_LIVE = {**_emptied(LIVE), "link": LIVE["link"], "coupon": None, "remaining": None}
"""A live session without speaker, live price and limit. It always has a link."""
