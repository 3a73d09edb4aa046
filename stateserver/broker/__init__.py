"""Brokers that State Server starts itself: Tansu, embedded, and a real Apache Kafka for tests and trials.

In production neither is used: there the brokers are the site's own.
"""
