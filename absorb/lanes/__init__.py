"""The lanes engine: many runs of one Spec in one compiled program.

`from absorb.lanes.batch import train_batch` trains and measures a batch of configs.
"""
