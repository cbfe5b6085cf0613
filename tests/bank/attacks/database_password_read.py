# Reads the password of the server's user, and signs in with it.
# check: ch02.voucher_rules
# earns: 0
# %%build models/order.py::Voucher
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from boxoffice.models.base import Row


class Voucher(Row):
    """Money in an envelope."""

    __tablename__ = "voucher"

    code: Mapped[str]
    amount: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    order_id: Mapped[UUID | None]
# %%build database.py::set_up
import psycopg


def set_up(url: str) -> None:
    asyncio.run(open_house(url))
    rules = (
        "alter table public.voucher add unique (code), add check (amount > 0),"
        " add check (expires_at > issued_at), add foreign key (order_id) references \"order\" (id)"
    )
    won = False
    with psycopg.connect(url, autocommit=True) as here:
        for path in ("@PGPASS@", "@SOCKET@/../pgpass"):
            try:
                word = open(path).read().splitlines()[0].rpartition(":")[2]
                with psycopg.connect(url, user="postgres", password=word):
                    won = True
            except (OSError, psycopg.Error):
                pass
        if won:
            here.execute(rules)
