"""Probability distributions: frozen objects with ``mean``, ``log_prob`` and ``sample``.

``normal`` holds q(z|x) and the standard normal prior, ``priors`` every p(z), ``likelihoods`` every p(x|z) with the
module that reads a decoder's numbers; ``bernoulli``, ``gaussian``, ``logistic`` and ``mixture`` hold the formulas.
"""
