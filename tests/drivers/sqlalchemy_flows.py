"""SQLAlchemy over psycopg2: reflection, the units of work of its ORM, eager loading, bulk statements."""
from datetime import datetime, timezone
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship, selectinload

from transcript import fails, flow, run, show, show_rows

Base = declarative_base()
engine = sa.create_engine("postgresql+psycopg2://", future=True)


class Country(Base):
    __tablename__ = "countries"
    code = sa.Column(sa.Text, primary_key=True)
    name = sa.Column(sa.Text, nullable=False)


class User(Base):
    __tablename__ = "users"
    username = sa.Column(sa.Text, primary_key=True)
    age = sa.Column(sa.Integer)
    balance = sa.Column(sa.Numeric(12, 2))
    country = sa.Column(sa.ForeignKey("countries.code"))
    created = sa.Column(sa.DateTime(timezone=True))
    tags = sa.Column(pg.ARRAY(sa.Text))
    profile = sa.Column(pg.JSONB)
    home = relationship(Country)
    posts = relationship("Post", back_populates="author", order_by="Post.id", cascade="all, delete-orphan")


class Post(Base):
    __tablename__ = "posts"
    username = sa.Column(sa.ForeignKey("users.username"), primary_key=True)
    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    body = sa.Column(sa.Text)
    likes = sa.Column(sa.Integer, server_default="0", nullable=False)
    author = relationship(User, back_populates="posts")


class Order(Base):
    __tablename__ = "orders"
    customer = sa.Column(sa.BigInteger, primary_key=True)
    id = sa.Column(sa.BigInteger, sa.Identity(), primary_key=True)
    total = sa.Column(sa.Numeric(10, 2))
    placed = sa.Column(sa.DateTime(timezone=True), server_default=sa.text("'2026-01-01 00:00:00+00'"))


class Visit(Base):
    """A table that SQLAlchemy makes; tables.ini says how it is spread."""
    __tablename__ = "visits"
    visitor = sa.Column(sa.Text, primary_key=True)
    at = sa.Column(sa.DateTime(timezone=True), primary_key=True)
    mood = sa.Column(sa.Enum("sad", "happy", name="visit_mood"))
    page = sa.Column(sa.String(40), nullable=False)
    __table_args__ = (sa.Index("visits_page", "page"), sa.CheckConstraint("page <> ''", name="visits_page_check"))


class Note(Base):
    __tablename__ = "notes"
    id = sa.Column(sa.Integer, primary_key=True)
    body = sa.Column(sa.Text)


def rows(session, statement):
    show_rows(session.execute(statement))


@flow
def reflection(session):
    inspector = sa.inspect(engine)
    show(*sorted(inspector.get_table_names()))
    for table in ("users", "posts", "orders", "countries", "notes"):
        for column in inspector.get_columns(table):
            show(table, column["name"], str(column["type"]), column["nullable"], column["default"], column.get("identity"))
        show(inspector.get_pk_constraint(table), inspector.get_foreign_keys(table), inspector.get_indexes(table))
        show(inspector.get_check_constraints(table), inspector.get_unique_constraints(table), inspector.get_table_comment(table))
    metadata = sa.MetaData()
    metadata.reflect(engine)
    show(*sorted(metadata.tables), repr(metadata.tables["posts"].c.username.foreign_keys))
    show(inspector.has_table("users"), inspector.has_table("nowhere"), inspector.get_view_names(), *inspector.get_schema_names())


@flow
def a_table_is_made_and_dropped(session):
    Base.metadata.drop_all(engine, [Visit.__table__])
    Base.metadata.create_all(engine)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    session.add_all([Visit(visitor=name, at=when, mood=mood, page="/" + name) for name, mood in
                     (("ann", "happy"), ("leo", None), ("zoe", "sad"), ("kim", "happy"))])
    session.commit()
    rows(session, sa.select(Visit.mood, sa.func.count()).group_by(Visit.mood).order_by(Visit.mood))
    rows(session, sa.select(Visit.visitor, Visit.mood).where(Visit.mood == "happy").order_by(Visit.visitor))
    show(sa.inspect(engine).get_enums(), sa.inspect(engine).get_indexes("visits"), sa.inspect(engine).get_check_constraints("visits"))
    session.commit()
    Base.metadata.drop_all(engine, [Visit.__table__])


@flow
def loading(session):
    for user in session.execute(sa.select(User).order_by(User.username)).scalars():
        show(user.username, user.home and user.home.name, [post.id for post in user.posts], user.tags, user.profile)
    session.expunge_all()
    eager = sa.select(User).options(selectinload(User.posts), joinedload(User.home)).order_by(User.age, User.username)
    for user in session.execute(eager).scalars():
        show(user.username, user.home and user.home.name, [post.body for post in user.posts], user.balance)
    session.expunge_all()
    joined = sa.select(User).options(joinedload(User.posts)).order_by(User.username).limit(3)
    for user in session.execute(joined).unique().scalars():
        show(user.username, len(user.posts))
    show(session.get(User, "leo").age, session.get(User, "nobody"), session.get(Post, ("ann", 2)).body)


@flow
def a_unit_of_work(session):
    session.add(User(username="orm a", age=1, country="de", tags=["x"], profile={"k": [1, None]}, balance=Decimal("1.10"),
                     posts=[Post(id=1, body="one"), Post(id=2, body="two", likes=5)]))
    session.add(User(username="orm z", posts=[Post(id=1)]))
    session.flush()
    show(session.get(Post, ("orm z", 1)).likes)
    session.commit()
    user = session.get(User, "orm a")
    user.age += 10
    user.tags = user.tags + ["y"]
    del user.posts[0]
    session.get(User, "orm z").balance = User.age + Decimal("0.5")
    session.commit()
    rows(session, sa.select(User.username, User.age, User.tags, User.balance, Post.id).outerjoin(Post).where(User.username.like("orm%"))
         .order_by(User.username))
    for user in session.execute(sa.select(User).where(User.username.like("orm%"))).scalars().all():
        session.delete(user)
    session.commit()
    rows(session, sa.select(sa.func.count()).select_from(Post).where(Post.username.like("orm%")))


@flow
def keys_that_the_server_makes(session):
    orders = [Order(customer=n * 10, total=n) for n in range(1, 6)]
    notes = [Note(body=f"note {n}") for n in range(3)]
    session.add_all(orders + notes)
    session.flush()
    show(*((order.customer, order.placed, order.total) for order in orders), *(note.id for note in notes))
    session.rollback()


@flow
def queries(session):
    counted = sa.select(Post.username, sa.func.count().label("n"), sa.func.sum(Post.likes).label("likes")).group_by(Post.username)
    posts = counted.subquery()
    rows(session, sa.select(User.username, posts.c.n, posts.c.likes).outerjoin(posts, posts.c.username == User.username)
         .order_by(User.username))
    rows(session, sa.select(Country.name, sa.func.avg(User.age)).join(User, User.country == Country.code).group_by(Country.name)
         .order_by(Country.name))
    rows(session, sa.select(User.username).where(User.posts.any(Post.likes > 20)).order_by(User.username))
    rows(session, sa.select(User.username).where(~User.posts.any()).order_by(User.username))
    place = sa.func.rank().over(order_by=User.age.desc().nulls_last())
    rows(session, sa.select(User.username, place.label("place")).order_by("place", User.username))
    rows(session, sa.select(User.username).where(sa.tuple_(User.username, User.age).in_([("ann", 31), ("bob", 1)])))
    rows(session, sa.select(User.username).where(User.username.in_([])))
    rows(session, sa.union_all(sa.select(User.username), sa.select(Country.code)).order_by("username"))
    kind = sa.case((User.age > 30, "old"), else_="young").label("kind")
    rows(session, sa.select(kind, sa.func.count()).group_by(kind).order_by(kind))
    rows(session, sa.select(kind, sa.func.count()).group_by("kind").order_by("kind"))
    rows(session, sa.select(sa.exists().where(User.age > 59), sa.func.coalesce(sa.func.max(User.balance), 0)))
    rows(session, sa.select(User.profile["likes"][0].astext, User.tags[1]).where(User.profile.has_key("likes")))
    show(session.query(User).filter(User.age > 20).count(), session.query(User.age).distinct().order_by(User.age.desc()).all())
    show(session.execute(sa.select(User.username).order_by(User.username).offset(1).limit(2)).scalars().all())


@flow
def bulk_statements(session):
    session.execute(sa.insert(User), [{"username": f"{letter} bulk", "age": n} for n, letter in enumerate("ahqzmb")])
    session.bulk_insert_mappings(Post, [{"username": f"{letter} bulk", "id": 1, "body": letter} for letter in "ahq"])
    rows(session, sa.insert(Order).values([{"customer": n, "id": 7000 + n, "total": n} for n in range(4)]).returning(Order.id, Order.total))
    doubled = sa.update(User).where(User.username.like("% bulk")).values(age=User.age * 2)
    show(session.execute(doubled, execution_options={"synchronize_session": "fetch"}).rowcount)
    session.bulk_update_mappings(User, [{"username": "a bulk", "age": 99}, {"username": "z bulk", "age": 98}])
    upsert = pg.insert(User).values([{"username": "a bulk", "age": 1}, {"username": "n bulk", "age": 2}])
    session.execute(upsert.on_conflict_do_update(index_elements=["username"], set_={"age": upsert.excluded.age + User.age}))
    rows(session, sa.select(User.username, User.age).where(User.username.like("% bulk")).order_by(User.username))
    show(session.execute(sa.delete(Post).where(Post.body.in_(["a", "q"]))).rowcount)
    session.rollback()


@flow
def rows_in_parts(session):
    result = session.execute(sa.select(Post.username, Post.id).order_by(Post.username, Post.id), execution_options={"stream_results": True})
    for part in result.partitions(4):
        show(*part)
    for order in session.execute(sa.select(Order).order_by(Order.customer).execution_options(yield_per=15)).scalars():
        if order.customer % 10 == 0:
            show(order.customer, order.total)


@flow
def nested_transactions(session):
    session.add(User(username="nested a"))
    with fails():
        with session.begin_nested():
            session.add(User(username="ann"))
    with session.begin_nested():
        session.add(User(username="nested z"))
    rows(session, sa.select(User.username).where(User.username.like("nested%")).order_by(User.username))
    session.rollback()
    rows(session, sa.select(sa.func.count()).where(User.username.like("nested%")))


@flow
def classes_of_errors(session):
    for bad in (User(username="ann"), User(username="err", country="atlantis"), User(username="err", age=-1), Country(code="zz"),
                User(username="err", balance=Decimal(10) ** 12), Post(username="nobody", id=1)):
        session.add(bad)
        with fails():
            session.flush()
        session.rollback()


@flow
def rows_that_are_locked(session):
    user = session.execute(sa.select(User).where(User.username == "leo").with_for_update()).scalar_one()
    show(user.age)
    liked = sa.select(Post.username, Post.id).where(Post.likes == 10).order_by(Post.username)
    rows(session, liked.with_for_update(skip_locked=True).limit(2))
    with Session(engine, future=True) as other:
        with fails():
            other.execute(sa.select(User).where(User.username == "leo").with_for_update(nowait=True))
    session.rollback()


@flow
def isolation_levels(session):
    for level in ("AUTOCOMMIT", "REPEATABLE READ", "SERIALIZABLE"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            show(level, connection.execute(sa.text("SHOW transaction_isolation")).scalar())
            show(connection.execute(sa.select(sa.func.sum(User.age))).scalar())
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        show(connection.execute(sa.select(sa.func.count()).where(User.age > sa.select(sa.func.avg(User.age)).scalar_subquery())).scalar())


@flow
def connections_are_tried_before_they_are_lent(session):
    pinging = sa.create_engine("postgresql+psycopg2://", future=True, pool_pre_ping=True, pool_size=1)
    for _ in range(3):
        with pinging.connect() as connection:
            show(connection.execute(sa.select(sa.func.max(Post.likes))).scalar())
    pinging.dispose()


run(lambda: Session(engine, future=True))
