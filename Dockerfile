# The worker, the sink and the commands of groupbeat. docker-compose.yml builds it.
FROM python:3.11.15-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY streams streams
COPY sinks sinks
RUN python -m venv /opt/groupbeat
RUN /opt/groupbeat/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11.15-slim-bookworm
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /var/lib/groupbeat groupbeat
# Machine code that numba compiles at the first start. As a volume it stays when the container is made anew.
RUN install -d -o groupbeat -g groupbeat /var/cache/groupbeat
COPY --from=build /opt/groupbeat /opt/groupbeat
COPY deploy/entrypoint.sh /opt/groupbeat/bin/entrypoint.sh
ENV PATH=/opt/groupbeat/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/cache/groupbeat
USER groupbeat
WORKDIR /var/lib/groupbeat
ENTRYPOINT ["entrypoint.sh"]
CMD ["--help"]
