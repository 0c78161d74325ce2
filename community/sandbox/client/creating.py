"""Bringing users, bots and groups into the sandbox."""

from __future__ import annotations

from typing import Any

from community.sandbox.client.connection import JSON, Connection, first


class Creating(Connection):
    """Users, bots, groups."""

    async def create_users(self, users: list[JSON]) -> list[JSON]:
        """Users of id, first_name, last_name, username, language_code; one result each, perhaps an error."""
        result: list[JSON] = await self.ask("POST", "users", users)
        return result

    async def create_user(self, id: int, first_name: str = "User", **names: str) -> None:
        first(await self.create_users([{"id": id, "first_name": first_name, **names}]))

    async def create_bot(
        self, token: str, username: str | None = None, first_name: str | None = None, *, reads_all: bool = True
    ) -> JSON:
        """`reads_all`: group privacy mode is off. Gives id and username."""
        bot = {"token": token, "username": username, "first_name": first_name, "reads_all": reads_all}
        return first(await self.ask("POST", "bots", [bot]))

    async def create_group(
        self, title: str, *, kind: str = "supergroup", members: list[int] | None = None, owner: int | None = None,
        bots: list[int] | None = None, admin: bool = True, rights: list[str] | None = None,
        username: str | None = None, id: int | None = None, **settings: Any,
    ) -> int:  # fmt: skip
        """A group's number. All bots are in it as administrators unless `bots`, `admin` or `rights` say otherwise.

        `kind`: group, supergroup, channel. Settings: administrators, description, permissions, slow_mode_delay,
        is_forum, join_by_request, signed, linked.
        """
        group: JSON = {
            "title": title,
            "kind": kind,
            "members": members or [],
            "owner": owner,
            "bots": bots,
            "admin": admin,
        }
        group |= {"rights": rights, "username": username, "id": id} | settings
        number: int = first(await self.ask("POST", "groups", [group]))["id"]
        return number

    async def chats(self) -> JSON:
        """``{"users": […], "bots": […], "groups": […]}``."""
        result: JSON = await self.ask("GET", "chats")
        return result
