# syntax=docker/dockerfile:1
# sqlorch with its dbt adapters, at the versions of uv.lock.
#
#   docker build -t sqlorch .
#   docker run --rm -v "$PWD/project:/project:ro" -v "$PWD/profiles:/profiles:ro" -v sqlorch:/var/lib/sqlorch sqlorch
#
# docs/how-to/run-in-a-container.md says the rest.

FROM python:3.12-slim-bookworm AS build

RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
ENV UV_PROJECT_ENVIRONMENT=/opt/sqlorch \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_PYTHON_DOWNLOADS=never

# What others have written changes more rarely than what we do: a layer of its own.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --extra fast --extra postgres --extra expectations --extra alerts --extra s3 --no-install-project
COPY sqlorch ./sqlorch
RUN uv sync --frozen --no-dev --extra fast --extra postgres --extra expectations --extra alerts --extra s3 --no-editable


FROM python:3.12-slim-bookworm

# tini hands signals on and waits for processes whose parent is gone, which is what the first process of a
# container has to do.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini=0.19.* \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sqlorch \
    && useradd --uid 10001 --gid sqlorch --create-home --home-dir /home/sqlorch --shell /usr/sbin/nologin sqlorch \
    && install --directory --owner sqlorch --group sqlorch --mode 0750 /var/lib/sqlorch /warehouse \
    && install --directory --owner sqlorch --group sqlorch --mode 0755 /metrics

COPY --from=build /opt/sqlorch /opt/sqlorch
COPY --chmod=0755 docker/entrypoint.sh /usr/local/bin/sqlorch-entrypoint

# The project is only read, so that it can be mounted read-only; what is remembered goes to a volume.
ENV PATH=/opt/sqlorch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DBT_PROJECT_DIR=/project \
    DBT_PROFILES_DIR=/profiles \
    SQLORCH__STATE__PATH=/var/lib/sqlorch \
    SQLORCH_HEALTH=0.0.0.0:8391

WORKDIR /home/sqlorch
USER 10001:10001
VOLUME ["/var/lib/sqlorch"]
EXPOSE 8391
# The daemon first drains: a run under way gets --grace seconds before it is cut, to be taken up again later.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["sqlorch", "daemon", "--probe"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/sqlorch-entrypoint"]
CMD ["sqlorch", "daemon", "--log-format", "json"]
