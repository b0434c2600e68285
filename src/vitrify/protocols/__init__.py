"""Which runs make a data set: equilibrate, production, inherent structures."""
