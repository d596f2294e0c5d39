# The image of Larder: `make docker/build`, or `docker build .` (docs/deploy/index.md, "Image").
#
# Stages: builder (dependencies, static files, bytecode), test (the suite: `--target test`), dev (the
# server of compose.yaml, which restarts when code changes), and prod, the last, which takes what
# builder made and has nothing to build with.

# Another base: --build-arg PYTHON_TAG=… --build-arg PYTHON_DIGEST=@sha256:… (or empty, unpinned).
# The digest is that of the index, for every architecture.
ARG PYTHON_TAG=3.13.15-slim-trixie
ARG PYTHON_DIGEST=@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM docker.io/library/python:${PYTHON_TAG}${PYTHON_DIGEST} AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app

FROM base AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
COPY requirements/prod.txt /tmp/prod.txt
# Wheels only: nothing that is downloaded runs here, and no compiler is missing.
RUN python3 -m venv /opt/venv \
    && pip install --no-compile --only-binary :all: --require-hashes -r /tmp/prod.txt
COPY manage.py ./
COPY larder larder
COPY clients/typescript/dist clients/typescript/dist
COPY docs/reference/problems.md docs/reference/problems.md
COPY docs/openapi/*.json docs/openapi/
# Static files are served from larder/collected_static/, so the packages' own copies of them go, and so do source maps,
# the sources of translations and what installs packages. Bytecode is not checked against the
# sources, which do not change in here.
RUN python manage.py collectstatic --no-input --verbosity 0 \
    && find larder/collected_static \( -name '*.map' -o -name '*.map.gz' \) -type f -delete \
    && find /opt/venv/lib \( -path '*/static/*' -o -name '*.po' \) -type f -delete \
    && find /opt/venv/lib -path '*/botocore/data/*' -type f -mindepth 6 \
        ! -path '*/data/s3/*' ! -path '*/data/sts/*' -delete \
    && pip uninstall --yes --quiet pip setuptools \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM base AS test
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
COPY requirements/dev.txt requirements/dev.txt
RUN python3 -m venv /opt/venv \
    && pip install --only-binary :all: --require-hashes -r requirements/dev.txt \
    && useradd --uid 10001 --create-home larder && chown larder /app
COPY --chown=10001 . .
USER 10001
CMD ["python", "-m", "pytest", "-n", "2"]

FROM test AS dev
# Paths that the commands of an earlier README name: /app/venv/bin/python src/manage.py
# `pictures` is what a volume of uploaded pictures begins as, with its owner.
RUN ln -s /opt/venv venv && mkdir src pictures && ln -s ../manage.py src/manage.py
ENV HOST=0.0.0.0 \
    PORT=8000
EXPOSE 8000
CMD ["sh", "-c", "exec python manage.py runserver \"$HOST:$PORT\""]

FROM base AS prod
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Larder" \
      org.opencontainers.image.description="The ordering backend behind a mobile app" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# A name for the user's number, and none of the base's own tools for installing Python packages.
# The folder is what a volume of uploaded pictures begins as, with its owner.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin larder \
    && install -d -o 10001 -g 10001 /var/lib/larder/pictures \
    && find / -xdev \( -path '*/site-packages/pip*' -o -path '*/site-packages/setuptools*' \
        -o -path '*/ensurepip' -o -path '*/bin/pip*' \) -prune -exec rm -rf {} +
# What Debian has mended since the base was made. And nginx, which another container of this image
# runs before the server (docs/deploy/index.md).
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends nginx-light libnginx-mod-http-lua \
    && rm -rf /var/lib/apt/lists/* /var/log/*
COPY deploy/nginx/nginx.conf deploy/nginx/sidecar.sh /etc/nginx/
COPY deploy/nginx/sidecar.conf /etc/nginx/servers.conf
COPY deploy/nginx/behind.conf /etc/nginx/site.conf
COPY deploy/nginx/larder /etc/nginx/larder
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
USER 10001:10001
# Everything it writes is below /tmp, uploaded pictures apart: a tmpfs, with --read-only. It listens to the container's
# address; WORKERS, THREADS and all settings come from the environment.
ENV HOST=0.0.0.0 \
    PORT=8000 \
    TMPDIR=/tmp
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=4)"]
# The other processes are other commands of the same image: python manage.py prepare (before a new
# version), python manage.py worker (with --no-healthcheck: it serves nothing), and
# sh /etc/nginx/sidecar.sh as a proxy of a server.
CMD ["python", "-m", "larder.ops.serve"]
