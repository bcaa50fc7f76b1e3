"""Machines, plans on them, what a plan takes, and what none can beat."""
