"""The dashboard: what staff look at in a browser, behind a sign-in of our own. Guide: docs/dashboard.md.

A page is a `Page` in `pages.py`, with a template of its name in templates/dashboard/.
"""
