"""A local Telegram: the Bot API over HTTP, with users who type, press, join and leave when told to.

Run it alone with ``python -m community.sandbox --port 8081``. It imports nothing else of this project.

Where things are
    app.py          the ASGI application: bot calls, file downloads, control interface
    dispatch.py     one bot call from arrival to answer: meter, faults, limits, effect, journal
    server.py       binding, serving, a graceful end
    world.py        everything there is, in memory
    accounts.py     users and bots          chats.py    private chats, groups and channels
    members.py      a person in a group     links.py    invite links and join requests
    messages.py     a message               files.py    uploaded files
    identity.py     whom a message shows as its sender
    posting.py      how a message comes into a chat, and which bots are told
    membership.py   how membership changes, and which bots are told
    access.py       who may be written to, who may do what
    topics.py       forum topics            settings.py   title, photo, permissions and the like of a chat
    commands.py     commands by scope and language, and which of them someone is offered
    formatting.py   parse_mode, entities    markdown.py   its two kinds of Markdown
    reader.py       what they share in reading
    keyboards.py    reply markup, and what stands below a chat
    pictures.py     sizes of pictures       origins.py    forwards and copies
    polls.py        a poll                  voting.py     how it is voted in and ends, and which bots are told
    reactions.py    reactions               pins.py       pinned messages
    updates.py      a bot's queue of updates, long polling    webhook.py  delivery by webhook
    limits.py       rate limits and meter   faults.py   errors on request
    journal.py      what happened           clock.py    sandbox time
    invoices.py     invoices, payments and subscriptions as they are kept
    payments.py     how an invoice is paid and refunded
    subscriptions.py    what renews itself and ends
    stars.py        a bot's balance and its transactions
    params.py       parameters of a call    multipart.py  uploads
    graph.py        plain objects as lines  state.py   a whole world in a file
    atomic.py       writing a file at once  testing.py serving for a block, or in a thread
    pytest_plugin.py  the fixture           errors.py  what Telegram refuses, what control refuses, cut connections
    description/    the Bot API as python-telegram-bot describes it, and the check of a call against it
    connection.py   cutting a connection without an answer     corked.py  an answer in one packet
    methods/        Bot API methods by topic: a decorated function each, found by name
    actions/        what users do, by topic: a validated model each, found by its ``do``
    due/            what happens by itself when its time comes, a function each
    control/        the control interface, a decorated function for each route
    client/         its asynchronous client views.py    what control shows
    live.py         who watches, and is told of all that changes
    undelivered.py  messages that a person could not be sent
    page/           the web page            watching/       what it is served from

To add a method: a function with ``@method("name")`` in ``methods/``. To add a user's gesture: a model in
``actions/``. To add a route of control: a function with ``@route`` in ``control/``. To add what happens when its time
comes: a function with ``@duty`` in ``due/``. Each is imported by its package's ``__init__``; nothing else changes.
"""
