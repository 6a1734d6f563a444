# The recorder alone. docker-compose.yml puts it between NGINX and Loki.
#
# The same Python line that the tests run on, pinned; packages come as wheels whose hashes are in requirements/.
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /venv
# What the recorder runs with, and the MCP SDK: nobody can install it into a container that nothing is written to.
COPY requirements/image.txt requirements/build.txt requirements/compile.txt requirements/
RUN pip --python /venv/bin/python install --require-hashes --only-binary :all: -r requirements/image.txt \
    && pip install --require-hashes --only-binary :all: -r requirements/build.txt
# What every exchange passes is compiled to machine code (decision 0036). COMPILED=false leaves that out, and the compiler.
ARG COMPILED=true
RUN if [ "$COMPILED" = true ]; then \
        { command -v gcc >/dev/null \
            || { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; }; } \
        && pip install --require-hashes --only-binary :all: -r requirements/compile.txt; \
    fi
COPY pyproject.toml README.md LICENSE ./
COPY docs docs
COPY grafana/README.md grafana/
COPY n8n/README.md n8n/
COPY release/__init__.py release/compiled.py release/written_out.py release/
COPY service service
RUN pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && pip --python /venv/bin/python install --no-deps --no-index wheels/*.whl \
    && if [ "$COMPILED" = true ]; then python -m release.compiled --into /venv/lib/python3*/site-packages --python /venv/bin/python; fi \
    && /venv/bin/python -m compileall -q /venv/lib

FROM ${PYTHON}
# The journal's folder belongs to a user who owns nothing else; a new volume takes its owner and mode from here.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin recorder \
    && install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 LISTEN=0.0.0.0:8080 DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8080
# A program, not a shell line; unhealthy is also a recorder that keeps no records. It starts a Python, so it asks seldom:
# nothing waits for it. Engines before 25 do not know --start-interval.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["ollama-recorder", "health"]
ENTRYPOINT ["ollama-recorder"]
CMD ["serve"]
