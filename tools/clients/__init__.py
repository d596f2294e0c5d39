"""Collections for Postman and Insomnia, made of the OpenAPI documents and a plan.

The documents know every operation and what it answers; the plan knows in which order they make
sense, with which bodies, and which answer is needed by a later request.
"""
