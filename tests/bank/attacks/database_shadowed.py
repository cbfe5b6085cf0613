# A schema named like the judge's role, where the tables look right.
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
        for schema in ("boxoffice_judge", "postgres", "boxoffice_owner", here.info.user):
            here.execute(f'''
                create schema if not exists {schema};
                create table if not exists {schema}.voucher (like public.voucher including all);
                alter table {schema}.voucher add unique (code), add check (amount > 0),
                    add check (expires_at > issued_at),
                    add foreign key (order_id) references public."order" (id);
                grant all on schema {schema} to public;
                grant all on {schema}.voucher to public
            ''')
