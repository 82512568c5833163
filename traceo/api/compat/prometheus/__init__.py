"""The HTTP API of Prometheus under `/prometheus`: the same parameters, JSON, errors and warnings.

`params.py` reads requests, `answer.py` and `encode.py` write answers; the other modules are routes by noun.
Source: https://prometheus.io/docs/prometheus/latest/querying/api/, and Prometheus 3's own answers where it is silent.
"""
