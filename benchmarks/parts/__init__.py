"""Equations in the place of parts of networks that know nothing of jaxsym."""
