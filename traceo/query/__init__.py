"""Query languages to SQL: PromQL, TraceQL and LogQL, one flat package each, over a shared plan.

Text is parsed, planned and compiled here, and executed by the store. It knows no HTTP and no domain service.
"""
