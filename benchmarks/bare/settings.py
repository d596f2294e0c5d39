"""Larder's settings without its parts and paths: what a bare Django view needs."""

from config.settings import *  # noqa: F403

MIDDLEWARE = []
INSTALLED_APPS = []
ROOT_URLCONF = "benchmarks.bare.view"
