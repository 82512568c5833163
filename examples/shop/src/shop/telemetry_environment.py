"""The SDK's settings for the shop's processes, as its own environment variables; one that the user has set wins."""

ENVIRONMENT = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
}
