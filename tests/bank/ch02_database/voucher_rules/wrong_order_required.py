# says: `order_id` must be allowed to be null
# %%build models/order.py::Voucher
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from boxoffice.models.base import Row


class Voucher(Row):
    """Money in an envelope."""

    __tablename__ = "voucher"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("expires_at > issued_at", name="expires_after_issue"),
    )

    code: Mapped[str]
    amount: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    order_id: Mapped[UUID] = mapped_column(ForeignKey("order.id"))
