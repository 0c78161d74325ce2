"""A community that lives at random, and what it must never see: judged by plain Python beside the SQL it tests.

`world` does things through the core's own verbs and notes them in a `chronicle`, which judges every message by what
it knows itself. `machine` lets hypothesis choose what happens next.
"""
