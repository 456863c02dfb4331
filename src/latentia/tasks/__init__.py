"""One file per verb: pure functions on a trained net. A verb asks for a capability, never for a model."""
