"""What the bot needs to be allowed in a group."""

from collections.abc import Mapping
from typing import Any

REMOVE = "can_restrict_members"
RIGHTS = {"can_invite_users": "invite users", "can_delete_messages": "delete messages", REMOVE: "ban users"}
"""Each right with an operator's words for it; inviting covers the approval of join requests."""


def missing_rights(member: Mapping[str, Any], *, opened: bool) -> list[str]:
    """Which of them the bot lacks; `member` is its ChatMember as Telegram writes it.

    `opened`: plans open the group, so that who holds none of them any more is removed.
    """
    if member.get("status") == "creator":
        return []
    return [right for right in RIGHTS if not member.get(right) and (opened or right != REMOVE)]
