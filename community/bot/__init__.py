"""What members do on Telegram: updates stored, claimed in each person's order, answered through the outbox.

inbox.py      an update from arrival to a stored row       polling.py    fetch updates, one leader at a time
workers.py    claim and handle, one transaction each        dispatch.py   which part handles which update
private.py    the private chat: start, gate, dialogue       buttons.py    presses of buttons
chats.py      groups: joining, leaving, being there         intents.py    what a typed message wants (pure)
checkouts.py  asked before Stars are taken                  payments.py   Stars that were paid
entry_links.py  links into paid chats, made ahead           sales.py      the shop: wishes, buttons, answers
buying.py     plans, invoices in Stars                      orders.py     how an order stands, and whose it is
invoicing.py  invoices on paper, step by step               refunding.py  refunds wished for and decided
refunds.py    refunds brought before their provider
turn.py       one update being handled                      direct.py     paced calls that are not messages
service.py    all of it, for the always-on service
"""
