"""What faces the web: tracked links, the Telegram webhook, health and metrics.

app.py    routes, security headers      links.py    /l/<token>: record the click, redirect
webhook.py  /telegram/<bot id>          health.py   /health and /metrics
payments.py /payments/<provider>        server.py   connections: how slow, large and many
bodies.py   how much of a body is read  batches.py  what many requests bring, stored together
buying.py   the shop's routes           shop.py     what its pages share
product.py  /buy/<plan>                 ordering.py  /buy/<plan>/<way>, /orders/<number>
visitors.py cookie, forms, limits       pages.py    the few pages besides
"""
