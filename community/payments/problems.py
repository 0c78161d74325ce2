"""What needs a human: told in the staff chat, and a task where it is about a member."""

from community.members.follow_ups import promise
from community.outbox.alerts import Alert, alert
from community.payments.till import Till

TASK, DISPUTE, REFUND = "payment_problem", "payment_dispute", "refund_failed"
"""Kinds of tasks for staff."""


async def tell_staff(till: Till, subject: str, what: str, where: str) -> None:
    """The staff chat is told, in the caller's transaction."""
    about = Alert(f"payment:{subject}", what, where, "See `sop tasks`, and the provider's own page")
    await alert(till.conn, about, till.at)


async def needs_human(
    till: Till, kind: str, payment: str, member_id: int | None, note: str, occurrence: str | None = None
) -> None:
    """Staff are told of the payment, and have a task where its member is known: once for each kind, or `occurrence`."""
    if member_id is not None:
        due_at = till.at + till.playbook.payments.problem_within
        task = await promise(till.conn, member_id, kind, note, till.at, due_at, occurrence=occurrence or payment)
        if task is None:
            return
    await tell_staff(till, f"{kind}:{note}", f"A payment needs somebody: {note}", f"payment {payment}")
