"""Microsoft's Kusto parser in a JavaScript engine, inside the child process: syntax, names against the schema.

The two files come from the npm package @kusto/language-service-next, fetched into the cache by `strict.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 2 << 30
STACK = 256 << 20  # the parser is recursive and quickjs runs on the thread's own stack
FILES = ("bridge.min.js", "Kusto.Language.Bridge.min.js")

# Globals are built once for a schema; the default cluster and database hold everything, so that a bare table name
# resolves. A column counts as the table's if its symbol is the table's own or was passed on under the same name.
_SCRIPT = """
var L = Kusto.Language, Y = L.Symbols, globals = {};
function items(list) { var r = []; for (var i = 0; i < list.Count; i++) r.push(System.Array.getItem(list, i)); return r; }
function build(rows) {
  var places = {}, all = [], seen = {}, state = L.GlobalState.Default;
  rows.forEach(function (row) {
    var table = new Y.TableSymbol.$ctor7(row[2], row[3], null), place = places[row[0]] = places[row[0]] || {};
    (place[row[1]] = place[row[1]] || []).push(table);
    if (!seen[row[2]]) { seen[row[2]] = true; all.push(new Y.TableSymbol.$ctor7(row[2], row[3], null)); }
  });
  var everything = new Y.DatabaseSymbol.ctor('', all), databases = [everything];
  Object.keys(places).forEach(function (name) {
    var members = Object.keys(places[name]).map(function (db) { return new Y.DatabaseSymbol.ctor(db, places[name][db]); });
    Object.keys(places[name]).forEach(function (db) {
      databases.push(new Y.DatabaseSymbol.ctor(db, places[name][db].map(function (t) { return t; })));
    });
    state = state.AddOrReplaceCluster(new Y.ClusterSymbol.ctor(name, members));
  });
  var home = new Y.ClusterSymbol.ctor('', databases);
  return state.WithCluster(home).WithDatabase(everything);
}
function isBase(state, column) {
  if (state.GetTable(column)) return true;
  var from = column.OriginalColumns;
  return !!from && items(from).some(function (c) { return c.Name === column.Name && isBase(state, c); });
}
function judge(text, key, rows) {
  if (!globals[key]) { globals = {}; globals[key] = build(rows); }
  var state = globals[key], code = L.KustoCode.ParseAndAnalyze(text, state), syntax = {};
  function plain(d) { return [d.Start, d.Length, d.Message, d.Code, d.Severity]; }
  var first = items(code.GetSyntaxDiagnostics()).map(plain);
  first.forEach(function (d) { syntax[d.join('|')] = true; });
  var rest = items(code.GetDiagnostics()).map(plain).filter(function (d) { return !syntax[d.join('|')] && d[4] === 'Error'; });
  var found = { clusters: [], databases: [], tables: [], columns: [] }, bad = {};
  rest.forEach(function (d) { bad[d[0] + '|' + d[1]] = d[3]; });
  L.Syntax.SyntaxElement.WalkNodes(code.Syntax, function (node) {
    var kind = Bridge.getTypeName(node).split('.').pop(), symbol = node.ReferencedSymbol;
    if (kind === 'FunctionCallExpression') {
      var name = node.Name.SimpleName, at = node.ArgumentList.Expressions;
      if ((name === 'cluster' || name === 'database' || name === 'table') && at.Count === 1) {
        var value = System.Array.getItem(at, 0).Element$1;
        if (value && value.IsLiteral) found[name + 's'].push(String(value.LiteralValue));
      }
    } else if (kind === 'NameReference') {
      var what = symbol ? Bridge.getTypeName(symbol).split('.').pop() : '';
      if (what === 'TableSymbol' && state.GetDatabase$1 && node.SimpleName === symbol.Name) found.tables.push(symbol.Name);
      else if (what === 'ColumnSymbol' && isBase(state, symbol)) found.columns.push(symbol.Name);
      else if (what === 'GroupSymbol') items(symbol.Members).forEach(function (m) {
        if (Bridge.getTypeName(m).split('.').pop() === 'ColumnSymbol' && isBase(state, m)) found.columns.push(m.Name); });
      else if (!symbol || what === 'ErrorSymbol') {
        var code2 = bad[node.TextStart + '|' + node.Width];
        if (code2 && code2 !== 'KS211') (code2 === 'KS142' ? found.columns : found.tables).push(node.SimpleName);
      }
    }
  });
  return JSON.stringify({ kind: code.Kind, syntax: first, schema: rest, found: found });
}
"""

_evaluate: Callable[[str], Any] | None = None


def open_engine() -> None:
    """Start mini-racer (else quickjs-ng) and load the parser. Raises OSError, ImportError or the engine's own error."""
    global _evaluate
    folder = Path(os.environ["SIGMA_KUSTO_PARSER"])
    sources = [(folder / name).read_text(encoding="utf-8") for name in FILES]
    _evaluate = _mini_racer() or _quickjs()
    for source in [*sources, _SCRIPT]:
        _evaluate(source + "\n;0")
    answer({"query": "T | where a == 1 | summarize count() by b", "key": "", "tables": [["c", "d", "T", "(a:long)"]]})


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """{"query", "key", "tables": [[cluster, database, table, "(column:type, ...)"]]} -> {kind, syntax, schema, found}."""
    assert _evaluate is not None
    arguments = ", ".join(json.dumps(request[name]) for name in ("query", "key", "tables"))
    return json.loads(_evaluate(f"judge({arguments})"))


def _mini_racer() -> Callable[[str], Any] | None:
    with contextlib.suppress(ImportError):
        from py_mini_racer import MiniRacer

        return MiniRacer().eval
    return None


def _quickjs() -> Callable[[str], Any]:
    # One thread of its own with a big stack runs every evaluation.
    from concurrent.futures import ThreadPoolExecutor

    import quickjs

    before = threading.stack_size(STACK)
    pool = ThreadPoolExecutor(1)

    def make() -> Any:
        context = quickjs.Context()
        context.set_max_stack_size(STACK - (16 << 20))
        return context

    context = pool.submit(make).result()
    threading.stack_size(before)
    return lambda source: pool.submit(context.eval, source).result()
