"""Running a query: rows of a made-up fleet, DuckDB over them, and a process that can be killed around it."""
