"""Choosing: a task, one of its examples, and the boxes that hold its fields."""
