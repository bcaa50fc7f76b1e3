"""What the cases of CMDGen are made of: intents by tool, words around a question, values."""
