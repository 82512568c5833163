"""HTTP out: routes by noun, compatibility with other products' query APIs, one error handler, OpenAPI.

It only translates: requests to calls of the services below, results and errors to responses. No SQL, no decisions.
"""
