# says: A check that meets null lets the row in
# %%build models/show.py::Person
class Person(Row):
    """Somebody who plays."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("name <> ''", name="has_name"),)

    name: Mapped[str | None]
# %%build models/show.py::Part
from uuid import UUID

from sqlalchemy import ForeignKey

from boxoffice.models.base import Base


class Part(Base):
    """Who plays what in a show."""

    __tablename__ = "part"
    
    show_id: Mapped[UUID] = mapped_column(ForeignKey("show.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), default=None)
