"""Diffusers pipelines as graphs in optimum's folder layout, and tiny pipelines of each kind to prove them with."""
