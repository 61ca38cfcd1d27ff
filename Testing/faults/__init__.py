"""A campaign of mutated inputs and exhausted machines, see `campaign.py`."""
