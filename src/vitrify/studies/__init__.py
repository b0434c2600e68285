"""Whole studies: which steps, in which order, with which parameters, beside which published numbers."""
