"""What an operator does about what reconciliation finds. Without Prefect: commands say it, too."""

from community.payments.reconciliation import REPAIRED, Finding, Kind


def remedy(each: Finding) -> str:
    """What an operator does about it."""
    match each.kind:
        case Kind.unknown:
            return f'sop access grant {each.member_id} PLAN --note "…", or take them out'
        case Kind.revoked if each.payment is not None:
            return f"sop payments refund {':'.join(each.payment)}, or sop access grant {each.member_id} PLAN"
        case Kind.astray:
            return "add the bot to that group, or change plans.*.chats"
        case kind if kind in REPAIRED and each.member_id is not None:
            return f"sop access repair {each.member_id}"
    return f"sop access repair {each.kind.value}"
