"""The Bot API as python-telegram-bot describes it, and the check of a call against it.

    library.py    the description: methods, their parameters, types and their fields
    own.py        where python-telegram-bot's way differs from Telegram's
    newer.py      what is newer than python-telegram-bot
    types.py      what a value must look like, made of an annotation
    arguments.py  what a parameter may be, as it comes over HTTP
    calls.py      the check of one call

A new version of python-telegram-bot brings the new Bot API with it. It is loaded at the first call, not at the start.
"""
