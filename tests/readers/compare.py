"""Compares an image with the store it was published from, every table, row for row and type for type.

    python compare.py duckdb|fastparquet|pyarrow|polars|spark STORE SNAPSHOT [LINE]

A line of docs/parquet.md has to give all tickets.

Each engine gives, for a table, its columns with their types in its own words, and its rows, with
instants as milliseconds after 1970. The store is read through Python's sqlite3.
"""

import datetime
import glob
import importlib
import os
import sqlite3
import sys

engine, store, snapshot, *lines = sys.argv[1:]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

# What the types of the store are in each engine.
TYPES = {
    "duckdb": {"text": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN", "instant": "TIMESTAMP WITH TIME ZONE"},
    "pyarrow": {"text": "string", "integer": "int64", "boolean": "bool", "instant": "timestamp[ms, tz=UTC]"},
    "polars": {
        "text": "String",
        "integer": "Int64",
        "boolean": "Boolean",
        "instant": "Datetime(time_unit='ms', time_zone='UTC')",
    },
    # It makes objects of texts, and other types where values are missing.
    "fastparquet": None,
    "spark": {"text": "string", "integer": "bigint", "boolean": "boolean", "instant": "timestamp"},
}[engine]


def kind(table, column, declared):
    """The type of a column; what SQLite does not know follows from the name."""
    if column.endswith("_at") or column in ("valid_from", "valid_until", "range_from", "range_until", "not_before", "waiting_since"):
        return "instant"
    if column.startswith(("is_", "has_", "was_")):
        return "boolean"
    return "integer" if declared == "INTEGER" or column.endswith("_ms") else "text"


def quoted(name):
    return f'"{name}"'


def millis(text):
    if text is None:
        return None
    at = datetime.datetime.fromisoformat(text)
    return (at - EPOCH) // datetime.timedelta(milliseconds=1)


def pattern(table):
    """As docs/parquet.md says: one folder a month, or none."""
    monthly = os.path.isdir(glob.glob(f"{snapshot}/{table}/*")[0])
    return f"{snapshot}/{table}/*/*.parquet" if monthly else f"{snapshot}/{table}/*.parquet"


def read_duckdb(table, instants):
    import duckdb

    relation = duckdb.sql(f"SELECT * FROM read_parquet('{pattern(table)}')")
    types = list(zip(relation.columns, map(str, relation.types)))
    if types[-1] == ("created_month", "VARCHAR"):
        # From the folders' names.
        types.pop()
    shown = ", ".join(f"epoch_ms({name})" if name in instants else quoted(name) for name, _ in types)
    rows = duckdb.sql(f"SELECT {shown} FROM read_parquet('{pattern(table)}')").fetchall()
    return types, rows


def read_pyarrow(table, instants):
    import pyarrow as pa
    import pyarrow.dataset as dataset
    import pyarrow.parquet as pq

    tables = [pq.ParquetFile(file).read() for file in sorted(glob.glob(pattern(table)))]
    for one in tables:
        assert one.schema.equals(tables[0].schema, check_metadata=True), "one schema"
        for field in one.schema:
            assert field.metadata[b"description"], field
    whole = pa.concat_tables(tables)
    # The folders' names as a column, as a dataset has it.
    directory = f"{snapshot}/{table}"
    for found in (pq.read_table(directory), dataset.dataset(directory, partitioning="hive").to_table()):
        assert found.num_rows == whole.num_rows, f"{table}: {found.num_rows} rows, not {whole.num_rows}"
    types = [(field.name, str(field.type)) for field in whole.schema]
    nullable = {field.name: field.nullable for field in whole.schema}
    # SQLite does not know it of the columns of views.
    for name, required in not_null[table].items() if any(not_null[table].values()) else ():
        assert nullable[name] is not required, f"{table}.{name}: nullable {nullable[name]}"
    columns = [
        (column.cast(pa.int64()) if name in instants else column).to_pylist()
        for name, column in zip(whole.column_names, whole.columns)
    ]
    return types, list(zip(*columns))


def read_fastparquet(table, instants):
    import fastparquet
    import pandas

    names, rows = None, []
    for file in sorted(glob.glob(pattern(table))):
        frame = fastparquet.ParquetFile(file).to_pandas()
        names = list(frame.columns)
        columns = [
            [
                None
                if pandas.isna(value)
                else round(value.timestamp() * 1000)
                if name in instants
                else getattr(value, "item", lambda value=value: value)()
                for value in frame[name]
            ]
            for name in names
        ]
        rows.extend(zip(*columns))
    return [(name, None) for name in names], rows


def read_polars(table, instants):
    import polars as pl

    frame = pl.read_parquet(pattern(table), hive_partitioning=False)
    types = [(name, str(kind)) for name, kind in frame.schema.items()]
    frame = frame.with_columns(pl.col(name).dt.epoch("ms") for name in frame.columns if name in instants)
    return types, frame.rows()


def read_spark(table, instants):
    from java import spark
    from pyspark.sql import functions

    session = spark()
    found = []
    # Spark has two readers: its own, and that of parquet-mr, row by row, for what its own cannot do.
    for is_vectorized in ("false", "true"):
        session.conf.set("spark.sql.parquet.enableVectorizedReader", is_vectorized)
        frame = session.read.parquet(pattern(table))
        types = frame.dtypes
        shown = [
            functions.unix_millis(functions.col(name)).alias(name) if name in instants else functions.col(name)
            for name in frame.columns
        ]
        found.append(sorted((tuple(row) for row in frame.select(*shown).collect()), key=order))
    assert found[0] == found[1], f"{table}: Spark's two readers differ"
    return types, found[1]


def order(row):
    return tuple((value is not None, value) for value in row)


connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
tables = [
    name
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE '\\_%' ESCAPE '\\'"
        " AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
]
assert len(tables) == 30, tables
read = globals()[f"read_{engine}"]
not_null = {}
empty = 0
for table in tables:
    info = connection.execute(f"PRAGMA table_info({table})").fetchall()
    kinds = {name: kind(table, name, declared) for _, name, declared, *_ in info}
    not_null[table] = {name: bool(flag) for _, name, _, flag, *_ in info}
    instants = {name for name, found in kinds.items() if found == "instant"}
    expected = []
    for row in connection.execute(f"SELECT {', '.join(quoted(name) for name in kinds)} FROM {table}"):
        expected.append(
            tuple(
                millis(value)
                if found == "instant"
                else bool(value)
                if found == "boolean" and value is not None
                else value
                for value, found in zip(row, kinds.values())
            )
        )
    types, rows = read(table, instants)
    meant = [(name, TYPES and TYPES[found]) for name, found in kinds.items()]
    assert types == meant, f"{table}: {types}"
    rows = list(map(tuple, rows))
    assert len(rows) == len(expected), f"{table}: {len(rows)} rows, not {len(expected)}"
    # Mostly they come in the store's order; cells are looked at one by one where anything differs.
    if rows == expected and all(list(map(type, one)) == list(map(type, other)) for one, other in zip(rows, expected)):
        empty += not rows
        continue
    for found, meant in zip(sorted(rows, key=order), sorted(expected, key=order)):
        for name, one, other in zip(kinds, found, meant):
            same = one == other and type(one) is type(other)
            assert same, f"{table}.{name}: {str(one)[:80]!r}, not {str(other)[:80]!r}"
    empty += not rows
assert empty >= 1, "no empty table was compared"
for line in lines:
    package = line.split(".")[0]
    if package == "spark":
        from java import spark

        count = eval(line, {"spark": spark()}).count()
    else:
        count = len(eval(line, {package: importlib.import_module(package)}))
    (expected,) = connection.execute("SELECT count(*) FROM tickets").fetchone()
    assert count == expected, f"{line}: {count}, not {expected}"
print(f"{engine}: {len(tables)} tables agree")
