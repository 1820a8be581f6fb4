"""The baseline of benches/publish.rs: DuckDB copies every table of a store to Parquet.

    python benches/duckdb_copy.py STORE DIRECTORY plain|typed

`plain` copies the tables as they are, instants as text; `typed` turns them into timestamps, as a
snapshot has them. Neither sorts, cuts by month or waits for the disk, which a snapshot does. Prints
seconds, bytes and peak memory in KiB.
"""

import glob
import os
import sqlite3
import sys
import time

import duckdb
import duckdb_extension_sqlite_scanner as extension

store, directory, variant = sys.argv[1:]
os.makedirs(directory, exist_ok=True)
tables = [
    name
    for (name,) in sqlite3.connect(store).execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'"
    )
]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
folder = os.path.dirname(extension.__file__)
(binary,) = glob.glob(f"{folder}/extensions/*/sqlite_scanner.duckdb_extension")
connection.execute(f"LOAD '{binary}'")
connection.execute("SET threads = 2")
connection.execute(f"ATTACH '{store}' AS store (TYPE sqlite, READ_ONLY)")
began = time.monotonic()
for table in tables:
    columns = connection.execute(f"DESCRIBE store.{table}").fetchall()
    listed = ", ".join(
        f"strptime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}"
        if variant == "typed" and (name.endswith("_at") or name.startswith("valid_"))
        else name
        for name, *_ in columns
    )
    connection.execute(
        f"COPY (SELECT {listed} FROM store.{table}) TO '{directory}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
seconds = time.monotonic() - began
size = sum(os.path.getsize(file) for file in glob.glob(f"{directory}/*.parquet"))
with open("/proc/self/status") as status:
    (peak,) = [line.split()[1] for line in status if line.startswith("VmHWM")]
print(f"{seconds:.2f} {size} {peak}")
