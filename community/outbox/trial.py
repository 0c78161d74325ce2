"""Send one step to one member as a test: marked as such, through the outbox like everything else, counted nowhere."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from community.bundle import Bundle
from community.copy_contexts import step_context
from community.database.pool import Connection
from community.database.queries import load
from community.errors import SopError
from community.outbox.compose import TRIAL, Composer
from community.outbox.enqueue import Draft, enqueue
from community.playbook import Playbook
from community.playbook_stages import MessageClass, template_name

queries = load(__file__)

STAGE = "test"
"""What tests are sent as: no stage's halt, holdout, plan or report reaches them; `sop halt` of everything does."""


async def send_trial(
    conn: Connection,
    composer: Composer,
    bundle: Bundle,
    member_id: int,
    stage: str,
    step: str,
    locale: str | None,
    at: datetime,
) -> str:
    """Enqueue the step for the member, in `locale` or else in theirs; returns its text.

    Raises UnknownStage for stage or step, SopError for a locale not offered or a member out of reach, RenderError.
    """
    playbook = bundle.playbook
    template = template_name(stage, playbook.stage(stage).step(step).name)
    if locale is not None and locale not in playbook.community.locales:
        raise SopError(f"--locale: {locale} is not offered; the playbook has {', '.join(playbook.community.locales)}")
    example = await _example(conn, playbook, template)
    context: dict[str, Any] = {TRIAL: True, **example, **({"locale": locale} if locale else {})}
    to = await _recipient(conn, member_id, at)
    text = (await composer.render(conn, bundle, {**to, "id": 0, "template": template, "context": context})).text
    draft = Draft(
        chat_id=to["chat_id"],
        member_id=member_id,
        stage=STAGE,
        step=template,
        occurrence=uuid4().hex,
        message_class=MessageClass.reply,
        due_at=at,
        template=template,
        context=context,
    )
    await enqueue(conn, composer.bot_id, bundle.hash, [draft], at)
    return text


async def _example(conn: Connection, playbook: Playbook, template: str) -> dict[str, Any]:
    """What the step's copy could be given: the playbook's first plan and consultant, the newest live session."""
    newest = await (await conn.execute(queries.newest_live)).fetchone()
    first = {"plan": next(iter(playbook.plans), None), "consultant": next(iter(playbook.care.consultants), None)}
    return {**step_context(template), **first, "live": newest and newest["id"]}


async def _recipient(conn: Connection, member_id: int, at: datetime) -> dict[str, Any]:
    row = await (await conn.execute(queries.recipient, {"member_id": member_id, "at": at})).fetchone()
    if row is None or not row.pop("reachable"):
        raise SopError(f"member {member_id}: may not be written to in private; they must open the bot and press Start")
    return row
