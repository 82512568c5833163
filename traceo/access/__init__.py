"""Who may call: tokens, trusted gateways and the open mode become a `Principal` (tenant, scopes, name).

`model.py` holds the data, `service.py` authenticates and manages tokens in the state database. The api and the
receivers hand over header values and the peer's address; nothing here knows HTTP or gRPC, and no sibling domain.
"""
