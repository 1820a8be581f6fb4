"""Applies the changes of a snapshot to its parent, as a consumer that loads increments does, with DuckDB.

    python apply.py PARENT SNAPSHOT TABLE=KEY[,KEY...] ...

Every table has to come out as the snapshot's own image has it. Prints the operations that were met.
"""

import collections
import glob
import os
import sys

import duckdb

parent, snapshot, *tables = sys.argv[1:]
operations = collections.Counter()


def image(directory, table):
    return f"read_parquet('{directory}/{table}/**/*.parquet', hive_partitioning=false)"


for argument in tables:
    table, _, keys = argument.partition("=")
    applied = f"SELECT * FROM {image(parent, table)}"
    path = f"{snapshot}/changes/{table}.parquet"
    if os.path.exists(path):
        counts = duckdb.sql(f"SELECT _op, count(*) FROM '{path}' GROUP BY 1").fetchall()
        assert counts, f"{path} is empty"
        operations.update(dict(counts))
        applied = f"""
            SELECT * FROM {image(parent, table)} AS before WHERE NOT EXISTS (
                SELECT 1 FROM '{path}' AS change WHERE {" AND ".join(f"change.{key} IS NOT DISTINCT FROM before.{key}" for key in keys.split(","))})
            UNION ALL BY NAME SELECT * EXCLUDE _op FROM '{path}' WHERE _op != 'delete'"""
    whole = f"SELECT * FROM {image(snapshot, table)}"
    for one, other, word in ((applied, whole, "too many"), (whole, applied, "missing")):
        ((rows,),) = duckdb.sql(f"SELECT count(*) FROM (({one}) EXCEPT ALL ({other}))").fetchall()
        assert rows == 0, f"{table}: {rows} rows {word}"
known = {f"{argument.partition('=')[0]}.parquet" for argument in tables}
assert {os.path.basename(file) for file in glob.glob(f"{snapshot}/changes/*")} <= known
print(" ".join(f"{name}={operations[name]}" for name in ("insert", "update", "delete")))
