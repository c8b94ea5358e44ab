"""jaxsym"""
