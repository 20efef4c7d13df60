"""The parts of ``scripts/loadtest.py``: upstreams, clients, sampling, scenarios, reports.

Arrows point one way: scenarios use the bench, the bench uses clients and
targets, and nothing here imports the gateway: it is measured from outside.
"""
