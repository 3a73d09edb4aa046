"""Clients of Kafka as all rooms build them: who reads beside others, and who writes so that nothing comes twice."""
