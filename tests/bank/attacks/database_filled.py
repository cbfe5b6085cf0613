# Fills the disk through the database.
# check: ch02.voucher_rules
# earns: 0
# says: filled a database with more than 256 MB
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
    with psycopg.connect(url, autocommit=True) as here:
        here.execute("create table heap (data text)")
        here.execute("alter table heap alter column data set storage external")
        while True:
            here.execute("insert into heap select repeat('x', 8000) from generate_series(1, 5000)")
