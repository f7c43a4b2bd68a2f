"""mystar: a self-hosted marketplace back end.

People order personal video greetings from stars and services from creators, pay with a hold that is captured
when the work is accepted, and are told of everything in real time. One domain model, five API dialects.
"""

__version__ = "0.1.0"
