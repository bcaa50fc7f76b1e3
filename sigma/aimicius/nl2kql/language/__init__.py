"""Kusto as it is read: parser, tree, columns along a pipe, references; and Microsoft's own parser's side."""
