"""absorb: the science of absorption and entanglement under gradient routing."""
