"""What lies in the topics: Avro single-object encoding of every value, and the keys (spec page 4)."""
