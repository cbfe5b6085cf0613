"""What the kernel of a tab runs before the first cell (its PYTHONSTARTUP).

A lesson may import psycopg or SQLAlchemy before coursekit, so what they need is laid out here.
Nothing of theirs is loaded by it.
"""

from coursekit.tab import loop, postgres

loop.install(everywhere=True)
postgres.install()
