# %%build models/show.py::Person
class Person(Row):
    """Somebody who plays."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("name <> ''", name="has_name"),)

    name: Mapped[str]
# %%build models/show.py::Part
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, PrimaryKeyConstraint

from boxoffice.models.base import Base


class Part(Base):
    """Who plays what in a show."""

    __tablename__ = "part"
    __table_args__ = (
        PrimaryKeyConstraint("name", "show_id"),
        ForeignKeyConstraint(["show_id"], ["show.id"], ondelete="CASCADE"),
    )

    show_id: Mapped[UUID] = mapped_column()
    name: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), default=None)
