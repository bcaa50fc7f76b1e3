"""What the cases of NL2KQL are made of: how people speak of tables, what they ask, and the words around it."""
