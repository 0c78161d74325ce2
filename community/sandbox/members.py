"""How someone stands in a group: Telegram's ChatMember."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from community.sandbox.accounts import Account

if TYPE_CHECKING:
    from community.sandbox.links import InviteLink

SHARED_RIGHTS = [
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
]
RIGHTS = [*SHARED_RIGHTS, "can_pin_messages", "can_manage_topics", "can_manage_tags"]
CHANNEL_RIGHTS = [*SHARED_RIGHTS, "can_post_messages", "can_edit_messages", "can_manage_direct_messages"]
ALL_RIGHTS = frozenset([*RIGHTS, *CHANNEL_RIGHTS])


def rights_in(kind: str) -> list[str]:
    """The rights there are in a chat of this type (Bot API, ChatAdministratorRights)."""
    return CHANNEL_RIGHTS if kind == "channel" else RIGHTS


MEDIA = [
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
]
PERMISSIONS = [
    "can_send_messages",
    *MEDIA,
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
    "can_edit_tag",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
]
ALL_PERMISSIONS = frozenset(PERMISSIONS)
SENDING = {
    "text": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "animation": ("can_send_other_messages", "animations"),
    "audio": ("can_send_audios", "music"),
    "document": ("can_send_documents", "documents"),
    "voice": ("can_send_voice_notes", "voice notes"),
    "video_note": ("can_send_video_notes", "video notes"),
    "sticker": ("can_send_other_messages", "stickers"),
    "poll": ("can_send_polls", "polls"),
    "dice": ("can_send_other_messages", "dice"),
    "venue": ("can_send_messages", "venues"),
    "location": ("can_send_messages", "locations"),
    "contact": ("can_send_messages", "contacts"),
    "invoice": ("can_send_messages", "invoices"),
}
"""The permission that each kind of message takes, and what a refusal calls it."""


@dataclass(slots=True, frozen=True)
class Member:
    """Never changed, always replaced: updates carry the old one beside the new one.

    `until` is a date in seconds (0: for ever) for restricted and kicked, and to when a subscriber has paid; `link`
    is what they joined by; `promoted_by` the number of who made them administrator, which alone (with the owner) may
    change their rights.
    """

    account: Account
    status: str
    rights: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    until: int = 0
    is_member: bool = True
    custom_title: str | None = None
    link: InviteLink | None = None
    is_anonymous: bool = False
    promoted_by: int = 0

    @property
    def present(self) -> bool:
        if self.status == "restricted":
            return self.is_member
        return self.status in ("creator", "administrator", "member")

    @property
    def is_admin(self) -> bool:
        return self.status in ("creator", "administrator")

    def may(self, right: str) -> bool:
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)

    def may_send(self, permission: str = "can_send_messages") -> bool:
        return self.present and (self.status != "restricted" or permission in self.permissions)

    def released(self) -> Member:
        """What is left when a ban or restriction runs out."""
        back = self.status == "restricted" and self.is_member
        return replace(self, status="member" if back else "left", until=0, permissions=frozenset())

    def as_json(self, kind: str = "supergroup", viewer: Account | None = None) -> dict[str, Any]:
        """In a chat of this type; `viewer` decides `can_be_edited`."""
        member: dict[str, Any] = {"status": self.status, "user": self.account.as_json()}
        match self.status:
            case "creator":
                member["is_anonymous"] = self.is_anonymous
            case "administrator":
                editable = viewer is not None and viewer.id == self.promoted_by
                member |= {"can_be_edited": editable, "is_anonymous": self.is_anonymous}
                member |= {right: right in self.rights for right in rights_in(kind)}
            case "restricted":
                member |= {"is_member": self.is_member, "until_date": self.until}
                member |= {permission: permission in self.permissions for permission in PERMISSIONS}
            case "kicked":
                member["until_date"] = self.until
            case "member" if self.until:
                member["until_date"] = self.until
        if self.custom_title and self.is_admin:
            member["custom_title"] = self.custom_title
        return member
