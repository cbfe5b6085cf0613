# Triggers that let rows vanish, and rules that say all went well.
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
            create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$;
            create trigger swallow before insert or update or delete on voucher
                for each row execute function public.swallow();
            create rule nothing as on delete to voucher do instead nothing
        ''')
