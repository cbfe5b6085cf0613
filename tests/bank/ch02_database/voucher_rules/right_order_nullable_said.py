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
        CheckConstraint("not (amount <= 0)", name="worth_it"),
        CheckConstraint("issued_at < expires_at", name="order_of_times"),
    )

    code: Mapped[str]
    amount: Mapped[int]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("order.id", ondelete="SET NULL"), nullable=True, default=None)
