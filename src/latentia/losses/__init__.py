"""Losses: pure functions of tensors, one value per example; a batch is reduced by ``core.mean`` where it is used."""
