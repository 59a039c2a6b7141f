"""From a Hydra command line to finished rows in the store."""
