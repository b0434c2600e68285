"""Checks that are shipped for those who add members of their own."""
