"""The training core: models, measures, modulators, the trainer, and the Balancer."""
