"""The cluster store keeps the contract of every store."""

from tests.store.conformance import *  # noqa: F403  (every test of the contract)
