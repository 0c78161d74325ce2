"""Locations, venues, contacts and dice."""

from __future__ import annotations

import secrets
from typing import Any

from community.sandbox.errors import bad_request
from community.sandbox.methods.registry import Call, method
from community.sandbox.methods.sending import send, writable_chat
from community.sandbox.params import Params

JSON = dict[str, Any]
FOREVER = 0x7FFFFFFF
LIVE = range(60, 86_401)
"""Seconds a location may be live (Bot API, sendLocation)."""
DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
"""Highest value of each (Bot API, sendDice)."""
VENUE_IDS = ("foursquare_id", "foursquare_type", "google_place_id", "google_place_type")


@method("sendLocation", paced=True)
def send_location(call: Call) -> JSON:
    chat = writable_chat(call, "location")
    location = read_location(call.params)
    period = call.params.integer("live_period")
    if period:
        if period not in LIVE and period != FOREVER:
            raise bad_request("wrong live location period specified")
        location["live_period"] = period
    return send(call, chat, {"location": location}).as_json(call.bot)


def read_location(params: Params) -> JSON:
    """Latitude and longitude in degrees, and what may go with them (Bot API, Location)."""
    location: JSON = {"latitude": params.number("latitude"), "longitude": params.number("longitude")}
    if abs(location["latitude"]) > 90:
        raise bad_request("wrong latitude specified")
    accuracy, heading = params.number("horizontal_accuracy"), params.integer("heading")
    radius = params.integer("proximity_alert_radius")
    if not 0 <= heading <= 360:
        raise bad_request("wrong live location heading specified")
    if not 0 <= radius <= 100_000:
        raise bad_request("wrong live location proximity alert radius specified")
    more = {"horizontal_accuracy": min(max(accuracy, 0.0), 1500.0), "heading": heading}
    return location | {key: value for key, value in (more | {"proximity_alert_radius": radius}).items() if value}


@method("sendVenue", paced=True)
def send_venue(call: Call) -> JSON:
    chat = writable_chat(call, "venue")
    location = read_location(call.params)
    venue: JSON = {"location": location, "title": call.params.text("title"), "address": call.params.text("address")}
    for name in ("title", "address"):
        if not venue[name]:
            raise bad_request(f"{name} is empty")
    venue |= {key: call.params.text(key) for key in VENUE_IDS if call.params.text(key)}
    return send(call, chat, {"venue": venue, "location": location}).as_json(call.bot)


@method("sendContact", paced=True)
def send_contact(call: Call) -> JSON:
    chat = writable_chat(call, "contact")
    contact = {"phone_number": call.params.text("phone_number"), "first_name": call.params.text("first_name")}
    for name, value in contact.items():
        if not value:
            raise bad_request(f'parameter "{name}" is required')
    contact |= {key: call.params.text(key) for key in ("last_name", "vcard") if call.params.text(key)}
    return send(call, chat, {"contact": contact}).as_json(call.bot)


@method("sendDice", paced=True)
def send_dice(call: Call) -> JSON:
    chat = writable_chat(call, "dice")
    emoji = call.params.text("emoji", "🎲").replace("\ufe0f", "") or "🎲"
    if emoji not in DICE:
        raise bad_request("wrong dice emoji specified")
    value = 1 + secrets.randbelow(DICE[emoji])
    return send(call, chat, {"dice": {"emoji": emoji, "value": value}}).as_json(call.bot)
