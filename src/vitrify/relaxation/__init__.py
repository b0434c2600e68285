"""Dynamics per system: how a configuration is forgotten in time."""
