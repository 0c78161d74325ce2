"""The playbook: the SOP itself, as operators write it in `templates/playbook.yaml`. Every key is explained there."""

import unicodedata
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from community.errors import UnknownStage
from community.playbook_feedback import Feedback
from community.playbook_insight import Insight
from community.playbook_offers import Offer, TermPlan
from community.playbook_stages import Approval, Stage
from community.playbook_types import (
    ClockTime,
    Duration,
    Entry,
    Key,
    Locale,
    Money,
    PaymentUrl,
    Percent,
    Text,
    Token,
    Url,
    Zone,
)

Sign = Literal["message", "private", "reaction", "click", "button", "start", "answer"]
"""Kinds of events by which a member shows to be there (`community.activity.record.SIGNS_OF_LIFE`)."""

PageVariant = Literal["price", "benefits", "social_proof"]
"""What the page of a plan leads with (SOP 1.34)."""


class CommunitySettings(Entry):
    """Who we are, and the zone and locale of everyone who has chosen no other."""

    name: Text
    zone: Zone = "Asia/Shanghai"
    locale: Locale = "zh-Hans"
    locales: tuple[Locale, ...] = ("zh-Hans", "zh-Hant", "en")

    @model_validator(mode="after")
    def _default_is_offered(self) -> Self:
        if self.locale not in self.locales:
            raise ValueError(f"locale {self.locale} is not in locales; add it there")
        return self


class Caps(Entry):
    """Most promotional messages one member gets, over all stages, in any 24 h and in any 7 × 24 h."""

    per_day: int = Field(2, ge=0, le=15)
    per_week: int = Field(5, ge=0, le=100)


class QuietHours(Entry):
    """Member-local hours without messages: [start, end), over midnight when start is later than end."""

    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.start == self.end:
            raise ValueError("from and to are the same; for no quiet hours leave quiet_hours empty")
        return self


class Holdout(Entry):
    """Members who get no outreach at all, for comparison: `percent` of them, chosen for ever by hash and salt."""

    percent: Percent = Field(0.0, alias="global")
    salt: Text
    within: Duration = timedelta(days=30)
    """So long after somebody was written to, or was not, their purchases count."""


class GateQuestion(Entry):
    """One question of the entry gate; its words are the copy `gate/<key>`."""

    key: Key
    answers: tuple[Text, ...] = Field(min_length=1)
    choices: tuple[Key, ...] = ()

    @property
    def template(self) -> str:
        """Name of the copy that asks it."""
        return f"gate/{self.key}"

    def accepts(self, answer: str) -> bool:
        """Whether a typed answer or a pressed choice is right; case, width and spaces do not matter."""
        return _folded(answer) in {_folded(right) for right in self.answers}

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.choices and not any(self.accepts(choice) for choice in self.choices):
            raise ValueError("none of the choices is among the answers; add the right one to answers")
        return self


class Gate(Entry):
    """The quiz in private before a join request is approved."""

    enabled: bool = True
    attempts: int = Field(3, ge=1, le=10)
    timeout: Duration
    on_timeout: Literal["decline"] = "decline"
    questions: tuple[GateQuestion, ...] = Field(min_length=1)

    @field_validator("questions")
    @classmethod
    def _last_is_typed(cls, questions: tuple[GateQuestion, ...]) -> tuple[GateQuestion, ...]:
        if questions[-1].choices:
            raise ValueError("the last question must be typed, as writing to the bot opens the chat; drop its choices")
        return questions

    def question(self, key: str) -> GateQuestion | None:
        """The question of that key, None when the playbook no longer asks it."""
        return next((question for question in self.questions if question.key == key), None)


class GroupWelcome(Entry):
    """The collected welcome in a group, for those whom the bot may not write to."""

    every: Duration
    delete_after: Duration
    max_names: int = Field(20, ge=1, le=20)


class Resource(Entry):
    """Something given on entry, or with a plan, reached through a tracked link."""

    key: Key
    url: Url
    title: dict[Locale, Text]
    on_entry: bool = True
    """False: given only with the plans whose `library` names it."""


class ProblemQuestion(Entry):
    """The "biggest problem" question: what can be chosen, how soon a human follows up, what the answer brings."""

    choices: tuple[Key, ...] = Field(min_length=1, max_length=8)
    follow_up_within: Duration
    offer: Key | None = None


class Link(Entry):
    """A tracked entry link: who comes through it carries its source for ever."""

    token: Token
    utm_source: Text
    utm_medium: Text
    utm_campaign: Text
    utm_content: Text | None = None
    partner: Text | None = None
    group: Text | None = None


class Alerts(Entry):
    """When staff are told of trouble, and how often."""

    per_hour: int = Field(6, ge=1, le=60)
    uncertain: int = Field(20, ge=0)


class Signs(Entry):
    """What counts as activity, by the kinds of events: of members at all, and as speaking in a group (SOP 1.15)."""

    activity: tuple[Sign, ...] = ("message", "private", "reaction", "click", "button", "start", "answer")
    speaking: tuple[Sign, ...] = ("message",)


class Care(Entry):
    """Care in person (SOP 1.19, 1.24, 1.25): who does it, within which time, and from which sum on."""

    consultants: tuple[Text, ...] = ()
    survey_within: Duration = timedelta(hours=24)
    talk_within: Duration = timedelta(hours=48)
    review_within: Duration = timedelta(days=7)
    lead_above: Money | None = None
    lead_within: Duration = timedelta(days=3)


class Payments(Entry):
    """Orders and payments (SOP 1.29): how long a price holds, and how soon staff see to what needs them."""

    order_valid: Duration = timedelta(hours=24)
    """So long an order's price and coupon are promised."""
    problem_within: Duration = timedelta(hours=24)
    """Staff have seen to a payment that fits nothing."""
    invoice_within: Duration = timedelta(days=3)
    refund_within: Duration = timedelta(days=7)
    """How long after paying the rules give the money back; staff may decide otherwise."""
    refund_answer_within: Duration = timedelta(hours=24)
    remind_stopped: bool = False
    """Whether who has stopped a subscription is reminded of its end, as who pays once is."""
    variants: tuple[PageVariant, ...] = Field(("benefits",), min_length=1)
    """Which ways of presenting a plan are compared on its page; each visitor always sees the same one."""
    ime_url: PaymentUrl | None = None
    """Where iMe takes a payment, with {order}, {amount} and {currency}."""


class Access(Entry):
    """Ways into the chats that plans open, and out again."""

    links_ready: int = Field(50, ge=0, le=10_000)
    """Links made ahead for each chat that some plan opens."""
    remove: bool = False
    """False: who should leave is only listed."""
    removals_per_day: int = Field(20, ge=0, le=1000)
    """More than that at once wait for somebody's word."""
    leaks: int = Field(3, ge=1, le=1000)
    """So many who came by another member's entry link, and it is replaced."""


class GroupDefaults(Entry):
    """Zone and locale of a group that has none of its own; None means the community's."""

    zone: Zone | None = None
    locale: Locale | None = None


class Retention(Entry):
    """How long what has happened is kept. Never removed: members, their milestones, and that a message was sent."""

    events_months: int = Field(36, ge=3, le=1200)
    decisions_months: int = Field(24, ge=3, le=1200)
    updates_after: Duration = timedelta(days=30)
    contexts_after: Duration = timedelta(days=365)

    @field_validator("updates_after")
    @classmethod
    def _longer_than_telegram(cls, after: timedelta) -> timedelta:
        if after < timedelta(days=2):
            raise ValueError("Telegram may deliver an update again for a day; give at least 2d")
        return after


class Playbook(Entry):
    """The whole SOP. Read it with `community.bundle.load_bundle`, which checks what spans several parts."""

    community: CommunitySettings
    caps: Caps = Caps()
    quiet_hours: QuietHours | None = None
    on_time: Duration = timedelta(hours=1)
    """Later than this after its time, by the rules, a message is late."""
    holdout: Holdout
    gate: Gate
    welcome: GroupWelcome
    resources: tuple[Resource, ...] = ()
    problem: ProblemQuestion
    signs: Signs = Signs()
    care: Care = Care()
    feedback: Feedback = Feedback()
    plans: dict[Key, TermPlan] = Field(default_factory=dict)
    offers: dict[Key, Offer] = Field(default_factory=dict)
    payments: Payments = Payments()
    access: Access = Access()
    approval: Approval = Approval()
    stages: dict[Key, Stage]
    links: tuple[Link, ...] = ()
    group_defaults: GroupDefaults = GroupDefaults()
    alerts: Alerts = Alerts()
    insight: Insight = Insight()
    retention: Retention = Retention()

    def stage(self, name: str) -> Stage:
        """The stage of that name. Raises UnknownStage naming the known ones."""
        if name not in self.stages:
            raise UnknownStage(f"{name}: no such stage in the playbook; known: {', '.join(sorted(self.stages))}")
        return self.stages[name]

    def most_unasked(self, name: str) -> int:
        """How many messages of a stage one run may send without asking."""
        above = self.stage(name).approve_above
        return self.approval.above if above is None else above

    def link(self, token: str) -> Link | None:
        """The tracked entry link of that token, None when there is none."""
        return next((link for link in self.links if link.token == token), None)

    def resource(self, key: str) -> Resource | None:
        """The resource of that key, None when there is none."""
        return next((resource for resource in self.resources if resource.key == key), None)

    def locale_for(self, language_code: str | None) -> str:
        """The offered locale closest to Telegram's `language_code` (`zh-hans`, `zh-TW`, `en-GB`), else the default."""
        language = (language_code or "").replace("_", "-").lower()
        exact = {locale.lower(): locale for locale in self.community.locales}
        script = "zh-hant" if language.endswith(("-tw", "-hk", "-mo")) or "-hant" in language else "zh-hans"
        wanted = script if language.partition("-")[0] == "zh" else language.partition("-")[0]
        return exact.get(language) or exact.get(wanted) or self.community.locale


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
