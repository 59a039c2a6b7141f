"""The masked update θ ← θ − η Σᵢ ψᵢ ∘ ∇Lᵢ as a dynamical system."""
