"""A trained network in the formats of others: one format a file, over one shared write and check."""
