"""Sampling policies as they are set at run time: versions by tenant, the default from a file, and the sampler's rounds.

`model.py` holds a version, `service.py` stores and finds them, `file.py` follows `sampling.policy_file`, `rounds.py`
keeps what the sampler writes down. What a policy means is `traceo.sampling`'s; nothing here knows HTTP or the engine.
"""
