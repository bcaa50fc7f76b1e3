"""Running a query on DuckDB, inside the child process: KQL to SQL by duckdb-kql, rows from the generated fleet.

Nothing here can write or reach outside: statements other than SELECT are refused, external access is off, memory and
time are limited, and the whole process is thrown away when a limit fails.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Any

import duckdb
import duckdb_kql

from sigma.aimicius.nl2kql.engine import rows as fleet
from sigma.aimicius.nl2kql.schema import fleet as fleet_schema
from sigma.limits.current import limits

MEMORY = 1 << 30  # what the child may map beyond its own start
MAX_ROWS = 200
MAX_COLUMNS = 60
MAX_CELL = 300  # characters

_connection: duckdb.DuckDBPyConnection | None = None
_schema: dict[str, list[str]] = {}
_clusters: dict[Any, str] = {}


def open_engine() -> None:
    """Build the database in memory (about 154,000 rows) and close every door. Raises duckdb.Error."""
    global _connection
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone='UTC'")
    rows = fleet.tables()
    for table in fleet_schema().tables:
        # Database names are unique across our clusters, so that database("x").T means one thing.
        connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {table.database}")
        connection.register("rows", rows[table.name])
        connection.execute(f'CREATE TABLE {table.database}."{table.name}" AS SELECT * FROM rows')
        connection.unregister("rows")
        connection.execute(f'CREATE VIEW "{table.name}" AS SELECT * FROM {table.database}."{table.name}"')
        _clusters[(table.cluster, table.database)] = table.database
        _schema[f"{table.database}.{table.name}"] = _schema[table.name] = list(table.columns)
    connection.execute("SET temp_directory=''")
    connection.execute(f"SET memory_limit='{limits().query_memory}B'")
    connection.execute("SET threads=1")
    connection.execute("SET enable_external_access=false")
    _connection = connection
    answer({"query": "print 1"})  # the translator's first call builds its tables


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """{"query"} -> {"columns", "rows", "more", "ms"} or {"error"}: at most MAX_ROWS rows of plain JSON values."""
    assert _connection is not None
    started = time.perf_counter()
    if request["query"].lstrip().startswith("."):
        return {"error": "control commands are not run here"}
    try:
        sql = duckdb_kql.to_sql(
            request["query"], schema=_schema, clusters=_clusters, query_now=fleet.NOW, allow_write=False
        )
        statements = duckdb.extract_statements(str(sql))
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return {"error": "only a query is run here"}
        cursor = _connection.cursor()
        timer = threading.Timer(limits().query_seconds, cursor.interrupt)
        timer.start()
        try:
            cursor.execute(str(sql), dict(sql.parameters)) if sql.parameters else cursor.execute(str(sql))
            found = cursor.fetchmany(MAX_ROWS + 1)
            names = [column[0] for column in cursor.description or []]
        finally:
            timer.cancel()
            cursor.close()
    except duckdb.InterruptException:
        return {"error": f"stopped after {limits().query_seconds:g} s"}
    except duckdb.OutOfMemoryException:
        return {"error": f"more than {limits().query_memory >> 20} MiB of memory was needed"}
    except duckdb_kql.KqlUnsupportedError as error:
        return {"error": f"the translator to DuckDB does not know this construct: {error}"[:1_000]}
    except (duckdb_kql.KqlError, duckdb.Error) as error:
        return {"error": str(error).split("\n\nLINE ")[0][:1_000]}
    return {
        "columns": names[:MAX_COLUMNS],
        "rows": [[_plain(value) for value in row[:MAX_COLUMNS]] for row in found[:MAX_ROWS]],
        "more": len(found) > MAX_ROWS,
        "ms": round((time.perf_counter() - started) * 1_000, 1),
    }


def _plain(value: Any) -> Any:
    """A cell as JSON holds it; long ones are cut."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") + (
            f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        )
    if isinstance(value, (date, clock_time, timedelta, Decimal)):
        return str(value)
    text = str(value)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
