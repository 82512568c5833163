"""Other products' query APIs, so that their clients work unchanged: one folder a product.

They translate as `traceo.api.routes` does, but in the product's own paths, parameters, JSON and errors.
"""
