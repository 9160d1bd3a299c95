"""Office Open XML (docx, xlsx, pptx): the package, and what its formats share: formulas, charts, diagrams, symbol fonts."""
