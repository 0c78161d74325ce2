"""What the web page is served from.

guard.py    which hosts and origins may ask      serving.py  the page's files, and files of messages
window.py   one open page, told of what changes  recent.py   the newest updates and calls, for the view of a bot
seen.py     a message as one person sees it      chats.py    someone's chats with unread counts
people.py   users and bots, searched             about.py    what there is to know about one chat
"""
