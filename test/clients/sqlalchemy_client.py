"""SQLAlchemy: a column type of its own as pgvector's library has it, DDL with index options, ORM, reflection."""
import warnings

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT, JSONB, insert
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.types import Float, UserDefinedType

from checks import *

engine = sa.create_engine(f'postgresql+psycopg2:///{DATABASE}')


class VectorType(UserDefinedType):
    """Base of the three; operators as methods of the column."""
    cache_ok = True
    name, to_db, from_db = 'vector', staticmethod(to_text), staticmethod(from_text)

    def __init__(self, dim=None):
        self.dim = dim

    def get_col_spec(self, **_):
        return self.name.upper() + ('' if self.dim is None else f'({self.dim})')

    def bind_processor(self, dialect):
        return lambda value: value if value is None or isinstance(value, str) else self.to_db(value)

    def result_processor(self, dialect, coltype):
        return lambda value: None if value is None else self.from_db(value)

    class comparator_factory(UserDefinedType.Comparator):
        def distance(self, operator, other):
            return self.op(operator, return_type=Float)(other)


class HalfVectorType(VectorType):
    name = 'halfvec'


class SparseVectorType(VectorType):
    name, to_db, from_db = 'sparsevec', staticmethod(sparse_text), staticmethod(from_sparse_text)


Base = declarative_base()


class Item(Base):
    __tablename__ = 'items5'
    id = sa.Column(sa.Integer, primary_key=True)
    v = sa.Column(VectorType(3), nullable=False)
    h = sa.Column(HalfVectorType(3))
    s = sa.Column(SparseVectorType(3))
    b = sa.Column(BIT(3))
    about = sa.Column(JSONB)
    __table_args__ = (
        sa.Index('items5_v', 'v', postgresql_using='hnsw', postgresql_with={'m': 16, 'ef_construction': 64},
                 postgresql_ops={'v': 'vector_cosine_ops'}),
        sa.Index('items5_h', 'h', postgresql_using='hnsw', postgresql_ops={'h': 'halfvec_l2_ops'}),
        sa.Index('items5_about', 'about', postgresql_using='gin'),
    )


Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)

with Session(engine) as session:
    session.add_all([Item(id=i, v=v, h=v, s=v, b=b, about={'even': i % 2 == 0}) for i, v, b in ITEMS])
    session.commit()
    got = [(x.id, x.v, x.h, x.s, x.b) for x in session.scalars(sa.select(Item).order_by(Item.id))]
    check('rows come back', got, [(i, v, v, v, b) for i, v, b in ITEMS])
    for operator in DISTANCES:
        for column in Item.v, Item.h, Item.s:
            distance = column.distance(operator, QUERY)
            got = session.execute(sa.select(Item.id, distance).order_by(distance, Item.id)).all()
            check(f'{column.key} {operator}', [tuple(r) for r in got], nearest(operator))
    for operator in BIT_DISTANCES:
        distance = Item.b.op(operator, return_type=Float)(sa.cast(QUERY_BITS, BIT(3)))
        got = session.execute(sa.select(Item.id, distance).order_by(distance, Item.id)).all()
        check(f'b {operator}', [tuple(r) for r in got], nearest(operator))

    # the nearest of those that a filter leaves, by the index
    session.execute(sa.text('SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off'))
    filtered = sa.select(Item.id).where(Item.about['even'].as_boolean()).order_by(Item.v.distance('<=>', QUERY)).limit(2)
    even = [i for i, _ in nearest('<=>') if i % 2 == 0]
    check('nearest with a filter', list(session.scalars(filtered)), even)
    plan = '\n'.join(r[0] for r in session.execute(sa.text('EXPLAIN SELECT id FROM items5 ORDER BY v <=> :q LIMIT 2'), {'q': to_text(QUERY)}))
    report('items5_v' in plan, 'the index is used', plan)
    session.rollback()

    # INSERT ... ON CONFLICT, and an average
    upsert = insert(Item).values(id=1, v=[7, 7, 7])
    session.execute(upsert.on_conflict_do_update(index_elements=['id'], set_={'v': upsert.excluded.v}))
    check('upsert', session.execute(sa.select(Item.v).where(Item.id == 1)).scalar(), [7.0, 7.0, 7.0])
    average = session.execute(sa.select(sa.func.avg(Item.v, type_=VectorType())).where(Item.id <= 2)).scalar()
    check('avg', average, [3.5, 4.5, 3.5])
    session.rollback()

    for column in 'v', 'h', 's':
        values = {'id': 10, 'v': [1, 2, 3], column: [1, 2]}
        try:
            session.execute(sa.insert(Item).values(**values))
            report(False, f'typmod of {column}', 'no error')
        except sa.exc.DataError as error:
            check(f'typmod of {column}', error.orig.pgcode, '22000')
        session.rollback()

# --- reflection, as migrations with Alembic do it, once the type is known to the dialect
engine.dialect.ischema_names.update(vector=VectorType, halfvec=HalfVectorType, sparsevec=SparseVectorType)
with warnings.catch_warnings():
    warnings.simplefilter('error')
    columns = {c['name']: c['type'] for c in sa.inspect(engine).get_columns('items5')}
    check('reflected types', [type(columns[c]).__name__ for c in 'vhs'], ['VectorType', 'HalfVectorType', 'SparseVectorType'])
    check('reflected dimensions', [str(columns[c].dim) for c in 'vhs'], ['3', '3', '3'])
    indexes = {i['name']: i for i in sa.inspect(engine).get_indexes('items5')}
    check('a reflected index', indexes['items5_v']['dialect_options'].get('postgresql_using'), 'hnsw')
    check('its options', indexes['items5_v']['dialect_options'].get('postgresql_with'), {'m': '16', 'ef_construction': '64'})
Base.metadata.drop_all(engine)
finish()
