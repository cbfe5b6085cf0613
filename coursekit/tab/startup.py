"""What the kernel of a tab runs before the first cell (its PYTHONSTARTUP).

A lesson may import psycopg or SQLAlchemy before coursekit, so what they need is laid out here.
Nothing of theirs is loaded by it.
"""

import sys

for name in ("fcntl", "termios"):  # empty ones of the kernel's; there are real ones
    if getattr(sys.modules.get(name), "__spec__", sys) is None:
        del sys.modules[name]

from coursekit.tab import loop, postgres  # noqa: E402

loop.install(everywhere=True)
postgres.install()
del loop, name, postgres, sys  # a cell of the reader has names of its own
