"""Bytes in, bytes to the store: OTLP, Prometheus remote write, Loki push, Zipkin; one file a protocol.

A receiver authenticates, checks limits, decompresses and frames; it never decodes a span, sample or log line. Beside
`api`, the only package that knows HTTP and gRPC.
"""
