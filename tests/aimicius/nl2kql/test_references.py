"""What a query names: read through pipes, joins, lets and functions, against the schema."""

from __future__ import annotations

import pytest

from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.schema import Schema, SchemaError, fleet, normal_cluster

XID = 'cluster("gpufleet").database("health").XidErrors'


def read(query: str) -> references.References:
    parsed = parse.parse(query)
    assert parsed.ok, parsed.diagnostics
    return references.read(parsed, fleet())


@pytest.mark.parametrize(
    ("query", "tables", "columns"),
    [
        (f"{XID} | where Xid == 79 | summarize N = count() by Node | where N > 1", {"XidErrors"}, {"Xid", "Node"}),
        ("GpuMetrics | count as n | where n > 5", {"GpuMetrics"}, set()),
        ("GpuMetrics | summarize count=count() by Node | order by count", {"GpuMetrics"}, {"Node"}),
        ("GpuMetrics | serialize | where TempC between (80 .. 80 + 5)", {"GpuMetrics"}, {"TempC"}),
        ("GpuMetrics | project-keep Te*", {"GpuMetrics"}, {"TempC"}),
        ("GpuMetrics | project-keep *", {"GpuMetrics"}, set()),
        ("union * | take 5", set(), set()),
        ("union Xid*, GpuMetrics | take 5", {"GpuMetrics", "XidErrors"}, set()),
        ("GpuMetrics | make-graph Node --> GpuId with_node_id=nid | graph-match (a)-[e*1..3]->(b) where a.nid == 1 and e.TempC > 5 "
         "project x = b.Model", {"GpuMetrics"}, {"Node", "GpuId", "TempC", "Model"}),
        ("GpuMetrics | make-graph Node --> GpuId | graph-to-table nodes as N, edges as E", {"GpuMetrics"}, {"Node", "GpuId"}),
        ("externaldata(a:string) ['https://x/y.csv'] with (format='csv') | where a == 'x'", set(), set()),
        ("let f = (T:(TempC:real)) { T | where TempC > 80 | project Hot = TempC }; GpuMetrics | invoke f() | project Hot",
         {"GpuMetrics"}, {"TempC"}),
        ("table('GpuMetrics') | project TempC", {"GpuMetrics"}, {"TempC"}),
        ("GpuMetrics | parse-kv Node as (x:int) | where x > 1", {"GpuMetrics"}, {"Node"}),
        ("GpuMetrics | sort by TIMESTAMP | scan partition by Node declare (n:long=0) with (step s1: TempC > 80 => n = 1; step s2: PowerW > s1.n;)",
         {"GpuMetrics"}, {"TIMESTAMP", "Node", "TempC", "PowerW"}),
        ("GpuMetrics | getschema | project ColumnName", {"GpuMetrics"}, set()),
        ("GpuMetrics | summarize avg(PowerW) by Node | top 3 by avg_PowerW", {"GpuMetrics"}, {"PowerW", "Node"}),
        ("GpuMetrics | summarize percentile(TempC, 95) by Node | top 3 by percentile_TempC_95", {"GpuMetrics"}, {"TempC", "Node"}),
        ("RackPower | summarize avg(PowerKw) by bin(TIMESTAMP, 1h) | where TIMESTAMP > ago(1d)", {"RackPower"}, {"PowerKw", "TIMESTAMP"}),
        (f"{XID} | summarize arg_max(Timestamp, *) by Node | project Driver", {"XidErrors"}, {"Timestamp", "Node", "Driver"}),
        (f"{XID} | join kind=inner (NodeInventory | project Node, R = Rack) on Node | distinct R", {"XidErrors", "NodeInventory"}, {"Node", "Rack"}),
        ("LinkFlaps | join NodeInventory on $left.PeerNode == $right.Node | count", {"LinkFlaps", "NodeInventory"}, {"PeerNode", "Node"}),
        ("let bad = XidErrors | distinct Node; GpuMetrics | where Node in (bad) | count", {"XidErrors", "GpuMetrics"}, {"Node"}),
        ("let t = 80; let hot = (x: real) { GpuMetrics | where TempC > x }; hot(t) | distinct Node", {"GpuMetrics"}, {"TempC", "Node"}),
        ("GpuMetrics | where Node in ((XidErrors | project Node)) | count", {"GpuMetrics", "XidErrors"}, {"Node"}),
        ("union XidErrors, EccErrors | summarize count() by Node, Location", {"XidErrors", "EccErrors"}, {"Node", "Location"}),
        ("SyslogData | parse Message with * 'port ' port:long | where port > 3", {"SyslogData"}, {"Message"}),
        ("SyslogData | extend w = split(Message, ' ') | mv-expand w to typeof(string) | where w == 'x'", {"SyslogData"}, {"Message"}),
        ("GpuMetrics | project-rename N = Node | where N == 'a'", {"GpuMetrics"}, {"Node"}),
        ("GpuMetrics | project-away Temp*, Model | where Node == 'a'", {"GpuMetrics"}, {"Model", "Node"}),
        ("datatable(a:long)[1, 2] | where a > 1", set(), set()),
        ("range x from 1 to 3 step 1 | extend y = x", set(), set()),
        ("print a = 1", set(), set()),
    ],
)  # fmt: skip
def test_names(query, tables, columns):
    found = read(query)
    assert (found.tables, found.columns) == (tables, columns)
    assert found.diagnostics == []
    assert found.queries == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("GpuMetrics | where node == 'a'", "there is no column node in GpuMetrics; there is Node"),
        ("Nope | count", "there is no table Nope"),
        ('cluster("x").database("health").XidErrors | count', "there is no cluster x"),
        ('cluster("gpufleet").database("ibmon").XidErrors | count', "there is no database ibmon in cluster gpufleet"),
        ('cluster("gpufleet").database("health").RackPower | count', "there is one in fleetops, facility"),
        (f"{XID} | distinct Node | where Xid == 3", "there is no column Xid in XidErrors"),
    ],
)
def test_the_schema_objects(query, message):
    found = read(query)
    assert any(message in each.message for each in found.diagnostics)
    assert all(each.kind == "schema" and query[each.start :] for each in found.diagnostics)


def test_unknown_columns_still_count_as_named():
    assert read('cluster("x").database("y").Z | where A == 1 | project B').columns == {"A", "B"}


def test_clusters_compare_as_hosts():
    assert normal_cluster("https://GpuFleet.kusto.windows.net/") == "gpufleet"
    assert read('cluster("GpuFleet.kusto.windows.net").database("health").XidErrors | count').clusters == {"gpufleet"}


def test_statements_are_counted():
    assert read("XidErrors; EccErrors").queries == 2
    assert read("let a = 1").queries == 0


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"a": 1},
        {"a": {"b": {"T": {"c": "text"}}}},
        {"a": {"b": {"T": []}}},
        {"a b": {}},
        {"a": {"b": {'T"': {}}}},
    ],
)
def test_a_schema_that_is_none_says_where(bad):
    with pytest.raises(SchemaError, match="schema"):
        Schema.from_dict(bad)


def test_a_schema_survives_the_round_trip():
    assert Schema.from_dict(fleet().to_dict()).tables == fleet().tables


def test_an_invoked_function_must_be_the_querys_own():
    assert [each.message for each in read("GpuMetrics | invoke f()").diagnostics] == ["there is no function f"]
    assert read("let f = (T:(*)) { T | count }; GpuMetrics | invoke f()").diagnostics == []
