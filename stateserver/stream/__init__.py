"""The worker: reads the journal, folds it, and writes what comes of it (spec page 3). Kafka, disk and clock are
reached through `ports` alone.
"""
