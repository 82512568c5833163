"""The scraper: asks targets for their metrics as Prometheus does, by Prometheus' own `scrape_configs`.

`config.py` reads the file, `discovery/` finds targets, `relabel.py` and `target.py` make them, `exposition.py` reads
their answers, `cache.py` makes remote-write bytes of them, `loop.py` does it over time, `pools.py` holds it together.
It hands bytes to a function that it is given; it knows neither the receivers, nor the store, nor the API.
"""
