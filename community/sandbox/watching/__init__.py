"""What the web page is served from.

guard.py    which hosts and origins may ask      serving.py  the page's files, and files of messages
window.py   one open page, told of what changes  seen.py     a message as one person sees it
people.py   users and bots, searched             chats.py    someone's chats with unread counts
about.py    what there is to know about one chat
"""
