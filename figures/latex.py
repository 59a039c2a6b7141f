"""The signs of our figures in LaTeX's words."""

_MATH = {
    "−": "-", "±": r"\pm", "×": r"\times", "·": r"\cdot", "√": r"\surd", "∞": r"\infty",
    "≥": r"\geq", "≤": r"\leq", "≈": r"\approx", "→": r"\to", "‖": r"\|", "ᵀ": r"^{\top}",
    "²": "^{2}", "∇": r"\nabla", "Δ": r"\Delta", "Σ": r"\Sigma", "α": r"\alpha", "β": r"\beta",
    "η": r"\eta", "θ": r"\theta", "κ": r"\kappa", "λ": r"\lambda", "ρ": r"\rho", "τ": r"\tau",
    "ψ": r"\psi",
}  # fmt: skip
_WORDS = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "–": "--", "—": "---", "…": r"\dots{}", "’": "'",
}  # fmt: skip
_SIGNS = str.maketrans(
    {sign: f"${word}$" for sign, word in _MATH.items()}
    | _WORDS
    | {sign: f"\\{sign}" for sign in "&%#_{}$"}
)


def latex(text: str) -> str:
    """Text with its signs in LaTeX's words; letters with accents stay, LaTeX reads them."""
    return text.translate(_SIGNS)
