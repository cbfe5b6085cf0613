# Drops and alters the tables that the check will ask for.
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
    with psycopg.connect(url, autocommit=True) as here:
        here.execute('''
            drop table voucher;
            create table voucher (anything text);
            drop table "order" cascade;
            create view "order" as select gen_random_uuid() as id, gen_random_uuid() as buyer_id, now() as placed_at
        ''')
