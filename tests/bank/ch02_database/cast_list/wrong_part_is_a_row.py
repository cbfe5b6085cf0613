# says: `Part` is a `Base`
# %%build models/show.py::Person
class Person(Row):
    """Somebody who plays."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("name <> ''", name="has_name"),)

    name: Mapped[str]
# %%build models/show.py::Part
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint

from boxoffice.models.base import Row


class Part(Row):
    """Who plays what in a show."""

    __tablename__ = "part"
    __table_args__ = (UniqueConstraint("show_id", "name"),)

    show_id: Mapped[UUID] = mapped_column(ForeignKey("show.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column()
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), default=None)
